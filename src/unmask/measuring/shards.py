"""Measuring with several processes (`torchrun`, `accelerate launch`): every process takes its share of the texts.

What a text gives depends on its tokens and the seed alone, so the shares put together are what one process measures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement

Value = TypeVar("Value")
PATIENCE = timedelta(hours=12)  # how long a process that is done waits for the others


class Shards:
    """The processes of a run; a single one when the environment names no others.

    Attributes:
        rank: number of this process.
        world: how many there are.
    """

    def __init__(self) -> None:
        try:
            self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        except ValueError as error:
            raise InputError(f"RANK and WORLD_SIZE are not numbers ({error}); start with torchrun") from error
        if self.world > 1:
            from torch import distributed

            if not distributed.is_initialized():
                distributed.init_process_group("gloo", timeout=PATIENCE)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    @property
    def share(self) -> tuple[int, int]:
        """Which texts are this process's, as `measure(shard=)` takes it."""
        return self.rank, self.world

    def told(self, value: Value) -> Value:
        """What the first process has for `value`, in every process."""
        if self.world == 1:
            return value
        from torch import distributed

        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def gathered(self, part: Measurement, texts: Sequence[str]) -> Measurement | None:
        """All parts together, texts in the given order, in the first process; None in the others."""
        if self.world == 1:
            return part
        from torch import distributed

        parts: list[Any] | None = [None] * self.world if self.is_first else None
        distributed.gather_object(part, parts, dst=0)
        if parts is None:
            return None
        whole = Measurement.merge(parts)
        place = {text: number for number, text in enumerate(texts)}
        return whole.take(np.argsort([place[text] for text in whole.texts]))

    def added(self, number: int) -> int:
        """The sum of a number over the processes, in every one of them."""
        if self.world == 1:
            return number
        from torch import distributed

        numbers: list[Any] = [None] * self.world
        distributed.all_gather_object(numbers, number)
        return sum(numbers)

    def close(self) -> None:
        """Let the other processes go."""
        if self.world > 1:
            from torch import distributed

            distributed.destroy_process_group()

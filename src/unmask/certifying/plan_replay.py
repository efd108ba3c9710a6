"""Texts on the way a plan would take them: each draws its own permutation and sizes from the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmask.certifying.mixed_samplers import draw_from
from unmask.certifying.paths import Paths, TokenArray, ends_of_steps, shuffled
from unmask.errors import InputError
from unmask.measuring.losses import LossReader
from unmask.measuring.texts import block_ranges, known_positions
from unmask.theory.reveal_orders import IntArray, Uniform
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


class PlanReplay:
    """How texts of one length are revealed by a plan.

    Args:
        plan: a Plan, another `RevealPlan`, or a Schedule; of one block or of all.
        total: tokens of a text, the given ones included.
        given: leading tokens, or a mask (total,) of positions, that are always known.
        block: tokens of a block, from left to right, or None.
        seed: of the permutations.
    """

    what = "plan"

    def __init__(
        self, plan: Schedule | RevealPlan, total: int, given: npt.ArrayLike | int, block: int | None, seed: int
    ) -> None:
        known, _ = known_positions(given, np.zeros((1, total), dtype=np.int64))
        ranges = block_ranges(known, block)
        self._known, self._places = known[0], np.flatnonzero(~known[0])
        self.length = len(self._places)
        self._block = ranges[0][1] - ranges[0][0]
        if not isinstance(plan, Schedule | RevealPlan):
            raise InputError(f"plan is {plan!r}; expected a plan or a Schedule")
        if plan.length not in (self._block, self.length):
            wanted = f"{self._block}" if block is None else f"{self._block} (a block) or {self.length} (all of them)"
            raise InputError(f"plan is for {plan.length} tokens, but the texts have {wanted} to be revealed")
        self._plan, self._seed = plan, seed
        times, steps = self.length // plan.length, _steps(plan)
        self.uniform = plan.length == self._block and _is_uniform(plan)
        self.fewest_steps, self.most_steps = times * min(steps), times * max(steps)
        self.most_calls = self.length

    def paths(self, reader: LossReader, tokens: TokenArray, first: int) -> Paths:
        """As `Replay` says; each text's permutation is drawn by its number."""
        columns, steps = np.empty((2, len(tokens), self.length), dtype=np.int64)
        rngs = [np.random.default_rng([self._seed, 2, first + row]) for row in range(len(tokens))]
        for row, rng in enumerate(rngs):
            order, sizes = self._drawn(rng)
            steps[row] = np.repeat(np.arange(len(sizes)), sizes)
            columns[row] = self._places[shuffled(order, steps[row], rng)]
        ends = ends_of_steps(steps)
        if self.uniform:  # whatever is left of the block is alike
            ends = np.broadcast_to((np.arange(self.length) // self._block + 1) * self._block, ends.shape)
        known = np.tile(self._known, (len(tokens), 1))
        return Paths(torch.from_numpy(tokens), torch.from_numpy(known), columns, steps, ends, rngs)

    def _drawn(self, rng: np.random.Generator) -> tuple[IntArray, tuple[int, ...]]:
        """A permutation of all that is revealed, block after block when the plan is that of a block, and the sizes."""
        drawn = [draw_from(self._plan, rng) for _ in range(self.length // self._plan.length)]
        order = np.concatenate([place * self._plan.length + one for place, (one, _) in enumerate(drawn)])
        return order, tuple(size for _, schedule in drawn for size in schedule.sizes)


def _steps(plan: Any) -> list[int]:
    """The numbers of steps a plan may draw; all when it does not say."""
    if isinstance(plan, Schedule):
        return [plan.steps]
    parts = getattr(plan, "parts", None)
    return [part.schedule.steps for part in parts] if parts else [1, plan.length]


def _is_uniform(plan: Any) -> bool:
    parts = getattr(plan, "parts", ())
    return isinstance(plan, Schedule) or (bool(parts) and all(isinstance(part.order, Uniform) for part in parts))

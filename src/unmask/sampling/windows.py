"""Windows: which part of the canvas is open. The whole, one block after another, or a window that slides.

Windows depend on what is known, never on tokens or on the model's laws. Blocks are counted from the first position that
is not given, so a prompt of any length comes before the first block; where the network's own attention has blocks they
are counted from position 0, as it counts them: a prompt of 3 before blocks of 4 leaves 3 | 4 … 7 | 8 … . A block that
is known already is skipped.

Examples:
    >>> from dataclasses import replace
    >>> replace(unmask.recipes.threshold(0.9), window=unmask.windows.Sliding(8)).window.size
    8
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Window


@dataclass(frozen=True)
class Whole(Window):
    """Every masked position is open."""

    def __call__(self, canvas: Canvas) -> Tensor:
        return torch.ones_like(canvas.known)

    def stage(self, canvas: Canvas) -> Tensor:
        return torch.zeros(canvas.rows, dtype=torch.int64, device=canvas.device)

    def stages(self, canvas: Canvas) -> Tensor:
        return torch.ones(canvas.rows, dtype=torch.int64, device=canvas.device)


@dataclass(frozen=True)
class Blocks(Window):
    """One block of `block_length` positions at a time, from left to right (semi-autoregressive decoding).

    Attributes:
        block_length: positions of a block. Where the network's own blocks cannot be divided by it, they are taken
            instead, and the output says so: no such network can see past its block.
        alignment: "prompt" counts blocks from the first position that is not given, "sequence" from position 0; None
            counts from position 0 where the network's attention has blocks, else from the first that is not given.
    """

    block_length: int
    alignment: Literal["prompt", "sequence"] | None = field(default=None, repr=False)
    source: ClassVar[str] = "llada"

    def __post_init__(self) -> None:
        if self.block_length < 1:
            raise InputError(f"block_length is {self.block_length}; expected at least 1")
        if self.alignment not in (None, "prompt", "sequence"):
            raise InputError(f'alignment is {self.alignment!r}; choose "prompt", "sequence" or None')

    def blocks(self, canvas: Canvas) -> Tensor:
        """(R, L) block number of every position; negative before the position that blocks are counted from."""
        columns = torch.arange(canvas.length, device=canvas.device).expand(canvas.rows, -1)
        own, length = canvas.block_size, self.block_length
        if own is not None and own % length:
            canvas.note(f"blocks of {length} do not fit the network's blocks of {own}: revealed in blocks of {own}")
            length = own
        if self.alignment == "sequence" or (self.alignment is None and own is not None):
            return columns // length
        start = _first(~canvas.frozen, columns[0])
        return torch.div(columns - start[:, None], length, rounding_mode="floor")

    def stage(self, canvas: Canvas) -> Tensor:
        blocks = self.blocks(canvas)
        return torch.where(canvas.known, blocks.amax(1, keepdim=True), blocks).amin(1)

    def stages(self, canvas: Canvas) -> Tensor:
        blocks = torch.where(canvas.frozen, -1, self.blocks(canvas)).sort(dim=1).values
        new = torch.diff(blocks, dim=1, prepend=torch.full_like(blocks[:, :1], -1)) != 0
        return (new & (blocks >= 0)).sum(1)

    def __call__(self, canvas: Canvas) -> Tensor:
        return self.blocks(canvas) == self.stage(canvas)[:, None]


@dataclass(frozen=True)
class Sliding(Window):
    """The first `size` masked positions: the window moves on as its left end is revealed."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"size is {self.size}; expected at least 1")

    def __call__(self, canvas: Canvas) -> Tensor:
        masked = ~canvas.known
        return masked & (masked.cumsum(1) <= self.size)

    stage = Whole.stage
    stages = Whole.stages


def in_sight(canvas: Canvas, window: Tensor) -> Tensor:
    """(R, L) bool: masked positions that can be predicted beyond the window: all, or none where attention has blocks.

    A network whose attention is causal between blocks says nothing of a block before those to its left are known.
    """
    masked = canvas.masked
    return masked if canvas.block_size is None else masked & window


def _first(where: Tensor, columns: Tensor) -> Tensor:
    """(R,) the first column of each row where `where` holds, L when nowhere."""
    return torch.where(where, columns, len(columns)).amin(1)

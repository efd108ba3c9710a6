"""Windows: which part of the canvas is open. The whole, one block after another, or a window that slides.

Windows depend on what is known, never on tokens or on the model. Blocks are counted from the first position that is not
given, so a prompt of any length comes before the first block, and a block that is known already is skipped.

Examples:
    >>> from dataclasses import replace
    >>> replace(unmask.recipes.threshold(0.9), window=unmask.windows.Sliding(8)).window.size
    8
"""

from dataclasses import dataclass
from typing import ClassVar

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
    """One block of `block_length` positions at a time, from left to right (semi-autoregressive decoding)."""

    block_length: int
    source: ClassVar[str] = "llada"

    def __post_init__(self) -> None:
        if self.block_length < 1:
            raise InputError(f"block_length is {self.block_length}; expected at least 1")

    def blocks(self, canvas: Canvas) -> Tensor:
        """(R, L) block number of every position; negative before the first position that is not given."""
        columns = torch.arange(canvas.length, device=canvas.device)
        start = _first(~canvas.frozen, columns)
        return torch.div(columns - start[:, None], self.block_length, rounding_mode="floor")

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


def _first(where: Tensor, columns: Tensor) -> Tensor:
    """(R,) the first column of each row where `where` holds, L when nowhere."""
    return torch.where(where, columns, len(columns)).amin(1)

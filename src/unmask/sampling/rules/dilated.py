"""Dilated unmasking: wide strides first, then narrower ones, inside each block."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import Arranged
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks
from unmask.theory.reveal_orders import LeftToRight


@dataclass(frozen=True)
class Dilated(Selection):
    """In a block of B positions: those at multiples of B/a, then of B/a², …, then all (DUS, arXiv 2506.19037).

    Read no model, but their size depends on the block alone: each level is revealed whole. Use with
    `windows.Blocks(B)`.
    """

    block_length: int
    base: int = 2
    fixed_sizes: ClassVar[bool] = True
    source: ClassVar[str] = "dilated"

    def __post_init__(self) -> None:
        if self.block_length < 1 or self.base < 2:
            raise InputError(f"block_length is {self.block_length} and base {self.base}; expected at least 1 and 2")

    def __call__(self, step: Ranked) -> Tensor:
        inside = step.open.long().cumsum(1) * 0 + torch.arange(step.canvas.length, device=step.open.device)
        start = torch.where(step.canvas.frozen, step.canvas.length, inside).amin(1, keepdim=True)
        inside = (inside - start) % self.block_length
        stride, level = self.block_length, torch.zeros_like(inside)
        while stride > 1:  # level of a position: how many times the stride must shrink until it divides the position
            stride = -(-stride // self.base)
            level += inside % stride != 0
        lowest = torch.where(step.open, level, self.block_length).amin(1, keepdim=True)
        return step.open & (level == lowest)


def dilated(block_length: int = 32, base: int = 2) -> Sampler:
    """Dilated unmasking (DUS, Luxembourg et al., arXiv 2506.19037): strides B/a, B/a², …, 1 inside each block."""
    return Sampler(
        Arranged(LeftToRight()), Dilated(block_length, base), Blocks(block_length), name="dilated", source="dilated"
    )


RULE = Rule(
    dilated,
    does="wide strides first, then narrower ones, in each block",
    paper="Luxembourg et al., Plan for Speed: Dilated Scheduling for Masked Diffusion Language Models, arXiv "
    "2506.19037",
    ladder=("block_length=8", "block_length=16", "block_length=32"),
    example="4",
)

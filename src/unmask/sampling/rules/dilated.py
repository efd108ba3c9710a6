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
        columns = torch.arange(step.canvas.length, device=step.open.device)
        blocks = Blocks(self.block_length).blocks(step.canvas)
        start = torch.where(blocks >= 0, columns, step.canvas.length).amin(1, keepdim=True)
        numbers = torch.tensor(levels(self.block_length, self.base), device=step.open.device)
        level = numbers[(columns - start) % self.block_length]  # (R, L)
        lowest = torch.where(step.open, level, self.block_length).amin(1, keepdim=True)
        return step.open & (level == lowest)


def levels(block_length: int, base: int) -> list[int]:
    """The level of each position of a block: the first whose stride divides it.

    Strides are `block_length // base`, then each a `base`-th of the one before, rounded down, to 1. A last level that
    is smaller than the one before it is revealed together with it, as in DUS's code.
    """
    level = [-1] * block_length
    number, stride = 0, max(block_length // base, 1)
    while stride:
        for position in range(0, block_length, stride):
            level[position] = number if level[position] < 0 else level[position]
        stride //= base
        number += 1
    last = max(level)
    if last and level.count(last) < level.count(last - 1):
        level = [min(value, last - 1) for value in level]
    return level


def dilated(block_length: int = 32, base: int = 2) -> Sampler:
    """Dilated unmasking (DUS, Luxembourg et al., arXiv 2506.19037): strides B/a, B/a², …, 1 inside each block.

    The published levels at every temperature. DUS's scripts by default also mask tokens below a confidence of 0.3
    again, which leaves masks in the text; not here.
    """
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

"""Any sampler, its choices kept apart."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from unmask.sampling.parts import Selection
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each, Sizes
from unmask.sampling.step import Ranked


@dataclass(frozen=True)
class Spaced(Selection):
    """Of what another selection takes, only positions at least `gap` apart; the order's first choice always stays.

    Where the other says how many and not which (`Sizes`, `Each`), as many as it says, where the gap leaves so many.

    Neighbours depend on one another most, so a gap buys independence without reading attention (DUS, arXiv 2506.19037).

    Attributes:
        gap: how far apart; the same in every step, or with `block_length` at the beginning of a block.
        block_length: of the blocks, B; then the gap narrows with the number m of open positions as in DUS, to
            `max(2, gap m // B)`.
    """

    selection: Selection
    gap: int
    block_length: int | None = None
    source: ClassVar[str] = "dilated"

    @property
    def reads_model(self) -> bool:
        return self.selection.reads_model

    def __call__(self, step: Ranked) -> Tensor:
        wished = self.selection(step) & step.open
        budget = wished.sum(1, keepdim=True)
        if isinstance(self.selection, Sizes | Each):  # they say how many, not which: further positions may stand in
            wished = step.open.clone()
        columns = torch.arange(step.canvas.length, device=wished.device)
        gap = torch.full_like(budget, self.gap)  # (R, 1)
        if self.block_length is not None:
            gap = (gap * step.open_counts[:, None] // self.block_length).clamp(min=2)
        kept = torch.zeros_like(wished)
        while True:  # once for each position kept in the fullest row
            wished &= kept.sum(1, keepdim=True) < budget
            candidates = wished.gather(1, step.ranked)
            some = candidates.any(1)
            if not bool(some.any()):
                return kept
            best = step.ranked.gather(1, candidates.byte().argmax(1, keepdim=True))  # (R, 1)
            kept |= (columns == best) & some[:, None]
            wished &= ((columns - best).abs() >= gap) | ~some[:, None]


def spaced(sampler: Sampler, gap: int, block_length: int | None = None) -> Sampler:
    """Any sampler, its choices kept at least `gap` positions apart.

    DUS's filter narrows the gap as a block fills: `spaced(rule.in_blocks(32), 8, block_length=32)` is the published one
    at every temperature for rules that say which positions; where a rule says how many (`Sizes`, `Each`), further
    positions stand in for those that are too near.
    """
    selection = Spaced(sampler.selection, gap, block_length)
    return replace(sampler, selection=selection, name=f"{sampler.name}, spaced by {gap}")


RULE = Rule(
    spaced,
    does="another rule, its choices kept apart",
    paper="Luxembourg et al., Plan for Speed: Dilated Scheduling for Masked Diffusion Language Models, arXiv "
    "2506.19037",
    named=False,
)

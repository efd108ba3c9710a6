"""Hierarchical decoding: the best of every gap between known tokens."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.priorities import by_sureness, sureness
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness, at_least_one
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class BestOfEveryGap(BySureness):
    """Of every run of neighbouring open positions the surest one, if it is above `low`; and all above `threshold`.

    At least the surest of all. So revealed positions halve the gaps between them, and tokens revealed together are
    seldom neighbours.

    Attributes:
        drawn: whether confidence is the probability of the drawn token instead of the most likely one.
    """

    threshold: float = 0.9
    low: float = 0.3
    drawn: bool = False
    source: ClassVar[str] = "hierarchy"

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.threshold <= 1:
            raise InputError(f"low is {self.low:g}, threshold {self.threshold:g}; expected 0 <= low <= threshold <= 1")

    def __call__(self, step: Ranked) -> Tensor:
        confidence = sureness(step, self.drawn)
        first = first_of_each_run(step.open, confidence)
        return at_least_one(step, (first & (confidence > self.low)) | (step.open & (confidence > self.threshold)))


def first_of_each_run(open_: Tensor, values: Tensor) -> Tensor:
    """(R, L) bool: in every run of neighbouring open positions the largest value; of equal ones the leftmost."""
    starts = open_ & ~torch.nn.functional.pad(open_, (1, 0))[:, :-1]
    run = torch.where(open_, starts.cumsum(1), 0)  # (R, L) number of the run from 1, 0 outside
    inside = values.masked_fill(~open_, -torch.inf)
    lowest = torch.full((len(run), open_.shape[1] + 1), -torch.inf, device=open_.device)
    best = lowest.scatter_reduce(1, run, inside, "amax")
    columns = torch.arange(open_.shape[1], device=open_.device).expand_as(run)
    candidates = open_ & (inside == best.gather(1, run))
    places = torch.where(candidates, columns, open_.shape[1])
    none = torch.full((len(run), open_.shape[1] + 1), open_.shape[1], device=open_.device)
    leftmost = none.scatter_reduce(1, run, places, "amin")
    return candidates & (columns == leftmost.gather(1, run))


def hierarchy(threshold: float = 0.9, low: float = 0.3, block_length: int | None = 32, drawn: bool = False) -> Sampler:
    """The surest of every gap between known tokens, and all above the threshold (dInfer's hierarchical decoder).

    At temperature 0 what the decoder's code does (read at inclusionAI/dInfer, whose benchmarks set these defaults); at
    others that takes the probability of the drawn token: `drawn`. The paper could not be read beyond its abstract.
    dInfer's second form, which also masks known tokens again, is not here.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = BestOfEveryGap(threshold, low, drawn)
    return Sampler(by_sureness(None, drawn), selection, window, name="hierarchy", source="hierarchy")


RULE = Rule(
    hierarchy,
    does="the surest token of every gap, and every sure one",
    paper="Ma et al., dInfer: An Efficient Inference Framework for Diffusion Language Models, arXiv 2510.08666",
    ladder=("0.9", "0.7", "0.5", "0.3"),
    by_default=False,
    example="0.4,low=0.15,block_length=none",
)

"""Fast-dLLM's factor: the more tokens in a step, the surer all of them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.priorities import AnyOrder, by_sureness, sureness
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Factor(BySureness):
    """The longest prefix of n positions with `(n + 1)(1 - lowest confidence among them) < factor`, at least 1.

    Attributes:
        last_too: whether all open positions are revealed where all but one are such a prefix (Fast-dLLM's code).
        drawn: whether confidence is the probability of the drawn token instead of the most likely one.
    """

    factor: float
    last_too: bool = False
    drawn: bool = False
    source: ClassVar[str] = "factor"

    def __post_init__(self) -> None:
        if not self.factor >= 0:
            raise InputError(f"factor is {self.factor:g}; expected 0 or more")

    def __call__(self, step: Ranked) -> Tensor:
        confidence = sureness(step, self.drawn).gather(1, step.ranked).cummin(1).values
        n = torch.arange(1, step.canvas.length + 1, device=step.canvas.device)
        counts = ((n + 1) * (1 - confidence) < self.factor).long().cumprod(1).sum(1).clamp(min=1)
        if self.last_too:
            counts = torch.where(counts == step.open_counts - 1, step.open_counts, counts)
        return step.first(counts)


def factor(
    factor: float = 1.0,
    block_length: int | None = None,
    order: AnyOrder | None = None,
    last_too: bool = False,
    drawn: bool = False,
) -> Sampler:
    """The most positions n with `(n + 1)(1 - lowest confidence) < factor` (Fast-dLLM, arXiv 2505.22618).

    At temperature 0 the paper's rule. Fast-dLLM's own function, and its copies, also reveal the last open position
    where all others pass and it does not, which saves a call a block and is not what the paper proves: `last_too`.
    At other temperatures their confidence is that of the drawn token: `drawn`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = Factor(factor, last_too, drawn)
    return Sampler(by_sureness(order, drawn), selection, window, name="factor", source="factor")


RULE = Rule(
    factor,
    does="the more tokens in a step, the surer all of them",
    paper="Wu et al., Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel "
    "Decoding, arXiv 2505.22618",
    ladder=("0.5", "1", "2", "4"),
    tuned=Tuned(1e-3, lambda window, vocab_size: window + 1.0),
    example="2.0",
)

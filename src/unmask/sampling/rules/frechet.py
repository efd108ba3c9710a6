"""Fréchet profiles: as many tokens as the sum of all their doubts allows."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.priorities import AnyOrder, by_sureness, sureness
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness, prefix
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class FrechetProfile(BySureness):
    """The longest prefix of n positions with `c_1 + … + c_n - (n - 1) - (1 - c_n) > margin`, at least 1.

    c are confidences, largest first. By Fréchet's inequalities the first part is a lower bound of the probability that
    all n most likely tokens stand together, and `1 - c_n` an upper bound of that of any other n tokens: above a margin
    of 0 the most likely tokens are the most likely text. Where all confidences are equal it is `factor(1 - margin)`.

    Attributes:
        drawn: whether confidence is the probability of the drawn token instead of the most likely one.
    """

    margin: float
    drawn: bool = False
    source: ClassVar[str] = "frechet"

    def __post_init__(self) -> None:
        if not self.margin <= 1:
            raise InputError(f"margin is {self.margin:g}; expected at most 1, and 0 or more for what the paper proves")

    def __call__(self, step: Ranked) -> Tensor:
        confidence = sureness(step, self.drawn).gather(1, step.ranked)
        n = torch.arange(1, step.canvas.length + 1, device=step.canvas.device)
        score = confidence.cumsum(1) - n + confidence.cummin(1).values
        return prefix(step, score > self.margin)


def frechet(
    margin: float = 0.25, block_length: int | None = 32, order: AnyOrder | None = None, drawn: bool = False
) -> Sampler:
    """Fréchet profile decoding (Fast-dLLM++, Kasa et al., arXiv 2606.02955): the whole profile of confidences decides.

    At temperature 0 the published rule, read in its README and its code (Ringo-Star/FastdLLM_plusplus); at others that
    takes the probability of the drawn token: `drawn`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = FrechetProfile(margin, drawn)
    return Sampler(by_sureness(order, drawn), selection, window, name="frechet", source="frechet")


RULE = Rule(
    frechet,
    does="as many tokens as the sum of all their doubts allows",
    paper="Kasa et al., Fast-dLLM++: Fréchet Profile Decoding for Faster Diffusion LLM Inference, arXiv 2606.02955",
    ladder=("0.5", "0.25", "0", "-1"),
    by_default=False,
    tuned=Tuned(1e-3, lambda window, vocab_size: window + 1.0, confidence=True),
    example="-0.5,block_length=none",
)

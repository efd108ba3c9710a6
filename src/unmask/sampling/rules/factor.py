"""Fast-dLLM's factor: the more tokens in a step, the surer all of them."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, Confidence, as_order
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import prefix
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Factor(Selection):
    """The longest prefix of n positions with `(n + 1)(1 - lowest confidence among them) < factor`, at least 1 (Fast-
    dLLM).
    """

    factor: float
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "factor"

    def __call__(self, step: Ranked) -> Tensor:
        confidence = step.grid(step.confidence).gather(1, step.ranked).cummin(1).values
        n = torch.arange(1, step.canvas.length + 1, device=step.canvas.device)
        return prefix(step, (n + 1) * (1 - confidence) < self.factor)


def factor(factor: float = 1.0, block_length: int | None = None, order: AnyOrder | None = None) -> Sampler:
    """The most positions n with `(n + 1)(1 - lowest confidence) < factor` (Fast-dLLM, arXiv 2505.22618)."""
    window = Whole() if block_length is None else Blocks(block_length)
    order = Confidence() if order is None else as_order(order)
    return Sampler(order, Factor(factor), window, name="factor", source="factor")


RULE = Rule(
    factor,
    does="the more tokens in a step, the surer all of them",
    paper="Wu et al., Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel "
    "Decoding, arXiv 2505.22618",
    ladder=("0.5", "1", "2", "4"),
    tuned=Tuned(1e-3, lambda window, vocab_size: window + 1.0),
    example="2.0",
)

"""Fast-dLLM's threshold: every position surer than it."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, Confidence, as_order
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import at_least_one
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Threshold(Selection):
    """Every open position whose confidence (float32) is above `threshold`, or else the best one (Fast-dLLM)."""

    threshold: float
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "threshold"

    def __call__(self, step: Ranked) -> Tensor:
        return at_least_one(step, step.open & (step.grid(step.confidence) > self.threshold))


def threshold(threshold: float = 0.9, block_length: int | None = None, order: AnyOrder | None = None) -> Sampler:
    """Every position surer than the threshold, at least the surest (Fast-dLLM, Wu et al., arXiv 2505.22618)."""
    window = Whole() if block_length is None else Blocks(block_length)
    order = Confidence() if order is None else as_order(order)
    return Sampler(order, Threshold(threshold), window, name="threshold", source="threshold")


RULE = Rule(
    threshold,
    does="every token surer than a threshold",
    paper="Wu et al., Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel "
    "Decoding, arXiv 2505.22618",
    ladder=("0.95", "0.9", "0.7", "0.5", "0.3", "0.15"),
    tuned=Tuned(1e-4, lambda window, vocab_size: 1.0, confidence=True),
    example="0.4",
)

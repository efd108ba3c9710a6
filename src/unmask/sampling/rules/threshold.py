"""Fast-dLLM's threshold: every position surer than it."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.sampling.parts import check_probabilities
from unmask.sampling.priorities import AnyOrder, by_sureness, sureness
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness, at_least_one
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Threshold(BySureness):
    """Every open position whose confidence (float32) is above `threshold`, or else the best one (Fast-dLLM).

    Attributes:
        inclusive: whether a confidence that equals the threshold passes.
        drawn: whether the confidence is the probability of the drawn token instead of the most likely one.
    """

    threshold: float
    inclusive: bool = False
    drawn: bool = False
    source: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        check_probabilities(self, "threshold")

    def __call__(self, step: Ranked) -> Tensor:
        confidence = sureness(step, self.drawn)
        passes = confidence >= self.threshold if self.inclusive else confidence > self.threshold
        return at_least_one(step, step.open & passes)


def threshold(
    threshold: float = 0.9,
    block_length: int | None = None,
    order: AnyOrder | None = None,
    inclusive: bool = False,
    drawn: bool = False,
) -> Sampler:
    """Every position surer than the threshold, at least the surest (Fast-dLLM, Wu et al., arXiv 2505.22618).

    At temperature 0 the published rule, but for two things. A confidence that equals the threshold passes in
    Fast-dLLM's code and does not here, since float32 confidences round to 1 and `threshold(1.0)` would trust them:
    `inclusive` lets it pass. Fast-dLLM works in blocks of 32: `block_length=32`. At other temperatures its code takes
    the probability of the drawn token, which sharpens the law and leaves no exact likelihood: `drawn`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = Threshold(threshold, inclusive, drawn)
    return Sampler(by_sureness(order, drawn), selection, window, name="threshold", source="threshold")


RULE = Rule(
    threshold,
    does="every token surer than a threshold",
    paper="Wu et al., Fast-dLLM: Training-free Acceleration of Diffusion LLM by Enabling KV Cache and Parallel "
    "Decoding, arXiv 2505.22618",
    ladder=("0.95", "0.9", "0.7", "0.5", "0.3", "0.15"),
    tuned=Tuned(1e-4, lambda window, vocab_size: 1.0, confidence=True),
    example="0.4",
)

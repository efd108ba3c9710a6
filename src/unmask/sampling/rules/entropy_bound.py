"""EB-Sampler: at most so many nats of total correlation a step."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, LowEntropy, as_order
from unmask.sampling.rules.rule import Rule, Tuned, all_entropy
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import prefix
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class EntropyBound(Selection):
    """The longest prefix with `sum H - max H <= gamma` nats, at least 1 (EB-Sampler, arXiv 2505.24857).

    The left side bounds the total correlation of the positions revealed together, so gamma is the most a step can cost.
    """

    gamma: float
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "entropy_bound"

    def __post_init__(self) -> None:
        if not self.gamma >= 0:
            raise InputError(f"gamma is {self.gamma:g}; expected nats, 0 or more")

    def __call__(self, step: Ranked) -> Tensor:
        entropy = step.grid(step.entropy).gather(1, step.ranked)
        return prefix(step, entropy.cumsum(1) - entropy.cummax(1).values <= self.gamma)


def entropy_bound(gamma: float = 0.1, order: AnyOrder | None = None, block_length: int | None = None) -> Sampler:
    """At most `gamma` nats of total correlation a step (EB-Sampler, Ben-Hamu et al., arXiv 2505.24857).

    Lowest entropy first, as in the paper; with a data-independent `order` the law is spread over all positions. At
    every temperature the published rule: it reads the model's own laws. Nats, as in most engines; DUS's copy counts
    bits.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    order = LowEntropy() if order is None else as_order(order)
    return Sampler(order, EntropyBound(gamma), window, name="entropy_bound", source="entropy_bound")


RULE = Rule(
    entropy_bound,
    does="as many tokens as a bound on their total correlation allows",
    paper="Ben-Hamu et al., Accelerated Sampling from Masked Diffusion Models via Entropy Bounded Unmasking, NeurIPS "
    "2025, arXiv 2505.24857",
    ladder=("0.1", "0.5", "2", "8", "24"),
    tuned=Tuned(1e-4, all_entropy),
    example="1.0",
)

"""Every position whose law has little entropy."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, LowEntropy, as_order
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import at_least_one
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class EntropyThreshold(Selection):
    """Every open position whose entropy is below `threshold` nats, or else the first one of the order."""

    threshold: float
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "entropy_threshold"

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise InputError(f"threshold is {self.threshold:g}; expected nats, 0 or more")

    def __call__(self, step: Ranked) -> Tensor:
        return at_least_one(step, step.open & (step.grid(step.entropy) < self.threshold))


def entropy_threshold(threshold: float = 0.5, block_length: int | None = 32, order: AnyOrder | None = None) -> Sampler:
    """Every position whose entropy is below `threshold` nats, at least the lowest (dParallel, arXiv 2509.26488).

    The decoder of dParallel and, with the blocks of `pipeline`, of d3LLM (arXiv 2601.07568): at every temperature what
    their code does (read at hao-ai-lab/d3LLM), as it reads the raw laws. There an entropy that equals the threshold
    passes in LLaDA's form and not in Dream's; not here.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    order = LowEntropy() if order is None else as_order(order)
    return Sampler(order, EntropyThreshold(threshold), window, name="entropy_threshold", source="entropy_threshold")


RULE = Rule(
    entropy_threshold,
    does="every token whose law has little entropy",
    paper="Chen et al., dParallel: Learnable Parallel Decoding for dLLMs, arXiv 2509.26488",
    ladder=("0.1", "0.5", "1", "2"),
    by_default=False,
    tuned=Tuned(1e-4, lambda window, vocab_size: math.log(max(vocab_size, 2)) * 1.001),
    example="1.2,block_length=none",
)

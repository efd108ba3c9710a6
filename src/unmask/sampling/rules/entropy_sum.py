"""Random order, until the entropies of a step add up to so many nats."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, Arranged, as_order
from unmask.sampling.rules.rule import Rule, Tuned, all_entropy
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import prefix
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole
from unmask.theory.reveal_orders import Uniform


@dataclass(frozen=True)
class EntropySum(Selection):
    """The longest prefix whose entropies add up to at most `eta` nats, at least 1 (Cai & Li, arXiv 2603.22248).

    Attributes:
        crossing: whether the position that makes the sum exceed `eta` is revealed too.
    """

    eta: float
    crossing: bool = False
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "entropy_sum"

    def __post_init__(self) -> None:
        if not self.eta >= 0:
            raise InputError(f"eta is {self.eta:g}; expected nats, 0 or more")

    def __call__(self, step: Ranked) -> Tensor:
        entropy = step.grid(step.entropy).gather(1, step.ranked)
        held = entropy.cumsum(1) - entropy if self.crossing else entropy.cumsum(1)
        return prefix(step, held <= self.eta)


def entropy_sum(
    eta: float = 1.0, order: AnyOrder | None = None, block_length: int | None = None, crossing: bool = False
) -> Sampler:
    """Random order, until the entropies of a step add up to `eta` nats (Cai & Li, arXiv 2603.22248).

    Only the abstract could be read, and there is no public code. It goes on "until the cumulative entropy exceeds a
    threshold": whether the position that exceeds it belongs to the step is not said. Here it does not, so that a step
    never holds more than `eta`; with `crossing` it does.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    order = Arranged(Uniform()) if order is None else as_order(order)
    return Sampler(order, EntropySum(eta, crossing), window, name="entropy_sum", source="entropy_sum")


RULE = Rule(
    entropy_sum,
    does="random order, until the entropies of a step add up",
    paper="Cai & Li, Confidence-Based Decoding is Provably Efficient for Diffusion Language Models, arXiv 2603.22248",
    ladder=("0.5", "2", "8", "24"),
    tuned=Tuned(1e-4, all_entropy),
    example="3.0",
)

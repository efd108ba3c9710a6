"""The moment sampler: MaskGIT's choice of positions, made before drawing."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.sampling.parts import Priority
from unmask.sampling.priorities import Noisy
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Predicted
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class Moment(Priority):
    """`log sum_v p(v)^beta`, with `beta = 1 + 1/alpha` and `alpha = temperature (1 - (step+1)/steps)`.

    Ranked after standard Gumbel noise, positions are chosen with probability proportional to `sum p^beta`: MaskGIT's
    choice without reading the drawn token (Hayakawa et al., arXiv 2510.04525).
    """

    temperature: float
    steps: int
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "moment"

    def __call__(self, step: Predicted) -> Tensor:
        alpha = max(self.temperature * (1 - (step.canvas.step + 1) / self.steps), 1e-3)
        return step.grid((step.log_probs * (1 + 1 / alpha)).logsumexp(-1))


def moment(steps: int = 12, temperature: float = 4.5) -> Sampler:
    """The moment sampler (Hayakawa et al., arXiv 2510.04525): MaskGIT's choice of positions, made before drawing.

    The published rule at every temperature, from the paper: no public code could be found to compare it with. Its sizes
    are `Schedule.cosine`, which rounds where MaskGIT's own are rounded down.
    """
    order = Noisy(Moment(temperature, steps), 1.0)
    return Sampler(order, Sizes(steps, Schedule.cosine), name="moment", source="moment")


RULE = Rule(
    moment,
    does="MaskGIT's positions, chosen before tokens are drawn",
    paper="Hayakawa et al., Demystifying MaskGIT Sampler and Beyond: Adaptive Order Selection in Masked Diffusion, "
    "arXiv 2510.04525",
    ladder=STEPS,
    by_default=False,
    example="4",
)

"""Equal sizes, the surest positions first."""

from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes


def confidence(steps: int) -> Sampler:
    """Equal sizes, largest probability first; positions are chosen before tokens are drawn."""
    return Sampler(Confidence(), Sizes(steps), name="confidence")


RULE = Rule(
    confidence,
    does="a fixed number of steps, surest tokens first",
    ladder=STEPS,
    example="4",
)

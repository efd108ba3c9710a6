"""From left to right, a fixed number of tokens a step."""

from unmask.sampling.priorities import Arranged
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.theory.reveal_orders import LeftToRight


def left_to_right(size: int = 1) -> Sampler:
    """From left to right, `size` tokens a step."""
    return Sampler(Arranged(LeftToRight()), Each(size), name="left_to_right")


RULE = Rule(
    left_to_right,
    does="from left to right, a fixed number of tokens a step",
    ladder=("1", "2", "4", "8"),
    example="2",
)

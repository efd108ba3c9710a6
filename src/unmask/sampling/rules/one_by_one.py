"""One token a step: no price to pay."""

from unmask.sampling.priorities import AnyOrder, as_order
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.theory.reveal_orders import Uniform


def one_by_one(order: AnyOrder | None = None) -> Sampler:
    """One token a step: no price to pay, L network calls. In uniformly random order unless told otherwise."""
    return Sampler(as_order(Uniform() if order is None else order), Each(), name="one_by_one")


RULE = Rule(
    one_by_one,
    does="one token a step, in uniformly random order",
    ladder=("",),
)

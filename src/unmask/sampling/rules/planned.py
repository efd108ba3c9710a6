"""A plan's positions and sizes: the sampler whose price is predicted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.sampling.priorities import PlanOrder
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import PlanSizes
from unmask.theory.reveal_orders import Order, Seed, Uniform
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class OrderedSchedule:
    """The simplest plan: a schedule, and an order of `unmask.orders` drawn anew for each row."""

    schedule: Schedule
    order: Order

    @property
    def length(self) -> int:
        return self.schedule.length

    def draw(self, seed: Seed) -> tuple[npt.NDArray[np.int64], Schedule]:
        return self.order.draw(self.schedule.length, seed), self.schedule


def planned(plan: RevealPlan | Schedule, order: Order | None = None) -> Sampler:
    """A plan's positions and sizes: the sampler of Li & Cai (arXiv 2505.21400), the one whose price is predicted.

    Args:
        plan: a Plan (anything with `length` and `draw(seed) -> (permutation, Schedule)`), or a Schedule.
        order: for a Schedule, one of `unmask.orders`; uniformly random by default.
    """
    if isinstance(plan, Schedule):
        return planned(OrderedSchedule(plan, Uniform() if order is None else order))
    if order is not None:
        raise InputError("order is only for a Schedule; a plan has its own")
    if not isinstance(plan, RevealPlan):
        raise InputError(f"plan is {plan!r}; expected a Plan or a Schedule")
    return Sampler(PlanOrder(plan), PlanSizes(plan), name="planned", source="planned")


def as_sampler(value: Sampler | RevealPlan | Schedule) -> Sampler:
    """A sampler from a sampler, a plan or a schedule."""
    if isinstance(value, Sampler):
        return value
    if isinstance(value, Schedule | RevealPlan):
        return planned(value)
    if callable(made := getattr(value, "sampler", None)):  # a plan of exact parallel sampling makes its own
        return as_sampler(made())
    raise InputError(
        f"sampler is {value!r}; expected a rule such as 'threshold:0.9', a recipe such as "
        "recipes.entropy_bound(0.1), a plan or a Schedule"
    )


RULE = Rule(
    planned,
    does="the order and the sizes of a plan",
    paper="Li & Cai, Breaking AR's Sampling Bottleneck: Provable Acceleration via Diffusion Language Models, NeurIPS "
    "2025, arXiv 2505.21400",
    named=False,
)

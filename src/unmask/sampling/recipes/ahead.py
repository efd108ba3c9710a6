"""Samplers whose positions are chosen before the first network call: plans, one by one, on a time grid, dilated."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.sampling.priorities import Arranged, PlanOrder, as_order
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Dilated, Each, PlanSizes, RevealTimes
from unmask.sampling.windows import Blocks
from unmask.theory.reveal_orders import LeftToRight, Uniform
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class OrderedSchedule:
    """The simplest plan: a schedule, and an order of `unmask.orders` drawn anew for each row."""

    schedule: Schedule
    order: Any

    @property
    def length(self) -> int:
        return self.schedule.length

    def draw(self, seed: int) -> tuple[np.ndarray, Schedule]:
        return self.order.draw(self.schedule.length, seed), self.schedule


def planned(plan: Any, order: Any = None) -> Sampler:
    """A plan's positions and sizes: the sampler of Li & Cai (arXiv 2505.21400), the one whose price is predicted.

    Args:
        plan: a Plan or another `RevealPlan`, or a Schedule.
        order: for a Schedule, one of `unmask.orders`; uniformly random by default.
    """
    if isinstance(plan, Schedule):
        plan = OrderedSchedule(plan, Uniform() if order is None else order)
    elif order is not None:
        raise InputError("order is only for a Schedule; a plan has its own")
    if not isinstance(plan, RevealPlan):
        raise InputError(f"plan is {plan!r}; expected a Plan or a Schedule")
    return Sampler(PlanOrder(plan), PlanSizes(plan), name="planned", source="li_cai")


def one_by_one(order: Any = None) -> Sampler:
    """One token a step: no price to pay, L network calls. In uniformly random order unless told otherwise."""
    return Sampler(as_order(Uniform() if order is None else order), Each(), name="one_by_one")


def first_hitting() -> Sampler:
    """First-hitting sampling (Zheng et al., arXiv 2409.02908): masked positions are hit one by one in random order.

    The hitting times matter only to networks that read the time; mask predictors do not, and without the times this is
    `one_by_one` in uniformly random order.
    """
    return Sampler(Arranged(Uniform()), Each(), name="first_hitting", source="first_hitting")


def ancestral(steps: int = 1000) -> Sampler:
    """MDLM's ancestral sampler on a grid of `steps` times (arXiv 2406.07524). A step that reveals nothing costs no
    call.
    """
    return Sampler(Arranged(Uniform()), RevealTimes(steps), name="ancestral", source="mdlm")


def left_to_right(size: int = 1) -> Sampler:
    """From left to right, `size` tokens a step."""
    return Sampler(Arranged(LeftToRight()), Each(size), name="left_to_right")


def dilated(block_length: int = 32, base: int = 2) -> Sampler:
    """Dilated unmasking (DUS, Luxembourg et al., arXiv 2506.19037): strides B/a, B/a², …, 1 inside each block."""
    return Sampler(
        Arranged(LeftToRight()), Dilated(block_length, base), Blocks(block_length), name="dilated", source="dilated"
    )


def as_sampler(value: Any) -> Sampler:
    """A sampler from a sampler, a plan or a schedule."""
    if isinstance(value, Sampler):
        return value
    if isinstance(value, Schedule | RevealPlan):
        return planned(value)
    raise InputError(
        f"sampler is {value!r}; expected a recipe such as recipes.entropy_bound(0.1), a plan or a Schedule"
    )

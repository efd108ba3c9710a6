"""One plan for texts of every length, from plans that were measured at a few of them.

Prices per token change slowly with the length where tokens depend on what is near them, and how slowly is seen from two
lengths that were measured. Between two of them a plan of the nearer one is stretched (`Plan.for_length`), and its price
lies between theirs; beyond them it is carried over, and said to be so. No torch here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.planning.plan import Plan
from unmask.theory.reveal_orders import IntArray, Seed
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class PlansByLength:
    """Plans of one model, each made from texts of another length; a plan for any length, wherever one plan goes.

    Attributes:
        plans: the shortest first.

    Raises:
        InputError: when there is none, or two are of the same length or of different models.

    Examples:
        >>> chains = [unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], length) for length in (8, 32)]
        >>> plans = PlansByLength([unmask.plan(law.curve(), steps=4) for law in chains])
        >>> found = plans.for_length(16)
        >>> found.length, found.steps, plans.is_extrapolated(16), plans.is_extrapolated(64)
        (16, 4, False, True)
    """

    plans: tuple[Plan, ...]

    def __init__(self, plans: Iterable[Plan]) -> None:
        found = tuple(sorted(plans, key=lambda plan: plan.length))
        if not found:
            raise InputError("plans is empty; give at least one plan")
        lengths = [plan.length for plan in found]
        if len(set(lengths)) < len(lengths):
            raise InputError(f"plans are of lengths {lengths}; expected one plan of each length")
        digests = {plan.model.get("digest", "") for plan in found} - {""}
        if len(digests) > 1:
            raise InputError("plans are of different models; expected plans of one model")
        object.__setattr__(self, "plans", found)

    @property
    def length(self) -> int:
        """Of the longest plan, which is the one that is drawn where no length is asked for."""
        return self.plans[-1].length

    def draw(self, seed: Seed = 0) -> tuple[IntArray, Schedule]:
        """As the longest plan does."""
        return self.plans[-1].draw(seed)

    def is_extrapolated(self, length: int) -> bool:
        """Whether a length lies outside those that were measured."""
        return not self.plans[0].length <= length <= self.plans[-1].length

    def for_length(self, length: int) -> Plan:
        """The plan for so many tokens.

        At a measured length its own. Between two the one nearer by ratio, stretched: its price is that of both,
        interpolated in the logarithm of the length, and the interval holds both of theirs, so that it is right where
        the price per token rises or falls between them. Beyond them the price is carried over.
        """
        below = [plan for plan in self.plans if plan.length <= length]
        above = [plan for plan in self.plans if plan.length >= length]
        if below and above and below[-1] is above[0]:
            return below[-1]
        nearest = min(self.plans, key=lambda plan: abs(math.log(plan.length / max(length, 1))))
        found = nearest.for_length(length)
        if not below or not above:
            end = nearest.length
            said = f"{length} tokens are beyond the measured lengths: sizes and price are those of {end}, extrapolated"
            return replace(found, notes=(*nearest.notes, said))
        if found.at_most == 0:  # one at a time
            return found
        first, last = below[-1], above[0]
        share = math.log(length / first.length) / math.log(last.length / first.length)
        said = f"prices are interpolated between those measured at {first.length} and at {last.length} tokens"
        return replace(
            found,
            price=_between(first.price, last.price, share),
            parallel_price=_between(first.parallel_price, last.parallel_price, share),
            order_effect=_between(first.order_effect, last.order_effect, share),
            at_most=max(first.at_most, last.at_most),
            notes=(*nearest.notes, said),
        )


def _between(first: Estimate, last: Estimate, share: float) -> Estimate:
    """Their weighted mean, with an interval that holds both of theirs."""
    return Estimate(
        (1 - share) * first.value + share * last.value,
        min(first.low, last.low),
        max(first.high, last.high),
        min(first.confidence, last.confidence),
        min(first.count, last.count),
        min(first.clusters, last.clusters),
    )

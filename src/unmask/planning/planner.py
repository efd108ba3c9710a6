"""Choosing plans: the order and the sizes that are cheapest, for a number of steps, a budget or a price per call.

Order and sizes are fitted on one half of the measured texts and the price is stated on the other half, so the number
is not flattered by the search. Uniform order is fitted on the monotone fit of its curve: true curves never increase,
and a schedule that lives off a rise would live off noise. No torch here.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.errors import InputError
from unmask.planning.known_curve import KnownCurve
from unmask.planning.measured_costs import MeasuredCosts
from unmask.planning.plan import Part, Plan
from unmask.theory import bounds
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.optimal import Costs, Frontier, best_schedule, cheapest, fewest_steps, frontier
from unmask.theory.price import price
from unmask.theory.reveal_orders import Uniform
from unmask.theory.schedule import Schedule


def plan(
    measured: MeasuredCosts | InformationCurve,
    steps: int | None = None,
    *,
    budget: float | None = None,
    price_per_call: float | None = None,
    order: str = "auto",
    parts: int = 1,
    confidence: float = 0.95,
) -> Plan:
    """The cheapest way to spend a number of network calls, or the fewest calls within a budget.

    Order and sizes are fitted on one half of the measured texts; the price is stated on the other half.

    Args:
        measured: from `unmask.measure` or a `*.curve.json` file; a curve alone gives prices of the uniform order.
        steps: T, network calls per sequence.
        budget: nats per token beyond one token at a time; the fewest steps that keep it on the fitting half.
        price_per_call: nats per sequence one network call is worth; minimises price + price_per_call * T.
        order: "auto" for the cheapest of all measured orders, or the name of one.
        parts: how many orders, each with sizes of its own, the plan holds; every row draws one of them. One is the
            cheapest; several vary which positions come first.
        confidence: of the interval of the price.

    Raises:
        InputError: unless exactly one of steps, budget and price_per_call is given, and can be met.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> measured = unmask.measure(unmask.oracle(law), law.sample(20, seed=0))
        >>> unmask.plan(measured, steps=3).steps
        3
    """
    return Planner(measured, order, confidence).plan(steps, budget=budget, price_per_call=price_per_call, parts=parts)


@dataclass(frozen=True)
class Choice:
    """An order with its sizes, and what the fitting half says they cost (nats per sequence)."""

    order: str
    schedule: Schedule
    fitted_price: float


class Planner:
    """Plans for any number of steps from one measurement. The programmes are solved once."""

    def __init__(
        self, measured: MeasuredCosts | InformationCurve, order: str = "auto", confidence: float = 0.95
    ) -> None:
        self.measured: MeasuredCosts = KnownCurve(measured) if isinstance(measured, InformationCurve) else measured
        self.confidence = confidence
        fit, self.held = self.measured.split()
        names = ["uniform", *fit.orders] if order == "auto" else [order]
        self._candidates = {name: Candidate(fit.table(name)) for name in names}

    @functools.cached_property
    def _falling(self) -> InformationCurve:
        """The monotone fit of the curve prices are stated on; bounds need one."""
        return InformationCurve(self.held.curve.values).monotone()

    @property
    def max_steps(self) -> int:
        """The most steps any of the orders can be split into."""
        return max(candidate.max_steps for candidate in self._candidates.values())

    def plan(
        self,
        steps: int | None = None,
        *,
        budget: float | None = None,
        price_per_call: float | None = None,
        parts: int = 1,
    ) -> Plan:
        """As `plan` says."""
        if sum(option is not None for option in (steps, budget, price_per_call)) != 1:
            raise InputError(
                "give exactly one of steps, budget (nats per token) and price_per_call (nats per sequence)"
            )
        if budget is not None:
            steps = self._within(budget)
        elif price_per_call is not None:
            steps = self._worth(price_per_call)
        assert steps is not None
        ranked = self.ranked(steps)
        if not 1 <= parts <= len(ranked):
            raise InputError(
                f"parts is {parts}; {len(ranked)} orders were measured at {steps} steps, expected up to that"
            )
        return self._priced(ranked[:parts])

    def ranked(self, steps: int) -> list[Choice]:
        """Every order with its best sizes of exactly this many steps, the cheapest on the fitting half first."""
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or not 1 <= steps <= self.max_steps:
            raise InputError(f"steps is {steps}; expected a whole number from 1 to {self.max_steps}")
        found = [
            Choice(name, *candidate.best(int(steps)))
            for name, candidate in self._candidates.items()
            if steps <= candidate.max_steps
        ]
        return sorted(found, key=lambda choice: choice.fitted_price)

    def name_of(self, made: Plan) -> str:
        """What the order of a plan was measured as; of several parts, the first and how many more."""
        names = {costs.order: name for name, costs in self.measured.orders.items()}
        more = f" and {len(made.parts) - 1} more" if len(made.parts) > 1 else ""
        return names.get(made.order, "uniform") + more

    def _within(self, budget: float) -> int:
        """The fewest steps that keep a budget, nats per token, on the fitting half."""
        if not np.isfinite(budget):
            raise InputError(f"budget is {budget}; expected nats per token")
        allowed = budget * self.measured.length
        reached = [steps for candidate in self._candidates.values() if (steps := candidate.fewest(allowed)) is not None]
        if reached:
            return min(reached)
        smallest = min(candidate.smallest for candidate in self._candidates.values()) / self.measured.length
        raise InputError(
            f"budget is {budget:g} nats per token, but the measured orders get down to {smallest:.4g} at the least; "
            "allow more, or measure more orders"
        )

    def _worth(self, price_per_call: float) -> int:
        if not np.isfinite(price_per_call) or price_per_call < 0:
            raise InputError(f"price_per_call is {price_per_call}; expected nats per sequence, 0 or more")
        totals = []
        for candidate in self._candidates.values():
            steps, paid = candidate.cheapest(price_per_call)
            totals.append((paid + price_per_call * steps, steps))
        return min(totals)[1]

    def _priced(self, chosen: Sequence[Choice]) -> Plan:
        """What the chosen orders and sizes cost on the texts they were not fitted on."""
        held, schedules = self.held, [(choice.order, choice.schedule) for choice in chosen]
        steps = [_step_prices(held, schedule, name) for name, schedule in schedules]
        orders = {name: held.orders[name].order for name, _ in schedules if name != "uniform"}
        return Plan(
            tuple(Part(orders.get(name, Uniform()), schedule) for name, schedule in schedules),
            held.mixed(schedules, self.confidence),
            held.curve.entropy,
            tuple(np.mean(steps, axis=0).tolist()),
            rivals(held, schedules[0][1].steps, self._falling),
            self.measured.mask_token_id,
            self.measured.model,
            self.measured.digest,
            texts=(*self.measured.texts, *getattr(self.measured, "settings", {}).get("searched", [])),
        )


class Candidate:
    """The best sizes of one order, for what its steps cost on the texts that are fitted on."""

    def __init__(self, costs: Costs) -> None:
        # Without the standard errors the monotone fit keeps the sum, and with it what prices are relative to.
        self._costs = InformationCurve(costs.values).monotone() if isinstance(costs, InformationCurve) else costs
        self._frontier: Frontier | None = None

    @property
    def max_steps(self) -> int:
        return self._costs.length if isinstance(self._costs, InformationCurve) else len(self._costs.revealed)

    def best(self, steps: int) -> tuple[Schedule, float]:
        if isinstance(self._costs, InformationCurve):
            schedule = best_schedule(self._costs, steps)
            return schedule, price(self._costs, schedule)
        return self._all.schedule(steps), self._all.price(steps)

    def fewest(self, budget: float) -> int | None:
        """The fewest steps within a budget in nats per sequence, None when no number is."""
        if isinstance(self._costs, InformationCurve):
            return fewest_steps(self._costs, budget / self._costs.length).steps if budget >= 0 else None
        within = np.flatnonzero(self._prices <= budget)
        return int(within[0]) + 1 if len(within) else None

    def cheapest(self, price_per_call: float) -> tuple[int, float]:
        """The number of steps with the least price + price_per_call * steps, and that price."""
        if isinstance(self._costs, InformationCurve):
            schedule = cheapest(self._costs, price_per_call)
            return schedule.steps, price(self._costs, schedule)
        steps = int(np.argmin(self._prices + price_per_call * np.arange(1, len(self._prices) + 1))) + 1
        return steps, float(self._prices[steps - 1])

    @property
    def smallest(self) -> float:
        return 0.0 if isinstance(self._costs, InformationCurve) else float(self._prices.min())

    @property
    def _all(self) -> Frontier:
        if self._frontier is None:
            self._frontier = frontier(self._costs)
        return self._frontier

    @property
    def _prices(self) -> FloatArray:
        return self._all.prices


def _step_prices(held: MeasuredCosts, schedule: Schedule, order: str) -> FloatArray:
    """(T,) nats each step costs beyond what its tokens cost one at a time; they add up to the price."""
    shares = np.add.reduceat(held.curve.values, schedule.revealed)
    costs = held.step_costs(schedule, order)
    if shares.sum() > 0:  # the baseline of an order is a better estimate of the same sum
        shares = shares * ((costs.sum() - held.price(schedule, order)) / shares.sum())
    return np.asarray(costs - shares)


def rivals(held: MeasuredCosts, steps: int, curve: InformationCurve) -> dict[str, float]:
    """What others would pay or promise at the same number of steps, nats per sequence, on the same texts.

    The bounds hold for every curve that never increases, so for `curve`, the monotone fit of a cross-entropy curve.
    """
    uniform, cosine = Schedule.uniform(held.length, steps), Schedule.cosine(held.length, steps)
    return {
        "uniform_schedule": held.price(uniform),
        "cosine_schedule": held.price(cosine),
        "li_cai_upper": bounds.li_cai_upper(curve, uniform),
        "li_cai_lower": bounds.li_cai_lower(curve, uniform.largest),
        "certificate": bounds.certificate(uniform, total_information=curve.total_information),
    }

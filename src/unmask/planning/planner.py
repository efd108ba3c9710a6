"""Choosing plans: the order and the sizes that are cheapest, for a number of steps, a budget or a price per call.

Order and sizes are fitted on one half of the measured texts (`sizes`) and the price is stated on the other half, so the
number is not flattered by the search. A budget is kept with the confidence that is stated: plans for ever fewer steps
are tested one after the other on the pricing half, each until the first that fails (fixed-sequence testing: the error
is that of a single test, however many there are). No torch here.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.errors import CheckFailed, InputError
from unmask.measuring.curve_file import is_measurement
from unmask.measuring.estimate import Estimate, standard_error
from unmask.measuring.measurement import Measurement, Parts
from unmask.planning.known_curve import KnownCurve, read_curve
from unmask.planning.measured_costs import MeasuredCosts
from unmask.planning.plan import Part, Plan
from unmask.planning.sizes import CurveSizes, MeasuredSizes, on_counts
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.reveal_orders import Uniform
from unmask.theory.schedule import Schedule

ONLY_UNIFORM = "only the uniform order was measured; measured with --orders auto, a plan usually takes far fewer calls"

OF_OWN_SAMPLES = (
    "measured on the model's own samples, one token at a time, not on text: what tokens tell of each other is what the "
    "model believes, and model error is no part of the price"
)


class BudgetNotKept(CheckFailed):
    """No number of steps is known, with the confidence asked for, to keep a budget."""


def plan(
    measured: MeasuredCosts | InformationCurve | str | os.PathLike[str],
    steps: int | None = None,
    *,
    budget: float | None = None,
    price_per_call: float | None = None,
    order: str = "auto",
    parts: int = 1,
    confidence: float = 0.95,
    at_estimate: bool = False,
) -> Plan:
    """The cheapest way to spend a number of network calls, or the fewest calls within a budget.

    Order and sizes are fitted on one half of the measured texts; the price is stated on the other half.

    Args:
        measured: from `unmask.measure`, or the path of a `*.curve.json` file; a curve alone gives prices of the
            uniform order.
        steps: T, network calls per sequence.
        budget: nats per token that revealing tokens together may cost (the parallel price); the fewest steps that
            are known to keep it.
        price_per_call: nats per sequence one network call is worth; minimises price + price_per_call * T.
        order: "auto" for the cheapest of all measured orders, or the name of one.
        parts: how many orders, each with sizes of its own, the plan holds; every row draws one of them. One is the
            cheapest; several vary which positions come first.
        confidence: of the intervals, and with which a budget is kept.
        at_estimate: take the fewest steps whose estimate is within the budget; half of such plans cost more.

    Raises:
        InputError: unless exactly one of steps, budget and price_per_call is given, and makes sense.
        BudgetNotKept: when no number of steps below L is known to keep the budget; it says what would help.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> measured = unmask.measure(unmask.oracle(law), law.sample(20, seed=0))
        >>> unmask.plan(measured, steps=3).steps
        3
        >>> plan = unmask.plan(measured, budget=0.2)
        >>> plan.parallel_price.value <= plan.at_most <= 0.2
        True
    """
    planner = Planner(as_costs(measured), order, confidence)
    return planner.plan(steps, budget=budget, price_per_call=price_per_call, parts=parts, at_estimate=at_estimate)


def as_costs(measured: MeasuredCosts | InformationCurve | str | os.PathLike[str]) -> MeasuredCosts:
    """A measurement or a curve, read from its file where a path is given."""
    if isinstance(measured, str | os.PathLike):
        path = os.fspath(measured)
        return Measurement.load(path) if is_measurement(path) else KnownCurve(read_curve(path), path)
    return KnownCurve(measured) if isinstance(measured, InformationCurve) else measured


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
        if not 0 < confidence < 1:
            raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
        self.measured = as_costs(measured)
        self.confidence = confidence
        self.fit, self.held = self.measured.split()
        names = ["uniform", *self.fit.orders] if order == "auto" else [order]
        self._sizes = {name: self._fitted(name) for name in names}
        self._effects = {name: self._effect(name) for name in names}
        self.only_uniform = bool(self.measured.texts) and order == "auto" and names == ["uniform"]

    def _fitted(self, name: str) -> CurveSizes | MeasuredSizes:
        costs = self.fit.costs_of(name)
        if isinstance(costs, InformationCurve):
            return CurveSizes(costs)
        return MeasuredSizes(costs, self.fit.documents, name)

    def _effect(self, name: str) -> float:
        """What an order costs one at a time beyond the uniform one, as far as it is told from nothing."""
        effects = self.fit.order_effects(name)
        if not effects.any():
            return 0.0
        mean, (error, _) = float(effects.mean()), standard_error(effects, self.fit.documents)
        return math.copysign(max(abs(mean) - error, 0.0), mean)

    @functools.cached_property
    def _falling(self) -> InformationCurve:
        """The monotone fit of the curve prices are stated on; bounds need one."""
        return InformationCurve(self.held.curve.values).monotone()

    @property
    def max_steps(self) -> int:
        """L: the most steps there can be."""
        return self.measured.length

    def plan(
        self,
        steps: int | None = None,
        *,
        budget: float | None = None,
        price_per_call: float | None = None,
        parts: int = 1,
        at_estimate: bool = False,
    ) -> Plan:
        """As `plan` says."""
        if sum(option is not None for option in (steps, budget, price_per_call)) != 1:
            raise InputError(
                "give exactly one of steps, budget (nats per token) and price_per_call (nats per sequence)"
            )
        if isinstance(parts, bool) or not 1 <= parts <= len(self._sizes):
            raise InputError(f"parts is {parts}; {len(self._sizes)} orders were measured, expected up to that")
        if budget is not None:
            steps = self._within(budget, parts, at_estimate)
        elif price_per_call is not None:
            steps = self._worth(price_per_call)
        assert steps is not None
        return self._priced(self.ranked(steps)[:parts])

    def ranked(self, steps: int) -> list[Choice]:
        """Every order with its best sizes of exactly this many steps, the cheapest on the fitting half first."""
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or not 1 <= steps <= self.max_steps:
            raise InputError(f"steps is {steps}; expected a whole number from 1 to {self.max_steps}")
        found = []
        for name, sizes in self._sizes.items():
            if steps == 1 and name != "uniform" and "uniform" in self._sizes:
                continue  # in one step all orders are the same
            schedule, paid = sizes.best(int(steps))
            found.append(Choice(name, schedule, paid + self._effects[name]))
        return sorted(found, key=lambda choice: choice.fitted_price)

    def name_of(self, made: Plan) -> str:
        """What the order of a plan was measured as; of several parts, the first and how many more."""
        names = {costs.order: name for name, costs in self.measured.orders.items()}
        more = f" and {len(made.parts) - 1} more" if len(made.parts) > 1 else ""
        return names.get(made.order, "uniform") + more

    def _within(self, budget: float, parts: int, at_estimate: bool) -> int:
        """The fewest steps that are known to keep a budget, nats per token: tested from many to few."""
        if not math.isfinite(budget) or budget <= 0:
            raise InputError(f"budget is {budget}; expected nats per token above 0, such as 0.05")
        if not at_estimate and self.confidence <= 0.5:
            raise InputError(f"confidence is {self.confidence}; a budget is kept with one above 0.5, such as 0.95")
        if self.max_steps == 1:
            return 1
        kept, failed = self.max_steps, None
        while kept > 1 and failed is None:
            chosen = [(choice.order, choice.schedule) for choice in self.ranked(kept - 1)[:parts]]
            price = self._limit(chosen)
            limit = price.value if at_estimate else price.high
            if limit / self.max_steps <= budget:
                kept -= 1
            else:
                failed = price.scaled(1 / self.max_steps)
        if kept == self.max_steps:
            assert failed is not None
            raise BudgetNotKept(self._what_helps(budget, failed, at_estimate))
        return kept

    def _limit(self, parts: Parts) -> Estimate:
        """The parallel price of a plan, with an interval whose upper end alone holds with the confidence asked for."""
        return self.held.parallel_price(parts, max(2 * self.confidence - 1, 1e-6))

    def _what_helps(self, budget: float, failed: Estimate, at_estimate: bool) -> str:
        steps = self.max_steps - 1
        if at_estimate:
            return (
                f"budget is {budget:g} nats per token, but {steps} steps are estimated at {failed.value:.4g}; "
                "allow more, or measure more orders"
            )
        said = (
            f"no number of steps below {self.max_steps} is {self.confidence:.0%} sure to cost at most {budget:g} nats "
            f"per token: {steps} steps cost {failed.value:.4g}, at most {failed.high:.4g}"
        )
        if failed.value >= budget or not failed.count:
            return f"{said}; allow more, or measure other orders"
        needed = math.ceil(2 * failed.count * ((failed.high - failed.value) / (budget - failed.value)) ** 2)
        return f"{said}; allow {failed.high:.2g}, measure about {needed} texts, or plan at the estimate"

    def _worth(self, price_per_call: float) -> int:
        if not math.isfinite(price_per_call) or price_per_call < 0:
            raise InputError(f"price_per_call is {price_per_call}; expected nats per sequence, 0 or more")
        totals = []
        for name, sizes in self._sizes.items():
            steps, paid = sizes.cheapest(price_per_call)
            totals.append((paid + self._effects[name] + price_per_call * steps, steps))
        return min(totals)[1]

    def _priced(self, chosen: Sequence[Choice]) -> Plan:
        """What the chosen orders and sizes cost on the texts they were not fitted on."""
        held = self.held
        parts: Parts = [(choice.order, choice.schedule) for choice in chosen]
        per_token = 1 / held.length
        steps = np.mean([held.step_prices(schedule, name) for name, schedule in parts], axis=0) * per_token
        orders = {name: held.orders[name].order for name, _ in parts if name != "uniform"}
        error = held.model_error(parts, self.confidence)
        return Plan(
            tuple(Part(orders.get(name, Uniform()), schedule) for name, schedule in parts),
            held.whole_price(parts, self.confidence).scaled(per_token),
            held.curve.entropy * per_token,
            tuple(steps.tolist()),
            rivals(held, *parts[0], self._falling),
            self.measured.mask_token_id,
            self.measured.model,
            self.measured.digest,
            texts=self.measured.used_texts,
            notes=self._notes(parts),
            parallel_price=held.parallel_price(parts, self.confidence).scaled(per_token),
            order_effect=held.order_effect(parts, self.confidence).scaled(per_token),
            at_most=self._limit(parts).high * per_token,
            model_error=None if error is None else error.scaled(per_token),
            given=_given(self.measured),
        )

    def _notes(self, parts: Parts) -> tuple[str, ...]:
        notes = [self._sizes[name].note for name, _ in parts]
        for name, schedule in parts:
            costs = self.held.costs_of(name)
            if not isinstance(costs, InformationCurve) and not costs.is_measured(schedule):
                notes.append(
                    f"steps begin between the measured counts of order {name}: its price is interpolated, and the "
                    "interval allows for that"
                )
        if self.measured.is_of_own_samples:
            notes.append(OF_OWN_SAMPLES)
        if self.only_uniform:
            notes.append(ONLY_UNIFORM)
        return tuple(dict.fromkeys(note for note in notes if note))


def rivals(held: MeasuredCosts, order: str, schedule: Schedule, curve: InformationCurve) -> dict[str, float]:
    """What others would pay or promise at the same number of steps, nats per token, on the same texts.

    "uniform_schedule" and "cosine_schedule" are those sizes in uniform order, "same_order_equal_sizes" equal sizes in
    the order of the plan, begun at measured counts; parallel prices, all of them. The bounds hold for every curve that
    never increases, so for `curve`, the monotone fit of a cross-entropy curve.
    """
    steps = schedule.steps
    uniform, cosine = Schedule.uniform(held.length, steps), Schedule.cosine(held.length, steps)
    found = {
        "uniform_schedule": held.parallel_price([("uniform", uniform)]).value,
        "cosine_schedule": held.parallel_price([("uniform", cosine)]).value,
        "li_cai_upper": bounds.li_cai_upper(curve, uniform),
        "li_cai_lower": bounds.li_cai_lower(curve, uniform.largest),
        "certificate": bounds.certificate(uniform, total_information=curve.total_information),
    }
    costs = held.costs_of(order)
    if not isinstance(costs, InformationCurve) and steps <= len(costs.counts):
        equal = on_counts(uniform, costs.counts)
        found["same_order_equal_sizes"] = held.parallel_price([(order, equal)]).value
    return {name: value / held.length for name, value in found.items()}


def _given(measured: MeasuredCosts) -> str:
    """What was known of every text, in words; "" for nothing, and for a curve that no text was measured for."""
    said = str(measured.settings.get("given", ""))
    return "" if said == "nothing" else said

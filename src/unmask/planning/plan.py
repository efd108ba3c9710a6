"""Plans: which positions to reveal at which step, what that will cost, and how well that is known.

`plan` fits order and sizes on one half of the measured texts and states the price on the other half, so the number is
not flattered by the search. `Plan` is what the sampler runs, the exporters translate and the file holds. No torch here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.planning.estimate import Estimate
from unmask.planning.measurement import Measurement
from unmask.planning.stored import order_from_json, order_to_json
from unmask.theory import bounds
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.optimal import Frontier, frontier
from unmask.theory.order import IntArray, Order, Seed, Uniform
from unmask.theory.schedule import Schedule

FORMAT = "unmask.plan/1"
VALID_FOR = (
    "drawing at temperature 1 from the model's own law, on text like that it was measured on; "
    "greedy decoding, top-p and other temperatures are outside the theory"
)


@dataclass(frozen=True)
class Part:
    """A reveal order and the sizes that belong to it."""

    order: Order
    schedule: Schedule


@dataclass(frozen=True)
class Plan:
    """Order, sizes and the price they were measured to have.

    Attributes:
        parts: each row that is sampled uses one of them, drawn uniformly (most plans have one).
        price: nats per sequence beyond one token at a time in uniform order, on texts the plan was not fitted on.
        one_at_a_time: nats per sequence of the model one token at a time in uniform order, on the same texts.
        step_prices: (T,) nats each step costs beyond one token at a time: its cross-entropy less its share `sum c_k`.
        bounds: named bounds and rivals at the same number of steps, nats per sequence.
    """

    parts: tuple[Part, ...]
    price: Estimate
    one_at_a_time: float
    step_prices: tuple[float, ...]
    bounds: dict[str, float] = field(default_factory=dict)
    mask_token_id: int | None = None
    model: dict[str, str] = field(default_factory=dict)
    curve_digest: str = ""
    valid_for: str = VALID_FOR

    def __post_init__(self) -> None:
        if not self.parts:
            raise InputError("parts is empty; a plan has at least one order with its sizes")
        for part in self.parts:
            part.schedule.check_length(self.length, "sizes")

    @property
    def length(self) -> int:
        """L."""
        return self.parts[0].schedule.length

    @property
    def schedule(self) -> Schedule:
        """The sizes of the first part."""
        return self.parts[0].schedule

    @property
    def order(self) -> Order:
        """The order of the first part."""
        return self.parts[0].order

    @property
    def steps(self) -> float:
        """Network calls per row: T, the same for every part or else their mean."""
        calls = float(np.mean([part.schedule.steps for part in self.parts]))
        return int(calls) if calls.is_integer() else calls

    @property
    def price_per_token(self) -> Estimate:
        """Nats per token; `exp` of it is the factor by which perplexity grows."""
        return self.price.scaled(1 / self.length)

    def draw(self, seed: Seed = 0) -> tuple[IntArray, Schedule]:
        """A permutation of the positions and the sizes of the steps for one row."""
        rng = np.random.default_rng(seed)
        part = self.parts[int(rng.integers(len(self.parts)))] if len(self.parts) > 1 else self.parts[0]
        return part.order.draw(self.length, rng), part.schedule

    # -- the file ----------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        first, *others = [_part_to_json(part) for part in self.parts]
        return {
            "format": FORMAT,
            "length": self.length,
            "mask_token_id": self.mask_token_id,
            "steps": self.steps,
            **first,
            "alternatives": others,
            "step_prices": list(self.step_prices),
            "price": self.price.to_dict(),
            "one_at_a_time": self.one_at_a_time,
            "bounds": self.bounds,
            "model": self.model,
            "curve_digest": self.curve_digest,
            "valid_for": self.valid_for,
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.plan.json` (format unmask.plan/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a file written by `save`; InputError when it is not one or its parts do not fit together."""
        data = read_json(path, FORMAT)
        try:
            read = cls(
                tuple(_part_from_json(entry) for entry in [data, *data["alternatives"]]),
                Estimate(**data["price"]),
                float(data["one_at_a_time"]),
                tuple(float(value) for value in data["step_prices"]),
                {str(name): float(value) for name, value in data["bounds"].items()},
                data["mask_token_id"],
                dict(data["model"]),
                str(data["curve_digest"]),
                str(data["valid_for"]),
            )
            read.schedule.check_length(data["length"], "sizes")
            for part in read.parts:
                part.order.draw(read.length)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error
        return read

    def __repr__(self) -> str:
        price = self.price_per_token
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return (
            f"Plan(L={self.length}, T={self.steps}, order={self.order.name}{more}, sizes={list(self.schedule.sizes)}, "
            f"price={price} nats/token at {price.confidence:.0%})"
        )


@dataclass(frozen=True)
class Choice:
    """One candidate: an order with its sizes, and what the fitting half says it costs (nats per sequence)."""

    order: str
    schedule: Schedule
    fitted_price: float


class Candidates:
    """The cheapest schedule of every measured order at every number of steps, on the texts that plans are fitted on."""

    def __init__(self, fit: Measurement, names: Iterable[str], max_steps: int) -> None:
        self._frontiers: dict[str, Frontier] = {}
        for name in names:
            table = fit.table(name)
            starts = fit.length if isinstance(table, InformationCurve) else len(table.revealed)
            self._frontiers[name] = frontier(table, min(max_steps, starts))
        self.max_steps = max(len(found.prices) for found in self._frontiers.values())

    def best(self, steps: int) -> Choice:
        """The order that is cheapest with exactly this many steps."""
        prices = {name: found.price(steps) for name, found in self._frontiers.items() if steps <= len(found.prices)}
        if not prices:
            raise InputError(
                f"steps is {steps}; the orders were measured at fewer counts: at most {self.max_steps} steps"
            )
        name = min(prices, key=prices.__getitem__)
        return Choice(name, self._frontiers[name].schedule(steps), prices[name])

    def prices(self) -> FloatArray:
        """The cheapest price at 1..max_steps steps, nats per sequence, on the fitting half."""
        return np.array([self.best(steps).fitted_price for steps in range(1, self.max_steps + 1)])


def plan(
    measured: Measurement,
    steps: int | None = None,
    *,
    budget: float | None = None,
    price_per_call: float | None = None,
    order: str = "auto",
    confidence: float = 0.95,
) -> Plan:
    """The cheapest way to spend a number of network calls, or the fewest calls within a budget.

    Order and sizes are fitted on one half of the measured texts; the price is stated on the other half.

    Args:
        measured: from `unmask.measure` or a `*.curve.json` file.
        steps: T, network calls per sequence.
        budget: nats per token beyond one token at a time; the fewest steps that keep it on the fitting half.
        price_per_call: nats per sequence one network call is worth; minimises price + price_per_call * T.
        order: "auto" for the cheapest of all measured orders, or the name of one.
        confidence: of the interval of the price.

    Raises:
        InputError: unless exactly one of steps, budget and price_per_call is given, and can be met.
    """
    if sum(option is not None for option in (steps, budget, price_per_call)) != 1:
        raise InputError("give exactly one of steps=, budget= (nats per token) and price_per_call= (nats)")
    fit, held = measured.split()
    names = ["uniform", *fit.orders] if order == "auto" else [order]
    candidates = Candidates(fit, names, measured.length if steps is None else steps)
    if steps is None:
        steps = _steps_within(candidates, measured.length, budget, price_per_call)
    choice = candidates.best(steps)
    return _priced(choice, held, measured, confidence)


def _steps_within(candidates: Candidates, length: int, budget: float | None, price_per_call: float | None) -> int:
    prices = candidates.prices()
    if price_per_call is not None:
        if price_per_call < 0:
            raise InputError(f"price_per_call is {price_per_call}; expected nats per network call, 0 or more")
        return int(np.argmin(prices + price_per_call * np.arange(1, len(prices) + 1))) + 1
    assert budget is not None
    within = np.flatnonzero(prices <= budget * length)
    if not len(within):
        raise InputError(
            f"budget is {budget} nats per token, but no measured order gets below {prices.min() / length:.4g}; "
            "allow more, or measure more orders"
        )
    return int(within[0]) + 1


def _priced(choice: Choice, held: Measurement, measured: Measurement, confidence: float) -> Plan:
    chosen = measured.orders[choice.order].order if choice.order != "uniform" else Uniform()
    schedule = choice.schedule
    shares = np.add.reduceat(held.curve.values, schedule.revealed)  # what the step's tokens cost one at a time
    return Plan(
        (Part(chosen, schedule),),
        held.interval(schedule, confidence, choice.order),
        held.curve.entropy,
        tuple((held.step_costs(schedule, choice.order) - shares).tolist()),
        rivals(held, schedule.steps),
        measured.mask_token_id,
        measured.model,
        measured.digest,
    )


def rivals(held: Measurement, steps: int) -> dict[str, float]:
    """What others would pay or promise at the same number of steps, nats per sequence, on the same texts."""
    uniform, cosine = Schedule.uniform(held.length, steps), Schedule.cosine(held.length, steps)
    curve = held.curve.monotone()
    return {
        "uniform_schedule": held.price(uniform),
        "cosine_schedule": held.price(cosine),
        "li_cai_upper": bounds.li_cai_upper(curve, uniform),
        "li_cai_lower": bounds.li_cai_lower(curve, uniform.largest),
        "certificate": bounds.certificate(uniform, total_information=curve.total_information),
    }


def _part_to_json(part: Part) -> dict[str, Any]:
    return {"order": order_to_json(part.order), "sizes": list(part.schedule.sizes)}


def _part_from_json(entry: dict[str, Any]) -> Part:
    return Part(order_from_json(entry["order"]), Schedule(entry["sizes"]))

"""A curve alone, where a measurement is expected: the exact curve of a law, or numbers from elsewhere.

Its prices are those of the uniform order (F3), exact when the curve is. With standard errors but without the texts
nothing is known of how the errors go together; the interval then allows for the worst case.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.files import read_value
from unmask.measuring.estimate import Estimate
from unmask.measuring.measurement import Parts
from unmask.measuring.order_costs import OrderCosts
from unmask.schemas.formats import BARE_CURVE
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.price import price
from unmask.theory.schedule import Schedule


class KnownCurve:
    """Prices in uniform order from a curve alone; a `MeasuredCosts`, as `Measurement` is."""

    vocab_size = 0
    mask_token_id: int | None = None
    digest = ""
    texts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    used_texts: tuple[str, ...] = ()
    is_of_own_samples = False

    def __init__(self, curve: InformationCurve, name: str = "") -> None:
        self.curve = curve
        self.length = curve.length
        self.model = {"name": name, "digest": ""}
        self.orders: dict[str, OrderCosts] = {}
        self.settings: dict[str, Any] = {}

    def split(self) -> tuple[KnownCurve, KnownCurve]:
        """The same curve twice: nothing is fitted to it that it would flatter."""
        return self, self

    def costs_of(self, order: str = "uniform") -> InformationCurve:
        """The curve, of the uniform order."""
        if order != "uniform":
            raise InputError(
                f"order is {order!r}, but a curve alone has prices in uniform order only; measure the model"
            )
        return self.curve

    def order_effects(self, order: str = "uniform") -> FloatArray:
        """No text, no effect: there is but the uniform order."""
        self.costs_of(order)
        return np.zeros(0)

    def price(self, schedule: Schedule, order: str = "uniform") -> float:
        """Nats per sequence beyond one token at a time (F3)."""
        return price(self.costs_of(order), schedule)

    def step_prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """The share of each step in the price, (T,) nats."""
        curve = self.costs_of(order)
        return np.asarray(curve.step_costs(schedule) - np.add.reduceat(curve.values, schedule.revealed))

    def interval(self, schedule: Schedule, confidence: float = 0.95, order: str = "uniform") -> Estimate:
        """The price; exact, or with an interval as wide as errors of the curve that all go together would make it."""
        return self.whole_price([(order, schedule)], confidence)

    def whole_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean price of several plans."""
        value = float(np.mean([self.price(schedule, order) for order, schedule in parts]))
        if self.curve.stderr is None:
            return Estimate.exactly(value)
        weights = np.mean([_weights(schedule) for _, schedule in parts], axis=0)
        return Estimate.of_error(value, float(np.abs(weights) @ self.curve.stderr), confidence)

    def parallel_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """In uniform order the whole price is that of revealing tokens together."""
        return self.whole_price(parts, confidence)

    def order_effect(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """None: there is but the uniform order."""
        return Estimate.exactly(0.0)

    def model_error(self, parts: Parts, confidence: float = 0.95) -> None:
        """Not known: a curve does not hold the model's own entropies."""


def read_curve(path: str | os.PathLike[str]) -> InformationCurve:
    """A curve from a JSON file: a list of numbers, or an object with "values" and perhaps "stderr"."""
    data = read_value(path)
    values = data.get("values") if isinstance(data, dict) else data
    if not isinstance(values, list):
        raise InputError(f'{path} holds no curve; expected a list of numbers, or an object with "values"')
    try:
        BARE_CURVE(data, "")
        return InformationCurve(values, data.get("stderr") if isinstance(data, dict) else None)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _weights(schedule: Schedule) -> FloatArray:
    weights = np.full(schedule.length, -1.0)
    weights[schedule.revealed] += schedule.sizes
    return weights

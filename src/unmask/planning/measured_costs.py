"""What a planner must know of a model: what every order and size costs, on two halves of the evidence.

`Measurement` knows it from texts, `KnownCurve` from a curve alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from unmask.measuring.estimate import Estimate
from unmask.measuring.measurement import Parts
from unmask.measuring.order_costs import OrderCosts
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.schedule import Schedule


class MeasuredCosts(Protocol):
    """Prices of schedules in one or several reveal orders, nats per sequence."""

    @property
    def length(self) -> int:
        """L, tokens that are revealed."""
        ...

    @property
    def mask_token_id(self) -> int | None:
        """Of the model, or None."""
        ...

    @property
    def model(self) -> dict[str, str]:
        """Name and digest of the model."""
        ...

    @property
    def digest(self) -> str:
        """Fingerprint of what was measured; empty for a curve alone."""
        ...

    @property
    def texts(self) -> Sequence[str]:
        """Digests of the texts it was measured on; none for a curve alone."""
        ...

    @property
    def used_texts(self) -> tuple[str, ...]:
        """Digests of the texts that were measured, or searched for orders on."""
        ...

    @property
    def documents(self) -> tuple[str, ...]:
        """The document of each text."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """How it was measured: what was given, above all."""
        ...

    @property
    def is_of_own_samples(self) -> bool:
        """Whether the texts are samples of the model itself."""
        ...

    @property
    def orders(self) -> Mapping[str, OrderCosts]:
        """Reveal orders besides the uniform one, by name."""
        ...

    @property
    def curve(self) -> InformationCurve:
        """The cross-entropy curve, in uniform order."""
        ...

    def split(self) -> tuple[Self, Self]:
        """What to fit on, and what to state the price on."""
        ...

    def costs_of(self, order: str = "uniform") -> OrderCosts | InformationCurve:
        """What was measured of an order."""
        ...

    def order_effects(self, order: str = "uniform") -> FloatArray:
        """What each text costs one token at a time in an order beyond the uniform one, (N,); no text of a curve."""
        ...

    def step_prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """The share of each step in the mean parallel price, (T,)."""
        ...

    def parallel_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean of several (order, schedule) pairs beyond one at a time in the same order."""
        ...

    def order_effect(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean of their orders one at a time beyond the uniform order."""
        ...

    def model_error(self, parts: Parts, confidence: float = 0.95) -> Estimate | None:
        """What they cost beyond the model's own entropy at their canvases; None where that is not known."""
        ...

    def whole_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """Both together."""
        ...

"""What a planner must know of a model: what every order and size costs, on two halves of the evidence.

`Measurement` knows it from texts, `KnownCurve` from a curve alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from unmask.measuring.estimate import Estimate
from unmask.measuring.order_costs import OrderCosts
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.reveal_orders import OrderTable
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

    def table(self, order: str = "uniform") -> InformationCurve | OrderTable:
        """The costs of an order, for the planners of the theory."""
        ...

    def price(self, schedule: Schedule, order: str = "uniform") -> float:
        """Nats per sequence beyond one token at a time in uniform order."""
        ...

    def step_costs(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Nats each step pays, (T,)."""
        ...

    def mixed(self, parts: Sequence[tuple[str, Schedule]], confidence: float = 0.95) -> Estimate:
        """The mean price of several (order, schedule) pairs, with its interval."""
        ...

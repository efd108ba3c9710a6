"""A counted share with its interval, such as "93 of 100 sentences are right"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unmask.errors import InputError

NORMAL_95 = 1.959963984540054
"""Quantile of the normal law for a two-sided interval of 95 %."""


@dataclass(frozen=True)
class Share:
    """`count` of `total` independent trials; the interval is Wilson's, of 95 %."""

    count: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.total or self.total == 0:
            raise InputError(
                f"a share of {self.count} of {self.total}; expected a count from 0 to a total of 1 or more"
            )

    @property
    def value(self) -> float:
        return self.count / self.total

    @property
    def low(self) -> float:
        return self._bounds()[0]

    @property
    def high(self) -> float:
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float]:
        """Wilson's interval: the shares that the count does not speak against."""
        z2 = NORMAL_95**2
        centre = (self.count + z2 / 2) / (self.total + z2)
        spread = self.value * (1 - self.value) / self.total + z2 / (4 * self.total**2)
        half = NORMAL_95 * spread**0.5 / (1 + z2 / self.total)
        return max(0.0, centre - half), min(1.0, centre + half)

    def minus(self, other: Share) -> tuple[float, float, float]:
        """The difference of two shares with its interval of 95 % (Newcombe's, from the two Wilson intervals)."""
        gap = self.value - other.value
        below = ((self.value - self.low) ** 2 + (other.high - other.value) ** 2) ** 0.5
        above = ((self.high - self.value) ** 2 + (other.value - other.low) ** 2) ** 0.5
        return gap, gap - below, gap + above

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {"count": self.count, "total": self.total, "share": self.value, "low": self.low, "high": self.high}

"""A mean with its interval: what every measured number is reported as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.measuring.student_quantile import student_quantile
from unmask.theory.curve import FloatArray


@dataclass(frozen=True)
class Estimate:
    """A number in nats with a two-sided interval.

    Attributes:
        value: the mean.
        low, high: the interval; both equal to `value` when it is exact.
        confidence: share of such intervals that hold the true value.
        count: how many texts it rests on; 0 when it is exact.
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int

    @classmethod
    def exactly(cls, value: float) -> Estimate:
        """A number that is known, not measured."""
        return cls(value, value, value, 1.0, 0)

    @property
    def is_exact(self) -> bool:
        """Whether it was computed rather than measured."""
        return self.count == 0

    @classmethod
    def of_mean(cls, values: FloatArray, confidence: float = 0.95) -> Estimate:
        """Mean of independent values, with Student's t interval."""
        _check(confidence)
        if len(values) < 2:
            raise InputError(f"an interval needs at least 2 texts, got {len(values)}")
        centre = float(np.mean(values))
        error = float(np.std(values, ddof=1)) / len(values) ** 0.5
        half = student_quantile((1 + confidence) / 2, len(values) - 1) * error
        return cls(centre, centre - half, centre + half, confidence, len(values))

    @classmethod
    def of_error(cls, value: float, stderr: float, confidence: float = 0.95) -> Estimate:
        """A number with a standard error of unknown origin: the normal interval."""
        _check(confidence)
        half = student_quantile((1 + confidence) / 2, 10**6) * stderr
        return cls(value, value - half, value + half, confidence, 1)

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit, for example per token."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.confidence, self.count)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __str__(self) -> str:
        return f"{self.value:.4g}" if self.is_exact else f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def _check(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")

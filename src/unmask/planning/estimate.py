"""A mean with its interval: what every measured number is reported as."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.theory.curve import FloatArray


@dataclass(frozen=True)
class Estimate:
    """A number in nats with a two-sided interval.

    Attributes:
        value: the mean.
        low, high: the interval; both equal to `value` when it is exact.
        confidence: share of such intervals that hold the true value.
        count: how many texts it rests on.
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int

    @classmethod
    def of_mean(cls, values: FloatArray, confidence: float = 0.95) -> Estimate:
        """Mean of independent values, with Student's t interval."""
        if not 0 < confidence < 1:
            raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
        if len(values) < 2:
            raise InputError(f"an interval needs at least 2 texts, got {len(values)}")
        centre = float(np.mean(values))
        half = (
            student_quantile((1 + confidence) / 2, len(values) - 1) * float(np.std(values, ddof=1)) / len(values) ** 0.5
        )
        return cls(centre, centre - half, centre + half, confidence, len(values))

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit, for example per token."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.confidence, self.count)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def student_quantile(share: float, freedom: int) -> float:
    """Quantile of Student's t with `freedom` degrees of freedom, `share` in (0.5, 1).

    From scipy.special: scipy.stats takes longer to import than a whole plan takes to make.
    """
    from scipy.special import stdtrit

    value = float(stdtrit(freedom, share))
    return value if math.isfinite(value) else math.inf

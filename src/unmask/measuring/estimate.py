"""A mean with its interval: what every measured number is reported as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        clusters: how many documents those texts are of; 0 when it is exact.
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int
    clusters: int = 0

    @classmethod
    def exactly(cls, value: float) -> Estimate:
        """A number that is known, not measured."""
        return cls(value, value, value, 1.0, 0)

    @property
    def is_exact(self) -> bool:
        """Whether it was computed rather than measured."""
        return self.count == 0

    @classmethod
    def of_mean(cls, values: FloatArray, confidence: float = 0.95, documents: Sequence[str] | None = None) -> Estimate:
        """Mean of the values of texts, with Student's t interval.

        Args:
            values: (N,) of one text each.
            documents: (N,) the document each text is of, where several may be of one: then documents are independent,
                texts are not, and the error is that of their sums (cluster-robust, one degree of freedom less than
                there are documents).

        Raises:
            InputError: for fewer than two texts, or two documents.
        """
        _check(confidence)
        if len(values) < 2:
            raise InputError(f"an interval needs at least 2 texts, got {len(values)}")
        error, clusters = standard_error(values, documents)
        centre = float(np.mean(values))
        half = student_quantile((1 + confidence) / 2, clusters - 1) * error
        return cls(centre, centre - half, centre + half, confidence, len(values), clusters)

    @classmethod
    def of_error(cls, value: float, stderr: float, confidence: float = 0.95) -> Estimate:
        """A number with a standard error of unknown origin: the normal interval."""
        _check(confidence)
        half = student_quantile((1 + confidence) / 2, 10**6) * stderr
        return cls(value, value - half, value + half, confidence, 1, 1)

    def widened(self, error: float) -> Estimate:
        """The same with an error of another kind on either side, as of an interpolation."""
        return replace(self, low=self.low - error, high=self.high + error)

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit, for example per token."""
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor)

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __str__(self) -> str:
        return f"{self.value:.4g}" if self.is_exact else f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def _check(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")


def standard_error(values: FloatArray, documents: Sequence[str] | None = None) -> tuple[float, int]:
    """The standard error of a mean over texts, and how many documents it rests on.

    With S_d the sum of the deviations of the texts of document d, `sqrt(D / (D - 1) sum S_d^2) / N`; where every text
    is a document of its own, that is the usual one.
    """
    count = len(values)
    if documents is None:
        sums = values - np.mean(values)
    else:
        _, names = np.unique(np.asarray(documents, dtype=str), return_inverse=True)
        sums = np.bincount(names, weights=values - np.mean(values))
    clusters = len(sums)
    if clusters < 2:
        raise InputError(
            f"all {count} texts are of one document, and an interval over documents needs at least 2; give text of "
            "more documents (separated by blank lines), or --lines where every line stands for itself"
        )
    return float(np.sqrt(clusters / (clusters - 1) * np.sum(sums**2)) / count), clusters

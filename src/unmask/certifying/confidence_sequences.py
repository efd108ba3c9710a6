"""Upper limits on a mean that hold at every moment: measuring may stop whenever one likes, or as soon as it is enough.

The values are independent with one mean, and no value is above a `largest` that is known beforehand; how small they
get does not matter, because only an upper limit is wanted. Nothing else is assumed: no shape, no number of values, and
no moment at which one must look. Two ways, both exact supermartingales with Ville's inequality:

- `Betting`: against "the mean is m or more" bet a fixed share of the capital on every value being below m. If m were
  the mean, capital would not grow on average, and would ever reach 1/(1-confidence) with probability at most
  1 - confidence. The shares are 1, 1/2, 1/4, .. side by side ("diversified Kelly").
- `EmpiricalBernstein`: the predictable plug-in empirical Bernstein limit. Simpler to write down, and looser.

Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024),
arXiv 2010.09686: Theorem 2 (empirical Bernstein), section 4 (betting), both here in their one-sided form; the
inequality behind the former is Fan, Grama & Liesse (2015). Knows numbers, not texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.theory.curve import FloatArray

BoolArray = npt.NDArray[np.bool_]

_SHARES = 12
_HALVINGS = 60  # of the interval the limit is searched in


class UpperLimit(Protocol):
    """An upper limit on a mean that may be looked at after every value."""

    largest: float
    confidence: float

    def upper(self, values: FloatArray) -> float:
        """The smallest limit after any of the values (n,): with probability `confidence` the mean is below it."""
        ...

    def proved(self, values: FloatArray, mean: float) -> BoolArray:
        """After which of the values (n,) the mean was known to be at most `mean`; once True, True from then on."""
        ...


@dataclass(frozen=True)
class Betting:
    """The limit of a bettor.

    Args:
        largest: no value is above it.
        confidence: how often the limit holds, at least, over all moments together.
    """

    largest: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        _check(self.largest, self.confidence)

    def log_capital(self, values: FloatArray, mean: float) -> FloatArray:
        """Logarithm of the capital after each value, (.., n) to (.., n), starting from 1, betting against `mean`.

        A share f of the capital turns into `1 + f (mean - value) / (largest - mean)`, never negative; its expectation
        is at most 1 when the true mean is `mean` or more. Every share has its own purse, and the purses are added up.
        """
        gains = (mean - np.asarray(values, dtype=np.float64)) / (self.largest - mean)
        shares, purses = _bets()
        with np.errstate(divide="ignore"):
            grown = np.log1p(np.maximum(gains[..., None, :] * shares[:, None], -1.0)).cumsum(axis=-1)
        return np.asarray(np.logaddexp.reduce(grown + np.log(purses)[:, None], axis=-2))

    def proved(self, values: FloatArray, mean: float) -> BoolArray:
        if mean >= self.largest:
            return np.ones(len(values), dtype=np.bool_)
        return np.asarray(np.maximum.accumulate(self.log_capital(values, mean)) >= -math.log1p(-self.confidence))

    def upper(self, values: FloatArray) -> float:
        """Found by halving: the capital against a larger mean is larger, at every moment."""
        if not len(values):
            return self.largest
        low, high = min(float(np.min(values)), self.largest), self.largest  # against the smallest value nothing is won
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if not low < middle < high:
                break
            low, high = (low, middle) if self.proved(values, middle)[-1] else (middle, high)
        return high

    def texts_needed(self, values: FloatArray, mean: float) -> int | None:
        """About how many values in all would prove `mean`, if more came like these; None when they never would."""
        if mean >= self.largest:
            return 0
        if not len(values):
            return None
        gains = (mean - np.asarray(values, dtype=np.float64)) / (self.largest - mean)
        shares, purses = _bets()
        with np.errstate(divide="ignore"):
            growth = np.log1p(np.maximum(gains * shares[:, None], -1.0)).mean(axis=1)
        useful = growth > 0
        if not useful.any():
            return None
        wanted = -math.log1p(-self.confidence) - np.log(purses)
        return math.ceil(float((wanted[useful] / growth[useful]).min()))


@dataclass(frozen=True)
class EmpiricalBernstein:
    """The predictable plug-in empirical Bernstein limit.

    Args:
        largest: no value is above it.
        confidence: how often the limit holds, at least, over all moments together.
    """

    largest: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        _check(self.largest, self.confidence)

    def uppers(self, values: FloatArray) -> FloatArray:
        """The limit after each value, (.., n) to (.., n), never growing.

        With a guess `g_i < largest` of the mean and a scale `r_i = largest - g_i`, both from the values before i, the
        deviation `w_i = (g_i - x_i) / r_i` is at least -1, so that for 0 <= l_i < 1

            sum_i l_i / r_i (mean - x_i) - sum_i w_i^2 (-log(1 - l_i) - l_i)

        is the logarithm of a non-negative supermartingale. `l_i` follows the variance seen so far.
        """
        x = np.asarray(values, dtype=np.float64)
        wanted = -math.log1p(-self.confidence)
        count = np.arange(1, x.shape[-1] + 1)
        # One value at zero, or below the largest, stands for what is not known yet: it keeps every guess below it.
        start = min(0.0, self.largest - 1.0)
        guess = (start + _before(x)) / count
        scale = self.largest - guess
        deviation = (guess - x) / scale
        variance = (0.25 + _before(deviation**2)) / count
        bet = np.minimum(0.75, np.sqrt(2 * wanted / (variance * count * np.log1p(count))))
        weight = bet / scale
        spent = (deviation**2 * (-np.log1p(-bet) - bet)).cumsum(axis=-1)
        limits = ((weight * x).cumsum(axis=-1) + wanted + spent) / weight.cumsum(axis=-1)
        return np.minimum(np.minimum.accumulate(limits, axis=-1), self.largest)

    def proved(self, values: FloatArray, mean: float) -> BoolArray:
        return np.asarray(self.uppers(values) <= mean)

    def upper(self, values: FloatArray) -> float:
        return float(self.uppers(values)[-1]) if len(values) else self.largest


def _before(x: FloatArray) -> FloatArray:
    """Sums of what came before each entry of the last axis."""
    return np.asarray(np.cumsum(x, axis=-1) - x)


def _bets() -> tuple[FloatArray, FloatArray]:
    """Shares of the capital that are bet, and the part of the capital each begins with.

    Half of it bets everything every time: with a range far above the spread of the values, as here, that is best.
    """
    place = np.arange(_SHARES)
    purses = 1.0 / ((place + 1) * (place + 2))
    purses[-1] = 1.0 / _SHARES  # the rest of the telescoping sum
    return np.power(0.5, place, dtype=np.float64), purses


def _check(largest: float, confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
    if not math.isfinite(largest):
        raise InputError(f"largest is {largest}; a limit needs values that are bounded from above")

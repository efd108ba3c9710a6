"""Quantiles of Student's t, for intervals of means.

Written out because scipy.special takes longer to import than a whole plan takes to make. With t = sqrt(n) tan(a) the
distribution function is 1/2 + C times the integral of cos(x)^(n-1) from 0 to a, smooth, and easy to integrate and to
invert by bisection.
"""

import functools
import math

import numpy as np

_PANELS = 2000  # of Simpson's rule: errors below 1e-8 of the quantile up to 100,000 degrees of freedom


@functools.lru_cache(maxsize=64)
def student_quantile(share: float, freedom: int) -> float:
    """The t with `share` of the law below it, `share` in [0.5, 1), `freedom` >= 1 degrees of freedom."""
    log_constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        if 0.5 + _integral(middle, freedom - 1, log_constant) < share:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _integral(angle: float, power: int, log_constant: float) -> float:
    """`C int_0^angle cos^power`, by Simpson's rule where the integrand is not yet negligible."""
    reach = min(angle, 12 / math.sqrt(power + 1))
    x = np.linspace(0.0, reach, _PANELS + 1)
    with np.errstate(divide="ignore"):
        heights = np.exp(power * np.log(np.cos(x)) + log_constant) if power else np.full(len(x), math.exp(log_constant))
    inner = 4 * heights[1:-1:2].sum() + 2 * heights[2:-1:2].sum()
    return float((heights[0] + inner + heights[-1]) * reach / _PANELS / 3)

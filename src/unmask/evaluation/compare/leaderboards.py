"""Two numbers that leaderboards of parallel decoding rank by, from right answers and tokens per call.

Accuracies are shares here, 0 to 1. Knows nothing about models or rules.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

LEVELS = (0.80, 0.75, 0.70)
"""Accuracies at which ParallelBench asks for the most tokens per step."""
ALPHA = 3.0
DROP = 0.05

Point = tuple[float, float]
"""Tokens per call, and the share of right answers."""


def most_tokens_per_call(points: Iterable[Point], level: float) -> float | None:
    """The most tokens per call at which at least so large a share is right; None where it never is."""
    return max((tokens for tokens, right in points if right >= level), default=None)


def accuracy_under_parallelism(points: Sequence[Point], best: float) -> float:
    """AUP of d3LLM (its metric `aup`), in accuracy points times tokens per call.

    With accuracies `y` in per cent and tokens per call `r`, in growing order of `r`:
    `r_1 y_1 + sum_i (r_i - r_{i-1}) (y_{i-1} w(y_{i-1}) + y_i w(y_i)) / 2`, where `w(y) = exp(-3 (1 - y / best))`, at
    most 1. Points more than five per cent below the first are left out.

    Args:
        points: of one rule at several settings.
        best: the best accuracy of any rule compared.

    Examples:
        >>> round(accuracy_under_parallelism([(1.0, 0.8), (2.0, 0.8)], best=0.8), 6)
        160.0
    """
    if not points or best <= 0:
        return 0.0
    ordered = sorted(points)
    kept = [(tokens, 100 * right) for tokens, right in ordered if right >= ordered[0][1] - DROP]

    def weighted(y: float) -> float:
        return y * min(math.exp(-ALPHA * (1 - y / (100 * best))), 1.0)

    area = kept[0][0] * kept[0][1]
    for (before, low), (after, high) in itertools.pairwise(kept):
        area += (after - before) * (weighted(low) + weighted(high)) / 2
    return area

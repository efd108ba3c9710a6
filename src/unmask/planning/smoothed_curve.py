"""The curve that sizes are fitted on in uniform order: what few texts say of it, without their noise.

Towards its end a curve is read from few tokens, and where it is flat its measured values rise and fall by chance; the
best sizes for such a curve live off that. So values of neighbouring counts are averaged, weighted by how well they are
known, and made non-increasing, as true curves are. Where an average contradicts what was measured, as at a cliff, fewer
are averaged.
"""

import numpy as np
import numpy.typing as npt

from unmask.theory.curve import FloatArray, InformationCurve

GROUPS = 13
CONTRADICTS = 3.0
"""Standard errors a smoothed value may lie from the measured one."""
LEAST_ERROR = 1e-6


def smoothed(values: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    """(C,) the curve at the counts, from (N, C) values of texts; its ends are where they were measured."""
    means = values.mean(axis=0)
    errors = np.maximum(values.std(axis=0, ddof=1) / np.sqrt(len(values)), LEAST_ERROR) if len(values) > 1 else None
    if errors is None:
        return InformationCurve(means).monotone().values
    groups = GROUPS
    while groups < len(counts):
        found = _averaged(means, errors, counts, groups)
        if np.all(np.abs(found - means) <= CONTRADICTS * errors):
            return found
        groups *= 2
    return InformationCurve(means, errors).monotone().values


def _averaged(means: FloatArray, errors: FloatArray, counts: npt.NDArray[np.int64], groups: int) -> FloatArray:
    weights = errors**-2
    parts = [np.array([0]), *np.array_split(np.arange(1, len(means) - 1), groups - 2), np.array([len(means) - 1])]
    knots = [np.average(counts[part], weights=weights[part]) for part in parts]
    heights = [np.average(means[part], weights=weights[part]) for part in parts]
    known = [weights[part].sum() ** -0.5 for part in parts]
    return np.interp(counts, knots, InformationCurve(heights, known).monotone().values)

"""Monotone cubic (PCHIP) interpolation of a curve measured at a few counts, and its derivative.

Fritsch & Butland's weighted harmonic mean of neighbouring slopes, the same interpolant as scipy's PchipInterpolator (a
test holds them together). It is written out here because importing scipy.interpolate takes as long as a whole plan.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def pchip(knots: npt.NDArray[Any], heights: FloatArray, length: int) -> FloatArray:
    """The interpolant at 0..length-1.

    Args:
        knots: (C,) strictly increasing whole numbers from 0 to length - 1.
        heights: (C, ...) values at the knots; further axes are interpolated side by side.

    Returns:
        (length, ...) values.
    """
    if len(knots) == 1:
        return np.asarray(heights, dtype=np.float64)
    gaps = np.diff(knots).astype(np.float64).reshape(-1, *[1] * (heights.ndim - 1))  # (C-1, 1..)
    slopes = np.diff(heights, axis=0) / gaps
    tangents = _tangents(gaps, slopes)
    every = np.arange(length)
    left = np.clip(np.searchsorted(knots, every, side="right") - 1, 0, len(knots) - 2)
    t = ((every - knots[left]) / np.diff(knots)[left]).reshape(-1, *[1] * (heights.ndim - 1))
    gap = gaps[left]
    return np.asarray(
        heights[left] * (1 + 2 * t) * (1 - t) ** 2
        + heights[left + 1] * t**2 * (3 - 2 * t)
        + gap * tangents[left] * t * (1 - t) ** 2
        + gap * tangents[left + 1] * t**2 * (t - 1)
    )


def pchip_weights(knots: npt.NDArray[Any], heights: FloatArray, length: int) -> FloatArray:
    """Derivative of the interpolant with respect to the heights, shape (length, C), by central differences.

    The interpolant is homogeneous of degree 1, so `pchip_weights(..) @ heights == pchip(..)` up to rounding; the last
    bit of the difference quotients' error is put right so that this holds to 1e-12.
    """
    count = len(knots)
    step = 1e-6 * max(1e-3, float(np.max(np.abs(heights))))
    moves = step * np.eye(count)
    up = pchip(knots, heights[:, None] + moves, length)
    down = pchip(knots, heights[:, None] - moves, length)
    weights = (up - down) / (2 * step)
    missing = pchip(knots, heights, length) - weights @ heights
    return np.asarray(weights + np.outer(missing, heights) / max(float(heights @ heights), 1e-300))


def _tangents(gaps: FloatArray, slopes: FloatArray) -> FloatArray:
    """The slope at every knot: harmonic means inside, three-point estimates at the ends, 0 where slopes disagree."""
    tangents = np.zeros((len(slopes) + 1, *slopes.shape[1:]))
    if len(slopes) == 1:
        tangents[:] = slopes[0]
        return tangents
    before, after = slopes[:-1], slopes[1:]
    first, second = 2 * gaps[1:] + gaps[:-1], gaps[1:] + 2 * gaps[:-1]
    agree = before * after > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = (first + second) / (first / before + second / after)
    tangents[1:-1] = np.where(agree, inside, 0.0)
    tangents[0] = _end(gaps[0], gaps[1], slopes[0], slopes[1])
    tangents[-1] = _end(gaps[-1], gaps[-2], slopes[-1], slopes[-2])
    return tangents


def _end(near_gap: FloatArray, far_gap: FloatArray, near: FloatArray, far: FloatArray) -> FloatArray:
    """Three-point slope at an end, kept from overshooting."""
    slope = ((2 * near_gap + far_gap) * near - near_gap * far) / (near_gap + far_gap)
    slope = np.where(np.sign(slope) == np.sign(near), slope, 0.0)
    steep = (np.sign(near) != np.sign(far)) & (np.abs(slope) > 3 * np.abs(near))
    return np.asarray(np.where(steep, 3 * near, slope))

"""PCHIP against scipy's, and its derivative."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from unmask.theory.curve import InformationCurve
from unmask.theory.interpolation import pchip, pchip_weights


def random_knots(rng, length):
    inside = rng.choice(np.arange(1, length - 1), size=rng.integers(0, min(length - 2, 12) + 1), replace=False)
    return np.sort(np.concatenate(([0, length - 1], inside)))


@pytest.mark.parametrize("seed", range(40))
def test_pchip_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    length = int(rng.integers(3, 200))
    knots = random_knots(rng, length)
    heights = rng.choice(
        [rng.random(len(knots)), np.sort(rng.random(len(knots)))[::-1], np.round(rng.random(len(knots)))]
    )
    expected = PchipInterpolator(knots, heights)(np.arange(length))
    np.testing.assert_allclose(pchip(knots, heights, length), expected, atol=1e-12)


def test_several_rows_of_heights_are_interpolated_side_by_side():
    rng = np.random.default_rng(0)
    knots, heights = np.array([0, 3, 4, 9]), rng.random((4, 5))
    together = pchip(knots, heights, 10)
    for column in range(5):
        np.testing.assert_array_equal(together[:, column], pchip(knots, heights[:, column], 10))


def test_an_interpolated_falling_curve_falls():
    knots, heights = np.array([0, 1, 5, 20, 99]), np.array([3.0, 1.0, 0.9, 0.2, 0.0])
    assert np.all(np.diff(pchip(knots, heights, 100)) <= 1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_weights_times_heights_is_the_interpolant(seed):
    rng = np.random.default_rng(seed)
    knots = random_knots(rng, 60)
    heights = rng.random(len(knots)) + 0.1
    weights = pchip_weights(knots, heights, 60)
    np.testing.assert_allclose(weights @ heights, pchip(knots, heights, 60), atol=1e-12)


def test_weights_are_the_derivative():
    knots, heights = np.array([0, 4, 11, 20, 31]), np.array([3.0, 2.2, 1.1, 0.8, 0.1])
    weights, step = pchip_weights(knots, heights, 32), 1e-4
    for place in range(5):
        moved = heights + step * np.eye(5)[place]
        change = (pchip(knots, moved, 32) - pchip(knots, heights, 32)) / step
        np.testing.assert_allclose(weights[:, place], change, atol=1e-3)


def test_a_curve_from_counts_is_this_interpolant():
    counts, values = [0, 3, 10, 31], [2.0, 1.5, 0.4, 0.1]
    curve = InformationCurve.from_counts(counts, values, 32)
    np.testing.assert_allclose(curve.values, PchipInterpolator(counts, values)(np.arange(32)), atol=1e-12)

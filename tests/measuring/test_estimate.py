"""Intervals of means, and Student's quantiles against scipy's."""

import numpy as np
import pytest
from scipy.special import stdtrit

from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.measuring.student_quantile import student_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 10, 29, 100, 1000, 100_000])
@pytest.mark.parametrize("share", [0.5, 0.6, 0.9, 0.975, 0.995, 0.9995])
def test_quantiles_are_those_of_scipy(share, freedom):
    expected = stdtrit(freedom, share)
    assert student_quantile(share, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_the_interval_of_a_mean_is_students():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = Estimate.of_mean(values, 0.9)
    half = stdtrit(3, 0.95) * values.std(ddof=1) / 2
    assert (found.value, found.count, found.confidence) == (4.0, 4, 0.9)
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)


def test_ninety_per_cent_intervals_hold_the_mean_nine_times_in_ten():
    """2,000 repetitions: the count is binomial, standard deviation 0.67 %; four of them are allowed (1 in 15,000)."""
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, 8))
    hits = [Estimate.of_mean(row, 0.9) for row in draws]
    share = np.mean([found.low <= 3.0 <= found.high for found in hits])
    assert abs(share - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 2000)


def test_values_that_are_all_the_same_leave_no_doubt():
    found = Estimate.of_mean(np.full(5, 0.25))
    assert found.low == found.value == found.high == 0.25


def test_another_unit_scales_the_interval():
    found = Estimate(4.0, 3.0, 6.0, 0.95, 10).scaled(0.25)
    assert (found.value, found.low, found.high) == (1.0, 0.75, 1.5)


def test_an_exact_number_says_so():
    assert Estimate.exactly(2.0).is_exact
    assert str(Estimate.exactly(2.0)) == "2"
    assert not Estimate.of_mean(np.arange(3.0)).is_exact


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="confidence is 95"):
        Estimate.of_mean(np.arange(4.0), 95)
    with pytest.raises(InputError, match="at least 2 texts, got 1"):
        Estimate.of_mean(np.array([1.0]))

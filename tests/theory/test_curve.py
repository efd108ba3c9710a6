"""The curve against its definition, and its summaries against theirs (F6)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import any_curves, falling_curves, tables
from unmask import InputError
from unmask.theory.curve import InformationCurve


@settings(max_examples=30, deadline=None)
@given(tables(max_length=5))
def test_summaries_of_the_curve_are_the_informations_of_the_joint_table(table):
    joint = brute_force.random_table(*table)
    curve = InformationCurve(brute_force.information_curve(joint))
    assert curve.length == joint.ndim
    assert curve.entropy == pytest.approx(brute_force.entropy(joint, range(joint.ndim)), abs=1e-12)
    assert curve.total_correlation == pytest.approx(brute_force.total_correlation(joint), abs=1e-12)
    assert curve.dual_total_correlation == pytest.approx(brute_force.dual_total_correlation(joint), abs=1e-12)
    assert curve.total_information == pytest.approx(brute_force.total_information(joint), abs=1e-12)
    assert curve.is_monotone


def test_summaries_hold_at_six_tokens_with_impossible_outcomes():
    joint = brute_force.random_table(6, 2, seed=7, zeros=0.4)
    curve = InformationCurve(brute_force.information_curve(joint))
    assert curve.total_correlation == pytest.approx(brute_force.total_correlation(joint), abs=1e-12)
    assert curve.dual_total_correlation == pytest.approx(brute_force.dual_total_correlation(joint), abs=1e-12)


@given(falling_curves())
def test_total_information_is_tc_plus_dtc_and_growth_complexity_is_below_both(curve):
    assert curve.total_information == pytest.approx(curve.total_correlation + curve.dual_total_correlation, abs=1e-9)
    least = min(curve.total_correlation, curve.dual_total_correlation)
    assert curve.growth_complexity <= least + 1e-9


@given(any_curves())
def test_monotone_fit_is_the_least_squares_one(curve):
    fitted = curve.monotone().values
    assert np.all(np.diff(fitted) <= 0)
    assert fitted.sum() == pytest.approx(curve.entropy, abs=1e-9)
    # optimality of a projection on a convex cone: the residual is orthogonal to the fit and makes no angle below 90
    # degrees with any generator of the cone (falling steps)
    residual = curve.values - fitted
    assert residual @ fitted == pytest.approx(0, abs=1e-9)
    assert np.all(np.cumsum(residual) <= 1e-9)


def test_monotone_fit_weighs_by_standard_errors():
    precise_first = InformationCurve([1.0, 2.0], stderr=[0.1, 0.2]).monotone()
    assert precise_first.values == pytest.approx([1.2, 1.2])  # weights 4 : 1


@given(falling_curves(min_length=2), st.data())
def test_the_curve_after_known_tokens_is_its_tail(curve, data):
    known = data.draw(st.integers(0, curve.length - 1))
    assert np.array_equal(curve.after(known).values, curve.values[known:])


def test_a_curve_measured_at_every_count_is_itself():
    values = np.log(np.arange(9, 0, -1.0))
    assert InformationCurve.from_counts(range(9), values, 9).values == pytest.approx(values, abs=1e-12)


def test_interpolation_between_counts_never_overshoots():
    curve = InformationCurve.from_counts(
        [0, 3, 4, 20, 63], [3.0, 2.9, 1.0, 0.9, 0.0], 64, stderr=[0.1, 0.1, 0.1, 0.1, 0]
    )
    assert curve.is_monotone
    assert curve.values[[0, 3, 4, 20, 63]] == pytest.approx([3.0, 2.9, 1.0, 0.9, 0.0])
    assert curve.stderr is not None
    assert curve.stderr[[3, 63]].tolist() == [0.1, 0.0]


def test_a_curve_of_one_token_has_no_dependence():
    curve = InformationCurve.from_counts([0], [0.7], 1)
    assert curve.total_information == curve.total_correlation == curve.growth_complexity == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, float("nan")], r"values\[1\] is nan"),
        ([float("inf")], r"values\[0\] is inf"),
        ([1.0, -0.5], r"values\[1\] is -0.5; entropies"),
        ([], "values must be one row"),
        ([[1.0]], "values must be one row"),
        (None, "values must be one row"),
        ("abc", "values is 'abc'; expected one row of numbers"),
        ([[1.0], [1.0, 2.0]], "expected one row of numbers"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(InputError, match=message):
        InformationCurve(values)


@pytest.mark.parametrize(
    ("counts", "values", "message"),
    [
        ([0, 2, 2, 7], [1, 1, 1, 1], "counts must be strictly increasing"),
        ([1, 7], [1, 1], "counts must start at 0 and end at length - 1 = 7"),
        ([0, 6], [1, 1], "counts must start at 0 and end at length - 1 = 7"),
        ([0, 7], [1, 1, 1], "values has 3 entries and counts 2"),
        ([0, 1.5, 7], [1, 1, 1], "counts must be a row of whole numbers"),
        ([], [], "counts must be a row of whole numbers"),
    ],
)
def test_bad_counts_are_named(counts, values, message):
    with pytest.raises(InputError, match=message):
        InformationCurve.from_counts(counts, values, 8)


def test_mismatched_standard_errors_and_bad_prompts_are_named():
    with pytest.raises(InputError, match="stderr has 1 entries and values 2"):
        InformationCurve([1.0, 1.0], stderr=[1.0])
    with pytest.raises(InputError, match="stderr has 1 entries and counts 2"):
        InformationCurve.from_counts([0, 7], [1.0, 1.0], 8, stderr=[1.0])
    for known in (2, -1, 0.5):
        with pytest.raises(InputError, match=rf"known is {known}; it must be a whole number, in 0..1"):
            InformationCurve([1.0, 1.0]).after(known)
    with pytest.raises(InputError, match=r"needs a non-increasing curve, but values\[1\] = 2 is above values\[0\] = 1"):
        InformationCurve([1.0, 2.0]).require_monotone("this bound")


def test_curves_compare_hash_and_print_by_value():
    curve = InformationCurve([2.0, 1.0])
    assert curve == InformationCurve([2.0, 1.0])
    assert hash(curve) == hash(InformationCurve([2.0, 1.0]))
    assert curve != InformationCurve([2.0, 1.0], stderr=[0, 0])
    assert curve != "curve"
    assert InformationCurve(**curve.to_dict()) == curve
    assert "length=2" in repr(curve)
    with pytest.raises(ValueError, match="read-only"):
        curve.values[0] = 5

"""Prices are exact: against enumeration of every order and outcome (F1-F5, F7, F13), and in closed form."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import any_curves, falling_curves, schedules, tables
from unmask import InputError
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.price import nelbo, overshoot_price, price, price_per_token
from unmask.theory.schedule import Schedule


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_price_is_the_expected_kl_of_a_perfect_predictor(table, data):
    joint = brute_force.random_table(*table)
    schedule = data.draw(schedules(joint.ndim))
    curve = InformationCurve(brute_force.information_curve(joint))
    exact = brute_force.expected_divergence(joint, schedule.sizes)
    assert price(curve, schedule) == pytest.approx(exact, abs=1e-12)
    assert overshoot_price(curve, schedule) == pytest.approx(exact, abs=1e-12)
    assert price_per_token(curve, schedule) == pytest.approx(exact / joint.ndim, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_any_predictor_costs_its_nelbo_minus_the_entropy_and_training_error_adds_up(table, data):
    joint = brute_force.random_table(*table)
    schedule = data.draw(schedules(joint.ndim))
    predictor = brute_force.random_predictor(joint.ndim, joint.shape[0], seed=table[2])
    entropies = InformationCurve(brute_force.information_curve(joint))
    losses = InformationCurve(brute_force.cross_entropy_curve(joint, predictor))
    exact = brute_force.expected_divergence(joint, schedule.sizes, predictor)
    assert nelbo(losses, schedule) - entropies.entropy == pytest.approx(exact, abs=1e-12)
    added = bounds.training_error(losses, entropies, schedule)
    assert price(entropies, schedule) + added == pytest.approx(exact, abs=1e-12)
    assert added >= -1e-12


def test_every_schedule_of_six_tokens_with_impossible_outcomes():
    joint = brute_force.random_table(6, 2, seed=3, zeros=0.5)
    curve = InformationCurve(brute_force.information_curve(joint))
    for sizes in [(6,), (1, 5), (3, 3), (2, 1, 3), (1, 2, 2, 1), (1,) * 6]:
        exact = brute_force.expected_divergence(joint, sizes)
        assert price(curve, Schedule(sizes)) == pytest.approx(exact, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(tables(), st.data())
def test_price_is_never_below_the_kl_of_the_output_law(table, data):
    joint = brute_force.random_table(*table)
    schedule = data.draw(schedules(joint.ndim))
    curve = InformationCurve(brute_force.information_curve(joint))
    assert brute_force.divergence_of_output(joint, schedule.sizes) <= price(curve, schedule) + 1e-12


@settings(max_examples=25, deadline=None)
@given(tables(), st.data())
def test_prompts_of_random_tokens_shift_the_curve(table, data):
    joint = brute_force.random_table(*table)
    known = data.draw(st.integers(1, joint.ndim - 1))
    schedule = data.draw(schedules(joint.ndim - known))
    curve = InformationCurve(brute_force.information_curve(joint))
    exact = brute_force.expected_divergence_of_infilling(joint, known, schedule.sizes)
    assert price(curve.after(known), schedule) == pytest.approx(exact, abs=1e-12)


def test_the_continuous_time_nelbo_is_the_sum_of_the_curve():
    """F4: `int_0^1 (1/t) E[sum over masked -log p] dt = sum_k c_k`, tokens masked independently with probability t."""
    joint = brute_force.random_table(4, 2, seed=1)
    predictor = brute_force.random_predictor(4, 2, seed=2)
    curve = InformationCurve(brute_force.cross_entropy_curve(joint, predictor))
    nodes, weights = np.polynomial.legendre.leggauss(8)  # exact: the integrand is a polynomial of degree 3
    total = 0.0
    for t, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        for masks in np.ndindex(2, 2, 2, 2):
            masked = [i for i in range(4) if masks[i]]
            revealed = [i for i in range(4) if not masks[i]]
            loss = sum(brute_force.cross_entropy(joint, predictor, i, revealed) for i in masked)
            total += weight / t * t ** len(masked) * (1 - t) ** len(revealed) * loss
    assert total == pytest.approx(curve.entropy, abs=1e-12)


@given(falling_curves(), st.data())
def test_schedule_and_law_separate_in_the_overshoot_form(curve, data):
    schedule = data.draw(schedules(curve.length))
    assert overshoot_price(curve, schedule) == pytest.approx(price(curve, schedule), abs=1e-9)
    assert price(curve, schedule) >= -1e-9


@given(any_curves(), st.data())
def test_one_token_a_step_costs_nothing_and_splitting_a_step_never_costs_on_a_falling_curve(curve, data):
    assert price(curve, Schedule([1] * curve.length)) == pytest.approx(0, abs=1e-12)
    falling = curve.monotone()
    sizes = list(data.draw(schedules(curve.length)))
    whole = data.draw(st.integers(0, len(sizes) - 1))
    cut = data.draw(st.integers(0, sizes[whole] - 1))
    split = [*sizes[:whole], *([cut] if cut else []), sizes[whole] - cut, *sizes[whole + 1 :]]
    assert price(falling, Schedule(split)) <= price(falling, Schedule(sizes)) + 1e-12


# Closed forms that need only a curve


@pytest.mark.parametrize("sizes", [(16,), (4, 12), (1, 15), (2, 7, 7), (8, 4, 2, 1, 1)])
def test_price_of_equal_tokens_is_first_step_minus_one_times_log_v(sizes):
    equal = InformationCurve([math.log(7)] + [0.0] * 15)
    assert price(equal, Schedule(sizes)) == pytest.approx((sizes[0] - 1) * math.log(7), abs=1e-12)


@pytest.mark.parametrize("sizes", [(16,), (4, 12), (15, 1), (2, 7, 7), (8, 4, 2, 1, 1)])
def test_price_of_parity_is_log_two_iff_the_last_step_has_two_tokens(sizes):
    parity = InformationCurve([math.log(2)] * 15 + [0.0])
    assert price(parity, Schedule(sizes)) == pytest.approx(math.log(2) * (sizes[-1] >= 2), abs=1e-12)


@given(st.integers(1, 12).flatmap(schedules))
def test_a_permutation_is_valid_with_probability_exp_of_minus_the_price(schedule):
    length = schedule.length
    curve = InformationCurve(np.log(length - np.arange(length)))
    # each step draws its tokens independently from the m that are left: all different with probability m!/(m-s)!/m^s
    left = length - schedule.revealed
    valid = math.prod(math.perm(m, s) / m**s for m, s in zip(left.tolist(), schedule.sizes, strict=True))
    assert math.exp(-price(curve, schedule)) == pytest.approx(valid, rel=1e-12)


def test_one_step_of_permutations_is_valid_with_probability_n_factorial_over_n_to_the_n():
    curve = InformationCurve(np.log(8 - np.arange(8)))
    assert math.exp(-price(curve, Schedule([8]))) == pytest.approx(math.factorial(8) / 8**8, rel=1e-12)


def test_an_mds_code_costs_nothing_when_a_step_ends_at_its_dimension():
    code = InformationCurve([math.log(11)] * 4 + [0.0] * 6)
    assert price(code, Schedule([4, 6])) == pytest.approx(0, abs=1e-12)
    assert price(code, Schedule([3, 7])) == pytest.approx(6 * math.log(11))


@given(falling_curves(), st.data())
def test_price_is_zero_iff_every_step_stays_inside_a_plateau(curve, data):
    schedule = data.draw(schedules(curve.length))
    inside = all(
        curve.values[a] - curve.values[a + s - 1] <= 1e-12
        for a, s in zip(schedule.revealed, schedule.sizes, strict=True)
    )
    assert (price(curve, schedule) <= 1e-12) == inside


def test_the_eight_token_chain_of_the_comparison_of_libraries():
    """Two states that stay with probability 0.9, eight tokens: the target against which samplers were measured."""
    joint = np.zeros((2,) * 8)
    for x in np.ndindex(*joint.shape):
        joint[x] = 0.5 * math.prod(0.9 if a == b else 0.1 for a, b in itertools.pairwise(x))
    curve = InformationCurve(brute_force.information_curve(joint))
    assert curve.total_correlation == pytest.approx(2.576, abs=5e-4)
    assert price(curve, Schedule([2, 2, 2, 2])) == pytest.approx(0.306, abs=5e-4)
    assert price(curve, Schedule([1, 2, 2, 3])) == pytest.approx(0.2199, abs=5e-5)
    assert price(curve, Schedule([1, 1, 2, 4])) == pytest.approx(0.244, abs=5e-4)
    assert price(curve, Schedule([4, 4])) == pytest.approx(0.997, abs=5e-4)


def test_a_schedule_of_another_length_is_refused():
    with pytest.raises(InputError, match="schedule reveals 5 tokens in all, but the length is 4"):
        price(InformationCurve([1.0] * 4), Schedule([5]))
    with pytest.raises(InputError, match=r"schedule is \[2, 2\]; expected a Schedule"):
        price(InformationCurve([1.0] * 4), [2, 2])
    with pytest.raises(InputError, match=r"curve is \[1.0, 1.0\]; expected an InformationCurve"):
        price([1.0, 1.0], Schedule([2]))
    with pytest.raises(InputError, match="schedule reveals 3"):
        overshoot_price(InformationCurve([1.0] * 4), Schedule([3]))

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import brute_force, enumeration, law_checks
from unmask import InputError, Schedule, bounds, price
from unmask.laws import MDSCode, Parity, Staircase

CODES = [
    Parity(1, 3),
    Parity(4, 3),
    Parity(6, 2),
    MDSCode(5, 1, 5),
    MDSCode(4, 2, 5),
    MDSCode(3, 3, 3),
    MDSCode(4, 3, 7),
    Staircase(3, [(1, 3), (2, 5)]),
    Staircase(3, [(2, 3), (2, 3)]),
]
each_code = pytest.mark.parametrize("law", CODES, ids=repr)


@each_code
def test_conditionals_are_those_of_the_joint_table(law):
    law_checks.assert_law_is_exact(law)


@each_code
def test_the_curve_is_the_enumerated_one(law):
    law_checks.assert_curve_is_exact(law)


@each_code
def test_samples_follow_the_law(law):
    law_checks.assert_samples_follow(law)


@given(st.data())
def test_any_k_tokens_determine_a_codeword_and_fewer_say_nothing(data):
    field = data.draw(st.sampled_from([2, 3, 5, 7, 11, 31, 2_147_483_647]))
    length = data.draw(st.integers(1, min(field, 12)))
    dimension = data.draw(st.integers(1, length))
    positions = data.draw(st.permutations(range(length)))
    law = MDSCode(length, dimension, field)
    x = law.sample(3, data.draw(st.integers(0, 1000)))
    assert np.all(np.isfinite(law.log_prob(x)))
    known = np.isin(np.arange(length), positions[:dimension]) & np.ones((3, 1), dtype=bool)
    codewords, determined, possible = law.completion(np.where(known, x, 0), known)
    assert np.all(determined)
    assert np.all(possible)
    np.testing.assert_array_equal(codewords, x)
    known[:, positions[0]] = False
    assert not np.any(law.completion(np.where(known, x, 0), known)[1])


def test_an_impossible_digit_makes_every_digit_of_a_staircase_uniform():
    law = Staircase(3, [(1, 3), (2, 5)])
    x = np.array([[0 * 5 + 1, 2 * 5 + 1, 0]])  # the first code repeats one symbol: 0 and 2 cannot both be
    answer = law.conditionals(x, np.array([[True, True, False]]))
    np.testing.assert_array_equal(answer[0, 2], np.full(15, 1 / 15))


def test_parity_costs_log_v_exactly_when_the_last_step_reveals_two_tokens_or_more():
    law = Parity(6, 3)
    for sizes in brute_force.compositions(6):
        wanted = math.log(3) if sizes[-1] >= 2 else 0.0
        assert abs(price(law.curve(), Schedule(sizes)) - wanted) < 1e-12
    joint = enumeration.joint_of(Parity(4, 2))
    for sizes in brute_force.compositions(4):
        wanted = math.log(2) if sizes[-1] >= 2 else 0.0
        assert abs(brute_force.expected_divergence(joint, sizes) - wanted) < 1e-12
        assert abs(brute_force.divergence_of_output(joint, sizes) - wanted) < 1e-12


def test_a_code_of_dimension_k_is_sampled_exactly_in_two_steps():
    for dimension in range(1, 16):
        curve = MDSCode(16, dimension, 17).curve()
        assert price(curve, Schedule([dimension, 16 - dimension])) == pytest.approx(0, abs=1e-12)


def test_a_codes_price_is_log_q_times_the_overshoot_at_k():
    for sizes in brute_force.compositions(7):
        schedule = Schedule(sizes)
        for dimension in range(1, 7):
            paid = price(MDSCode(7, dimension, 7).curve(), schedule)
            assert abs(paid - math.log(7) * schedule.overshoot[dimension - 1]) < 1e-12


def test_codes_attain_the_sharp_upper_bound():
    """F8: with the largest step last and K = L - s_max + 1 all of it is paid."""
    length = 11
    for largest in range(2, length):
        schedule = Schedule([*[1] * (length - largest), largest])
        curve = MDSCode(length, length - largest + 1, 11).curve()
        everything = pytest.approx((largest - 1) * math.log(11))
        assert price(curve, schedule) == everything
        assert bounds.sharp_upper(curve, schedule) == everything
        assert bounds.linear_upper(curve, schedule) == everything


@pytest.mark.parametrize("number", ["total_correlation", "dual_total_correlation", "growth_complexity"])
def test_codes_attain_the_certificates(number):
    """F10: for every schedule some code pays the certificate in full, and none pays more."""
    curves = [MDSCode(7, dimension, 7).curve() for dimension in range(1, 7)]
    for sizes in brute_force.compositions(7):
        schedule = Schedule(sizes)
        ratios = [price(curve, schedule) / getattr(curve, number) for curve in curves]
        assert max(ratios) == pytest.approx(bounds.certificate(schedule, **{number: 1.0}), abs=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MDSCode(8, 3, 9), r"vocab_size is 9; .*prime of at least 8, such as 11"),
        (lambda: MDSCode(8, 3, 7), r"vocab_size is 7; .*prime of at least 8, such as 11"),
        (lambda: MDSCode(8, 0, 11), r"dimension is 0; expected a whole number in 1..8"),
        (lambda: MDSCode(8, 9, 11), r"dimension is 9; expected a whole number in 1..8"),
        (lambda: MDSCode(0, 1, 11), r"length is 0; expected a whole number of at least 1"),
        (lambda: Parity(3, 1), r"vocab_size is 1; expected a whole number of at least 2"),
        (lambda: Parity(2.5, 2), r"length is 2.5; expected a whole number"),
        (lambda: Staircase(4, []), r"codes is empty; expected at least one pair"),
        (lambda: Staircase(4, [3]), r"codes\[0\] is 3; expected a pair"),
        (lambda: Staircase(4, [(2, 5), (2, 6)]), r"codes\[1\] is \(2, 6\): .*prime of at least 4, such as 5"),
        (lambda: Staircase(4, [(2, 101)] * 4), r"fields may multiply to at most"),
    ],
)
def test_a_code_that_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)

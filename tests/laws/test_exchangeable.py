import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, gammaln
from scipy.stats import hypergeom

from reference import brute_force, enumeration, law_checks
from unmask import InputError, Schedule, bounds, price
from unmask.laws import Balanced, Mixture, Permutation, PolyaUrn, Repeated
from unmask.laws.exchangeable import _number_of_splits, _splits

LAWS = [
    Permutation(1),
    Permutation(5),
    Balanced(6, 2),
    Balanced(5, 0),
    Balanced(4, 4),
    Balanced(7),
    PolyaUrn(5, 3, 0.3),
    PolyaUrn(4, 1, 2.0),
    PolyaUrn(7, 2, 5.0),
    Repeated(4, 3),
    Repeated(5, 3, 0.3),
    Repeated(8, 2, 0.1),
    Repeated(4, 5, 0.5),
    Repeated(4, 3, 1.0),
]
each_law = pytest.mark.parametrize("law", LAWS, ids=repr)


@each_law
def test_conditionals_are_those_of_the_joint_table(law):
    law_checks.assert_law_is_exact(law)


@each_law
def test_the_curve_is_the_enumerated_one(law):
    law_checks.assert_curve_is_exact(law)


@each_law
def test_samples_follow_the_law(law):
    law_checks.assert_samples_follow(law)


def test_a_parallel_sample_is_a_permutation_with_probability_exp_of_minus_the_price():
    law = Permutation(4)
    joint = enumeration.joint_of(law)
    predict = brute_force.perfect_predictor(joint)
    for sizes in brute_force.compositions(4):
        drawn = brute_force.output_law(joint.shape, predict, brute_force.blocks_of([2, 0, 3, 1], sizes))
        assert math.exp(-price(law.curve(), Schedule(sizes))) == pytest.approx(drawn[joint > 0].sum(), abs=1e-12)


def test_one_hot_rows_drawn_in_one_step_are_valid_with_the_probability_of_the_formula():
    for length in (2, 5, 40):
        paid = price(Balanced(length, 1).curve(), Schedule([length]))
        assert math.exp(-paid) == pytest.approx((1 - 1 / length) ** (length - 1), abs=1e-12)


def test_equal_tokens_cost_the_first_step_minus_one_times_log_v():
    law = Repeated(6, 5)
    for sizes in brute_force.compositions(6):
        assert price(law.curve(), Schedule(sizes)) == pytest.approx((sizes[0] - 1) * math.log(5), abs=1e-12)
    joint = enumeration.joint_of(Repeated(4, 3))
    for sizes in brute_force.compositions(4):
        paid = brute_force.expected_divergence(joint, sizes)
        assert paid == pytest.approx((sizes[0] - 1) * math.log(3), abs=1e-12)


def test_equal_tokens_attain_the_bound_of_li_and_cai_when_the_first_step_is_a_power_of_two():
    curve = Repeated(16, 3).curve()
    for first in (2, 4, 8):
        schedule = Schedule([first, *[1] * (16 - first)])
        assert price(curve, schedule) == pytest.approx(bounds.li_cai_upper(curve, schedule), abs=1e-12)


def test_the_balanced_curve_is_the_hypergeometric_sum_at_length_200():
    length, ones = 200, 37
    expected = []
    for k in range(length):
        seen = np.arange(max(0, k - length + ones), min(k, ones) + 1)
        share = (ones - seen) / (length - k)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.nan_to_num(-share * np.log(share)) + np.nan_to_num(-(1 - share) * np.log1p(-share))
        expected.append(hypergeom.pmf(seen, length, ones, k) @ terms)
    np.testing.assert_allclose(Balanced(length, ones).curve().values, expected, atol=1e-10)


@pytest.mark.parametrize(("vocab_size", "concentration"), [(2, 0.05), (2, 3.0), (50, 0.02)])
def test_the_urns_curve_is_the_beta_binomial_sum_at_length_3000(vocab_size, concentration):
    curve = PolyaUrn(3000, vocab_size, concentration).curve()
    assert curve.is_monotone
    for k in (0, 1, 10, 700, 2999):
        n = np.arange(k + 1)
        others = (vocab_size - 1) * concentration
        choices = gammaln(k + 1) - gammaln(n + 1) - gammaln(k - n + 1)
        mass = np.exp(choices + betaln(n + concentration, k - n + others) - betaln(concentration, others))
        share = (n + concentration) / (k + vocab_size * concentration)
        assert curve.values[k] == pytest.approx(-vocab_size * (mass @ (share * np.log(share))), rel=1e-9)


def test_the_urns_curve_sums_to_the_entropy_of_its_sequences():
    law = PolyaUrn(500, 2, 0.3)
    ones = np.arange(501)
    log_probs = law.log_prob((np.arange(500) < ones[:, None]).astype(int))
    sequences = gammaln(501) - gammaln(ones + 1) - gammaln(501 - ones)
    assert np.exp(sequences + log_probs).sum() == pytest.approx(1, abs=1e-9)
    assert law.curve().entropy == pytest.approx(-np.exp(sequences + log_probs) @ log_probs, rel=1e-9)


def test_a_noisy_repeated_symbol_is_the_mixture_of_its_symbols():
    law = Repeated(20, 3, 0.4)
    hit, miss = 0.6 + 0.4 / 3, 0.4 / 3
    components = np.full((3, 3), miss) + (hit - miss) * np.eye(3)
    mixture = Mixture(np.full(3, 1 / 3), np.repeat(components[:, None], 20, axis=1))
    np.testing.assert_allclose(law.curve().values, mixture.curve().values, atol=1e-11)
    x, known = law_checks.canvases(law, 30, seed=2)
    np.testing.assert_allclose(law.log_prob(x), mixture.log_prob(x), atol=1e-11)
    np.testing.assert_allclose(law.conditionals(x, known), mixture.conditionals(x, known), atol=1e-12)


def test_a_noisy_repeated_symbol_with_too_many_splits_says_that_its_curve_is_measured(monkeypatch):
    law = Repeated(8, 4, 0.6)
    exact = law.curve()
    monkeypatch.setattr(Repeated, "SPLITS", 10)
    measured = law.curve()
    assert exact.stderr is None
    assert measured.stderr is not None
    # Eight means of 400 sequences: a false alarm about once in 10,000 seeds. At k = 0 there is nothing random.
    assert np.all(np.abs(measured.values - exact.values) <= 4.2 * measured.stderr + 1e-12)


@given(st.integers(0, 12), st.integers(1, 9))
def test_splits_are_all_the_ways_to_share_a_total(total, parts):
    splits = list(_splits(total, parts, total))
    assert len(set(map(tuple, splits))) == len(splits)
    assert all(sum(split) == total and len(split) == parts and sorted(split)[::-1] == split for split in splits)
    together = sum(len(list(_splits(smaller, parts, smaller))) for smaller in range(total + 1))
    assert _number_of_splits(total, parts, enough=10**9) == together


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Permutation(0), r"length is 0; expected a whole number of at least 1"),
        (lambda: Balanced(4, 5), r"ones is 5; expected a whole number in 0..4"),
        (lambda: Balanced(4, -1), r"ones is -1; expected a whole number in 0..4"),
        (lambda: PolyaUrn(4, 2, 0), r"concentration is 0; expected a number above 0"),
        (lambda: PolyaUrn(4, 2, math.nan), r"concentration is nan; expected a finite number"),
        (lambda: PolyaUrn(4, 0, 1.0), r"vocab_size is 0; expected a whole number of at least 1"),
        (lambda: Repeated(4, 2, 1.5), r"noise is 1.5; expected a probability in 0..1"),
        (lambda: Repeated(4, 1), r"vocab_size is 1; expected a whole number of at least 2"),
    ],
)
def test_a_law_that_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)

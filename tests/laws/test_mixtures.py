import math

import numpy as np
import pytest

from reference import law_checks
from unmask import InputError
from unmask.laws import Mixture
from unmask.laws.enumeration import ENUMERABLE


def random_mixture(components, length, vocab_size, seed, alike=False):
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.full(vocab_size, 0.5), size=(components, 1 if alike else length))
    return Mixture(rng.dirichlet(np.ones(components)), np.repeat(laws, length // laws.shape[1], axis=1))


LAWS = {
    "three components": random_mixture(3, 4, 3, seed=0),
    "two components with zeros": Mixture([0.3, 0.7], [[[1, 0], [0.5, 0.5], [0, 1]], [[0.2, 0.8], [1, 0], [0, 1]]]),
    "positions alike": random_mixture(3, 5, 3, seed=1, alike=True),
    "positions alike, with zeros": Mixture([0.5, 0.5], np.repeat([[[1.0, 0.0]], [[0.0, 1.0]]], 5, axis=1)),
    "one component": random_mixture(1, 4, 2, seed=2),
    "one token": Mixture([0.5, 0.5], np.ones((2, 4, 1))),
}
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


@each_law
def test_conditionals_are_those_of_the_joint_table(law):
    law_checks.assert_law_is_exact(law)


@each_law
def test_the_curve_is_the_enumerated_one(law):
    law_checks.assert_curve_is_exact(law)


@each_law
def test_samples_follow_the_law(law):
    law_checks.assert_samples_follow(law)


def test_the_curve_summed_over_counts_is_exact_where_enumeration_is_hopeless():
    law = random_mixture(4, 100, 2, seed=3, alike=True)
    curve = law.curve()
    assert curve.stderr is None
    measured = law.measured_curve(samples=100, seed=4)
    # 100 correlated means, all within 4.5 standard errors but for about one seed in 10,000; k = 0 has no error at all.
    assert np.all(np.abs(measured.values - curve.values) <= 4.5 * measured.stderr + 1e-12)


def test_the_curve_is_measured_where_nothing_else_is_possible_and_says_so():
    law = random_mixture(3, 20, 4, seed=5)
    assert (law.vocab_size + 1) ** law.length > ENUMERABLE
    assert law.curve().stderr is not None


def test_the_dual_total_correlation_is_at_most_the_log_of_the_number_of_components():
    for components in (1, 2, 5):
        curve = random_mixture(components, 60, 2, seed=components, alike=True).curve()
        assert curve.dual_total_correlation <= math.log(components) + 1e-9


@pytest.mark.parametrize(
    ("weights", "components", "message"),
    [
        ([0.5, 0.6], np.full((2, 3, 2), 0.5), r"weights is not a distribution: its entries sum to 1.1; expected 1"),
        ([0.5, 0.5], np.full((2, 3, 2), 0.4), r"components is not a distribution: a row of it sums to 0.8; expected 1"),
        ([0.5, 0.5], np.full((3, 3, 2), 0.5), r"components has 3 components and weights 2; they must match"),
        ([1.5, -0.5], np.full((2, 3, 2), 0.5), r"weights has an entry -0.5"),
        ([0.5, 0.5], np.full((2, 3), 0.5), r"components has shape \(2, 3\); expected 3 axes"),
    ],
)
def test_a_mixture_that_is_none_is_refused_in_one_line(weights, components, message):
    with pytest.raises(InputError, match=message) as caught:
        Mixture(weights, components)
    assert "\n" not in str(caught.value)

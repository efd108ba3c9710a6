"""The knob as a promise: what a step costs, measured, and kept on other texts."""

import math

import numpy as np
import pytest

import unmask
from unmask import recipes
from unmask.errors import InputError
from unmask.laws import Table
from unmask.measuring.dependence_profile import measure_dependence_profile
from unmask.measuring.dependence_promises import calibrated
from unmask.theory.dependence_profile import DependenceProfile

PAIR = np.array([[0.45, 0.05], [0.05, 0.45]])
LAW = Table(np.einsum("ab,cd,ef->abcdef", PAIR, PAIR, PAIR))
NATS = math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)  # that the bits of a pair tell of each other


def test_what_is_measured_is_the_price_of_a_step_and_not_what_was_predicted():
    half = DependenceProfile.of_pairs(np.kron(np.eye(3), np.full((2, 2), NATS / math.log(2) / 2)))  # too small by half
    found = calibrated(unmask.oracle(LAW), half, LAW.sample(4000, 0), bounds=(0.4 * NATS, 0.6 * NATS, 10.0))
    # below half of a pair's nats: two steps, free; above: one pair whole, its price over two steps; then one step
    np.testing.assert_allclose(found.promises[:, 3], [2, 2, 1])
    assert np.abs(found.promises[:, 1] - [0, NATS / 2, 3 * NATS]).max() < 4 * found.promises[:, 2].max()
    assert found.promises[:, 2].max() < 0.03


def test_a_promise_is_kept_on_texts_it_was_not_measured_on():
    """Two independent means of 300 texts each: within 4 standard errors of both, error rate 6e-5."""
    law = unmask.laws.IsingChain(16, 1.0)
    model = unmask.oracle(law)
    profile = calibrated(model, measure_dependence_profile(model, law.sample(100, 0)), law.sample(300, 1))
    gamma = float(profile.promises[3, 1])
    texts = law.sample(300, 2)
    alone = unmask.score(model, recipes.one_by_one(), texts, random_orders=2).log_prob
    found = unmask.score(model, recipes.dependence(gamma, profile), texts, random_orders=2)
    price, calls = (alone - found.log_prob).numpy(), found.network_calls.numpy()
    error = (price - gamma * calls).std() / np.sqrt(len(texts)) / calls.mean()
    assert gamma > 0.02
    assert abs(price.sum() / calls.sum() - gamma) < 4 * math.hypot(error, profile.promises[3, 2])


@pytest.mark.parametrize("bounds", [(), (0.0, 1.0), (1.0, 0.5), (1.0, math.inf)])
def test_bounds_that_do_not_rise_are_refused(bounds):
    with pytest.raises(InputError, match="expected nats that rise"):
        calibrated(unmask.oracle(LAW), DependenceProfile.of_distances([1.0]), LAW.sample(4, 0), bounds=bounds)

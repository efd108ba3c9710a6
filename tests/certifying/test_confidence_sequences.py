"""Upper limits that hold at every moment, and Student's intervals, against exact means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from reference.certificates import uniform_costs, with_fallback
from unmask.certifying.confidence_sequences import Betting, EmpiricalBernstein
from unmask.errors import InputError
from unmask.laws import Table
from unmask.measuring.estimate import Estimate

CONFIDENCE = 0.9
REPETITIONS = 2000
TEXTS = 150


def table(seed, concentration):
    """A law of 4 binary tokens; the smaller the concentration, the fewer sequences have most of its mass."""
    return Table(np.random.default_rng(seed).dirichlet(np.full(16, concentration)).reshape((2,) * 4))


@pytest.fixture(scope="module")
def populations():
    """Exact populations of bounded values: (values, probabilities, largest). Prices of texts, and hard ones."""
    found = {}
    for name, law, cap in [("table", table(0, 1.0), 3.0), ("peaked", table(1, 0.1), 6.9)]:
        texts, planned, one = uniform_costs(law, (1, 3))
        values = with_fallback(planned, one, cap)
        weights = np.repeat(np.exp(law.log_prob(texts))[:, None] / values.shape[1], values.shape[1], axis=1)
        found[name] = values.ravel(), weights.ravel(), cap
    found["rare"] = np.array([0.0, 5.0]), np.array([0.98, 0.02]), 5.0
    found["rare gain"] = np.array([-20.0, 0.5]), np.array([0.02, 0.98]), 5.0
    found["coin"] = np.array([-1.0, 1.0]), np.array([0.5, 0.5]), 1.0
    return found


def draw(population, seed):
    values, weights, largest = population
    drawn = np.random.default_rng(seed).choice(values, size=(REPETITIONS, TEXTS), p=weights)
    return drawn, float(values @ weights), largest


def at_most(failures, share):
    """Whether so many failures are no more than chance makes of a true rate `share` 999 times in 1,000."""
    return failures <= binom.ppf(0.999, REPETITIONS, share)


NAMES = ["table", "peaked", "rare", "rare gain", "coin"]


@pytest.mark.parametrize("name", NAMES)
def test_the_betting_limit_holds_at_the_worst_moment_as_often_as_stated(populations, name):
    """The limit is once below the mean exactly when the capital bet against the mean itself ever reaches 1/0.1."""
    values, mean, largest = draw(populations[name], 1)
    wealth = np.exp(Betting(largest, CONFIDENCE).log_capital(values, mean))
    assert at_most((wealth.max(axis=1) >= 1 / (1 - CONFIDENCE)).sum(), 1 - CONFIDENCE)


@pytest.mark.parametrize("name", NAMES)
def test_capital_bet_against_the_true_mean_does_not_grow_on_average(populations, name):
    """After one value the expectation is exactly 1; so it is after any number, as values are independent."""
    values, weights, largest = populations[name]
    wealth = np.exp(Betting(largest, CONFIDENCE).log_capital(values[:, None], float(values @ weights)))[:, 0]
    assert wealth @ weights == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_empirical_bernstein_limit_holds_at_the_worst_moment_as_often_as_stated(populations, name):
    values, mean, largest = draw(populations[name], 2)
    uppers = EmpiricalBernstein(largest, CONFIDENCE).uppers(values)
    assert at_most((uppers[:, -1] < mean).sum(), 1 - CONFIDENCE)  # they never grow: the last is the smallest


@pytest.mark.parametrize("name", NAMES)
def test_both_limits_hold_at_a_fixed_number_of_texts(populations, name):
    """The limit of 40 texts, which is the smallest of all limits until then."""
    values, mean, largest = draw(populations[name], 3)
    wealth = np.exp(Betting(largest, CONFIDENCE).log_capital(values[:, :40], mean)).max(axis=1)
    uppers = EmpiricalBernstein(largest, CONFIDENCE).uppers(values[:, :40])[:, -1]
    assert at_most((wealth >= 10).sum(), 1 - CONFIDENCE)
    assert at_most((uppers < mean).sum(), 1 - CONFIDENCE)


KINDS = (Betting, EmpiricalBernstein)


def test_bets_that_may_not_be_made_are_caught():
    """The check has teeth: with a `largest` that is not true, the limit of rare losses fails far too often."""
    rng = np.random.default_rng(4)
    values = rng.choice([0.0, 50.0], size=(REPETITIONS, TEXTS), p=[0.99, 0.01])
    wealth = np.exp(Betting(5.0, CONFIDENCE).log_capital(np.minimum(values, 5.0), 0.5))
    assert not at_most((wealth.max(axis=1) >= 10).sum(), 1 - CONFIDENCE)


@given(st.lists(st.floats(-30, 4), min_size=1, max_size=30), st.floats(-5, 3.9))
def test_the_limit_is_below_a_mean_exactly_when_that_mean_is_disproved(values, mean):
    limit = Betting(4.0, 0.95)
    upper = limit.upper(np.array(values))
    assert limit.largest >= upper
    if abs(upper - mean) > 1e-9:
        assert (upper < mean) == bool(limit.proved(np.array(values), mean)[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_more_texts_never_raise_the_limit(kind):
    values = np.random.default_rng(5).normal(0.3, 1.0, 60).clip(max=4.0)
    limits = [kind(4.0).upper(values[:count]) for count in range(61)]
    assert limits[0] == 4.0
    assert np.all(np.diff(limits) <= 1e-12)
    assert limits[-1] < 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_proofs_last_and_agree_with_the_limit(kind):
    values = np.random.default_rng(6).normal(0.1, 0.5, 200).clip(max=4.0)
    proved = kind(4.0).proved(values, 0.4)
    first = int(proved.argmax())
    assert proved[first:].all()
    assert kind(4.0).upper(values[: first + 1]) <= 0.4 + 1e-9
    assert kind(4.0).upper(values[:first]) > 0.4 - 1e-9


def test_many_texts_bring_the_limit_down_to_the_mean():
    values = np.random.default_rng(7).normal(0.1, 0.5, 10_000).clip(max=4.0)
    assert Betting(4.0).upper(values) < 0.13
    assert EmpiricalBernstein(4.0).upper(values) < 0.13


def test_texts_that_all_cost_nothing_prove_a_small_budget_as_fast_as_the_range_allows():
    """Whoever bets everything multiplies by (R - 0)/(R - m): nobody can need fewer texts than log 20 / log of that."""
    zeros = np.zeros(5000)
    for largest, mean in [(4.0, 0.5), (20.0, 0.1)]:
        least = math.log(20) / math.log(largest / (largest - mean))
        first = int(Betting(largest, 0.95).proved(zeros, mean).argmax()) + 1
        assert least <= first <= least * (1 + math.log(2) / math.log(20)) + 1


def test_the_number_of_texts_that_are_needed_is_foreseen():
    values = np.random.default_rng(8).normal(0.1, 0.5, 4000).clip(max=4.0)
    limit = Betting(4.0)
    first = int(limit.proved(values, 0.3).argmax()) + 1
    assert first / 2 < limit.texts_needed(values[:100], 0.3) < 2 * first
    assert limit.texts_needed(np.full(50, 0.4), 0.3) is None
    assert limit.texts_needed(np.zeros(0), 0.3) is None
    assert limit.texts_needed(np.zeros(0), 4.0) == 0


def test_a_mean_above_the_largest_value_needs_no_proof():
    assert Betting(4.0).proved(np.array([1.0]), 4.0).all()
    assert EmpiricalBernstein(4.0).proved(np.array([1.0]), 4.0).all()


def test_values_at_the_very_limit_prove_nothing():
    assert Betting(4.0).upper(np.full(100, 4.0)) == 4.0
    assert EmpiricalBernstein(4.0).upper(np.full(100, 4.0)) == 4.0


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_is_refused(kind):
    with pytest.raises(InputError, match="confidence is 95"):
        kind(1.0, 95)
    with pytest.raises(InputError, match="largest is inf"):
        kind(math.inf)


# -- Student's interval ----------------------------------------------------------------------------------------------


def coverage(drawn, mean, texts):
    """How often the 95 % interval of so many texts holds the mean."""
    found = [Estimate.of_mean(row[:texts], 0.95) for row in drawn]
    return np.mean([one.low <= mean <= one.high for one in found])


def test_students_intervals_hold_prices_of_texts_nearly_as_often_as_stated(populations):
    """Prices of a law's texts are skewed; of 2,000 intervals 95 % should hold, within 4 standard deviations, 0.02."""
    values, mean, _ = draw(populations["table"], 9)
    assert coverage(values, mean, 100) > 0.95 - 0.02


def test_students_intervals_fail_where_the_price_is_a_rare_disaster(populations):
    """One text in fifty costs 5 nats, the others nothing. Of 30 texts, over half of the time none is of the former."""
    values, mean, largest = draw(populations["rare"], 10)
    assert coverage(values, mean, 30) < 0.6
    assert coverage(values, mean, 150) < 0.93
    assert all(Betting(largest, 0.95).upper(row[:30]) > mean for row in values[:40])

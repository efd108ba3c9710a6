"""Own samples against enumeration, and accuracy limits against exact rates."""

import json
import math

import numpy as np
import pytest
from scipy.stats import binom, chisquare

import unmask
from unmask import cli
from unmask.certifying.accuracy import certify_accuracy, rate_lower_limit
from unmask.certifying.own_samples import own_samples
from unmask.errors import InputError
from unmask.laws import MarkovChain, Permutation, Table

LAW = Table(np.random.default_rng(0).dirichlet(np.full(8, 1.0)).reshape((2,) * 3))


@pytest.mark.parametrize("rule", [unmask.Schedule([1, 2]), "threshold:0.6", "entropy_bound:0.3", "one_by_one"])
def test_own_samples_of_a_perfect_model_have_the_law_itself(rule):
    """Chi-squared at 1 in 10,000; 4,000 samples find a law 0.05 away in total variation nearly always."""
    found = own_samples(unmask.oracle(LAW), rule, 4000, seed=1)
    p = np.exp(LAW.log_prob(LAW.support()))
    counts = np.bincount(found.tokens.numpy() @ [4, 2, 1], minlength=8)
    assert chisquare(counts, 4000 * p).pvalue > 1e-4
    np.testing.assert_allclose(found.singly, LAW.log_prob(found.tokens.numpy()), atol=1e-5)


def test_together_is_the_score_of_the_rule_on_the_same_path():
    rule = unmask.recipes.threshold(0.6)
    found = own_samples(unmask.oracle(LAW), rule, 200, seed=2)
    scored = unmask.score(unmask.oracle(LAW), rule, found.tokens)
    np.testing.assert_allclose(found.together, scored.log_prob, atol=1e-5)
    assert found.network_calls == 3 * 200


def test_the_mean_price_of_own_samples_is_the_price_of_the_plan():
    """Within 4.5 standard errors: wrong once in 150,000."""
    chain, plan = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 10), unmask.Schedule([2, 3, 5])
    prices = own_samples(unmask.oracle(chain), plan, 3000, seed=3).prices.numpy()
    exact = unmask.price(chain.curve(), plan)
    assert abs(prices.mean() - exact) < 4.5 * prices.std() / math.sqrt(3000)


def test_a_sample_depends_on_its_seed_alone():
    chain = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 10)
    few = [own_samples(unmask.oracle(chain), "threshold:0.8", 20, seed=4, batch_size=size) for size in (3, 20)]
    assert (few[0].tokens == few[1].tokens).all()
    np.testing.assert_allclose(few[0].prices, few[1].prices, atol=1e-6)


def is_permutation(row):
    return len(set(row)) == len(row)


def test_the_limit_is_below_the_exact_rate_of_permutations_and_near_it():
    """Sizes (1, 1, 2): valid with probability exp(-KL) = 1/2, where data processing is an equality."""
    found = certify_accuracy(unmask.oracle(Permutation(4)), unmask.Schedule([1, 1, 2]), is_permutation, 2000)
    assert found.one_at_a_time == 1.0
    assert found.kl == pytest.approx(math.log(2), abs=1e-5)
    assert 0.42 < found.at_least < 0.5
    assert "accuracy at least 0.4" in str(found)


def limits_above(repetitions, samples):
    """How often the limit is above the exact rate of "the first and the last token are equal", 3 tokens at once."""
    table = np.random.default_rng(7).dirichlet(np.full(8, 0.4)).reshape((2,) * 3)
    law = Table(table)
    ones = [table.sum(axis=tuple(j for j in range(3) if j != i))[1] for i in (0, 2)]
    exact = ones[0] * ones[1] + (1 - ones[0]) * (1 - ones[1])
    found = [
        certify_accuracy(
            unmask.oracle(law), unmask.Schedule([3]), lambda row: row[0] == row[2], samples, confidence=0.8, seed=seed
        ).at_least
        for seed in range(repetitions)
    ]
    assert max(found) > 0
    return sum(limit > exact for limit in found)


def test_limits_are_above_the_exact_rate_no_more_often_than_stated():
    """40 repetitions at 80 %; fails for nothing once in 1,000 if the true rate were 20 %."""
    assert limits_above(40, 60) <= binom.ppf(0.999, 40, 0.2)


def test_the_lower_limit_of_a_rate_is_clopper_and_pearsons():
    low = rate_lower_limit(45, 50, 0.95)
    assert binom.sf(44, 50, low) == pytest.approx(0.05)
    assert rate_lower_limit(0, 50, 0.95) == 0


def test_the_command_says_an_accuracy(tmp_path, capsys):
    law = "law:permutation:length=4"
    assert cli.main(["certify", law, "--rule", "one_by_one", "--accuracy", "--texts", "300"]) == 0
    assert capsys.readouterr().out.startswith("accuracy at least 0.8")
    check = tmp_path / "check.py"
    check.write_text("def first_is_zero(tokens):\n    return tokens[0] == 0\n")
    out = tmp_path / "a.json"
    asked = ["certify", law, "--rule", "one_by_one", "--accuracy", "--texts", "300", "--check"]
    assert cli.main([*asked, f"{check}:first_is_zero", "--out", str(out), "--json"]) == 0
    assert 0.02 < json.loads(out.read_text())["at_least"] < 0.25
    for more, message in [
        ([f"{check}:missing"], "has no function 'missing'"),
        (["missing.py:f"], "expected an existing FILE.py:FUNCTION"),
    ]:
        assert cli.main([*asked, *more]) == 2
        assert message in capsys.readouterr().err
    for options, message in [
        (["--accuracy", "--budget", "0.1"], "--budget and --accuracy were given"),
        ([], "--budget is missing"),
        (["--budget", "0.1", "--check", "x.py:f"], "--check was given without --accuracy"),
    ]:
        assert cli.main(["certify", law, "--rule", "one_by_one", *options]) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["certify", "toy", "--rule", "one_by_one", "--accuracy"]) == 2
    assert "--check is missing" in capsys.readouterr().err


def test_bad_input_is_refused():
    predictor = unmask.oracle(LAW)
    with pytest.raises(InputError, match="no path of its own"):
        own_samples(predictor, "llada:steps=2", 2)
    with pytest.raises(InputError, match="another law than"):
        own_samples(predictor, unmask.recipes.threshold(0.9).drawing(temperature=0.5), 2)
    with pytest.raises(InputError, match="the check answered 3"):
        certify_accuracy(predictor, unmask.Schedule([3]), lambda row: 3, 2)
    with pytest.raises(InputError, match="ZeroDivisionError"):
        certify_accuracy(predictor, unmask.Schedule([3]), lambda row: 1 / 0, 2)
    with pytest.raises(InputError, match="confidence is 95"):
        certify_accuracy(predictor, unmask.Schedule([3]), lambda row: True, 2, confidence=95)

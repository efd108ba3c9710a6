"""Tuning the rule that reads measured dependence: what it reads is measured, and kept with the setting."""

import numpy as np

import unmask
from unmask.laws import Table
from unmask.planning.tuned_rule import TunedRule

PAIR = np.array([[0.45, 0.05], [0.05, 0.45]])
LAW = Table(np.einsum("ab,cd,ef->abcdef", PAIR, PAIR, PAIR))


def test_the_profile_is_measured_on_the_texts_it_is_tuned_on_and_two_calls_are_free(tmp_path):
    predictor, texts = unmask.oracle(LAW), LAW.sample(80, 0)
    tuned = unmask.tune(predictor, "dependence", texts, budget=0.01)
    assert tuned.profile is not None
    assert tuned.profile.texts == 40
    assert tuned.network_calls.value <= 2.0  # one of each pair, then the others
    assert tuned.price_per_token.value < 0.01
    again = TunedRule.load(tuned.save(tmp_path / "d.tuned.json"))
    first, second = (unmask.sample(predictor, one.sampler(), n=8, seed=3) for one in (tuned, again))
    assert first.tokens.tolist() == second.tokens.tolist()


def test_other_rules_keep_no_profile(tmp_path):
    tuned = unmask.tune(unmask.oracle(LAW), "threshold", LAW.sample(8, 0), budget=0.5)
    assert tuned.profile is None
    assert TunedRule.load(tuned.save(tmp_path / "t.tuned.json")) == tuned

"""Tuning on laws, where the exact price of every setting is known by enumeration."""

import itertools

import numpy as np
import pytest
import torch

import unmask
from reference import output_laws
from reference.tiny_network import TinyNetwork
from unmask.errors import InputError
from unmask.laws import MarkovChain, Permutation, Repeated
from unmask.measuring.texts import identify
from unmask.planning.tunable_rules import RULES, Rule, rule_named
from unmask.planning.tune import tune
from unmask.planning.tuned_rule import TunedRule
from unmask.sampling import recipes
from unmask.sampling.rules.entropy_bound import EntropyBound

CHAIN = MarkovChain([0.5, 0.3, 0.2], [[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]], 5)
TEXTS = CHAIN.sample(400, 0)
# KLASS wants laws that have come to rest, which those of five strongly coupled tokens never do.
MILD = MarkovChain([0.7, 0.3], [[0.75, 0.25], [0.45, 0.55]], 8)
LAWS = {name: MILD if name == "klass" else CHAIN for name in RULES}

# What each rule is asked to keep on the chain, nats per token: neither everything nor nothing.
BUDGETS = {
    "dependence": 0.03,
    "entropy_bound": 0.06,
    "entropy_sum": 0.03,
    "entropy_threshold": 0.06,
    "threshold": 0.06,
    "factor": 0.06,
    "frechet": 0.06,
    "klass": 0.006,
}


def exact_price(law, sampler, orders=1):
    """Expected nats per sequence of a rule on a law: its likelihood of every sequence, weighted."""
    texts = np.array(list(itertools.product(range(law.vocab_size), repeat=law.length)))
    log_prob = law.log_prob(texts)
    found = unmask.score(unmask.oracle(law), sampler, torch.from_numpy(texts), random_orders=orders)
    return float(np.exp(log_prob) @ (log_prob - found.log_prob.numpy()))


@pytest.fixture(scope="module")
def knobs():
    """Each rule, tuned on its law."""
    return {
        name: tune(unmask.oracle(law), name, law.sample(400, 0), BUDGETS[name], batch_size=400)
        for name, law in LAWS.items()
    }


@pytest.mark.parametrize("name", RULES)
def test_a_tuned_rule_keeps_its_budget_on_the_law_itself(knobs, name):
    """The exact expected price is within the budget, but for what 200 texts leave open: three standard errors."""
    knob = knobs[name]
    exact = exact_price(LAWS[name], knob.sampler(), 40 if name == "entropy_sum" else 1)
    error = (knob.price.high - knob.price.low) / 4
    assert exact <= BUDGETS[name] * knob.length + 3 * error
    assert abs(exact - knob.price.value) <= 4 * error + 1e-5
    assert knob.price.count == 200


@pytest.mark.parametrize("name", RULES)
def test_the_next_looser_setting_that_was_tried_does_not_keep_the_budget(knobs, name):
    knob = knobs[name]
    values = [value for value, _, _ in knob.tried]
    place = values.index(knob.value)
    budget = BUDGETS[name] * knob.length
    assert knob.tried[place][1] <= budget
    assert all(price > budget for _, price, _ in knob.tried[place + 1 :])
    assert len(knob.tried) > place + 1


@pytest.mark.parametrize("name", RULES)
def test_calls_fall_and_prices_rise_as_the_knob_loosens(knobs, name):
    calls = [calls for _, _, calls in knobs[name].tried]
    prices = [price for _, price, _ in knobs[name].tried]
    assert calls == sorted(calls, reverse=True)
    assert calls[-1] < calls[0]
    assert np.all(np.diff(prices) >= -0.02)
    assert prices[-1] > prices[0]


@pytest.mark.parametrize("name", RULES)
def test_both_ends_of_every_range_are_all_at_once_and_nearly_one_by_one(name):
    """KLASS needs two more looks at a law before it calls it at rest: its loosest takes three calls and more."""
    rule, law = rule_named(name), LAWS[name]
    calls = []
    for looseness in (0.0, 1.0):
        sampler = rule.sampler(rule.value(looseness, law.length, law.vocab_size))
        calls.append(unmask.score(unmask.oracle(law), sampler, law.sample(50, 1)).network_calls.tolist())
    assert calls[0] == [law.length] * 50
    assert set(calls[1]) <= ({3, 4, 5, 6, 7} if name == "klass" else {1})
    assert sampler.scorable.kind == "replay"


def test_the_price_is_stated_on_texts_the_knob_was_not_chosen_on():
    """The half that chooses has the even ranks among the digests; the price is recomputed here from the other one."""
    texts = TEXTS[:60]
    knob = tune(unmask.oracle(CHAIN), "threshold", texts, 0.06)
    odd = np.argsort(np.argsort(identify(texts))) % 2 == 1
    paid = CHAIN.log_prob(texts) - unmask.score(unmask.oracle(CHAIN), knob.sampler(), texts).log_prob.numpy()
    chosen_at = next(price for value, price, _ in knob.tried if value == knob.value)
    assert knob.price.value == pytest.approx(paid[odd].mean(), abs=1e-5)
    assert chosen_at == pytest.approx(paid[~odd].mean(), abs=1e-5)
    assert abs(knob.price.value - chosen_at) > 1e-3


def test_the_order_of_the_texts_does_not_matter():
    first = tune(unmask.oracle(CHAIN), "threshold", TEXTS[:40], 0.06)
    again = tune(unmask.oracle(CHAIN), "threshold", TEXTS[:40][::-1].copy(), 0.06)
    assert (first.value, first.network_calls, first.price.count) == (again.value, again.network_calls, 20)
    assert first.price.value == pytest.approx(again.price.value, abs=1e-9)


def test_the_interval_holds_the_exact_price_as_often_as_it_says():
    """60 repetitions at 90 %: fewer than 46 would happen once in 1,000 times. Prices of one setting, of known value."""
    rule = Rule("entropy_bound", recipes.entropy_bound, 0.62, lambda window, vocab_size: 0.62)
    exact, held = exact_price(CHAIN, rule.sampler(0.62)), 0
    assert exact > 0.1
    for seed in range(60):
        texts = CHAIN.sample(60, 1000 + seed)
        knob = tune(unmask.oracle(CHAIN), rule, texts, 1.0, confidence=0.9, source=str(seed), batch_size=60)
        held += knob.price.low <= exact <= knob.price.high
    assert held >= 46


def test_a_budget_that_allows_everything_takes_the_loosest_setting_in_one_try():
    knob = tune(unmask.oracle(CHAIN), "entropy_bound", TEXTS[:20], 10.0)
    assert len(knob.tried) == 1
    assert (knob.network_calls.value, knob.network_calls.low, knob.network_calls.high) == (1.0, 1.0, 1.0)
    assert knob.value == pytest.approx(5 * np.log(3), rel=1e-3)


def test_a_budget_out_of_reach_names_the_cheapest_setting_in_one_line():
    with pytest.raises(
        InputError, match=r"budget is -0\.5 .* threshold gets down to .* at the least \(at 0\.\d+, 5"
    ) as e:
        tune(unmask.oracle(CHAIN), "threshold", TEXTS[:20], -0.5)
    assert "\n" not in str(e.value)


def test_blocks_are_tuned_as_they_are_run():
    """One at a time in blocks costs a perfect predictor nothing; everything of a block at once what the chain says."""
    law = MarkovChain([0.5, 0.3, 0.2], [[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]], 6)
    knob = tune(unmask.oracle(law), "entropy_bound", law.sample(300, 0), 10.0, block_length=3)
    assert (knob.block_length, knob.window, knob.length) == (3, 3, 6)
    assert knob.network_calls.value == 2.0
    whole = sum(
        np.exp(law.log_prob(np.array([text]))[0]) * -np.log(p)
        for text, p in output_laws.output_law(law, lambda laws, masked, step: [(1.0, masked[:3])]).items()
    )
    exact = whole - law.curve().values.sum()
    assert knob.price.low <= exact <= knob.price.high
    assert unmask.score(unmask.oracle(law), knob.sampler(), law.sample(10, 1)).network_calls.tolist() == [2.0] * 10


def test_given_positions_are_neither_priced_nor_counted():
    knob = tune(unmask.oracle(CHAIN), "threshold", TEXTS[:40], 10.0, given=2)
    assert (knob.length, knob.network_calls.value) == (3, 1.0)
    alone = tune(unmask.oracle(CHAIN), "threshold", TEXTS[:40], 0.0001, given=2)
    assert alone.network_calls.value == 3.0
    assert abs(alone.price.value) < 1e-5


def test_a_network_is_charged_as_the_knob_says():
    """Not calibrated and not a law: the price may be anything, but it is the replay's, and the calls are counted."""
    network = TinyNetwork(length=6)
    texts = np.random.default_rng(0).integers(0, 10, (12, 6))
    knob = tune(network, "threshold", texts, 0.5, seed=3)
    found = unmask.score(network, knob.sampler(), texts)
    assert knob.network_calls.low - 1 <= float(found.network_calls.mean()) <= knob.network_calls.high + 1
    assert knob.mask_token_id == 10
    assert not np.any(np.isnan([knob.price.value, knob.price.low, knob.price.high]))


def test_the_same_seed_finds_the_same_knob():
    tuned = [tune(unmask.oracle(CHAIN), "entropy_sum", TEXTS[:40], 0.03, seed=5, batch_size=n) for n in (40, 7)]
    assert (tuned[0].value, tuned[0].network_calls) == (tuned[1].value, tuned[1].network_calls)
    assert tuned[0].price.value == pytest.approx(tuned[1].price.value, abs=1e-6)


def test_fewer_points_are_tried_when_fewer_are_allowed():
    assert len(tune(unmask.oracle(CHAIN), "entropy_sum", TEXTS[:40], 0.03, points=6).tried) <= 6


def test_progress_says_what_is_being_done():
    said = []
    tune(unmask.oracle(CHAIN), "factor", TEXTS[:10], 10.0, progress=said.append)
    assert said == ["one token at a time, to compare with", "factor = 6"] * 2  # on each half of the texts


def test_a_saved_knob_comes_back_and_samples(tmp_path, knobs):
    knob = TunedRule.load(knobs["entropy_bound"].save(tmp_path / "m.tuned.json"))
    assert knob == knobs["entropy_bound"]
    assert knob.sampler().selection == EntropyBound(knob.value)
    out = unmask.sample(unmask.oracle(CHAIN), knob.sampler(), n=200, seed=0)
    assert abs(float(out.network_calls.float().mean()) - knob.network_calls.value) < 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [({"format": "unmask.plan/1"}, "has format 'unmask.plan/1'"), ({"value": None}, "not a whole unmask.tuned/1 file"),
     ({"tried": [[1, 2]]}, "not a whole"), ({"price": 3}, "not a whole"), ({"model": 3}, "not a whole")],
)  # fmt: skip
def test_a_damaged_knob_is_refused_in_one_line(tmp_path, knobs, change, words):
    import json

    path = knobs["factor"].save(tmp_path / "m.tuned.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=words):
        TunedRule.load(path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": "entropybound"}, "rule 'entropybound' has no knob to tune; did you mean 'entropy_bound'"),
        (
            {"rule": "zzz"},
            "there are dependence, entropy_bound, entropy_sum, entropy_threshold, factor, frechet, klass",
        ),
        ({"budget": float("nan")}, "budget is nan; expected nats per token"),
        ({"texts": TEXTS[:3]}, "3 texts were given; .* needs 4"),
        ({"texts": TEXTS[:8, :4]}, "rows of 4 tokens; the model takes exactly 5"),
        ({"points": 3}, "points is 3; expected at least 5"),
        ({"confidence": 1.5}, "confidence is 1.5"),
        ({"block_length": 2}, "block_length is 2, which does not divide the 5 tokens"),
    ],
)
def test_bad_arguments_are_said_in_one_line(options, words):
    arguments = {"rule": "threshold", "budget": 0.1, "texts": TEXTS[:8]} | options
    with pytest.raises(InputError, match=words) as caught:
        tune(unmask.oracle(CHAIN), **arguments)
    assert "\n" not in str(caught.value)


def test_a_text_the_model_cannot_write_is_named():
    texts = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 2], [2, 1, 0]])
    with pytest.raises(InputError, match=r"the text \[2, 2, 2\]… has probability 0 under the model"):
        tune(unmask.oracle(Permutation(3)), "threshold", texts, 0.1)


def test_a_rule_in_random_order_is_compared_along_the_same_orders():
    """Tight enough to reveal one token at a time, it pays exactly nothing, even where the model is far from a law."""
    texts = np.random.default_rng(0).integers(0, 10, (12, 6))
    tight = Rule("entropy_sum", recipes.entropy_sum, 1e-6, lambda window, vocab_size: 1e-6)
    knob = tune(TinyNetwork(length=6), tight, texts, 0.0001, random_orders=2)
    assert knob.network_calls.value == 6.0
    assert max(abs(knob.price.low), abs(knob.price.high)) < 1e-4


def test_all_equal_tokens_need_two_calls_and_lose_nothing_in_them():
    """Of a law with all tokens equal the first token tells all others: two calls, whatever the rule but KLASS."""
    law = Repeated(8, 2)
    for name in ("entropy_bound", "threshold", "factor", "entropy_sum"):
        knob = tune(unmask.oracle(law), name, law.sample(20, 0), 0.01, source="draws")
        assert (knob.network_calls.value, round(knob.price.value, 5)) == (2.0, 0.0), name

"""Score: exact by replay, equal to the closed form where there is one, and normalised."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask import laws, orders, recipes
from unmask.sampling import score as score_module
from unmask.sampling import stopping
from unmask.sampling.randomness import row_seeds

LAW = laws.Table(np.random.default_rng(3).dirichlet(np.full(81, 0.5)).reshape(3, 3, 3, 3))
ORACLE = unmask.oracle(LAW)
TEXTS = LAW.support()
SCHEDULE = unmask.Schedule([1, 2, 1])

SCORABLE = {
    "planned": recipes.planned(SCHEDULE),
    "planned in blocks": recipes.margin(4).in_blocks(2),
    "ancestral": recipes.ancestral(4),
    "moment": recipes.moment(3),
    "dream, noisy": recipes.dream(5, temperature=0.8, top_p=1.0, noise=0.3),
    "margin": recipes.margin(2),
    "threshold": recipes.threshold(0.5),
    "factor": recipes.factor(1.5),
    "entropy_bound": recipes.entropy_bound(0.6),
    "entropy_bound, random order": recipes.entropy_bound(0.6, order=orders.Uniform()),
    "entropy_sum": recipes.entropy_sum(1.5),
    "dilated": recipes.dilated(4),
    "spaced": recipes.spaced(recipes.entropy_sum(3.0), gap=2),
    "tempered": recipes.planned(SCHEDULE).drawing(temperature=1.5),
    "top_k": recipes.threshold(0.5).drawing(top_k=2),
}
every_scorable = pytest.mark.parametrize("sampler", SCORABLE.values(), ids=SCORABLE)


@every_scorable
def test_probabilities_of_all_texts_sum_to_one(sampler):
    one_order = [77] * len(TEXTS)  # every text under the same order: the law of the output given that order
    score = unmask.score(ORACLE, sampler, TEXTS, seeds=one_order)
    assert float(score.log_prob.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert score.exact
    assert score.random_orders == 1


@every_scorable
def test_the_score_of_a_sample_is_what_it_was_drawn_with(sampler):
    network = TinyNetwork()
    if sampler in (SCORABLE["planned"], SCORABLE["tempered"]):
        sampler = replace(sampler, **vars(recipes.planned(unmask.Schedule([2, 3, 4])).drawing(1.5)))
    out = unmask.sample(network, sampler, n=5, length=9, seed=1)
    again = unmask.score(network, sampler, out.tokens, seeds=out.seeds)
    torch.testing.assert_close(again.log_prob, out.log_prob, atol=1e-5, rtol=0)
    assert again.network_calls.tolist() == out.network_calls.tolist()
    assert again.network_calls_spent == int(out.network_calls.sum())
    torch.testing.assert_close(again.token_log_probs, out.log_probs.double(), atol=1e-5, rtol=0)


def test_all_steps_in_one_batch_equal_the_forced_replay_step_by_step():
    rows, _ = score_module.texts_of(ORACLE, TEXTS)
    seeds = row_seeds(4, len(TEXTS))
    for sampler in (SCORABLE["planned"], SCORABLE["ancestral"], SCORABLE["dilated"], SCORABLE["tempered"]):
        at_once = score_module._planned(ORACLE, sampler, rows, seeds, None)
        in_parts = score_module._planned(ORACLE, sampler, rows, seeds, 7)
        replayed = score_module._replayed(ORACLE, sampler, rows, seeds, None)
        for other in (in_parts, replayed):
            torch.testing.assert_close(at_once[0], other[0], atol=1e-6, rtol=0)
            assert torch.equal(at_once[2], other[2])
            assert at_once[3] == other[3]
        assert torch.equal(at_once[1], in_parts[1])
        assert torch.equal(at_once[1], replayed[1])


def test_the_mean_over_all_orders_and_texts_is_the_nelbo_of_the_curve():
    """F3 in closed form: E over x ~ p and all 24 orders of -log p(x | order) = sum_t s_t h_(a_t)."""
    weights = torch.tensor(np.exp(LAW.log_prob(TEXTS)))
    total = 0.0
    for permutation in itertools.permutations(range(4)):
        sampler = recipes.planned(SCHEDULE, order=orders.Given(permutation))
        score = unmask.score(ORACLE, sampler, TEXTS)
        assert not sampler.random
        assert (score.stderr == 0).all()
        total -= float((weights * score.log_prob).sum()) / 24
    assert total == pytest.approx(float(unmask.nelbo(LAW.curve(), SCHEDULE)), abs=1e-5)


@pytest.mark.parametrize(
    "sampler",
    [
        recipes.one_by_one(order=orders.BitReversal(shift=False)),
        recipes.threshold(1.0),
        recipes.factor(0.0),
        recipes.entropy_bound(0.0),
        recipes.entropy_bound(0.0, order=orders.LeftToRight()),
        recipes.entropy_sum(0.0, order=orders.LeftToRight()),
        recipes.margin(4),
        recipes.confidence(4),
        recipes.threshold(1.0, block_length=2),
    ],
    ids=lambda sampler: sampler.name,
)
def test_one_token_a_step_with_a_perfect_predictor_is_the_law_itself(sampler):
    score = unmask.score(ORACLE, sampler, TEXTS)
    np.testing.assert_allclose(score.log_prob, LAW.log_prob(TEXTS), atol=1e-5)
    assert score.network_calls.tolist() == [4] * len(TEXTS)
    assert score.tokens_per_call == 1


def test_more_orders_tighten_the_bound_on_the_output_law():
    law = laws.Permutation(5)
    texts = law.sample(40, seed=0)
    few = unmask.score(unmask.oracle(law), unmask.Schedule([2, 3]), texts, random_orders=2, seed=1)
    many = unmask.score(unmask.oracle(law), unmask.Schedule([2, 3]), texts, random_orders=32, seed=1)
    assert (few.bound >= few.log_prob - 1e-9).all()
    assert float(many.bound.mean()) > float(many.log_prob.mean()) - 1e-9
    assert float(many.stderr.mean()) <= float(few.stderr.mean()) + 1e-9
    noisy = unmask.score(ORACLE, SCORABLE["planned"], TEXTS, random_orders=2)
    settled = unmask.score(ORACLE, SCORABLE["planned"], TEXTS, random_orders=50)
    assert float(settled.stderr.mean()) < 0.5 * float(noisy.stderr.mean())
    assert (settled.bound > settled.log_prob).all()


def test_a_single_random_order_has_no_standard_error_rather_than_a_false_one():
    score = unmask.score(ORACLE, SCORABLE["planned"], TEXTS[:3], random_orders=1)
    assert score.stderr.isnan().all()


def test_orders_of_scoring_are_not_those_of_sampling_with_the_same_seed():
    out = unmask.sample(ORACLE, SCORABLE["planned"], n=64, seed=0)
    score = unmask.score(ORACLE, SCORABLE["planned"], out.tokens, seed=0, random_orders=1)
    assert not torch.allclose(score.log_prob, out.log_prob)


@every_scorable
def test_given_tokens_are_not_scored_and_the_rest_is_normalised(sampler):
    if sampler in (SCORABLE["planned"], SCORABLE["tempered"]):
        sampler = recipes.planned(unmask.Schedule([1, 1]))
    known = torch.tensor([False, True, False, True])
    texts = TEXTS[(TEXTS[:, 1] == 2) & (TEXTS[:, 3] == 0)]
    score = unmask.score(ORACLE, sampler, texts, given=known, seeds=[9] * len(texts))
    assert float(score.log_prob.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert (score.token_log_probs[:, known] == 0).all()
    assert int(score.scored.sum()) == 2 * len(texts)


def test_prompts_of_different_lengths_score_as_they_do_alone():
    network = TinyNetwork()
    texts = [[1, 2, 3, 4, 5], [6, 7, 8], [1, 2, 3, 4, 5]]
    together = unmask.score(network, recipes.threshold(0.3), texts, prompt=[2, 1, 0])
    for row, (text, given) in enumerate(zip(texts, [2, 1, 0], strict=True)):
        alone = unmask.score(network, recipes.threshold(0.3), text, prompt=given)
        assert float(alone.log_prob) == pytest.approx(float(together.log_prob[row]), abs=1e-6)
    assert together.scored.sum(1).tolist() == [3, 2, 5]


def test_a_text_the_sampler_cannot_write_has_probability_zero():
    score = unmask.score(TinyNetwork(), recipes.threshold(0.3), [[1, 10, 3]])  # 10 is the mask token
    assert float(score.log_prob) == -np.inf
    valid = unmask.score(unmask.oracle(laws.Permutation(4)), recipes.one_by_one(), [[0, 1, 1, 2]])
    assert float(valid.log_prob) == -np.inf
    assert valid.stderr.isnan().all()


def test_ending_a_text_early_is_scored_with_its_free_tail():
    """Left to right with an end of text: all texts that stop and are padded have probabilities that sum to one."""
    law = laws.MarkovChain(np.array([0.6, 0.4]), np.array([[0.7, 0.3], [0.2, 0.8]]), 4)
    oracle = unmask.oracle(law)
    oracle.end_of_text_id = 1
    sampler = recipes.one_by_one(order=orders.LeftToRight()).ending(stopping.EndOfText())
    score = unmask.score(oracle, sampler, law.support())
    padded = [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]]
    finite = law.support()[score.log_prob.isfinite().numpy()]
    assert sorted(finite.tolist()) == padded
    assert float(score.log_prob.exp().sum()) == pytest.approx(1, abs=1e-6)
    ends = unmask.score(oracle, sampler, [[0, 1, 1, 1]])
    assert ends.network_calls.tolist() == [2]
    assert ends.end.tolist() == [2]
    assert ends.tokens_before_end_per_call == 1
    assert ends.tokens_per_call == 2


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        (recipes.llada(2, None), "reads tokens drawn"),
        (recipes.maskgit(2), "reads tokens drawn"),
        (recipes.threshold(0.5).drawing(temperature=0), "greedy draw"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_reason(sampler, reason):
    with pytest.raises(unmask.InputError, match=reason):
        unmask.score(ORACLE, sampler, TEXTS)


def test_an_estimate_is_labelled_and_agrees_with_the_exact_score():
    texts = TEXTS[np.argsort(-LAW.log_prob(TEXTS))[:4]]
    exact = unmask.score(ORACLE, recipes.margin(2), texts)
    estimate = unmask.score(ORACLE, recipes.margin(2), texts, estimate=20_000)
    assert not estimate.exact
    assert estimate.how == "estimate"
    assert "MONTE-CARLO" in repr(estimate)
    assert ((estimate.log_prob - exact.log_prob).abs() < 4 * estimate.stderr).all()
    given = unmask.score(ORACLE, recipes.margin(2), texts, given=[True, False, True, False], estimate=4000)
    assert given.log_prob.isfinite().any()
    with pytest.raises(unmask.InputError, match="small laws"):
        unmask.score(unmask.oracle(laws.Permutation(12)), recipes.margin(2), [list(range(12))], estimate=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": [[0, 1, 2]]}, "length is 4"),
        ({"tokens": [[0, 1, 2, 3]]}, "token 3; allowed are 0..2"),
        ({"tokens": TEXTS, "random_orders": 0}, "random_orders is 0"),
        ({"tokens": TEXTS, "seeds": [1] * 81, "random_orders": 2}, "seeds fixes one order"),
        ({"tokens": TEXTS, "seeds": [1]}, "expected 81 whole numbers"),
        ({"tokens": TEXTS, "given": [True] * 4}, "no masked position"),
        ({"tokens": TEXTS, "given": [True] * 3}, "given does not have the shape"),
        ({"tokens": TEXTS, "given": [[1, 0, 0, 0]] * 81}, "or booleans, True where"),
        ({"tokens": TEXTS, "given": 1, "prompt": 1}, "both given"),
        ({"tokens": TEXTS[:2], "prompt": [1]}, "1 numbers for 2 texts"),
        ({"tokens": [[0.5, 1, 1, 1]]}, "whole numbers"),
    ],
)
def test_bad_input_is_one_clear_line(options, message):
    tokens = options.pop("tokens")
    with pytest.raises(unmask.InputError, match=message) as caught:
        unmask.score(ORACLE, recipes.margin(2), tokens, **options)
    assert "\n" not in str(caught.value)


def test_a_score_reads_well_and_can_be_saved():
    score = unmask.score(ORACLE, recipes.planned(SCHEDULE), TEXTS[:2], random_orders=3)
    assert "exact given the order, mean of 3 orders" in repr(score)
    assert score.to_dict()["exact"] is True
    assert score.per_token == pytest.approx(-score.mean / 4)

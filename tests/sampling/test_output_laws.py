"""Every sampler's histogram against its exact output law, found by enumeration.

G tests with fixed seeds. 12,000 samples a sampler; the error rate over the whole file is 1 % (Bonferroni).
"""

import numpy as np
import pytest

import unmask
from reference import output_laws as exact
from reference.g_test import g_test
from unmask import laws, orders, recipes
from unmask.sampling import priorities
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each

SAMPLES = 12_000


def table(seed=0, length=3, vocab_size=3, concentration=0.4):
    """A law with strong dependence and some impossible texts."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(vocab_size**length, concentration))
    weights[rng.choice(len(weights), len(weights) // 5, replace=False)] = 0
    return laws.Table((weights / weights.sum()).reshape((vocab_size,) * length))


LAW = table()
LONGER = table(seed=1, length=4, vocab_size=2)
SCHEDULE = unmask.Schedule([1, 2])
TWO = [2, 1]  # equal sizes of 3 tokens in 2 steps
COSINE = list(unmask.Schedule.cosine(3, 2))


def confidence(p):
    return max(p)


CASES = {
    "planned": (recipes.planned(SCHEDULE), lambda: exact.over_orders(LAW, lambda s: exact.sizes_in_order([1, 2], s))),
    "planned in bit-reversal order": (
        recipes.planned(unmask.Schedule([2, 1]), order=orders.Given([0, 2, 1])),
        lambda: exact.output_law(LAW, exact.sizes_in_order([2, 1], [0, 2, 1])),
    ),
    "one_by_one": (recipes.one_by_one(), lambda: exact.over_orders(LAW, lambda s: exact.sizes_in_order([1] * 3, s))),
    "first_hitting": (
        recipes.first_hitting(),
        lambda: exact.over_orders(LAW, lambda s: exact.sizes_in_order([1] * 3, s)),
    ),
    "left_to_right": (
        recipes.left_to_right(2),
        lambda: exact.output_law(LAW, exact.sizes_in_order([2, 1], [0, 1, 2])),
    ),
    "ancestral": (recipes.ancestral(3), lambda: exact.output_law(LAW, exact.ancestral(3))),
    "maskgit": (
        recipes.maskgit(2, temperature=1.5),
        lambda: exact.output_law_of_drawing_rule(LAW, exact.maskgit(COSINE, 1.5)),
    ),
    "moment": (recipes.moment(2, temperature=1.5), lambda: exact.output_law(LAW, exact.moment(COSINE, 1.5))),
    "llada": (
        recipes.llada(2, block_length=None),
        lambda: exact.output_law_of_drawing_rule(LAW, exact.llada(TWO)),
    ),
    "llada one by one": (
        recipes.llada(3, block_length=None),
        lambda: exact.output_law_of_drawing_rule(LAW, exact.llada([1] * 3)),
    ),
    "margin": (recipes.margin(2), lambda: exact.output_law(LAW, exact.equal_sizes(3, 2, exact.margin))),
    "confidence": (recipes.confidence(2), lambda: exact.output_law(LAW, exact.equal_sizes(3, 2, confidence))),
    "dream": (
        recipes.dream(2, temperature=1.0, top_p=1.0),  # counts floor(3 (1 - 0.5005)) = 1, then the rest
        lambda: exact.output_law(
            LAW,
            lambda p, masked, step: exact.take(
                exact.best_first({i: -exact.entropy(p[i]) for i in masked}), 1 if step == 0 else len(masked)
            ),
        ),
    ),
    "threshold": (recipes.threshold(0.6), lambda: exact.output_law(LAW, exact.threshold(0.6))),
    "factor": (recipes.factor(1.0), lambda: exact.output_law(LAW, exact.factor(1.0))),
    "entropy_bound": (recipes.entropy_bound(0.5), lambda: exact.output_law(LAW, exact.entropy_bound(0.5))),
    "entropy_bound in random order": (
        recipes.entropy_bound(0.5, order=orders.Uniform()),
        lambda: exact.over_orders(LAW, lambda s: exact.entropy_bound(0.5, s)),
    ),
    "entropy_sum": (recipes.entropy_sum(1.2), lambda: exact.over_orders(LAW, lambda s: exact.entropy_sum(1.2, s))),
    "margin in blocks": (
        Sampler(priorities.Margin(), Each(2)).in_blocks(2),
        lambda: exact.output_law(
            LONGER,
            exact.blocks(
                lambda p, masked, step: exact.take(exact.best_first({i: exact.margin(p[i]) for i in masked}), 2), 2
            ),
        ),
    ),
    "entropy_bound in blocks": (
        recipes.entropy_bound(0.5, block_length=2),
        lambda: exact.output_law(LONGER, exact.blocks(exact.entropy_bound(0.5), 2)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_histogram_matches_the_exact_output_law(name):
    sampler, law_of_output = CASES[name]
    expected = law_of_output()
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    law = LONGER if len(next(iter(expected))) == 4 else LAW
    out = unmask.sample(unmask.oracle(law), sampler, n=SAMPLES, seed=11)
    assert g_test(out.tokens, expected) > 0.01 / len(CASES)


def test_the_g_test_notices_a_rule_that_reads_drawn_tokens():
    """LLaDA's rule at one token a step, with a perfect predictor, does not sample the law; one_by_one does."""
    law = {tuple(text): float(np.exp(LAW.log_prob([text])[0])) for text in LAW.support().tolist()}
    llada = unmask.sample(unmask.oracle(LAW), recipes.llada(3, None), n=SAMPLES, seed=2)
    faithful = unmask.sample(unmask.oracle(LAW), recipes.one_by_one(), n=SAMPLES, seed=2)
    assert g_test(llada.tokens, law) < 1e-9
    assert g_test(faithful.tokens, law) > 0.001


@pytest.mark.parametrize("name", CASES)
def test_score_matches_the_exact_output_law(name):
    """Where the order is fixed the score IS the output law; where it is random its log-mean-exp approaches it."""
    sampler, law_of_output = CASES[name]
    expected = law_of_output()
    law = LONGER if len(next(iter(expected))) == 4 else LAW
    if not sampler.scorable:
        with pytest.raises(unmask.InputError, match=r"tokens drawn"):
            unmask.score(unmask.oracle(law), sampler, law.support())
        return
    texts = law.support()
    probabilities = np.array([expected.get(tuple(text), 0.0) for text in texts.tolist()])
    orders_drawn = 60 if sampler.random else 1
    score = unmask.score(unmask.oracle(law), sampler, texts, random_orders=orders_drawn, seed=5)
    if not sampler.random:
        np.testing.assert_allclose(score.bound.exp(), probabilities, atol=1e-6)
    else:  # each text's mean over 60 orders; atol is three standard errors of the widest text
        np.testing.assert_allclose(score.bound.exp(), probabilities, atol=0.06)
        assert float(score.bound.exp().sum()) == pytest.approx(1, abs=0.15)

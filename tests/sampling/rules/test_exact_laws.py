"""The output laws of rules that read laws alone: the score is the enumerated law, text by text, and samples follow it.

The rules are restated in plain numpy. G tests with a fixed seed, 6,000 samples a rule, 0.5 % each.
"""

import math

import numpy as np
import pytest
import torch

import unmask
from reference import output_laws as exact
from reference import remembering_laws as remembering
from reference.g_test import g_test
from unmask import laws, recipes
from unmask.sampling.rules.less import jensen_shannon

LAW = laws.Table(np.random.default_rng(5).dirichlet(np.full(27, 0.4)).reshape(3, 3, 3))
LONGER = laws.Table(np.random.default_rng(1).dirichlet(np.full(16, 0.6)).reshape(2, 2, 2, 2))
SAMPLES = 6000


def surest(p, masked):
    return exact.best_first({i: max(p[i]) for i in masked})


def entropy_threshold(tau):
    def rule(p, masked, step):
        low = exact.best_first({i: -exact.entropy(p[i]) for i in masked})
        return [(1.0, [i for i in masked if exact.entropy(p[i]) < tau] or low[:1])]

    return rule


def frechet(margin):
    def rule(p, masked, step):
        ranked = surest(p, masked)
        count = 1
        for n in range(2, len(ranked) + 1):
            c = [max(p[i]) for i in ranked[:n]]
            if sum(c) - (n - 1) - (1 - c[-1]) > margin:
                count = n
        return exact.take(ranked, count)

    return rule


def hierarchy(tau, low):
    def rule(p, masked, step):
        runs = []
        for i in masked:
            if runs and runs[-1][-1] == i - 1:
                runs[-1].append(i)
            else:
                runs.append([i])
        best = {surest(p, run)[0] for run in runs}
        chosen = [i for i in masked if max(p[i]) > tau or (i in best and max(p[i]) > low)]
        return [(1.0, chosen or surest(p, masked)[:1])]

    return rule


def pc_sampler(sizes, decay, counts):
    def rule(p, masked, step):
        worth = {}
        for i in masked:
            token = int(np.argmax(p[i]))
            share = max(counts.get(token, 1), 1) / sum(counts.values())
            worth[i] = math.exp(-decay * i) * min(-max(p[i]) * math.log(share), 10)
        return exact.take(exact.best_first(worth), sizes[step])

    return rule


def less(tau, drift, persistence):
    """memory: the laws of the step before and how often in a row each position has had its favourite."""

    def shannon(p, q):
        mean = (p + q) / 2
        return (remembering.divergence(p, mean) + remembering.divergence(q, mean)) / 2

    def rule(ask, text, known, drawn, p, memory):
        before, kept = memory if memory else (None, {})
        masked = sorted(drawn)
        stays = {i: before is not None and np.argmax(before[i]) == np.argmax(p[i]) for i in masked}
        kept = {i: kept.get(i, 0) + 1 if stays[i] else 1 for i in masked}
        found = [
            i
            for i in masked
            if max(p[i]) >= tau and kept[i] >= persistence and before is not None and shannon(p[i], before[i]) <= drift
        ]
        return found or surest(p, masked)[:1], (p, kept)

    return rule


def pipeline(tau, add):
    """Two blocks of two; memory: whether the second one is open."""

    def rule(ask, text, known, drawn, p, second):
        second = bool(second) or (second is not None and sum(known[:2]) / 2 >= add)
        chosen = [i for i in sorted(drawn) if max(p[i]) > tau and (i < 2 or second)]
        for block in (0, 1):
            inside = [i for i in drawn if i // 2 == block]
            forced = block == 0 or (second and all(known[:2]))
            if inside and forced and not set(chosen) & set(inside):
                chosen.append(surest(p, inside)[0])
        return sorted(chosen), second

    return rule


COUNTS = {0: 50, 1: 5, 2: 1}
CASES = {
    "entropy_threshold": (recipes.entropy_threshold(1.05, None), LAW, exact.output_law, entropy_threshold(1.05)),
    "entropy_threshold in blocks": (
        recipes.entropy_threshold(0.5, 2),
        LONGER,
        exact.output_law,
        exact.blocks(entropy_threshold(0.5), 2),
    ),
    "frechet": (recipes.frechet(-0.6, None), LAW, exact.output_law, frechet(-0.6)),
    "frechet, longer": (recipes.frechet(0.1, None), LONGER, exact.output_law, frechet(0.1)),
    "hierarchy": (recipes.hierarchy(0.65, 0.55, None), LONGER, exact.output_law, hierarchy(0.65, 0.55)),
    "pc_sampler": (
        recipes.pc_sampler(2, decay=0.5, counts=COUNTS),
        LAW,
        exact.output_law,
        pc_sampler([2, 1], 0.5, COUNTS),
    ),
    "less": (recipes.less(0.55, 0.05, 2), LONGER, remembering.output_law, less(0.55, 0.05, 2)),
    "less of one": (recipes.less(0.5, 0.1, 1), LAW, remembering.output_law, less(0.5, 0.1, 1)),
    "pipeline": (
        recipes.pipeline(0.7, 2, add=0.5, complete=1.0),
        LONGER,
        remembering.output_law,
        pipeline(0.7, 0.5),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_score_is_the_enumerated_law_and_samples_follow_it(name):
    sampler, law, walk, rule = CASES[name]
    expected = walk(law, rule)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    texts = law.support()
    score = unmask.score(unmask.oracle(law), sampler, texts)
    np.testing.assert_allclose(score.bound.exp(), [expected.get(tuple(t), 0.0) for t in texts.tolist()], atol=1e-6)
    out = unmask.sample(unmask.oracle(law), sampler, n=SAMPLES, seed=3)
    assert g_test(out.tokens, expected) > 0.005
    own = [float(np.exp(law.log_prob([text])[0])) for text in texts.tolist()]
    assert not np.allclose(own, score.bound.exp(), atol=1e-3)  # tokens were revealed together, and it cost something


def test_slow_and_fast_phases_are_scored_as_they_are_sampled():
    """No law is enumerated by hand here; what is scored sums to one and is what is drawn."""
    sampler = recipes.slow_fast(0.7, frontier=0.6, explore=1)
    texts = LONGER.support()
    score = unmask.score(unmask.oracle(LONGER), sampler, texts)
    expected = {tuple(t): float(p) for t, p in zip(texts.tolist(), score.bound.exp(), strict=True)}
    assert sum(expected.values()) == pytest.approx(1, abs=1e-5)
    out = unmask.sample(unmask.oracle(LONGER), sampler, n=SAMPLES, seed=3)
    assert g_test(out.tokens, expected) > 0.005


def test_jensen_shannon_of_few_tokens_lumps_the_others():
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.1, 0.4, 0.3, 0.2])

    def by_hand(p, q):
        mean = (p + q) / 2
        return (remembering.divergence(p, mean) + remembering.divergence(q, mean)) / 2

    pair = [torch.tensor(law).log().float()[None] for law in (p, q)]
    assert float(jensen_shannon(*pair, top=4)) == pytest.approx(by_hand(p, q), abs=1e-6)
    lumped = [np.array([law[1], law[0], law[2] + law[3]]) for law in (p, q)]  # means .35, .3, .25, .1
    assert float(jensen_shannon(*pair, top=2)) == pytest.approx(by_hand(*lumped), abs=1e-6)
    apart = [torch.tensor([1.0, 0.0]).log()[None], torch.tensor([0.0, 1.0]).log()[None]]
    assert float(jensen_shannon(*apart, top=2)) == pytest.approx(math.log(2), abs=1e-6)

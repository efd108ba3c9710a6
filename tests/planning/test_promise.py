"""The promise: what a plan is said to cost is what the sampler that runs it costs, by exact score.

Coverage is counted over repetitions: a 95 % interval may miss more often than one in twenty only as far as chance in
the count allows (the binomial tail bound stated at each test). Seeds are fixed.
"""

import functools
import math

import numpy as np
import pytest

import unmask
from unmask.laws import catalogue
from unmask.measuring.measure import measure
from unmask.planning.planner import Planner
from unmask.theory.order_table import OrderTable
from unmask.theory.reveal_orders import Given
from unmask.theory.schedule import Schedule


def fewest_hits(trials, share, tail):
    """The least k with P(at most k hits) > tail when each of `trials` hits with probability `share`."""
    below = 0.0
    for hits in range(trials + 1):
        below += math.comb(trials, hits) * share**hits * (1 - share) ** (trials - hits)
        if below > tail:
            return hits
    return trials


@functools.cache
def exact_table(law, order):
    """The mean table of an order: over every shift of a shifted one."""
    drawn = order.draw(law.length, 0)
    shifts = range(law.length) if getattr(order, "shift", False) else [0]
    tables = [law.order_table((drawn + shift) % law.length).values for shift in shifts]
    return OrderTable(np.mean(tables, axis=0))


def exact_price(law, plan):
    """What the plan costs under the law, nats per token, no sampling: from the curve, or from order tables."""
    costs = [law.curve() if part.order.name == "uniform" else exact_table(law, part.order) for part in plan.parts]
    prices = [unmask.price(cost, part.schedule) for cost, part in zip(costs, plan.parts, strict=True)]
    return np.mean(prices) / law.length


@pytest.mark.parametrize("name", ["left_to_right", "golden_ratio:shift=false", "mine"])
def test_on_the_same_texts_the_score_of_a_plan_is_what_was_measured(chain, name):
    """One order for all texts: not a matter of chance, but the same sum to rounding, text by text."""
    texts = np.unique(chain.sample(40, 7), axis=0)
    mine = {"mine": Given(np.random.default_rng(1).permutation(12).tolist())} if name == "mine" else [name]
    found = measure(unmask.oracle(chain), texts, orders=mine)
    for steps in (1, 2, 5, 12):
        plan = unmask.plan(found, steps, order=name)
        scored = unmask.score(unmask.oracle(chain), plan, texts)
        np.testing.assert_allclose(-scored.log_prob.numpy(), found.nelbos(plan.schedule, name), atol=1e-4)
        assert scored.network_calls.tolist() == [steps] * len(texts)


def test_intervals_hold_the_exact_price_as_often_as_they_say(chain):
    """60 repetitions, each fitted on 40 texts and priced on 40; at most one right program in 10,000 fails a count."""
    hits = dict.fromkeys((2, 4, 8), 0)
    orders = ["bit_reversal", "left_to_right"]
    for repetition in range(60):
        texts = chain.sample(80, 1000 + repetition)
        planner = Planner(measure(unmask.oracle(chain), texts, seed=repetition, orders=orders, batch_size=80))
        for steps in hits:
            plan = planner.plan(steps)
            hits[steps] += plan.parallel_price.low - 1e-5 <= exact_price(chain, plan) <= plan.parallel_price.high + 1e-5
    assert min(hits.values()) >= fewest_hits(60, 0.95, 1e-4), hits


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "orders"),
    [
        ("markov_chain:length=64,vocab_size=2", ["bit_reversal", "left_to_right"]),
        ("polya_urn:length=40", []),
        ("ising_chain:length=40,coupling=0.8", []),
        ("balanced:length=40,ones=13", []),
    ],
)
def test_every_number_of_steps_of_a_law_is_priced_as_promised(name, orders):
    """40 repetitions of fitting on 30 texts and pricing on 30, T in {2, 4, 8, 16, 32, L}, against the exact price."""
    law = catalogue.from_name(name)
    numbers = [2, 4, 8, 16, 32, law.length]
    hits = dict.fromkeys(numbers, 0)
    counts = sorted({0, 1, 2, 4, 8, 16, 32, *range(3, law.length, 3), law.length - 1})
    for repetition in range(40):
        texts = law.sample(60, 5000 + repetition)
        found = measure(
            unmask.oracle(law), texts, seed=repetition, orders=orders, batch_size=60, source=str(repetition),
            counts="all" if not orders else counts,
        )  # fmt: skip
        planner = Planner(found)
        for steps in numbers:
            plan = planner.plan(steps)
            hits[steps] += plan.parallel_price.low - 3e-5 <= exact_price(law, plan) <= plan.parallel_price.high + 3e-5
    assert min(hits.values()) >= fewest_hits(40, 0.95, 1e-4), hits


@pytest.mark.slow
@pytest.mark.parametrize("name", ["markov_chain:length=32", "hidden_markov:length=32", "polya_urn:length=32", "toy"])
def test_the_score_of_a_plan_on_fresh_text_is_the_predicted_price(name):
    """Difference of prediction and score, in standard errors of both: 4 of them, wrong once in 600 runs."""
    law = catalogue.from_name(name)
    predictor, length = unmask.oracle(law), law.length
    count = 60 if name == "toy" else 160
    orders = ["bit_reversal", "golden_ratio", "left_to_right"]
    found = measure(predictor, law.sample(count, 1), orders=orders, batch_size=80, source="measured")
    fresh = law.sample(count, 2)
    planner = Planner(found)
    for steps in sorted({2, 4, 8, 16, 32, length}):
        if steps > length:
            continue
        plan = planner.plan(steps)
        scored = unmask.score(predictor, plan, fresh, seed=3)
        # one at a time costs a perfect predictor -log p(x)
        paid = (-scored.log_prob.numpy() + law.log_prob(fresh)) / length
        error = paid.std(ddof=1) / np.sqrt(count)
        predicted = plan.price.half_width / 1.96
        assert abs(paid.mean() - plan.price.value) < 4 * np.hypot(error, predicted) + 1e-4, steps
        assert np.all(scored.network_calls.numpy() == steps)


def test_a_plan_of_several_permutations_costs_what_its_parts_do(chain):
    """Against exact order tables: 4 standard errors (wrong once in 15,000)."""
    permutations = {f"p{seed}": Given(np.random.default_rng(seed).permutation(12).tolist()) for seed in range(4)}
    found = measure(unmask.oracle(chain), chain.sample(200, 0), orders=permutations, batch_size=200)
    plan = unmask.plan(found, 4, parts=3)
    assert {part.order for part in plan.parts} <= set(permutations.values())
    error = plan.price.half_width / 1.96
    assert abs(exact_price(chain, plan) - plan.price.value) < 4 * error
    scored = unmask.score(unmask.oracle(chain), plan, chain.sample(200, 1), random_orders=4)
    fresh = (-scored.mean - chain.entropy) / 12
    assert abs(fresh - plan.price.value) < 4 * np.hypot(error, scored.mean_stderr / 12)


def test_sizes_of_its_own_make_a_permutation_cheaper_than_sizes_for_all(chain):
    """What planning order and sizes together gains, exactly."""
    tables = [chain.order_table(np.random.default_rng(seed).permutation(12)) for seed in range(40)]
    own = np.mean([unmask.frontier(table, 4).price(4) for table in tables])
    shared = unmask.frontier(chain.curve(), 4).price(4)
    assert isinstance(tables[0], OrderTable)
    assert own < 0.6 * shared
    assert unmask.frontier(chain.curve(), 12).schedule(12) == Schedule([1] * 12)


def test_model_error_is_what_is_paid_beyond_the_models_own_entropy(chain):
    """Of a network that believes in another chain: sum over steps of s_t (c - h), from exact laws; 4 standard errors.

    Text is of one chain, the predictor the law of another: what it pays and what it expects to pay at the canvases of
    a plan are read directly, on other permutations.
    """
    other = unmask.laws.MarkovChain([0.6, 0.4], [[0.95, 0.05], [0.05, 0.95]], 8)
    text = unmask.laws.MarkovChain([0.5, 0.5], [[0.8, 0.2], [0.2, 0.8]], 8)
    texts, schedule = text.sample(400, 0), Schedule([3, 5])
    found = measure(unmask.oracle(other), texts, batch_size=400)
    error = found.model_error([("uniform", schedule)])
    rng, paid = np.random.default_rng(1), np.zeros((400, 2))
    for row, tokens in enumerate(texts):
        permutation = rng.permutation(8)
        for start, stop in ((0, 3), (3, 8)):
            known = np.isin(np.arange(8), permutation[:start])
            laws = other.conditionals(tokens[None], known[None])[0]
            places = permutation[start:stop]
            paid[row, 0] -= np.log(laws[places, tokens[places]]).sum()
            paid[row, 1] -= (laws[places] * np.log(laws[places])).sum()
    direct = paid[:, 0] - paid[:, 1]
    spread = np.hypot(direct.std(ddof=1) / 20, error.half_width / 1.96)
    assert abs(direct.mean() - error.value) < 4 * spread
    assert error.low > 0
    calibrated = measure(unmask.oracle(text), texts, batch_size=400).model_error([("uniform", schedule)])
    assert abs(calibrated.value) < 2 * calibrated.half_width
    plan = unmask.plan(found, 2)
    assert plan.model_error is not None
    assert plan.model_error.value == pytest.approx(
        Planner(found).held.model_error([("uniform", plan.schedule)]).value / 8
    )

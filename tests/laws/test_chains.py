"""Markov chains and hidden Markov models, against enumeration, against each other, and at full size."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from reference import brute_force, enumeration
from unmask.errors import InputError
from unmask.laws import HiddenMarkov, MarkovChain
from unmask.laws.base import entropy
from unmask.laws.gaps import curve_from_gaps
from unmask.theory.price import price
from unmask.theory.reveal_orders import BitReversal, LeftToRight, Uniform
from unmask.theory.schedule import Schedule

STICKY = [[0.95, 0.05], [0.1, 0.9]]


def random_rows(shape, seed, zeros=0.3):
    """Random distributions over the last axis, some entries impossible."""
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=shape) * (rng.random(shape) >= zeros)
    weights[..., seed % shape[-1]] += 0.1
    return weights / weights.sum(axis=-1, keepdims=True)


def random_chain(order, vocab_size, length, seed, zeros=0.3):
    initial = random_rows((vocab_size**order,), seed, zeros).reshape((vocab_size,) * order)
    return MarkovChain(initial, random_rows((vocab_size,) * (order + 1), seed + 1, zeros), length)


def random_hidden(states, vocab_size, length, seed):
    return HiddenMarkov(
        random_rows((states,), seed),
        random_rows((states,) * 2, seed + 1),
        random_rows((states, vocab_size), seed + 2),
        length,
    )


LAWS = {
    "order 1": random_chain(1, 3, 5, seed=0),
    "order 1, two tokens, long": random_chain(1, 2, 8, seed=1),
    "order 1, one token": random_chain(1, 4, 1, seed=2),
    "order 2": random_chain(2, 3, 5, seed=3),
    "order 3": random_chain(3, 2, 6, seed=4),
    "order 2, as long as its order": random_chain(2, 3, 2, seed=5),
    "stationary": MarkovChain.stationary(random_rows((3, 3), 6), 5),
    "hidden": random_hidden(3, 2, 6, seed=7),
    "hidden, more tokens than states": random_hidden(2, 4, 4, seed=8),
}


@pytest.fixture(params=LAWS.values(), ids=LAWS.keys())
def law(request):
    return request.param


def test_probabilities_of_all_sequences_sum_to_one(law):
    assert enumeration.joint_of(law).sum() == pytest.approx(1.0, abs=1e-12)


def test_probability_is_the_product_of_the_transitions():
    chain = LAWS["order 2"]
    x = np.array([2, 0, 1, 1, 2])
    steps = [chain.transition[x[t - 2], x[t - 1], x[t]] for t in range(2, 5)]
    assert np.exp(chain.log_prob(x[None])[0]) == pytest.approx(chain.initial[2, 0] * np.prod(steps), abs=1e-15)


def test_hidden_probability_is_the_sum_over_all_paths():
    law = random_hidden(3, 2, 4, seed=7)
    for x in itertools.product(range(2), repeat=4):
        total = 0.0
        for path in itertools.product(range(3), repeat=4):
            p = law.initial[path[0]] * law.emission[path[0], x[0]]
            for t in range(1, 4):
                p *= law.transition[path[t - 1], path[t]] * law.emission[path[t], x[t]]
            total += p
        assert np.exp(law.log_prob([x])[0]) == pytest.approx(total, abs=1e-14)


def test_curve_is_the_curve_by_definition(law):
    curve = law.curve()
    assert curve.stderr is None
    np.testing.assert_allclose(curve.values, brute_force.information_curve(enumeration.joint_of(law)), atol=1e-12)


def test_entropy_is_that_of_the_joint_table(law):
    expected = brute_force.entropy(enumeration.joint_of(law), range(law.length))
    assert law.entropy == pytest.approx(expected, abs=1e-12)


def test_conditionals_are_those_of_enumeration_for_any_known_set(law):
    x, known = enumeration.random_canvases(law.length, law.vocab_size, 200, seed=9)
    expected = enumeration.conditionals(enumeration.joint_of(law), x, known)
    np.testing.assert_allclose(law.conditionals(x, known), expected, atol=1e-12)


def test_the_canvases_of_that_test_include_impossible_contexts():
    chain = LAWS["order 1"]
    x, known = enumeration.random_canvases(chain.length, chain.vocab_size, 200, seed=9)
    answers = chain.conditionals(x, known)
    uniform = np.all(answers == 1 / 3, axis=-1)
    assert (uniform & ~known).any()


def test_a_batch_answers_as_its_rows_do_one_by_one(law):
    x, known = enumeration.random_canvases(law.length, law.vocab_size, 20, seed=3)
    together = law.conditionals(x, known)
    for row in range(20):
        alone = law.conditionals(x[row : row + 1], known[row : row + 1])[0]
        np.testing.assert_allclose(together[row], alone, atol=1e-14)


def test_what_stands_at_unknown_positions_is_never_read(law):
    x, known = enumeration.random_canvases(law.length, law.vocab_size, 20, seed=4)
    garbage = np.where(known, x, -5)
    np.testing.assert_array_equal(law.conditionals(x, known), law.conditionals(garbage, known))


def test_samples_follow_the_law(law):
    # One chi-square test for each law; each fails for one seed in a million if the law is right. The seed is fixed.
    assert enumeration.chi_square_p_value(law, 20_000, seed=11) > 1e-6


def test_a_context_of_probability_zero_makes_every_masked_position_uniform():
    cycle = MarkovChain([1.0, 0.0, 0.0], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], 6)
    x, known = np.array([[0, 0, 0, 0, 0, 1]]), np.array([[False, False, False, False, False, True]])
    np.testing.assert_array_equal(cycle.conditionals(x, known)[0, :5], np.full((5, 3), 1 / 3))
    possible = cycle.conditionals(np.array([[0, 0, 0, 0, 0, 2]]), known)[0]
    np.testing.assert_array_equal(possible.argmax(axis=1), [0, 1, 2, 0, 1, 2])


def test_stationary_curve_is_the_gap_formula_as_printed():
    # Hbar_k = H(X_1) + sum_d (L-d) C(L-d-1, k-2) / C(L, k) eta(d), with whole-number binomials
    length = 40
    chain = MarkovChain.stationary(STICKY, length)
    powers = [np.linalg.matrix_power(np.array(STICKY), d) for d in range(length)]
    eta = [chain.marginals[0] @ entropy(power) for power in powers]
    single = entropy(chain.marginals[0])
    means = [0.0, single]
    for k in range(2, length + 1):
        weights = [Fraction((length - d) * comb(length - d - 1, k - 2), comb(length, k)) for d in range(1, length)]
        means.append(single + sum(float(w) * eta[d] for d, w in enumerate(weights, start=1)))
    np.testing.assert_allclose(chain.curve().values, np.diff(means), atol=1e-12)


def test_curve_keeps_its_digits_at_length_4096():
    length = 4096
    chain = MarkovChain.stationary(STICKY, length)
    curve = chain.curve()
    law = chain.marginals[0]
    one, two = law @ entropy(np.array(STICKY)), law @ entropy(np.linalg.matrix_power(np.array(STICKY), 2))
    last = ((length - 2) * (2 * one - two) + 2 * one) / length  # both neighbours known, or the only one at an end
    assert curve.values[-1] == pytest.approx(last, abs=1e-12)
    assert curve.values[0] == pytest.approx(entropy(law), abs=1e-12)
    assert curve.entropy == pytest.approx(chain.entropy, abs=1e-8)
    assert curve.is_monotone


def test_gap_weights_give_an_independent_chain_a_flat_curve_and_equal_tokens_a_step():
    np.testing.assert_allclose(curve_from_gaps(np.full(300, 0.7), np.full(300, 0.7)), 0.7, atol=1e-12)
    equal = curve_from_gaps(np.full(300, 0.7), np.zeros(300))
    np.testing.assert_allclose(equal, np.r_[0.7, np.zeros(299)], atol=1e-12)


def test_measured_curve_agrees_with_the_exact_one_within_its_standard_errors():
    # 31 z-scores: one of them beyond 5 happens for about one seed in 50,000. Fixed seed.
    chain = MarkovChain.stationary(STICKY, 32)
    measured, exact = chain.measured_curve(samples=200, seed=1), chain.curve().values
    z = (measured.values[1:] - exact[1:]) / measured.stderr[1:]
    assert np.abs(z).max() < 5
    assert measured.stderr.max() < 0.03
    assert measured.values[0] == pytest.approx(exact[0], abs=1e-12)


def test_order_2_that_ignores_the_older_token_is_the_order_1_chain():
    one = random_chain(1, 3, 6, seed=20)
    two = MarkovChain(one.initial[:, None] * one.transition, np.tile(one.transition, (3, 1, 1)), 6)
    x, known = enumeration.random_canvases(6, 3, 100, seed=21)
    np.testing.assert_allclose(two.log_prob(two.support()), one.log_prob(one.support()), atol=1e-12)
    np.testing.assert_allclose(two.conditionals(x, known), one.conditionals(x, known), atol=1e-12)
    np.testing.assert_allclose(two.curve().values, one.curve().values, atol=1e-12)
    np.testing.assert_allclose(two.marginals, one.marginals, atol=1e-14)
    assert two.entropy == pytest.approx(one.entropy, abs=1e-12)


def test_order_2_is_the_order_1_chain_of_overlapping_pairs():
    chain = random_chain(2, 3, 6, seed=22)
    lifted_rows = np.zeros((9, 9))
    for a, b, c in itertools.product(range(3), repeat=3):
        lifted_rows[3 * a + b, 3 * b + c] = chain.transition[a, b, c]
    lifted = MarkovChain(chain.initial.reshape(-1), lifted_rows, 5)
    x = chain.sample(50, seed=1)
    pairs = 3 * x[:, :-1] + x[:, 1:]
    np.testing.assert_allclose(lifted.log_prob(pairs), chain.log_prob(x), atol=1e-12)
    known_pairs = np.random.default_rng(2).random(pairs.shape) < 0.4
    known = np.zeros(x.shape, dtype=bool)
    known[:, :-1] |= known_pairs
    known[:, 1:] |= known_pairs
    older_of_pair = lifted.conditionals(pairs, known_pairs).reshape(50, 5, 3, 3).sum(axis=3)
    np.testing.assert_allclose(chain.conditionals(x, known)[:, :-1], older_of_pair, atol=1e-12)


def test_hidden_chain_that_emits_its_state_is_the_chain():
    chain = random_chain(1, 3, 7, seed=23)
    hidden = HiddenMarkov(chain.initial, chain.transition, np.eye(3), 7)
    x, known = enumeration.random_canvases(7, 3, 100, seed=24)
    np.testing.assert_allclose(hidden.log_prob(x), chain.log_prob(x), atol=1e-12)
    np.testing.assert_allclose(hidden.conditionals(x, known), chain.conditionals(x, known), atol=1e-12)
    np.testing.assert_allclose(hidden.curve().values, chain.curve().values, atol=1e-12)


def test_conditionals_of_a_long_chain_are_those_of_the_nearest_known_neighbours():
    rows = random_rows((5, 5), 30, zeros=0.2)
    chain = MarkovChain.stationary(rows, 1024)
    x = chain.sample(3, seed=0)
    known = np.random.default_rng(1).random(x.shape) < 0.03
    answers = chain.conditionals(x, known)
    powers = [np.linalg.matrix_power(rows, d) for d in range(1024)]
    for row in range(3):
        places = np.flatnonzero(known[row])
        for left, right in itertools.pairwise(places):
            for i in range(left + 1, right):
                expected = powers[i - left][x[row, left]] * powers[right - i][:, x[row, right]]
                np.testing.assert_allclose(answers[row, i], expected / expected.sum(), atol=1e-12)


def test_hidden_chain_of_length_1024_neither_overflows_nor_underflows():
    law = HiddenMarkov([0.5, 0.5], STICKY, [[1 - 1e-12, 1e-12], [0.2, 0.8]], 1024)
    x = np.ones((1, 1024), dtype=int)
    assert np.isfinite(law.log_prob(x)).all()
    np.testing.assert_allclose(law.conditionals(x, np.arange(1024)[None] % 2 == 0).sum(axis=-1), 1.0)


# The neighbour form: order tables and partitions


@pytest.mark.parametrize("seed", range(6))
def test_price_of_a_partition_is_the_kl_of_what_it_draws(seed):
    chain = random_chain(1, 3, 5, seed=40 + seed)
    joint = enumeration.joint_of(chain)
    rng = np.random.default_rng(seed)
    permutation = rng.permutation(5)
    sizes = list(brute_force.compositions(5))[int(rng.integers(16))]
    blocks = brute_force.blocks_of(permutation.tolist(), sizes)
    drawn = brute_force.output_law(joint.shape, brute_force.perfect_predictor(joint), blocks)
    expected = brute_force.divergence(joint, drawn)
    assert chain.partition_price(permutation, Schedule(sizes)) == pytest.approx(expected, abs=1e-12)


def test_price_in_uniform_order_is_the_mean_price_of_all_permutations():
    chain = random_chain(1, 3, 5, seed=50)
    schedule = Schedule([2, 2, 1])
    prices = [chain.partition_price(list(order), schedule) for order in itertools.permutations(range(5))]
    assert np.mean(prices) == pytest.approx(price(chain.curve(), schedule), abs=1e-12)


def test_order_table_is_the_one_by_definition():
    chain = random_chain(1, 3, 5, seed=51)
    joint = enumeration.joint_of(chain)
    permutation = [3, 0, 4, 2, 1]
    table = chain.order_table(permutation)
    expected = brute_force.order_table(joint, brute_force.perfect_predictor(joint), permutation)
    np.testing.assert_allclose(table.values, expected, atol=1e-12)
    assert price(table, Schedule([2, 3])) == pytest.approx(
        chain.partition_price(permutation, Schedule([2, 3])), abs=1e-12
    )


def test_order_table_of_uniform_orders_has_the_curve_in_its_rows():
    # 136 entries within 5 standard errors of h_a: fails for about one seed in 10,000. Fixed seed.
    chain = MarkovChain.stationary(STICKY, 16)
    table = chain.order_table(Uniform(), draws=400, seed=1)
    above = np.triu(np.ones((16, 16), dtype=bool))
    misses = np.abs(table.values - chain.curve().values[:, None])
    assert np.all(misses[above] <= 5 * table.stderr[above] + 1e-9)


def best_price(costs, steps):
    """The least sum of `steps` consecutive costs[a, b] from 0 to L."""
    totals = np.r_[0.0, np.full(len(costs) - 1, np.inf)]
    for _ in range(steps):
        totals = (totals[:, None] + costs).min(axis=0)
    return totals[-1]


def test_order_matters_more_than_sizes_for_a_sticky_chain():
    # L = 64, T = 8, best sizes in each order: 1.50 nats in uniform order, 16.0 left to right, none by bit reversal.
    length, steps = 64, 8
    chain = MarkovChain.stationary(STICKY, length)
    begins, ends = np.arange(length + 1)[:, None], np.arange(length + 1)[None]
    curve = np.append(chain.curve().values, 0.0)[:, None]
    uniform = best_price(np.where(ends > begins, (ends - begins) * curve, np.inf), steps) - chain.entropy

    def best_in(order):
        costs = np.full((length + 1, length + 1), np.inf)
        for a, row in enumerate(chain.order_table(order).values):
            costs[a, a + 1 :] = np.cumsum(row[a:])
        return best_price(costs, steps) - chain.entropy

    assert uniform == pytest.approx(1.50, abs=0.005)
    assert best_in(LeftToRight()) == pytest.approx(16.0, abs=0.05)
    assert best_in(BitReversal(shift=False)) == pytest.approx(0.0, abs=1e-9)


def test_bisection_of_a_chain_costs_nothing():
    chain = MarkovChain([0.3, 0.7], STICKY, 9)
    assert chain.partition_price([4, 0, 8, 2, 6, 1, 3, 5, 7], Schedule([1, 2, 2, 4])) == pytest.approx(0.0, abs=1e-12)
    assert chain.partition_price([0, 8, 4, 2, 6, 1, 3, 5, 7], Schedule([2, 1, 2, 4])) > 0.01  # both ends at once


# Stationary laws and chains fitted to text


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "rows",
    [STICKY, [[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[1 - 1e-9, 1e-9], [1e-9, 1 - 1e-9]]],
    ids=["sticky", "periodic", "reducible", "nearly reducible"],
)
def test_a_stationary_chain_has_the_same_law_at_every_position(order, rows):
    table = np.asarray(rows) if order == 1 else np.tile(rows, (2, 1, 1))
    marginals = MarkovChain.stationary(table, 30).marginals
    np.testing.assert_allclose(marginals, np.tile(marginals[0], (30, 1)), atol=1e-12)


def test_a_chain_fitted_without_smoothing_has_the_statistics_of_its_text():
    text = "abracadabra"
    chain = MarkovChain.fit(text, order=2, length=9, smoothing=0)
    around = text + text[:2]
    triples = [around[i : i + 3] for i in range(len(text))]
    assert chain.symbols == "abcdr"
    for triple in set(triples):
        context = sum(t[:2] == triple[:2] for t in triples)
        assert chain.transition[tuple(chain.encode(triple))] == pytest.approx(triples.count(triple) / context)
        assert chain.initial[tuple(chain.encode(triple[:2]))] == pytest.approx(context / len(text))
    frequencies = np.array([text.count(symbol) for symbol in chain.symbols]) / len(text)
    np.testing.assert_allclose(chain.marginals, np.tile(frequencies, (9, 1)), atol=1e-12)
    never = chain.transition[tuple(chain.encode("cb"))]
    np.testing.assert_allclose(never, frequencies)


def test_smoothing_gives_every_character_a_chance_after_every_context():
    chain = MarkovChain.fit("abracadabra", length=20, smoothing=0.5)
    assert chain.transition.min() > 0
    a, b = chain.encode("ab")
    assert chain.transition[a, b] == pytest.approx((2 + 0.5 * 2 / 11) / (5 + 0.5))
    np.testing.assert_allclose(chain.marginals, np.tile(chain.marginals[0], (20, 1)), atol=1e-12)


def test_a_text_and_an_order_are_enough_to_fit_a_chain():
    text = "to be or not to be"
    assert MarkovChain.fit(text, 2).length == MarkovChain.fit(text, order=2).length == 64
    assert MarkovChain.fit(text, 1, 9).length == MarkovChain.fit(text, length=9).length == 9


def test_encoding_and_decoding_are_inverse():
    chain = MarkovChain.fit("to be or not to be", length=5)
    assert chain.decode(chain.encode("bet on root")) == "bet on root"
    with pytest.raises(InputError, match="'x'"):
        chain.encode("box")
    with pytest.raises(InputError, match="symbols"):
        MarkovChain.stationary(STICKY, 4).decode([0, 1])


def test_an_order_2_chain_of_27_characters_is_exact_at_length_64():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz "), size=3000, p=rng.dirichlet(np.ones(27))))
    chain = MarkovChain.fit(text, order=2, length=64)
    x = chain.sample(4, seed=1)
    known = np.tile(np.arange(64) < 40, (4, 1))
    answers = chain.conditionals(x, known)
    for row in range(4):
        np.testing.assert_allclose(answers[row, 40], chain.transition[x[row, 38], x[row, 39]], atol=1e-12)
    np.testing.assert_allclose(
        chain.conditionals(x, np.zeros_like(known)), np.tile(chain.marginals, (4, 1, 1)), atol=1e-12
    )


def test_the_curve_of_an_order_2_chain_too_large_to_enumerate_is_measured_and_says_so():
    # Its sum estimates the entropy, which is exact: beyond 5 standard errors for one seed in a million.
    chain = random_chain(2, 4, 16, seed=60)
    measured = chain.measured_curve(samples=100, seed=0)
    assert measured.stderr is not None
    assert abs(measured.entropy - chain.entropy) < 5 * measured.stderr.sum()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MarkovChain([0.5, 0.5], [[0.5, 0.6], [0.5, 0.5]], 4), "transition.*sum"),
        (lambda: MarkovChain([0.5, 0.5], [[1.5, -0.5], [0.5, 0.5]], 4), "transition.*negative"),
        (lambda: MarkovChain([0.5, 0.5], [[np.nan, 1.0], [0.5, 0.5]], 4), "transition.*nan"),
        (lambda: MarkovChain([0.5, 0.6], STICKY, 4), "initial.*sum"),
        (lambda: MarkovChain([1.0], STICKY, 4), "initial.*shape"),
        (lambda: MarkovChain([0.5, 0.5], [0.5, 0.5], 4), "transition.*shape"),
        (lambda: MarkovChain([0.5, 0.5], [[0.5, 0.5]], 4), "transition.*shape"),
        (lambda: MarkovChain([0.5, 0.5], [[1.0], [0.5, 0.5]], 4), "transition.*rows differ in length"),
        (lambda: MarkovChain([0.5, 0.5], STICKY, 0), "length"),
        (lambda: MarkovChain([0.5, 0.5], STICKY, 2.5), "length"),
        (lambda: MarkovChain(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), 1), "length"),
        (lambda: MarkovChain.fit("", length=4), "text"),
        (lambda: MarkovChain.fit(b"abab", length=4), "text is of type bytes; expected a string"),
        (lambda: MarkovChain.fit("ab", order=2, length=4), "text"),
        (lambda: MarkovChain.fit("abc", order=0, length=4), "order"),
        (lambda: MarkovChain.fit("abc", length=0), "length"),
        (lambda: MarkovChain.fit("abc", length=4, smoothing=-1), "smoothing"),
        (lambda: HiddenMarkov([0.5, 0.5], STICKY, [[0.5, 0.5]], 4), "emission"),
        (lambda: HiddenMarkov([0.5, 0.5], STICKY, [[0.5, 0.4], [1.0, 0.0]], 4), "emission.*sum"),
        (lambda: HiddenMarkov(np.full((2, 2), 0.25), np.full((2, 2, 2), 0.5), np.eye(2), 4), "transition"),
        (lambda: LAWS["order 1"].partition_price([0, 1, 2, 3, 3], Schedule([5])), "permutation"),
        (lambda: LAWS["order 1"].partition_price(range(5), Schedule([4])), "length"),
        (lambda: LAWS["order 2"].partition_price(range(5), Schedule([5])), "order"),
        (lambda: LAWS["order 1"].measured_curve(samples=1), "samples"),
    ],
)
def test_bad_input_is_one_line_that_says_what_is_wrong(make, says):
    with pytest.raises(InputError, match=says) as error:
        make()
    assert "\n" not in str(error.value)

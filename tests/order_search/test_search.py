"""Searched and learnt orders: better than what they started from, by exact tables of the law.

Text drawn with fixed seeds. Where a search is asked to reach an optimum, the exact law says whether it did.
"""

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.laws import MarkovChain, toy_grammar
from unmask.order_search.annealing import anneal, cost, order_table
from unmask.order_search.calibration import ExpectedLosses, RandomCanvases
from unmask.order_search.candidates import candidates, interleaved
from unmask.order_search.gap_profile import NONE, GapProfile, gap_kinds
from unmask.order_search.masked_losses import MaskedLosses
from unmask.order_search.partition import Partition, improve, is_gain
from unmask.order_search.screening import labels_of
from unmask.order_search.search import SearchOptions, search, share_for_search
from unmask.theory.reveal_orders import BitReversal
from unmask.theory.schedule import Schedule


def field_of(law, texts, seed=0):
    tokens = law.sample(texts, seed)
    return MaskedLosses(unmask.oracle(law), tokens, np.zeros(tokens.shape, dtype=bool), [(0, law.length)])


def expected_of(law, texts, seed=0):
    return ExpectedLosses(field_of(law, texts, seed))


def profile_of(law, texts, seed=0):
    """The gap profile at every count, from expected losses."""
    canvases = RandomCanvases.read(field_of(law, texts, seed), np.arange(law.length))
    flat = canvases.revealed.reshape(-1, law.length)
    return GapProfile.of(flat, canvases.entropies.reshape(flat.shape))


def exact(law, labels):
    """Price of a partition under the law, nats."""
    permutation = np.lexsort((np.arange(len(labels)), labels))
    return unmask.price(law.order_table(permutation), Schedule(np.bincount(labels).tolist()))


@pytest.mark.parametrize("length", [5, 12, 17, 64])
def test_candidates_are_permutations_with_names_that_differ(length):
    for order in candidates(length).values():
        assert sorted(order.draw(length, 0)) == list(range(length))


def test_interleaved_is_spaced_first_and_left_to_right_inside():
    order = interleaved(12, 4).draw(12)
    assert [sorted(order[start : start + 3]) for start in range(0, 12, 3)] == [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 10],
        [3, 7, 11],
    ]


# The field


def test_the_field_gives_the_losses_of_the_masked_positions(chain):
    field = field_of(chain, 5)
    texts = chain.sample(5, 0)
    revealed = np.stack([np.isin(np.arange(12), places) for places in ([1, 2, 5], [0, 6, 11])])
    losses = field.losses(revealed)
    assert losses.shape == (2, 5, 12)
    assert field.calls == 10
    for number, known in enumerate(revealed):
        laws = chain.conditionals(texts, np.tile(known, (5, 1)))
        expected = -np.log(np.take_along_axis(laws, texts[..., None], axis=2)[..., 0])
        np.testing.assert_allclose(losses[number], np.where(known, 0, expected), atol=1e-6)


def test_the_field_of_blocks_gives_each_block_what_comes_before(chain):
    texts = chain.sample(3, 0)
    known = np.zeros((3, 12), dtype=bool)
    known[:, 0] = known[:, 5] = True
    field = MaskedLosses(unmask.oracle(chain), texts, known, [(0, 5), (5, 10)])
    assert (field.size, field.texts) == (5, 6)
    losses = field.losses(np.zeros((1, 5), dtype=bool))[0]
    free = [place for place in range(12) if place not in (0, 5)]
    shown = known.copy()
    for block, row in ((free[:5], 0), (free[5:], 1)):
        laws = chain.conditionals(texts, shown)
        for text in range(3):
            expected = [-np.log(laws[text, place, texts[text, place]]) for place in block]
            np.testing.assert_allclose(losses[2 * text + row], expected, atol=1e-6)
        shown[:, block] = True


# Partitions


def test_the_cost_of_a_partition_is_its_nelbo(chain):
    field, order = expected_of(chain, 6), np.random.default_rng(0).permutation(12)
    partition = Partition.of(labels_of(order, Schedule([2, 3, 7])), field)
    scored = unmask.score(unmask.oracle(chain), _plan(partition), chain.sample(6, 0))
    np.testing.assert_allclose(partition.costs.sum(axis=0), -scored.log_prob.numpy(), atol=1e-5)


def _plan(partition):
    from unmask.measuring.estimate import Estimate
    from unmask.planning.plan import Part, Plan

    return Plan((Part(partition.order, partition.schedule),), Estimate.exactly(0.0), 0.0, ())


def test_moving_positions_asks_only_for_canvases_that_change(chain):
    field = expected_of(chain, 4)
    partition = Partition.of(labels_of(np.arange(12), Schedule([3, 3, 3, 3])), field)
    labels = partition.labels.copy()
    labels[[3, 2]] = [0, 1]  # across the first boundary only
    before = field.calls
    moved = partition.moved(labels, field)
    assert field.calls - before == 4
    np.testing.assert_allclose(moved.costs, Partition.of(labels, field).costs)


def test_local_search_spends_about_what_it_may_and_never_gets_dearer(chain):
    field = expected_of(chain, 48)
    start = Partition.of(labels_of(np.arange(12), Schedule([3, 3, 3, 3])), field)
    before = field.calls
    found = improve(start, field, calls=6000)
    assert found.costs[0].mean() < start.costs[0].mean()
    assert field.calls - before < 6000 + 2 * 12 * 48
    assert sum(np.bincount(found.labels) == 0) == 0
    assert exact(chain, found.labels) < 0.5 * exact(chain, start.labels)


def test_nothing_is_learnt_where_there_is_nothing_to_learn():
    """Independent tokens: every partition costs the same, and chance gains are not taken for gains."""
    law = unmask.laws.Product(np.tile([0.5, 0.3, 0.2], (8, 1)))
    field = expected_of(law, 24)
    start = Partition.of(labels_of(np.arange(8), Schedule([4, 4])), field)
    found = improve(start, field, calls=3000)
    np.testing.assert_array_equal(found.labels, start.labels)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_gains_without_a_mean_pass_as_often_as_the_error_rate_says(rate):
    """4,000 gains on 24 texts whose surprise offsets half of what is expected: within 4 standard errors of the rate."""
    rng = np.random.default_rng(0)
    expected = rng.normal(size=(4000, 24))
    surprise = rng.normal(size=(4000, 24)) - 0.5 * expected
    passed = sum(is_gain(gain, rate) for gain in np.stack([expected, surprise], axis=1))
    assert passed / 4000 == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 4000) ** 0.5)


def test_gains_that_are_clear_pass():
    shifted = np.random.default_rng(0).normal(size=(200, 2, 24)) + np.array([[2.0], [0.0]])
    assert all(map(is_gain, shifted))  # two standard deviations are ten standard errors
    assert not any(map(is_gain, -shifted))
    assert not is_gain(np.zeros((2, 24)))
    assert not is_gain(np.ones((2, 2)))  # two texts say nothing of its error


def test_noise_is_seldom_taken_for_gain():
    """Tokens of an urn are exchangeable: whichever positions come first costs the same, but on 48 texts it differs.

    One look at the boundary should move a position in 5 % of 60 sets of texts: more than 8 have a probability of
    0.3 %. A search without a guard moves in nearly all, and one that tests the best of a dozen moves at two standard
    errors in 33 % of them.
    """
    law = unmask.laws.PolyaUrn(6, 3, concentration=0.7)
    moved = 0
    for seed in range(60):
        field = expected_of(law, 48, seed)
        start = Partition.of(labels_of(np.arange(6), unmask.best_schedule(law.curve(), 2)), field)
        found = improve(start, field, calls=field.texts * 10)  # one look at the boundary
        moved += bool(np.any(found.labels != start.labels))
    assert moved <= 8


@pytest.mark.slow
def test_three_steps_of_the_toy_grammar_are_learnt_to_cost_nothing():
    """Left to right with its best sizes costs 0.61 nats at three steps; there is an order that costs 0."""
    law = toy_grammar()
    field = expected_of(law, 48, seed=11)
    start = unmask.best_schedule(law.order_table(np.arange(17)), 3)
    partition = Partition.of(labels_of(np.arange(17), start), field)
    found = improve(partition, field, calls=30_000)
    assert exact(law, partition.labels) > 0.6
    assert exact(law, found.labels) == pytest.approx(0, abs=1e-9)


# Gaps


def test_kinds_of_gaps_are_distances_to_known_neighbours():
    left, right = gap_kinds(np.array([[False, True, False, False, False, True, False]]))
    assert left[0].tolist() == [NONE, 0, 0, 1, 2, 0, 0]
    assert right[0].tolist() == [0, 0, 2, 1, 0, 0, NONE]


def test_the_gap_profile_of_a_chain_is_its_neighbour_law():
    """H(X_i | nearest known a to the left, b to the right) = eta(a) + eta(b) - eta(a + b), within sampling error."""
    law = MarkovChain.stationary([[0.9, 0.1], [0.2, 0.8]], 24)
    profile = profile_of(law, 300)
    table = law.order_table(np.arange(24)).values  # g(a, k) = eta(k - a + 1) for a >= 1, the chain being stationary
    eta = [0.0, *(table[1, k] for k in range(1, 24))]
    for a in (1, 2, 3):
        for b in (1, 2, 3):
            expected = eta[a] + eta[b] - eta[a + b]
            assert profile.values[a - 1, b - 1] == pytest.approx(expected, abs=0.04)
        assert profile.values[a - 1, NONE] == pytest.approx(eta[a], abs=0.12)  # rarely seen


def test_an_order_learnt_from_gaps_alone_costs_nearly_nothing_on_a_chain():
    """Exact prices at four steps of L = 16: from random starts only, and far below uniform order."""
    law = MarkovChain.stationary([[0.9, 0.1], [0.2, 0.8]], 16)
    profile, rng = profile_of(law, 200), np.random.default_rng(0)
    order = rng.permutation(16)
    start = labels_of(order, unmask.best_schedule(order_table(profile, order), 4))
    labels, reached = anneal(profile, start, 3000, rng)
    assert reached == pytest.approx(cost(profile, labels))
    uniform = unmask.price(law.curve(), unmask.best_schedule(law.curve(), 4))
    spaced = law.order_table(BitReversal(shift=False).draw(16))
    assert exact(law, labels) < 0.35 * uniform
    assert exact(law, labels) < 2 * unmask.price(spaced, unmask.best_schedule(spaced, 4)) + 0.1


# The whole search


def test_the_search_finds_spaced_orders_for_a_chain():
    law = MarkovChain.stationary([[0.92, 0.08], [0.08, 0.92]], 16)
    texts = law.sample(48, 0)
    found = search(unmask.oracle(law), texts, options=SearchOptions(calls=6000, steps=(4,)))
    assert found.orders
    best = min(unmask.frontier(law.order_table(order.draw(16, 0)), 4).price(4) for order in found.orders.values())
    assert best < 0.2 * unmask.frontier(law.curve(), 4).price(4)


def test_the_search_stays_within_its_calls(chain):
    class Counting:
        calls = 0

        def __init__(self, law):
            self._inner = unmask.oracle(law)

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def log_probs(self, tokens, known, wanted):
            self.calls += len(tokens)
            return self._inner.log_probs(tokens, known, wanted)

    for calls in (2000, 8000):
        predictor = Counting(chain)
        search(predictor, chain.sample(24, 0), options=SearchOptions(calls=calls, steps=(4,)))
        assert predictor.calls <= calls


def test_the_same_seed_finds_the_same_orders(chain):
    texts, options = chain.sample(24, 0), SearchOptions(calls=3000, steps=(2,))
    first, second = (search(unmask.oracle(chain), texts, options=options) for _ in range(2))
    assert first == second


def test_a_quarter_of_the_texts_is_set_aside():
    assert len(share_for_search(40)) == 10
    assert len(share_for_search(10_000)) == 96
    assert len(set(share_for_search(100, 3))) == 25
    with pytest.raises(InputError, match="at least 24 texts"):
        share_for_search(23)


def test_bit_reversal_is_measured_whatever_wins(chain):
    """Room for two orders: a learnt one, or the best that needs no learning, and bit reversal."""
    options = SearchOptions(calls=2000, most=2)
    found = search(unmask.oracle(chain), chain.sample(24, 0), options=options)
    assert BitReversal(shift=False) in found.orders.values()
    assert len(found.orders) <= 2

"""Measuring: unbiased on laws, the same however it is cut, and no more network calls than asked for.

Where a measured mean is compared with an exact one, the mean of N texts minus the truth must be under 4.5 standard
errors; with fewer than 300 such comparisons in this file, a right program fails once in 500 seeds. The seeds are fixed.
"""

import numpy as np
import pytest
import torch

import unmask
from reference import brute_force
from reference.enumerated_predictor import Enumerated
from unmask.errors import InputError
from unmask.laws import catalogue
from unmask.measuring.measure import choose_counts, measure
from unmask.measuring.measurement import Measurement
from unmask.measuring.precision import half_width
from unmask.measuring.texts import random_positions
from unmask.theory.reveal_orders import BitReversal, Blocks, Given, Uniform
from unmask.theory.schedule import Schedule

FLOAT32 = 1e-5  # what rounding adds where there is no chance at all


def assert_unbiased(values, truth):
    """values (N, ..) against their expectation, entry by entry."""
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - truth) < 4.5 * errors + FLOAT32)


class Counting:
    """A predictor that counts the rows it is asked for, and remembers what it was shown."""

    def __init__(self, law):
        self._inner = unmask.oracle(law)
        self.rows, self.seen = 0, []

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def log_probs(self, tokens, known, wanted):
        self.rows += len(tokens)
        self.seen.append((known.clone(), wanted))
        return self._inner.log_probs(torch.where(known, tokens, 0), known, wanted)


LAWS = ["markov_chain:length=10", "hidden_markov:length=8", "polya_urn:length=10", "mixture:length=9", "ising_chain"]


@pytest.mark.parametrize("name", LAWS)
def test_the_measured_curve_is_the_laws_own(name):
    law = catalogue.from_name(name)
    found = measure(unmask.oracle(law), law.sample(400, 1), batch_size=400)
    exact = law.curve()
    if exact.stderr is None:
        assert_unbiased(found.losses, exact.values)
    else:
        errors = np.hypot(exact.stderr, found.curve.stderr)
        assert np.all(np.abs(exact.values - found.curve.values) < 4.5 * errors + FLOAT32)
    assert_unbiased(found.losses - found.entropies, 0.0)  # a law is calibrated


def test_measured_tables_of_a_chain_are_exact_in_the_mean(chain, measured):
    for name, draws in [("left_to_right", 1), ("golden_ratio:shift=false", 1)]:
        costs = measured.orders[name]
        exact = chain.order_table(costs.order.draw(12, 0) if draws == 1 else costs.order).values
        assert_unbiased(costs.costs, exact)
    # 12 shifts, equally likely: the table of the family is the mean of theirs
    shifts = np.mean(
        [chain.order_table((BitReversal(shift=False).draw(12) + s) % 12).values for s in range(12)], axis=0
    )
    assert_unbiased(measured.orders["bit_reversal"].costs, shifts)


def test_measured_tables_of_the_toy_grammar_are_exact_in_the_mean():
    law = unmask.laws.toy_grammar()
    permutation = np.random.default_rng(3).permutation(17)
    found = measure(unmask.oracle(law), law.sample(30, 0), order=Given(permutation), counts=[0, 2, 5, 11, 16])
    (costs,) = found.orders.values()
    exact = law.order_table(permutation)
    sums = np.add.reduceat(exact.values[[0, 2, 5, 11, 16]], [0, 2, 5, 11, 16], axis=1)
    assert_unbiased(costs.costs, np.triu(sums))
    assert_unbiased(found.losses, law.curve().values[[0, 2, 5, 11, 16]])


COARSE = [0, 1, 4, 6, 11]


@pytest.mark.parametrize("canvases", [1, 2])
@pytest.mark.parametrize(
    "name", ["markov_chain:length=12,vocab_size=3", "polya_urn:length=12", "permutation:length=12"]
)
def test_one_file_prices_every_schedule_that_begins_at_its_counts(name, canvases):
    law = catalogue.from_name(name)
    found = measure(unmask.oracle(law), law.sample(400, 3), counts=COARSE, canvases=canvases, batch_size=400)
    for starts in ([0], [0, 6], [0, 1, 4], [0, 4, 6], COARSE):
        schedule = Schedule(np.diff([*starts, 12]).tolist())
        assert_unbiased(found.parallel_prices(schedule), unmask.price(law.curve(), schedule))
    assert_unbiased(found.baselines, law.curve().entropy)
    assert_unbiased(found.uniform.one_at_a_time, law.curve().entropy)


def test_another_order_is_priced_against_itself_one_at_a_time(chain):
    order = Given(np.random.default_rng(3).permutation(12).tolist())
    texts = chain.sample(400, 3)
    found = measure(unmask.oracle(chain), texts, orders={"mine": order}, counts=COARSE, order_counts={"mine": COARSE})
    exact = chain.order_table(order.draw(12))
    for starts in ([0], [0, 6], [0, 1, 4], COARSE):
        schedule = Schedule(np.diff([*starts, 12]).tolist())
        assert_unbiased(found.parallel_prices(schedule, "mine"), unmask.price(exact, schedule))
        assert found.step_prices(schedule, "mine").sum() == pytest.approx(
            found.parallel_prices(schedule, "mine").mean()
        )
    assert_unbiased(found.order_effects("mine"), 0.0)


def test_the_two_prices_of_a_predictor_that_is_consistent_with_nothing():
    """Against enumeration: both differ from what a perfect predictor's would be."""
    joint = brute_force.random_table(4, 2, seed=3)
    law = unmask.laws.Table(joint)
    order = (2, 0, 3, 1)
    predictor = brute_force.random_predictor(4, 2, seed=5)
    curve = brute_force.cross_entropy_curve(joint, predictor)
    table = brute_force.order_table(joint, predictor, order)
    swapped = brute_force.order_table(joint, predictor, (2, 3, 0, 1))
    alone = table[0, 0] + (table[1, 1] + table[2, 2] + swapped[1, 1] + swapped[2, 2]) / 2 + table[3, 3]
    found = measure(
        Enumerated(predictor, joint.shape), law.sample(4000, 1), counts=[0, 2, 3], batch_size=1000, source="draws",
        orders={"mine": Given(order)}, order_counts={"mine": [0, 1, 3]},
    )  # fmt: skip
    assert_unbiased(found.order_effects("mine"), alone - curve.sum())
    for sizes in ([4], [1, 3], [3, 1], [1, 2, 1]):
        cost = unmask.OrderTable(table).step_costs(Schedule(sizes)).sum()
        assert_unbiased(found.parallel_prices(Schedule(sizes), "mine"), cost - alone)
        assert_unbiased(found.prices(Schedule(sizes), "mine"), cost - curve.sum())
    for sizes in ([4], [2, 2], [3, 1], [2, 1, 1]):
        assert_unbiased(
            found.parallel_prices(Schedule(sizes)), unmask.price(unmask.InformationCurve(curve), Schedule(sizes))
        )


def test_intervals_of_one_token_need_no_canvas_and_cost_nothing(chain):
    found = measure(unmask.oracle(chain), chain.sample(20, 0), orders=["left_to_right"])
    for costs in (found.uniform, *found.orders.values()):
        assert not costs.parallel.any()
        assert not costs.parallel_prices(Schedule([1] * 12)).any()


def test_documents_are_remembered(chain):
    texts = chain.sample(6, 0)
    found = measure(unmask.oracle(chain), texts, documents=[0, 0, 1, 1, 1, -1], source="a")
    assert [found.documents.count(name) for name in dict.fromkeys(found.documents)] == [2, 3, 1]
    assert found.documents[-1] == found.texts[-1]
    assert measure(unmask.oracle(chain), texts).documents == measure(unmask.oracle(chain), texts).texts
    other = measure(unmask.oracle(chain), texts, documents=[0] * 6, source="b")
    assert not set(other.documents) & set(found.documents)


def test_masks_are_nested_and_hidden_tokens_are_never_shown():
    law = catalogue.from_name("permutation:length=6")
    predictor = Counting(law)
    measure(predictor, law.sample(3, 0), orders=["bit_reversal"], batch_size=3)
    for pass_number in range(2):
        shown = [known for known, _ in predictor.seen[6 * pass_number : 6 * pass_number + 6]]
        for count, (known, later) in enumerate(
            zip(shown, [*shown[1:], torch.ones(3, 6, dtype=torch.bool)], strict=True)
        ):
            assert known.sum(1).tolist() == [count] * 3
            assert not bool((known & ~later).any())
    for known, wanted in predictor.seen:
        assert not bool(known[wanted.rows, wanted.columns].any())
        assert len(wanted.rows) == int((~known).sum())


def test_what_a_text_gives_depends_on_its_tokens_and_the_seed_alone(chain):
    predictor, texts = unmask.oracle(chain), chain.sample(12, 4)
    forward = measure(predictor, texts, batch_size=5, orders=["bit_reversal"])
    backward = measure(predictor, texts[::-1], batch_size=3, orders=["bit_reversal"])
    place = [backward.texts.index(text) for text in forward.texts]
    np.testing.assert_array_equal(forward.losses, backward.losses[place])
    costs = [found.orders["bit_reversal"].costs for found in (forward, backward)]
    np.testing.assert_array_equal(costs[0], costs[1][place])
    assert not np.array_equal(forward.losses, measure(predictor, texts, seed=1).losses)


def test_network_calls_are_texts_times_counts_times_orders(chain):
    """Counts 0, 3 and 11 of 12: two intervals of more than one token, the later with twice the canvases if uniform."""
    predictor = Counting(chain)
    measure(predictor, chain.sample(6, 0), orders=["bit_reversal", "left_to_right"], counts=[0, 3, 11])
    assert predictor.rows == 6 * (3 * (3 + 2) + 1)
    predictor.rows = 0
    measure(predictor, chain.sample(6, 0), orders=["bit_reversal"], counts=[0, 3, 11], canvases=4)
    assert predictor.rows == 6 * (2 * (3 + 2 + 4) + 3)


def test_no_more_calls_are_spent_than_allowed(chain):
    predictor = Counting(chain)
    found = measure(predictor, chain.sample(50, 0), calls=100)
    assert predictor.rows == 96
    assert len(found.texts) == 8
    with pytest.raises(InputError, match=r"only 1 texts can be measured \(each takes 12 network calls\)"):
        measure(predictor, chain.sample(50, 0), calls=23)


def test_measuring_stops_as_soon_as_it_is_precise_enough(chain):
    texts = chain.sample(400, 0)
    found = measure(unmask.oracle(chain), texts, precision=0.05, batch_size=20)
    assert half_width(found) <= 0.05
    assert len(found.texts) < 400
    assert half_width(found.take(np.arange(len(found.texts) - 20))) > 0.05


def test_resuming_asks_for_the_missing_texts_only(chain):
    predictor, texts = Counting(chain), chain.sample(20, 0)
    whole = measure(predictor, texts)
    predictor.rows = 0
    half = measure(predictor, texts[:12])
    done = measure(predictor, texts, resume=half)
    assert predictor.rows == 20 * 12
    assert done.digest == whole.digest
    assert measure(predictor, texts, resume=done).texts == done.texts


def test_progress_reports_the_estimate_so_far(chain):
    reports = []
    measure(unmask.oracle(chain), chain.sample(10, 0), batch_size=4, orders=["bit_reversal"],
            progress=lambda done, total, found: reports.append((done, total, len(found.texts))))  # fmt: skip
    assert reports == [(4, 10, 4), (8, 10, 8), (10, 10, 10)]


def test_the_same_text_twice_is_two_texts_with_masks_of_their_own(chain):
    texts = np.repeat(chain.sample(1, 0), 3, axis=0)
    found = measure(unmask.oracle(chain), texts)
    assert len(set(found.texts)) == 3
    assert not np.array_equal(found.losses[0], found.losses[1])


def test_draws_from_two_sources_merge_even_where_the_same_sequence_was_drawn():
    law = catalogue.from_name("repeated:length=4")  # four sequences in all
    parts = [measure(unmask.oracle(law), law.sample(10, seed), source=f"seed {seed}") for seed in (0, 1)]
    assert len(Measurement.merge(parts).texts) == 20


# Prompts, infilling, blocks


def test_the_completion_of_a_prompt_is_measured_given_the_prompt(chain):
    """A chain given its first 4 tokens is a chain of 8 that starts from the last of them."""
    texts = chain.sample(400, 0)
    found = measure(unmask.oracle(chain), texts, given=4, batch_size=400, orders=["left_to_right"])
    assert found.length == 8
    assert found.settings["given"] == "the first 4"
    sequential = np.diag(chain.order_table(np.arange(12)).values)[4:]  # H(X_i | X_{i-1})
    assert_unbiased(np.diagonal(found.orders["left_to_right"].costs, axis1=1, axis2=2), sequential)
    permutations = [np.append(np.arange(4), 4 + np.random.default_rng(s).permutation(8)) for s in range(500)]
    exact = np.mean([chain.order_table(permutation).values[4:, 4:] for permutation in permutations], axis=0)
    curve = np.array([row[k:].mean() for k, row in enumerate(exact)])
    assert np.all(np.abs(found.curve.values - curve) < 4.5 * found.curve.stderr + 0.02)  # 500 permutations


def test_infilling_with_random_known_positions_is_the_curve_further_on(chain):
    """F13: with m random positions given, c_{m+a} at a more."""
    texts = chain.sample(400, 1)
    known = random_positions(texts, 0.25, seed=0)
    assert set(known.sum(1)) == {3}
    found = measure(unmask.oracle(chain), texts, given=known, batch_size=400)
    assert found.length == 9
    assert_unbiased(found.losses, chain.curve().values[3:])


def test_blocks_are_measured_one_after_the_other():
    law = catalogue.from_name("repeated:length=8,vocab_size=4")
    predictor = Counting(law)
    found = measure(predictor, law.sample(5, 0), block_length=4, batch_size=5)
    assert found.length == 4
    assert predictor.rows == 5 * 4 * 2
    for call, (known, wanted) in enumerate(predictor.seen):
        first = call // 4 * 4
        assert wanted.columns.min() >= first
        assert wanted.columns.max() < first + 4
        assert bool(known[:, :first].all())
        assert not bool(known[:, first + 4 :].any())
    # the first block costs log 4 until a token is known, the second nothing: the mean of both
    np.testing.assert_allclose(found.curve.values, [np.log(4) / 2, 0, 0, 0], atol=1e-6)


def test_a_block_plan_repeated_costs_what_blocks_of_the_whole_cost(chain):
    predictor, texts = unmask.oracle(chain), chain.sample(400, 0)
    by_block = measure(predictor, texts, block_length=4, batch_size=400)
    whole = measure(predictor, texts, order=Blocks(Uniform(), 4), batch_size=400)
    name = "blocks:block_length=4,inner=uniform"
    sizes = Schedule([1, 3])
    three = 3 * by_block.nelbos(sizes)
    assert_unbiased(three - whole.nelbos(Schedule([1, 3] * 3), name), 0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"given": 12}, "given is 12; expected a number of leading tokens from 0 to 11"),
        ({"given": -1}, "given is -1"),
        ({"given": np.ones(12, dtype=bool)}, "leaves no position"),
        ({"given": np.zeros(5, dtype=bool)}, r"given has shape \(5,\)"),
        ({"given": np.arange(12) < [[1], [2], [1], [1]]}, "1 to 2 positions; every text must be given as many"),
        ({"block_length": 5}, "block_length is 5, which does not divide the 12 tokens"),
        ({"canvases": 0}, "canvases is 0; expected how many inside every interval, at least 1"),
        ({"counts": "some"}, "counts is 'some'"),
        ({"counts": [0, 5]}, "counts must hold 0 and L - 1 = 11"),
        ({"orders": ["bit_reverse"]}, "there is no reveal order 'bit_reverse'"),
        ({"orders": "bit_reversal"}, "expected a list of orders"),
        ({"orders": [3]}, "order is 3"),
        ({"order": Given([0, 1])}, "length is 12, but the given permutation is for length 2"),
    ],
)  # fmt: skip
def test_bad_options_are_refused_in_one_line(chain, options, words):
    with pytest.raises(InputError, match=words):
        measure(unmask.oracle(chain), chain.sample(4, 0), **options)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (np.zeros((3, 9), dtype=int), "rows of 9 tokens; the model takes exactly 12"),
        (np.full((3, 12), 3), "has ids 3..3, but the model knows 0..2"),
        (np.zeros((3, 12)), "whole numbers"),
        (np.zeros(12, dtype=int), r"shape \(12,\)"),
        (np.zeros((0, 12), dtype=int), r"shape \(0, 12\)"),
        ([[0, 1], [0, 1, 2]], "rows of different lengths"),
    ],
)
def test_texts_that_do_not_fit_the_model_are_refused_in_one_line(chain, tokens, words):
    with pytest.raises(InputError, match=words):
        measure(unmask.oracle(chain), tokens)


def test_a_text_the_model_thinks_impossible_is_refused():
    law = catalogue.from_name("permutation:length=4")
    with pytest.raises(InputError, match="probability 0 under the predictor"):
        measure(unmask.oracle(law), np.zeros((3, 4), dtype=int))


def test_default_counts_are_all_of_short_texts_and_few_of_long_ones():
    assert choose_counts(None, 32).tolist() == list(range(32))
    for length in (33, 64, 100, 1024):
        grid = choose_counts(None, length)
        assert len(grid) <= 40
        assert grid[: 1 + length // 5].tolist()[:13] == list(range(13))[: 1 + length // 5]
        assert grid[-1] == length - 1
        assert set(Schedule.uniform(length, 16).revealed) <= set(grid)
    assert {1, 2, 4, 8, 16, 32, 512, 992, 1008, 1016, 1020, 1022} <= set(choose_counts(None, 1024))
    assert choose_counts("all", 100).tolist() == list(range(100))
    assert choose_counts([7, 0, 3, 3], 8).tolist() == [0, 3, 7]

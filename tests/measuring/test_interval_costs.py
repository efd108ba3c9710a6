"""Without bias, exactly: every text, every order inside the intervals and every rank that may be drawn, enumerated.

The predictor is the law's own, and one that is consistent with nothing: an unrelated random law for every context.
"""

import itertools

import numpy as np
import pytest
import torch

from reference import brute_force
from reference.enumerated_predictor import Enumerated
from unmask.measuring.interval_costs import alike, cost_at_once, inside, strata
from unmask.measuring.losses import LossReader

LENGTH, VOCAB = 4, 2
JOINT = brute_force.random_table(LENGTH, VOCAB, seed=3)
TEXTS = np.array(list(itertools.product(range(VOCAB), repeat=LENGTH)))
PREDICTORS = {
    "consistent": brute_force.perfect_predictor(JOINT),
    "inconsistent": brute_force.random_predictor(LENGTH, VOCAB, seed=5),
}


def one_at_a_time(predictor, order, intervals):
    """Cross-entropy along an order, that inside each interval uniformly random."""
    total = 0.0
    for start, end in intervals:
        inside = list(itertools.permutations(order[start:end]))
        for drawn in inside:
            for place, position in enumerate(drawn):
                shown = (*order[:start], *drawn[:place])
                total += brute_force.cross_entropy(JOINT, predictor, position, shown) / len(inside)
    return total


def at_once(predictor, order, intervals):
    return sum(
        brute_force.cross_entropy(JOINT, predictor, position, order[:start])
        for start, end in intervals
        for position in order[start:end]
    )


def expected(predictor, orders, start, end, strata_of_width, last):
    """The estimate of one interval, averaged over every text, order and rank that may be drawn."""
    total = 0.0
    for low, high in strata_of_width:
        rows = list(itertools.product(range(len(TEXTS)), range(len(orders)), range(low, high)))
        texts, chosen, shown = (np.array(column) for column in zip(*rows, strict=True))
        ranks = torch.from_numpy(np.argsort(orders, axis=1)[chosen])
        reader, tokens = LossReader(Enumerated(predictor, JOINT.shape)), torch.from_numpy(TEXTS[texts])
        found, _ = cost_at_once(reader, tokens, ranks, start, last, shown, reader.at(tokens, ranks, start))
        total += (JOINT.ravel()[texts] * found).sum() / len(orders)  # (high - low) values of r, weight high - low
    return total


@pytest.mark.parametrize("name", PREDICTORS)
@pytest.mark.parametrize("canvases", [1, 2, 3])
@pytest.mark.parametrize("intervals", [[(0, 4)], [(0, 1), (1, 4)], [(0, 3), (3, 4)], [(0, 2), (2, 4)]])
def test_the_estimates_of_an_orders_intervals_add_up_to_the_price_in_the_mean(name, canvases, intervals):
    predictor, order = PREDICTORS[name], (2, 0, 3, 1)
    price = at_once(predictor, order, intervals) - one_at_a_time(predictor, order, intervals)
    pieces = [itertools.permutations(order[start:end]) for start, end in intervals]
    orders = np.array([sum(drawn, ()) for drawn in itertools.product(*pieces)])
    found = sum(expected(predictor, orders, start, end, strata(end - start, canvases), end) for start, end in intervals)
    assert found == pytest.approx(price, abs=1e-6)  # laws are float32
    assert name == "inconsistent" or price >= 0


@pytest.mark.parametrize("name", PREDICTORS)
@pytest.mark.parametrize("canvases", [1, 2])
@pytest.mark.parametrize(("start", "end"), [(0, 4), (0, 3), (1, 4), (1, 3)])
def test_in_uniform_order_the_mean_may_run_over_all_that_is_masked(name, canvases, start, end):
    predictor = PREDICTORS[name]
    curve = brute_force.cross_entropy_curve(JOINT, predictor)
    price = sum(curve[start] - curve[later] for later in range(start, end))
    orders = np.array(list(itertools.permutations(range(LENGTH))))
    found = expected(predictor, orders, start, end, strata(end - start, canvases), LENGTH)
    assert found == pytest.approx(price, abs=1e-6)


def test_the_last_interval_of_more_than_one_token_has_more_canvases_when_one_token_comes_after_it():
    counts = np.array([0, 8, 16, 24, 31])
    pieces = inside(counts, 32, alike(counts, 32, 1, is_uniform=True))
    assert [len(strata_of_interval) for strata_of_interval in pieces] == [1, 1, 1, 2, 0]
    assert alike(counts, 32, 2, is_uniform=False).tolist() == [2] * 5


@pytest.mark.parametrize("name", PREDICTORS)
@pytest.mark.parametrize("counts", [[0, 3], [0, 1, 3], [0, 2]])
def test_in_uniform_order_the_canvases_of_a_measurement_add_up_to_the_price_of_its_intervals(name, counts):
    predictor = PREDICTORS[name]
    curve = brute_force.cross_entropy_curve(JOINT, predictor)
    orders = np.array(list(itertools.permutations(range(LENGTH))))
    pieces = inside(np.array(counts), LENGTH, alike(np.array(counts), LENGTH, 1, is_uniform=True))
    for start, end, strata_of_width in zip(counts, [*counts[1:], LENGTH], pieces, strict=True):
        price = sum(curve[start] - curve[later] for later in range(start, end))
        found = expected(predictor, orders, start, end, strata_of_width, LENGTH)
        assert found == pytest.approx(price, abs=1e-6)
    assert max(map(len, pieces)) == (2 if counts == [0, 3] else 1)


def test_strata_cover_every_rank_once():
    for width, canvases in itertools.product(range(1, 40), range(1, 9)):
        found = strata(width, canvases)
        assert [rank for low, high in found for rank in range(low, high)] == list(range(1, width))
        assert len(found) == min(canvases, width - 1)

"""The Gaussian stand-in: exact for Gaussian pairs by its formula, and close to the truth for laws of spins."""

import itertools

import numpy as np
import pytest

import unmask
from reference import partitions
from unmask.order_search.annealing import Remembering, cost
from unmask.order_search.dependence import measure_dependence
from unmask.order_search.gaussian import LEAST, GaussianPairs
from unmask.order_search.learning import proposals


def stand_in_of(name):
    law = partitions.law_of(name)
    table = measure_dependence(unmask.oracle(law), law.sample(4, 0))
    return GaussianPairs(table.pairs(), table.entropies)


def test_a_pair_alone_shares_what_the_table_says():
    pairs = np.array([[0.0, 0.3, 0.1], [0.3, 0.0, 0.2], [0.1, 0.2, 0.0]])
    stand_in = GaussianPairs(pairs, np.array([1.0, 1.5, 2.0]))
    for j, expected in enumerate([[0.0, 1.2, 1.9], [0.7, 0.0, 1.8], [0.9, 1.3, 0.0]]):
        np.testing.assert_allclose(stand_in.losses(np.eye(3, dtype=bool)[[j]])[0], expected)


def test_a_table_that_no_law_can_have_is_made_possible():
    pairs = np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    values = np.linalg.eigvalsh(GaussianPairs(pairs, np.ones(3)).correlations)
    assert values[0] > LEAST / 3


@pytest.mark.parametrize("name", ["grid", "pairs", "tree"])
def test_pairs_rank_all_two_step_partitions_nearly_as_the_law_does(name):
    """Of all 2^12 partitions: correlation above 0.98, and the one that looks cheapest costs 1.05 times the least."""
    every = np.array(list(itertools.product((0, 1), repeat=12)))
    every = every[(every.max(axis=1) == 1) & (every.min(axis=1) == 0)]
    stand_in, prices = Remembering(stand_in_of(name)), partitions.prices_of(name, every)
    guessed = np.array([cost(stand_in, labels) for labels in every])
    assert np.corrcoef(guessed, prices)[0, 1] > 0.98
    assert prices[np.argmin(guessed)] < 1.05 * partitions.least_price(name, 2)


def test_annealing_reaches_the_cheapest_two_step_partition_of_the_stand_in():
    every = np.array(list(itertools.product((0, 1), repeat=12)))[1:-1]
    stand_in = Remembering(stand_in_of("tree"))
    found = proposals(stand_in, 2, [np.repeat([0, 1], 6)])
    assert cost(stand_in, found[0]) == pytest.approx(min(cost(stand_in, labels) for labels in every))

"""Order tables (F11): exact prices in any order, and how much the order can matter."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import any_curves, schedules, tables
from unmask import InputError
from unmask.laws import MarkovChain
from unmask.theory import reveal_orders
from unmask.theory.curve import InformationCurve
from unmask.theory.optimal import best_schedule, fewest_steps, frontier
from unmask.theory.order_table import OrderTable
from unmask.theory.price import nelbo, price
from unmask.theory.schedule import Schedule


@settings(max_examples=40, deadline=None)
@given(tables(), st.booleans(), st.data())
def test_price_in_a_given_order_is_the_kl_of_its_partition(table, perfect, data):
    joint = brute_force.random_table(*table)
    permutation = data.draw(st.permutations(range(joint.ndim)))
    schedule = data.draw(schedules(joint.ndim))
    truth = brute_force.perfect_predictor(joint)
    predictor = truth if perfect else brute_force.random_predictor(joint.ndim, joint.shape[0], seed=1)
    measured = OrderTable(brute_force.order_table(joint, predictor, permutation))
    law = brute_force.output_law(joint.shape, predictor, brute_force.blocks_of(permutation, schedule.sizes))
    exact = brute_force.divergence(joint, law)
    assert nelbo(measured, schedule) - brute_force.entropy(joint, range(joint.ndim)) == pytest.approx(exact, abs=1e-12)
    if perfect:
        assert price(measured, schedule) == pytest.approx(exact, abs=1e-12)
        assert measured.is_monotone


@given(any_curves(), st.data())
def test_the_uniform_order_is_the_table_that_repeats_the_curve(curve, data):
    table = OrderTable.of_curve(curve)
    schedule = data.draw(schedules(curve.length))
    assert price(table, schedule) == pytest.approx(price(curve, schedule), abs=1e-12)
    assert table.one_at_a_time == pytest.approx(curve.one_at_a_time, abs=1e-12)
    assert table.is_monotone == curve.is_monotone


def test_averaging_tables_over_all_orders_gives_the_curve():
    joint = brute_force.random_table(4, 2, seed=11, zeros=0.3)
    predictor = brute_force.perfect_predictor(joint)
    every = [brute_force.order_table(joint, predictor, p) for p in itertools.permutations(range(4))]
    curve = InformationCurve(brute_force.information_curve(joint))
    assert np.mean(every, axis=0) == pytest.approx(OrderTable.of_curve(curve).values, abs=1e-12)


def test_boundaries_fitted_to_one_order_are_never_worse_than_one_size_vector_for_all():
    rng = np.random.default_rng(0)
    joint = brute_force.random_table(5, 2, seed=4, zeros=0.5)
    predictor = brute_force.perfect_predictor(joint)
    every = [OrderTable(brute_force.order_table(joint, predictor, rng.permutation(5))) for _ in range(8)]
    average = OrderTable(np.mean([table.values for table in every], axis=0))
    for steps in (2, 3, 4):
        fitted = np.mean([frontier(table).price(steps) for table in every])
        assert fitted <= frontier(average).price(steps) + 1e-12


def chain_table(length, stay, permutation):
    """g of a stationary two-state chain: the entropy of a token between its nearest revealed neighbours."""

    def eta(distance):  # H(X_d | X_0)
        if distance is None:
            return math.log(2)
        flip = (1 - (2 * stay - 1) ** distance) / 2
        return -flip * math.log(flip) - (1 - flip) * math.log(1 - flip)

    table = np.zeros((length, length))
    known: list[int] = []
    for a in range(length):
        for k in range(a, length):
            position = permutation[k]
            left = min((position - i for i in known if i < position), default=None)
            right = min((i - position for i in known if i > position), default=None)
            if left is None or right is None:
                table[a, k] = eta(left if right is None else right)
            else:
                table[a, k] = eta(left) + eta(right) - eta(left + right)
        known.append(permutation[a])
    return OrderTable(table)


def test_order_matters_more_than_sizes_on_a_chain_of_64_tokens():
    """With the best 8 sizes for each order: nothing is lost by bit reversal, almost everything from left to right."""
    spaced = chain_table(64, 0.9, reveal_orders.BitReversal(shift=False).draw(64))
    in_turn = chain_table(64, 0.9, reveal_orders.LeftToRight().draw(64))
    shuffled = [frontier(chain_table(64, 0.9, reveal_orders.Uniform().draw(64, seed)), 8).price(8) for seed in range(5)]
    assert frontier(spaced, 8).price(8) == pytest.approx(0, abs=1e-12)
    assert fewest_steps(spaced, 1e-9).sizes == (1, 1, 2, 4, 8, 16, 32)
    assert fewest_steps(chain_table(64, 0.9, reveal_orders.Bisection().draw(64)), 1e-9).steps == 7
    assert frontier(in_turn, 8).price(8) == pytest.approx(16.548, abs=1e-3)
    # one size vector for all permutations costs the curve's price; boundaries of their own cost less than half of it
    one_for_all = frontier(MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 64).curve(), 8).price(8)
    assert one_for_all == pytest.approx(1.6017, abs=1e-4)
    assert np.mean(shuffled) < one_for_all / 2


def test_entries_of_revealed_tokens_are_never_read():
    values = np.arange(16.0).reshape(4, 4)
    below = np.tril_indices(4, -1)
    values[below] = np.nan
    table = OrderTable(values, stderr=values)
    assert np.all(table.values[below] == 0)
    assert price(table, Schedule([1, 3])) == (0 + 5 + 6 + 7) - (0 + 5 + 10 + 15)


def test_a_table_of_some_rows_prices_and_plans_what_it_can():
    rows = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.4, 0.3]])
    table = OrderTable(rows, revealed=[0, 2], one_at_a_time=2.0)
    assert not table.is_complete
    assert price(table, Schedule([2, 2])) == pytest.approx(0.7)
    assert best_schedule(table, 2).sizes == (2, 2)
    with pytest.raises(InputError, match="schedule starts a step at 1 revealed tokens, but was not measured there"):
        price(table, Schedule([1, 3]))
    with pytest.raises(InputError, match="at 3 revealed tokens"):
        price(table, Schedule([3, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OrderTable([1.0, 2.0]), r"values must be a table of shape \(L, L\)"),
        (lambda: OrderTable(np.ones((2, 3))), "values has 2 rows; expected 3"),
        (lambda: OrderTable(np.ones((2, 3)), revealed=[0, 1]), "one_at_a_time is needed"),
        (lambda: OrderTable(np.ones((2, 3)), revealed=[1, 2]), "increase from 0"),
        (lambda: OrderTable(np.ones((2, 3)), revealed=[0, 0]), "increase from 0"),
        (lambda: OrderTable(np.ones((2, 3)), revealed=[0, 3]), "revealed ends at 3"),
        (lambda: OrderTable([[1.0, np.nan], [0.0, 1.0]]), "values, row of 0 revealed, token 1: nan"),
        (lambda: OrderTable([[1.0, 1.0], [0.0, -1.0]]), "values, row of 1 revealed, token 1: -1"),
        (lambda: OrderTable(np.ones((2, 2)), stderr=np.ones((1, 2))), "stderr has shape"),
        (lambda: OrderTable(np.ones((2, 2)), stderr=-np.ones((2, 2))), "stderr, row of 0 revealed"),
        (lambda: price(OrderTable(np.ones((2, 2))), Schedule([3])), "schedule reveals 3"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_table_prints_and_becomes_plain_numbers():
    table = OrderTable(np.ones((2, 2)))
    again = OrderTable(**table.to_dict())
    assert np.array_equal(again.values, table.values)
    assert repr(table) == "OrderTable(length=2, one_at_a_time=2 nats)"

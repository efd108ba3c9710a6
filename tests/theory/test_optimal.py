"""Planners against every composition, against each other, and on laws whose best schedules are known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import any_curves, falling_curves
from unmask import InputError
from unmask.laws import Permutation
from unmask.theory import envelope
from unmask.theory.curve import InformationCurve
from unmask.theory.optimal import best_schedule, cheapest, fewest_steps, frontier, share_steps
from unmask.theory.order_table import OrderTable
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

CLOSE = 1e-11


def least_prices(costs):
    """Entry T-1: the least price of T steps, by looking at every composition."""
    least = [math.inf] * costs.length
    for sizes in brute_force.compositions(costs.length):
        least[len(sizes) - 1] = min(least[len(sizes) - 1], price(costs, Schedule(sizes)))
    return np.array(least)


@st.composite
def order_tables(draw, max_length=7):
    """Any table, Monge or not."""
    length = draw(st.integers(1, max_length))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    return OrderTable(rng.exponential(size=(length, length)))


def check_against_all_compositions(costs):
    least = least_prices(costs)
    found = frontier(costs)
    assert found.max_steps == costs.length
    assert found.prices == pytest.approx(least, abs=CLOSE)
    for steps in range(1, costs.length + 1):
        for schedule in (best_schedule(costs, steps), found.schedule(steps)):
            assert (schedule.length, schedule.steps) == (costs.length, steps)
            assert price(costs, schedule) == pytest.approx(least[steps - 1], abs=CLOSE)
        assert found.price(steps) == pytest.approx(least[steps - 1], abs=CLOSE)
    for budget in [*least, *(least + 0.05), float(least.max()) + 1]:
        schedule = fewest_steps(costs, budget / costs.length)
        meets = np.flatnonzero(least <= budget + 1e-12 * max(1.0, costs.one_at_a_time))  # as its docstring says
        assert schedule.steps == meets[0] + 1
        assert price(costs, schedule) == pytest.approx(least[meets[0]], abs=CLOSE)
    for price_per_call in (0.0, 0.01, 0.3, 2.0, 50.0):
        schedule = cheapest(costs, price_per_call)
        total = price(costs, schedule) + price_per_call * schedule.steps
        assert total == pytest.approx(np.min(least + price_per_call * np.arange(1, costs.length + 1)), abs=CLOSE)


@settings(max_examples=60, deadline=None)
@given(falling_curves(max_length=9))
def test_falling_curves_are_planned_as_well_as_looking_at_every_composition(curve):
    check_against_all_compositions(curve)


@settings(max_examples=40, deadline=None)
@given(any_curves(max_length=8))
def test_rising_curves_too(curve):
    check_against_all_compositions(curve)


@settings(max_examples=40, deadline=None)
@given(order_tables())
def test_order_tables_too(table):
    check_against_all_compositions(table)


@pytest.mark.parametrize("seed", range(3))
def test_twelve_tokens_are_planned_as_well_as_looking_at_every_composition(seed):
    rng = np.random.default_rng(seed)
    check_against_all_compositions(InformationCurve(np.sort(rng.exponential(size=12) ** 2)[::-1]))


def test_tables_with_missing_rows_start_steps_only_where_they_were_measured():
    rng = np.random.default_rng(0)
    full = OrderTable(rng.exponential(size=(8, 8)))
    rows = [0, 1, 3, 6]
    some = OrderTable(full.values[rows], revealed=rows, one_at_a_time=full.one_at_a_time)
    for steps in range(1, 5):
        allowed = [
            Schedule(sizes)
            for sizes in brute_force.compositions(8, steps)
            if set(Schedule(sizes).revealed.tolist()) <= set(rows)
        ]
        least = min(price(full, schedule) for schedule in allowed)
        found = best_schedule(some, steps)
        assert found in allowed
        assert price(some, found) == pytest.approx(least, abs=CLOSE)
        assert frontier(some).price(steps) == pytest.approx(least, abs=CLOSE)
    with pytest.raises(InputError, match=r"steps is 5; it must be a whole number, in 1..4"):
        best_schedule(some, 5)


CURVES = {
    "random": np.sort(np.random.default_rng(0).random(512))[::-1],
    "heavy": np.sort(np.random.default_rng(1).exponential(size=512) ** 3)[::-1],
    "linear, all ties": np.linspace(1.0, 0.0, 512),
    "whole numbers, many ties": np.sort(np.random.default_rng(2).integers(0, 40, 512))[::-1].astype(float),
    "power law": np.arange(1, 513.0) ** -0.5,
    "permutation": np.log(512 - np.arange(512)),
    "cliff": np.array([1.0] * 200 + [0.0] * 312),
    "flat": np.ones(512),
    "nothing": np.zeros(512),
    "down to the smallest float": np.exp(-np.arange(512.0) * 1.5),
    "up to large ones": 1e200 * np.exp(-np.arange(512) / 50),
    "one part in a billion": 1 + 1e-9 * np.linspace(1.0, 0.0, 512) ** 2,
}


@pytest.mark.parametrize("name", CURVES)
def test_planners_agree_with_the_plain_programme_at_512_tokens(name):
    curve = InformationCurve(CURVES[name])
    scale = max(1.0, curve.entropy)
    envelopes = frontier(curve)
    programme = frontier(OrderTable.of_curve(curve), max_steps=48)
    assert envelopes.prices[:48] == pytest.approx(programme.prices, abs=1e-12 * scale)
    assert np.all(np.diff(envelopes.prices) <= 1e-12 * scale)
    assert np.all(np.diff(envelopes.prices, 2) >= -1e-12 * scale)  # convex in T
    for steps in [*range(1, 49, 3), 63, 64, 65, 128, 200, 201, 400, 510, 511, 512]:
        best = envelopes.price(steps)
        for schedule in (best_schedule(curve, steps), envelopes.schedule(steps)):
            assert schedule.steps == steps
            assert price(curve, schedule) == pytest.approx(best, abs=1e-12 * scale)


@pytest.mark.parametrize("name", CURVES)
def test_the_fewest_steps_for_a_budget_are_those_of_the_frontier(name):
    curve = InformationCurve(CURVES[name])
    slack = 1e-12 * max(1.0, curve.entropy)
    prices = frontier(curve).prices
    for budget in [0.0, *np.quantile(prices, [0.0, 0.1, 0.5, 0.9, 0.99]), 3.0]:
        schedule = fewest_steps(curve, budget / curve.length)
        assert price(curve, schedule) <= budget + slack
        assert schedule.steps == 1 or prices[schedule.steps - 2] > budget - slack


@given(falling_curves(min_length=3, max_length=40), st.data())
def test_exchanging_tails_reaches_every_number_of_steps_between_two_optimal_paths(curve, data):
    values = np.array(curve.values)
    low, high = sorted(data.draw(st.lists(st.floats(0, 3), min_size=2, max_size=2)))
    many, few = (envelope.cheapest_path(values.tolist(), price) for price in (low, high))
    for steps in range(len(few), len(many) - 1):
        path = envelope.exchange(few, many, steps)
        assert len(path) - 1 == steps
        assert path[0] == 0
        assert path[-1] == curve.length
        assert all(np.diff(path) > 0)


def test_planning_never_looks_at_an_array_of_length_squared_when_the_curve_falls(monkeypatch):
    from unmask.theory import optimal

    def refuse(costs):
        raise AssertionError("the quadratic programme was asked for")

    monkeypatch.setattr(optimal.Programme, "of", refuse)
    curve = InformationCurve(np.sort(np.random.default_rng(3).random(300))[::-1])
    best_schedule(curve, 20)
    fewest_steps(curve, 1 / 300)
    cheapest(curve, 0.1)
    frontier(curve).schedule(7)


def test_planning_one_number_of_steps_takes_a_few_passes_over_the_curve(monkeypatch):
    passes = []
    one_pass = envelope.cheapest_path
    monkeypatch.setattr(envelope, "cheapest_path", lambda *args: passes.append(1) or one_pass(*args))
    for name in ("random", "heavy", "linear, all ties", "power law", "permutation"):
        for steps in (2, 17, 100, 500):
            passes.clear()
            best_schedule(InformationCurve(CURVES[name]), steps)
            assert len(passes) <= 16, (name, steps)


def test_an_envelope_that_needs_many_rounds_is_still_the_envelope():
    rng = np.random.default_rng(5)
    for _ in range(50):
        slopes = np.sort(rng.random(60))[::-1]
        heights = np.cumsum(rng.exponential(size=60) ** 4)
        rounds = envelope._lower_envelope(slopes, heights).tolist()
        assert rounds == envelope._envelope_in_turn(slopes.tolist(), heights.tolist())


# Laws whose best schedules are known


def test_the_best_four_steps_of_the_eight_token_chain():
    joint = np.zeros((2,) * 8)
    for x in np.ndindex(*joint.shape):
        changes = sum(a != b for a, b in itertools.pairwise(x))
        joint[x] = 0.5 * 0.9 ** (7 - changes) * 0.1**changes
    values = brute_force.information_curve(joint)
    best = best_schedule(InformationCurve(values), 4)
    assert best.sizes == (1, 2, 2, 3)
    assert frontier(InformationCurve(values)).price(4) == pytest.approx(0.220, abs=5e-4)


def test_an_mds_code_is_drawn_in_two_steps_and_a_staircase_in_one_for_each_stair():
    assert fewest_steps(InformationCurve([1.0] * 5 + [0.0] * 6), 0.0).sizes == (5, 6)
    assert fewest_steps(InformationCurve([3.0] * 2 + [2.0] * 5 + [0.5] * 4), 0.0).sizes == (2, 5, 4)


def test_equal_tokens_need_one_careful_step_and_parity_one_at_the_end():
    assert best_schedule(InformationCurve([1.0] + [0.0] * 9), 2).sizes == (1, 9)
    assert best_schedule(InformationCurve([1.0] * 9 + [0.0]), 2).sizes == (9, 1)


def test_uniform_is_best_for_a_linear_curve():
    curve = InformationCurve(np.linspace(1, 0, 64))
    for steps in (2, 4, 16, 32):
        assert price(curve, best_schedule(curve, steps)) == pytest.approx(price(curve, Schedule.uniform(64, steps)))


def test_the_best_schedule_of_a_power_law_is_far_better_than_uniform():
    curve = InformationCurve(np.arange(1, 513.0) ** -0.5)
    best, even = (price(curve, s) for s in (best_schedule(curve, 64), Schedule.uniform(512, 64)))
    assert best < even / 3


def test_a_rising_curve_can_make_parallel_steps_cheaper_than_one_at_a_time():
    curve = InformationCurve([0.5, 1.0, 1.0, 0.2])
    assert frontier(curve).price(1) < 0
    assert fewest_steps(curve, -0.05).steps < 4


def test_rises_of_the_size_of_rounding_are_ironed_out():
    values = np.linspace(2, 1, 100)
    values[50] += 1e-2 / 99 + 1e-10
    curve = InformationCurve(np.round(values, 3) + 1e-11 * np.arange(100))
    assert price(curve, best_schedule(curve, 10)) == pytest.approx(frontier(curve).price(10), abs=1e-8)


# Blocks


@settings(max_examples=25, deadline=None)
@given(st.lists(falling_curves(max_length=5), min_size=1, max_size=3), st.data())
def test_sharing_steps_among_blocks_is_as_good_as_trying_every_share(blocks, data):
    check_sharing(blocks, data)


@settings(max_examples=25, deadline=None)
@given(st.lists(any_curves(max_length=5), min_size=1, max_size=3), st.data())
def test_sharing_is_best_without_convexity_too(blocks, data):
    check_sharing(blocks, data)


def check_sharing(blocks, data):
    steps = data.draw(st.integers(len(blocks), sum(block.length for block in blocks)))
    prices = [least_prices(block) for block in blocks]
    least = min(
        sum(block[count - 1] for block, count in zip(prices, share, strict=True))
        for share in brute_force.compositions(steps, len(blocks))
        if all(count <= len(block) for block, count in zip(prices, share, strict=True))
    )
    schedules = share_steps(blocks, steps)
    assert sum(schedule.steps for schedule in schedules) == steps
    total = sum(price(block, schedule) for block, schedule in zip(blocks, schedules, strict=True))
    assert total == pytest.approx(least, abs=CLOSE)


# Bad input

CURVE = InformationCurve([2.0, 1.0, 0.5])
RISING = InformationCurve([1.0, 2.0, 1.9])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_schedule(CURVE, 4), r"steps is 4; it must be a whole number, in 1..3"),
        (lambda: best_schedule(CURVE, 0), "steps is 0"),
        (lambda: best_schedule(RISING, 4), "steps is 4"),
        (lambda: best_schedule(CURVE, 1.5), "steps is 1.5"),
        (lambda: frontier(CURVE, 4), "max_steps is 4"),
        (lambda: frontier(CURVE, 2).price(3), "steps is 3"),
        (lambda: frontier(CURVE, 2).schedule(0), "steps is 0"),
        (lambda: fewest_steps(CURVE, -0.1), "budget is -0.1 nats per token; the smallest reachable price is 0"),
        (lambda: fewest_steps(CURVE, math.nan), "budget is nan; it must be a finite number$"),
        (lambda: fewest_steps(CURVE, "0.1"), "budget is '0.1'; it must be a finite number$"),
        (lambda: best_schedule([1.0, 0.5], 1), r"costs is \[1.0, 0.5\]; expected an InformationCurve"),
        (lambda: fewest_steps(Permutation(4), 1.0), r"costs is Permutation\(length=4\)"),
        (lambda: frontier(Permutation(4)), r"costs is Permutation\(length=4\)"),
        (lambda: cheapest(Permutation(4), 1.0), r"costs is Permutation\(length=4\)"),
        (lambda: fewest_steps(RISING, -50.0), r"budget is -50 nats per token; the smallest reachable price is -"),
        (lambda: cheapest(CURVE, -1.0), "price_per_call is -1"),
        (lambda: cheapest(CURVE, math.inf), "price_per_call is inf"),
        (lambda: share_steps([], 3), "blocks is empty"),
        (lambda: share_steps([CURVE, CURVE], 1), r"steps is 1; it must be a whole number, in 2..6"),
        (lambda: share_steps([CURVE, CURVE], 7), "steps is 7"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_frontier_prints_and_becomes_plain_numbers():
    found = frontier(CURVE)
    assert len(found) == 3
    assert found.to_dict() == {"length": 3, "prices": found.prices.tolist()}
    assert repr(found).startswith("Frontier(length=3, price 2.5 at T=1 to 0 nats at T=3)")

"""Ancestral sampling (F14) against enumeration of every assignment of tokens to steps."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import falling_curves, tables
from unmask import InputError
from unmask.theory.curve import InformationCurve
from unmask.theory.grid import BinomialGrid, binomial_weights, smoothed
from unmask.theory.optimal import best_schedule
from unmask.theory.price import price


@settings(max_examples=20, deadline=None)
@given(tables(), st.lists(st.floats(0.01, 0.99), max_size=3, unique=True), st.booleans())
def test_a_grid_costs_the_expected_kl_of_independent_coins(table, inside, perfect):
    joint = brute_force.random_table(*table)
    grid = BinomialGrid([0.0, *sorted(inside), 1.0])
    truth = brute_force.perfect_predictor(joint)
    predictor = truth if perfect else brute_force.random_predictor(joint.ndim, joint.shape[0], seed=3)
    curve = InformationCurve(brute_force.cross_entropy_curve(joint, predictor))
    exact = brute_force.expected_divergence_on_grid(joint, grid.levels, predictor)
    assert grid.nelbo(curve) - brute_force.entropy(joint, range(joint.ndim)) == pytest.approx(exact, abs=1e-12)
    if perfect:
        assert grid.price(curve) == pytest.approx(exact, abs=1e-12)


def test_expected_network_calls_are_those_of_the_enumeration():
    grid = BinomialGrid([0.0, 0.2, 0.5, 1.0])
    total = 0.0
    for steps in itertools.product(range(3), repeat=4):
        total += float(np.prod(grid.masses[list(steps)])) * len(set(steps))
    assert grid.expected_network_calls(4) == pytest.approx(total, abs=1e-12)
    assert BinomialGrid([0, 1]).expected_network_calls(7) == 1
    assert BinomialGrid.uniform(1000).expected_network_calls(10) == pytest.approx(10, abs=0.05)


@given(falling_curves(min_length=2), st.integers(1, 12))
def test_fixed_sizes_are_never_dearer_than_a_grid_of_as_many_steps(curve, steps):
    steps = min(steps, curve.length)
    best = price(curve, best_schedule(curve, steps))
    for grid in (BinomialGrid.uniform(steps), BinomialGrid.cosine(steps)):
        assert best <= grid.price(curve) + 1e-9


def test_the_price_of_a_grid_does_not_vanish_at_one_step_a_token():
    curve = InformationCurve(np.log(16 - np.arange(16)))
    assert BinomialGrid.uniform(16).price(curve) > 1
    assert BinomialGrid.uniform(4096).price(curve) == pytest.approx(0, abs=0.02)


def test_the_smoothed_curve_starts_and_ends_with_the_curve_and_averages_to_its_mean():
    curve = InformationCurve(np.arange(1, 10.0) ** -0.5)
    assert smoothed(curve, [0.0, 1.0]) == pytest.approx(curve.values[[0, -1]])
    nodes, weights = np.polynomial.legendre.leggauss(12)
    assert weights / 2 @ smoothed(curve, (nodes + 1) / 2) == pytest.approx(curve.values.mean(), abs=1e-12)


@pytest.mark.parametrize("trials", [0, 1, 7, 4095, 65535])
def test_binomial_weights_are_exact_for_any_number_of_trials(trials):
    for chance in (0.0, 1e-9, 0.1, 0.5, 0.97, 1 - 1e-9, 1.0):
        weights = binomial_weights(trials, chance)
        counts = np.arange(trials + 1)
        mean = weights @ counts
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        assert mean == pytest.approx(trials * chance, rel=1e-11, abs=1e-12)
        assert weights @ (counts - mean) ** 2 == pytest.approx(trials * chance * (1 - chance), rel=1e-9, abs=1e-11)


def test_equal_square_root_mass_beats_the_uniform_grid_and_its_own_neighbours():
    curve = InformationCurve(np.exp(-np.arange(256) / 20))
    planned = BinomialGrid.square_root_mass(curve, 32)
    assert planned.price(curve) < BinomialGrid.uniform(32).price(curve) / 2
    nudged = [BinomialGrid(np.array(planned.levels) ** exponent) for exponent in (0.8, 0.9, 1.1, 1.25)]
    assert planned.price(curve) < min(grid.price(curve) for grid in nudged)


@given(falling_curves(min_length=2), st.integers(1, 20))
def test_every_constructor_makes_a_grid_of_n_steps(curve, steps):
    for grid in (
        BinomialGrid.uniform(steps),
        BinomialGrid.cosine(steps),
        BinomialGrid.square_root_mass(curve, steps, resolution=64),
    ):
        assert grid.steps == steps
        assert grid.masses.sum() == pytest.approx(1)


def test_a_flat_curve_gets_the_uniform_grid():
    assert BinomialGrid.square_root_mass(InformationCurve([1.0] * 4), 5) == BinomialGrid.uniform(5)


@pytest.mark.parametrize("levels", [[], [0.0], [0.0, 0.5], [0.1, 1.0], [0.0, 0.5, 0.5, 1.0], [0.0, float("nan"), 1.0]])
def test_levels_that_do_not_rise_from_zero_to_one_are_refused(levels):
    with pytest.raises(InputError, match="levels must"):
        BinomialGrid(levels)


def test_bad_numbers_of_steps_and_rising_curves_are_refused():
    with pytest.raises(InputError, match="steps is 0"):
        BinomialGrid.uniform(0)
    with pytest.raises(InputError, match="needs a non-increasing curve"):
        BinomialGrid.square_root_mass(InformationCurve([1.0, 2.0]), 2)
    assert repr(BinomialGrid.uniform(2)) == "BinomialGrid([0, 0.5, 1])  # N=2"

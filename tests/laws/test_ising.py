"""Ising chain and torus, against Boltzmann weights, two-state chains and the local fields of single spins."""

import itertools

import numpy as np
import pytest

from reference import brute_force, enumeration
from unmask.errors import InputError
from unmask.laws import IsingChain, IsingTorus, MarkovChain


@pytest.mark.parametrize("coupling", [0.0, 0.6, -1.1])
def test_the_chain_has_its_boltzmann_weights_and_its_curve_by_enumeration(coupling):
    law = IsingChain(6, coupling)
    spins = 2 * law.support() - 1
    weights = np.exp(coupling * (spins[:, :-1] * spins[:, 1:]).sum(axis=1))
    np.testing.assert_allclose(np.exp(law.log_prob(law.support())), weights / weights.sum(), atol=1e-14)
    joint = (weights / weights.sum()).reshape((2,) * 6)
    np.testing.assert_allclose(law.curve().values, brute_force.information_curve(joint), atol=1e-12)
    x, known = enumeration.random_canvases(6, 2, 100, seed=0)
    np.testing.assert_allclose(law.conditionals(x, known), enumeration.conditionals(joint, x, known), atol=1e-12)


@pytest.mark.parametrize("coupling", [0.0, 0.8, -0.8, 3.0, 30.0, -1000.0])
def test_the_chain_is_a_two_state_markov_chain(coupling):
    law = IsingChain(200, coupling)
    stay = (1 + np.tanh(coupling)) / 2
    chain = MarkovChain([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]], 200)
    np.testing.assert_allclose(law.curve().values, chain.curve().values, atol=1e-12)
    assert law.entropy == pytest.approx(chain.entropy, abs=1e-10)
    np.testing.assert_array_equal(law.sample(5, seed=1), chain.sample(5, seed=1))


@pytest.fixture(scope="module")
def torus():
    return IsingTorus(0.35)


def neighbours(i):
    row, column = divmod(i, 4)
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [4 * (r % 4) + c % 4 for r, c in around]


def energy(x):
    spins = 2 * np.asarray(x) - 1
    return sum(spins[i] * spins[j] for i in range(16) for j in neighbours(i)) / 2


def test_the_torus_has_the_boltzmann_weights_of_its_32_edges(torus):
    x = np.random.default_rng(0).integers(2, size=(50, 16))
    energies = np.array([energy(row) for row in x])
    np.testing.assert_allclose(np.diff(torus.log_prob(x)), 0.35 * np.diff(energies), atol=1e-12)
    assert np.exp(torus.log_prob(torus.support())).sum() == pytest.approx(1.0, abs=1e-12)


def test_a_spin_of_the_torus_given_all_others_feels_only_its_four_neighbours(torus):
    x = np.random.default_rng(1).integers(2, size=(16, 16))
    known = ~np.eye(16, dtype=bool)
    answers = torus.conditionals(x, known)
    for i in range(16):
        field = sum(2 * x[i, j] - 1 for j in neighbours(i))
        assert answers[i, i, 1] == pytest.approx(1 / (1 + np.exp(-2 * 0.35 * field)), abs=1e-12)


def test_curve_of_the_torus_has_the_ends_that_single_spins_and_pairs_say(torus):
    probabilities = np.exp(torus.log_prob(torus.support()))
    spins = 2 * torus.support() - 1

    def binary(p):
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    correlations = [probabilities @ (spins[:, i] * spins[:, j]) for i, j in itertools.combinations(range(16), 2)]
    fields = spins[:, neighbours(5)].sum(axis=1)
    curve = torus.curve()
    assert curve.stderr is None
    assert curve.is_monotone
    assert curve.values[0] == pytest.approx(np.log(2), abs=1e-12)
    assert curve.values[1] == pytest.approx(np.mean([binary((1 + c) / 2) for c in correlations]), abs=1e-12)
    assert curve.values[15] == pytest.approx(probabilities @ binary(1 / (1 + np.exp(-0.7 * fields))), abs=1e-12)
    assert curve.entropy == pytest.approx(torus.entropy, abs=1e-12)
    assert torus.curve() is curve  # enumerated once


def test_a_torus_without_coupling_is_sixteen_fair_coins():
    law = IsingTorus(0.0)
    assert law.entropy == pytest.approx(16 * np.log(2))
    np.testing.assert_allclose(law.log_prob(law.sample(3)), -16 * np.log(2))


@pytest.mark.parametrize("coupling", [60.0, -60.0])
def test_a_frozen_torus_has_two_ground_states(coupling):
    law = IsingTorus(coupling)
    assert law.entropy == pytest.approx(np.log(2))
    assert set(law.sample(50, seed=0).sum(axis=1)) <= {0, 8, 16}


def test_bad_input_is_one_line_that_says_what_is_wrong():
    for make, says in [
        (lambda: IsingChain(0, 0.5), "length"),
        (lambda: IsingChain(4, float("nan")), "coupling"),
        (lambda: IsingTorus("strong"), "coupling"),
    ]:
        with pytest.raises(InputError, match=says):
            make()

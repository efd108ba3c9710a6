"""The table of pairs: mutual informations of laws whose answers are known, errors that hold, files that survive."""

import json

import numpy as np
import pytest

import unmask
from reference import partitions
from unmask.errors import InputError
from unmask.laws import IsingChain, MarkovChain
from unmask.order_search.dependence import Dependence, measure_dependence


def informations(law):
    """I(i; j) of a law listed as a table, by its marginals."""
    found = np.zeros((law.length, law.length))
    for i in range(law.length):
        for j in range(i):
            rest = tuple(k for k in range(law.length) if k not in (i, j))
            pair = law.probabilities.sum(axis=rest)
            alone = pair.sum(axis=1, keepdims=True) * pair.sum(axis=0)
            found[i, j] = found[j, i] = (pair * np.log(pair / alone)).sum()
    return found


def test_drops_are_the_mutual_informations_of_all_pairs():
    """Of spins without a field every text shows the same drop, so there is no error to allow for."""
    law = partitions.law_of("tree")
    found = measure_dependence(unmask.oracle(law), law.sample(8, 0))
    np.testing.assert_allclose(found.drops, informations(law), atol=1e-6)
    np.testing.assert_allclose(found.pairs(), informations(law), atol=1e-6)
    np.testing.assert_allclose(found.entropies, np.log(2), atol=1e-6)
    np.testing.assert_allclose(found.relative()[1, 0], informations(law)[1, 0] / np.log(2), atol=1e-6)
    assert found.network_calls == 8 * 13


def test_errors_hold_where_texts_differ():
    """A chain whose two tokens are not alike: drops of entropies and losses are within 5 standard errors.

    2 * 90 pairs at 400 texts; a drop is missed by chance with probability 1e-4 in all. Half of them would be missed if
    errors were a fifth of what they are.
    """
    law = MarkovChain.stationary([[0.9, 0.1], [0.3, 0.7]], 10)
    table = law.order_table(np.arange(10)).values  # entry [0, k] is H(X_k), [1, k] is H(X_k | X_0)
    found = measure_dependence(unmask.oracle(law), law.sample(400, 0))
    shares = [table[0, d] - table[1, d] for d in range(10)]
    for drops, errors in ((found.drops, found.errors), (found.loss_drops, found.loss_errors)):
        off = np.array(
            [abs(drops[i, j] - shares[abs(i - j)]) / errors[i, j] for i in range(10) for j in range(10) if i != j]
        )
        assert off.max() < 5
        assert np.median(off) > 0.1
    profile = np.abs(found.distance_drops - shares)[1:]
    assert np.all(profile < 5 * found.distance_errors[1:])


def test_pairs_are_drawn_to_their_distance_where_they_do_not_differ():
    """Every pair of a stationary chain at the same distance shares the same: drawing them together halves the error."""
    law = MarkovChain.stationary([[0.9, 0.1], [0.3, 0.7]], 12)
    table = law.order_table(np.arange(12)).values
    found = measure_dependence(unmask.oracle(law), law.sample(20, 1))
    away = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    true = (table[0] - table[1])[away] * (away > 0)
    assert np.abs(found.pairs() - true).mean() < 0.7 * np.abs((found.drops + found.drops.T) / 2 - true).mean()


def test_with_few_calls_positions_take_turns():
    law = IsingChain(8, 0.8)
    found = measure_dependence(unmask.oracle(law), law.sample(40, 0), calls=130)
    assert found.network_calls <= 130
    assert found.seen.sum(axis=1).min() >= 7 * (130 // 3 // 8 - 2)
    np.testing.assert_allclose(found.pairs()[3, 4], np.log(2) - law.gap_entropies[1], atol=1e-6)


def test_what_is_known_before_screens_off():
    """In a chain the middle of three says all: dependence given 5 of 6 others at most that without."""
    law = IsingChain(8, 1.0)
    alone = measure_dependence(unmask.oracle(law), law.sample(60, 0))
    given = measure_dependence(unmask.oracle(law), law.sample(60, 0), revealed=5)
    assert given.distance_drops[4] < 0.3 * alone.distance_drops[4]
    assert np.all(given.entropies < alone.entropies)


def test_the_same_seed_measures_the_same(chain):
    first, second = (measure_dependence(unmask.oracle(chain), chain.sample(6, 0), 40, seed=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_a_table_is_read_back_as_it_was_saved(chain, tmp_path):
    found = measure_dependence(unmask.oracle(chain), chain.sample(5, 0))
    back = Dependence.load(found.save(tmp_path / "pairs.json"))
    assert back.to_dict() == found.to_dict()
    np.testing.assert_array_equal(back.pairs(), found.pairs())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("drops", [[0.0]], r"drops has shape \(1, 1\); expected finite numbers of shape \(12, 12\)"),
        ("errors", "many", "errors is 'many'; expected a list"),
        ("texts", 1.5, "texts is 1.5; expected a whole number"),
    ],
)
def test_a_damaged_file_is_refused(chain, tmp_path, name, value, message):
    found = measure_dependence(unmask.oracle(chain), chain.sample(5, 0)).to_dict()
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps({**found, name: value}))
    with pytest.raises(InputError, match=message):
        Dependence.load(path)


def test_bad_requests_are_refused(chain):
    with pytest.raises(InputError, match="revealed is 11; expected a whole number from 0 to n - 2 = 10"):
        measure_dependence(unmask.oracle(chain), chain.sample(5, 0), revealed=11)
    with pytest.raises(InputError, match="a standard error needs 2 texts"):
        measure_dependence(unmask.oracle(chain), chain.sample(5, 0), calls=3)

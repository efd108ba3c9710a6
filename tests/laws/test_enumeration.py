import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import brute_force
from unmask import InputError
from unmask.laws import Listed
from unmask.laws.enumeration import curve_of_list, distinct_positions


def random_list(seed):
    """Some sequences of 5 tokens in which one position follows from another and one may be constant; with its table."""
    rng = np.random.default_rng(seed)
    sequences = rng.integers(3, size=(rng.integers(1, 12), 5))
    sequences[:, 3] = (2 * sequences[:, 0] + 1) % 3
    if seed % 3 == 0:
        sequences[:, 1] = 2
    law = Listed(sequences, rng.random(len(sequences)) + 0.01, vocab_size=3)
    joint = np.zeros((3,) * 5)
    joint[tuple(law.sequences.T)] = law.probabilities
    return law, joint


@given(st.integers(0, 10_000))
def test_positions_that_say_the_same_change_nothing_but_the_time(seed):
    law, joint = random_list(seed)
    curve = curve_of_list(law.sequences, law.probabilities)
    np.testing.assert_allclose(curve, brute_force.information_curve(joint), atol=1e-12)


def test_classes_of_positions_are_those_that_determine_each_other():
    sequences = np.array([[0, 1, 7, 4, 2], [1, 0, 7, 4, 2], [0, 1, 7, 5, 2], [2, 2, 7, 5, 2]])
    assert distinct_positions(sequences) == (2, [(0, 2), (3, 1)])


@given(st.integers(0, 10_000))
def test_the_order_table_of_a_list_is_that_of_its_joint_table(seed):
    law, joint = random_list(seed)
    permutation = np.random.default_rng(seed).permutation(5)
    expected = brute_force.order_table(joint, brute_force.perfect_predictor(joint), permutation.tolist())
    np.testing.assert_allclose(law.order_table(permutation).values, expected, atol=1e-12)


def test_an_order_that_is_no_permutation_is_refused():
    law, _ = random_list(1)
    with pytest.raises(InputError, match="permutation"):
        law.order_table([0, 1, 2, 3, 3])
    with pytest.raises(InputError, match="length is 5, but the given permutation is for length 3"):
        law.order_table([0, 1, 2])

import numpy as np
import pytest

from reference import brute_force, enumeration, law_checks
from unmask import InputError
from unmask.laws import MarkovChain, Tree


def random_tree(parents, vocab_size, seed, zeros=0.0, shared=False):
    """A random tree law; transitions are zero with probability `zeros`."""
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(len(parents), vocab_size, vocab_size))
    weights *= rng.random(weights.shape) >= zeros
    weights[:, :, 0] += 1e-3
    transitions = weights / weights.sum(axis=2, keepdims=True)
    return Tree(parents, rng.dirichlet(np.ones(vocab_size)), transitions[0] if shared else transitions)


LAWS = {
    "one node": random_tree([-1], 3, seed=0),
    "a fork": random_tree([-1, 0, 0, 1], 3, seed=1, zeros=0.4),
    "a star, the root last": random_tree([4, 4, 4, 4, -1], 3, seed=2, zeros=0.3),
    "parents after children": random_tree([2, 2, -1, 2, 0], 3, seed=3, zeros=0.4, shared=True),
    "a chain": random_tree([-1, 0, 1, 2, 3, 4], 2, seed=4),
}
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


@each_law
def test_conditionals_are_those_of_the_joint_table(law):
    law_checks.assert_law_is_exact(law)


@each_law
def test_samples_follow_the_law(law):
    law_checks.assert_samples_follow(law)


@each_law
def test_the_curve_of_a_small_tree_is_the_enumerated_one(law):
    law_checks.assert_curve_is_exact(law)


def test_the_measured_curve_agrees_with_the_enumerated_one():
    law = LAWS["a fork"]
    exact = brute_force.information_curve(enumeration.joint_of(law))
    measured = law.measured_curve(samples=1000, seed=0)
    # Four means of 1000 sequences: a false alarm about once in 10,000 seeds.
    assert np.all(np.abs(measured.values - exact) <= 4.2 * measured.stderr + 1e-12)


def test_a_path_is_a_markov_chain():
    rng = np.random.default_rng(5)
    initial, transition = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=3)
    path, chain = Tree([-1, *range(29)], initial, transition), MarkovChain(initial, transition, 30)
    x, known = law_checks.canvases(chain, 40, seed=6)
    np.testing.assert_allclose(path.log_prob(x), chain.log_prob(x), rtol=1e-12)
    np.testing.assert_allclose(path.conditionals(x, known), chain.conditionals(x, known), atol=1e-11)


def test_a_star_of_thousands_of_nodes_does_not_underflow():
    law = Tree([-1] + [0] * 3000, [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]])
    x = law.sample(2, seed=0)
    known = np.ones(x.shape, dtype=bool)
    known[:, [0, 7]] = False
    answer = law.conditionals(x, known)
    np.testing.assert_allclose(answer[[0, 1], 0, x[:, 0]], 1.0, atol=1e-12)  # 2999 witnesses leave no doubt
    np.testing.assert_allclose(answer[:, 7], law.transitions[7][x[:, 0]], atol=1e-12)


def test_an_impossible_context_is_uniform_everywhere():
    law = Tree([-1, 0, 0, 1], [0.5, 0.5], np.eye(2))  # all four tokens are equal
    answer = law.conditionals(np.array([[0, 0, 1, 0]]), np.array([[False, False, True, True]]))
    np.testing.assert_array_equal(answer[0, :2], np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("parents", "root", "transitions", "message"),
    [
        ([0, 1], [0.5, 0.5], np.eye(2), r"parents has 0 roots"),
        ([-1, -1], [0.5, 0.5], np.eye(2), r"parents has 2 roots"),
        ([-1, 5], [0.5, 0.5], np.eye(2), r"parents has the entry 5; expected nodes 0..1"),
        ([-1, 0.5], [0.5, 0.5], np.eye(2), r"parents\[1\] is 0.5; expected a whole number"),
        ([-1, 2, 1], [0.5, 0.5], np.eye(2), r"parents has a cycle through node 1"),
        ([-1, 0], [0.5, 0.6], np.eye(2), r"root is not a distribution: its entries sum to 1.1"),
        ([-1, 0], [0.5, 0.5], np.full((2, 2), 0.4), r"transitions is not a distribution"),
        ([-1, 0], [0.5, 0.5], np.eye(3), r"transitions has shape \(3, 3\); expected \(2, 2\) or \(2, 2, 2\)"),
    ],
)
def test_a_tree_that_is_none_is_refused_in_one_line(parents, root, transitions, message):
    with pytest.raises(InputError, match=message) as caught:
        Tree(parents, root, transitions)
    assert "\n" not in str(caught.value)

"""Joint tables, lists of sequences and independent positions, against enumeration."""

import tracemalloc

import numpy as np
import pytest

import unmask.laws.enumeration
from reference import brute_force, enumeration
from unmask.errors import InputError
from unmask.laws import Listed, Product, Table
from unmask.laws.enumeration import curve_of_list, curve_of_table

SHAPES = [(1, 4), (2, 3), (4, 2), (4, 3), (3, 4)]


@pytest.fixture(params=SHAPES, ids=lambda shape: f"L{shape[0]}V{shape[1]}")
def joint(request):
    length, vocab_size = request.param
    return brute_force.random_table(length, vocab_size, seed=length, zeros=0.4)


def test_curve_of_a_table_is_the_curve_by_definition(joint):
    curve = Table(joint).curve()
    assert curve.stderr is None
    np.testing.assert_allclose(curve.values, brute_force.information_curve(joint), atol=1e-12)


def test_curve_of_a_large_table_is_the_same_when_it_is_split(monkeypatch, joint):
    whole = curve_of_table(joint)
    monkeypatch.setattr(unmask.laws.enumeration, "_VECTORISED", 4)
    np.testing.assert_allclose(curve_of_table(joint), whole, atol=1e-13)


def test_curve_of_a_list_is_the_curve_of_its_table(joint):
    support = np.argwhere(joint > 0)
    np.testing.assert_allclose(curve_of_list(support, joint[joint > 0]), Table(joint).curve().values, atol=1e-12)


def test_repeated_and_constant_positions_are_counted_in_the_curve_of_a_list():
    inner = brute_force.random_table(3, 2, seed=8, zeros=0.2)
    rows = np.argwhere(inner > 0)
    # position 3 renames position 0, position 4 never varies, position 5 equals position 1
    listed = np.column_stack((rows, 1 - rows[:, 0], np.ones(len(rows), dtype=int), rows[:, 1]))
    joint = np.zeros((2,) * 6)
    joint[tuple(listed.T)] = inner[inner > 0]
    curve = Listed(listed, inner[inner > 0]).curve()
    np.testing.assert_allclose(curve.values, brute_force.information_curve(joint), atol=1e-12)


def test_conditionals_of_a_table_are_those_of_enumeration(joint):
    x, known = enumeration.random_canvases(joint.ndim, len(joint), 200, seed=1)
    given = Table(joint).conditionals(x, known)
    np.testing.assert_allclose(given, enumeration.conditionals(joint, x, known), atol=1e-12)


def test_contexts_of_probability_zero_give_the_uniform_law():
    table = Table([[0.5, 0.0], [0.25, 0.25]])
    impossible = Listed([[0, 0, 1], [1, 1, 0]]).conditionals([[0, 1, 0]], np.array([[True, True, False]]))
    np.testing.assert_array_equal(impossible, [[[1, 0], [0, 1], [0.5, 0.5]]])
    np.testing.assert_array_equal(table.conditionals([[0, 9]], np.array([[True, False]]))[0, 1], [1, 0])


@pytest.mark.parametrize(
    "law",
    [Table([[0.5, 0.0], [0.25, 0.25]]), Listed([[0, 0], [1, 1]]), Product([[0.5, 0.5], [0.1, 0.9]])],
    ids=["Table", "Listed", "Product"],
)
def test_what_stands_at_unknown_positions_is_never_read(law):
    known = np.array([[True, False], [True, False], [False, False]])
    answers = law.conditionals(np.array([[1, 0], [1, -7], [99, -1]]), known)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_allclose(answers.sum(axis=-1), 1.0)


def test_log_prob_is_minus_infinity_outside_the_support_and_sums_to_one():
    joint = brute_force.random_table(3, 3, seed=4, zeros=0.5)
    support = np.argwhere(joint > 0)
    for law in (Table(joint), Listed(support, joint[joint > 0], vocab_size=3)):
        np.testing.assert_allclose(enumeration.joint_of(law), joint, atol=1e-15)
        assert law.log_prob(np.argwhere(joint == 0)[:1])[0] == -np.inf


def test_samples_of_tables_lists_and_products_follow_the_law():
    # Each of the three fails once in a million seeds if the law is right; the seed is fixed.
    joint = brute_force.random_table(3, 3, seed=4, zeros=0.5)
    laws = [Table(joint), Listed(np.argwhere(joint > 0), joint[joint > 0]), Product([[0.2, 0.8, 0.0], [0.3, 0.3, 0.4]])]
    for law in laws:
        assert enumeration.chi_square_p_value(law, 20_000, seed=5) > 1e-6


def test_the_same_seed_gives_the_same_samples_and_fewer_samples_are_the_first_ones():
    law = Product(np.full((5, 3), 1 / 3))
    np.testing.assert_array_equal(law.sample(7, seed=3), law.sample(7, seed=3))
    np.testing.assert_array_equal(law.sample(7, seed=3), law.sample(20, seed=3)[:7])


def test_weights_of_a_sequence_listed_twice_are_added():
    law = Listed([[0, 1], [1, 0], [0, 1]], [1, 2, 3])
    np.testing.assert_allclose(np.exp(law.log_prob([[0, 1], [1, 0], [0, 0]])), [4 / 6, 2 / 6, 0])


def test_curve_of_a_product_is_flat_and_its_conditionals_are_its_marginals():
    marginals = np.array([[0.2, 0.8, 0.0], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]])
    law = Product(marginals)
    joint = enumeration.joint_of(law)
    np.testing.assert_allclose(law.curve().values, brute_force.information_curve(joint), atol=1e-12)
    assert law.entropy == pytest.approx(brute_force.entropy(joint, range(3)))
    x, known = enumeration.random_canvases(3, 3, 100, seed=2)
    np.testing.assert_allclose(law.conditionals(x, known), enumeration.conditionals(joint, x, known), atol=1e-12)


def test_fifty_thousand_sequences_answer_a_batch_in_bounded_memory():
    rng = np.random.default_rng(0)
    law = Listed(rng.integers(42, size=(50_000, 17)), vocab_size=42)
    x = law.sample(300, seed=1)
    known = np.argsort(rng.random(x.shape), axis=1) < rng.integers(18, size=(300, 1))
    tracemalloc.start()
    answers = law.conditionals(x, known)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6
    np.testing.assert_allclose(answers.sum(axis=-1), 1.0)
    row = int(np.argmax(known.sum(axis=1) == 2))  # one row again, by filtering the list
    agree = np.all((law.sequences == x[row]) | ~known[row], axis=1)
    for i in np.flatnonzero(~known[row]):
        expected = np.bincount(law.sequences[agree, i], minlength=42) / agree.sum()
        np.testing.assert_allclose(answers[row, i], expected, atol=1e-12)


def test_a_list_too_long_to_enumerate_is_measured_within_its_standard_errors():
    # 200 random sequences of 10 tokens, enumerated exactly and measured: |z| < 5 fails about once in 10^5 seeds.
    law = Listed(np.random.default_rng(1).integers(4, size=(200, 10)))
    exact, measured = law.curve(), law.measured_curve(samples=200, seed=2)
    assert exact.stderr is None
    assert np.all(np.abs(measured.values - exact.values)[1:] < 5 * measured.stderr[1:] + 1e-12)
    assert Listed(np.random.default_rng(1).integers(4, size=(200, 24))).curve().stderr is not None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Table([[0.5, 0.5]]), "shape"),
        (lambda: Table(1.0), "shape"),
        (lambda: Table([0.5, 0.6]), "sum"),
        (lambda: Table([1.5, -0.5]), "negative"),
        (lambda: Table([np.nan, 1.0]), "nan"),
        (lambda: Product([0.5, 0.5]), "shape"),
        (lambda: Product([[0.5, 0.4]]), "sum"),
        (lambda: Listed([0, 1]), "shape"),
        (lambda: Listed([[0, 1]], [1, 2]), "weights"),
        (lambda: Listed([[0, 1]], [-1]), "weights"),
        (lambda: Listed([[0, 1]], [0]), "weights"),
        (lambda: Listed([[0, 3]], vocab_size=2), "tokens"),
        (lambda: Listed([[0.5, 1.0]]), "whole numbers"),
        (lambda: Listed([[0, 1]], vocab_size=2.5), "vocab_size is 2.5; expected a whole number"),
        (lambda: Table([[0.5], [0.25, 0.25]]), "probabilities is not an array of numbers, or its rows"),
        (lambda: Table([0.5, 0.5]).conditionals([[0, 1]], np.array([[True, True]])), "shape"),
        (lambda: Table([0.5, 0.5]).conditionals([[0]], [[1]]), "booleans"),
        (lambda: Table([0.5, 0.5]).log_prob([[2]]), "tokens"),
    ],
)
def test_bad_input_is_one_line_that_says_what_is_wrong(make, says):
    with pytest.raises(InputError, match=says) as error:
        make()
    assert "\n" not in str(error.value)

import itertools

import numpy as np
import pytest

from reference import law_checks
from unmask import InputError
from unmask.laws import latin_square, sudoku
from unmask.laws.catalogue import from_name


def corrupted(law, n, seed):
    """Rows of the law, most of them with some tokens replaced by any."""
    rng = np.random.default_rng(seed)
    x = law.sample(n, rng)
    return np.where(rng.random(x.shape) < 0.04, rng.integers(law.vocab_size, size=x.shape), x)


@pytest.mark.parametrize(("law", "count"), [(latin_square(2), 2), (latin_square(3), 12), (latin_square(4), 576)])
def test_there_are_as_many_latin_squares_as_tables_of_rows_whose_columns_differ(law, count):
    side = law.vocab_size
    tables = itertools.product(itertools.permutations(range(side)), repeat=side)
    right = {sum(rows, ()) for rows in tables if all(len(set(column)) == side for column in zip(*rows, strict=True))}
    assert {tuple(row) for row in law.listed.sequences.tolist()} == right
    assert len(right) == count
    assert law.entropy == pytest.approx(np.log(count), abs=1e-12)


def test_the_288_sudokus_are_the_latin_squares_whose_boxes_hold_every_number():
    latin = latin_square(4).listed.sequences
    boxes = latin.reshape(-1, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4, 4)
    right = latin[np.all(np.sort(boxes, axis=2) == np.arange(4), axis=(1, 2))]
    assert len(right) == 288
    np.testing.assert_array_equal(sudoku().listed.sequences, right)
    assert sudoku().entropy == pytest.approx(np.log(288), abs=1e-12)


def test_everything_about_squares_of_side_3_is_exact():
    law_checks.assert_law_is_exact(latin_square(3))
    law_checks.assert_curve_is_exact(latin_square(3))
    law_checks.assert_samples_follow(latin_square(3), n=2000)


def test_the_conditionals_of_a_sudoku_count_the_grids_that_agree():
    law = sudoku()
    grids = law.listed.sequences
    rng = np.random.default_rng(3)
    x = law.sample(30, rng)
    known = rng.random(x.shape) < rng.random((30, 1))
    answers = law.conditionals(x, known)
    for row in range(30):
        agreeing = grids[np.all((grids == x[row]) | ~known[row], axis=1)]
        shares = (agreeing[:, :, None] == np.arange(4)).mean(axis=0)
        np.testing.assert_allclose(answers[row], shares, atol=1e-12)


def test_a_first_cell_tells_nothing_about_any_one_other_cell_alone_but_its_line():
    answers = sudoku().conditionals(np.zeros((1, 16), dtype=int), np.arange(16)[None] == 0)[0]
    for cell in range(1, 16):
        row, column = divmod(cell, 4)
        together = row == 0 or column == 0 or (row < 2 and column < 2)
        assert (answers[cell, 0] == 0) == together


@pytest.mark.parametrize("law", [latin_square(3), latin_square(4), sudoku()])
def test_the_rule_agrees_with_the_list(law):
    rows = corrupted(law, 600, seed=1)
    valid = law.is_valid(rows)
    assert 0.2 < valid.mean() < 0.9
    assert [law.explain(row) is None for row in rows] == valid.tolist()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 1", None),
        ("1 2 3 4 3 4 3 2 2 1 4 3 4 3 2 1", "row 2 has 3 twice"),
        ("1 2 3 4 3 4 1 2 2 1 4 3 1 2 3 4", "column 1 has 1 twice"),
        ("1 2 3 4 2 3 4 1 3 4 1 2 4 1 2 3", "the upper left box has 2 twice"),
    ],
)
def test_the_first_line_or_box_with_a_number_twice_is_named(text, reason):
    law = sudoku()
    row = law.encode(text)
    assert law.decode(row) == text
    assert law.explain(row) == reason
    assert law.is_valid(row[None])[0] == (reason is None)


def test_a_mask_is_no_number():
    law = sudoku()
    row = law.sample(1)[0]
    row[5] = 4
    assert law.explain(row) == '"_" stands where a number up to 4 belongs'
    assert not law.is_valid(row[None])[0]
    assert law.explain(row[:3]) == "3 words instead of 16"


def test_the_curve_of_a_sudoku_is_exact_and_sums_to_the_entropy():
    curve = sudoku().curve()
    assert curve.stderr is None
    assert curve.values[0] == pytest.approx(np.log(4))
    assert curve.entropy == pytest.approx(np.log(288), abs=1e-9)


def test_squares_have_names_and_nothing_is_given():
    assert repr(from_name("latin_square:side=3")) == "ListedTask(latin_square:side=3)"
    assert from_name("sudoku").prompt_length == from_name("latin_square").prompt_length == 0
    assert from_name("latin_square").words == ("1", "2", "3", "4")


@pytest.mark.parametrize("side", [1, 5])
def test_another_side_is_refused(side):
    with pytest.raises(InputError, match=rf"side is {side}; expected a whole number in 2..4"):
        latin_square(side)


def test_a_text_with_other_words_or_another_length_is_refused():
    with pytest.raises(InputError, match=r"text has the word '5'; known are 1 2 3 4"):
        sudoku().encode("5")
    with pytest.raises(InputError, match=r"text has 2 words; sudoku has 16"):
        sudoku().encode("1 2")

"""What a command's options say of texts and of given positions."""

import numpy as np
import pytest

import unmask
from unmask.measuring.inputs import DRAWN, read_given, read_inputs

LAW = "law:permutation:length=4"
ORACLE = unmask.oracle(unmask.laws.Permutation(4))


def test_a_law_draws_its_own_texts_and_a_salt_sets_them_apart():
    found = read_inputs(ORACLE, LAW)
    assert (found.rows.shape, found.words) == ((DRAWN, 4), LAW)
    other = read_inputs(ORACLE, LAW, salt=4)
    assert other.source != found.source
    assert not np.array_equal(other.rows, found.rows)


def test_texts_is_the_first_so_many_of_a_file(tmp_path):
    rows = unmask.laws.Permutation(4).sample(9, 0)
    np.save(tmp_path / "t.npy", rows)
    np.testing.assert_array_equal(read_inputs(ORACLE, LAW, tokens=tmp_path / "t.npy", texts=5).rows, rows[:5])


def test_given_is_a_number_of_leading_tokens_a_share_or_a_list(tmp_path):
    rows = unmask.laws.Permutation(4).sample(6, 0)
    (tmp_path / "given.json").write_text("[0, 3]")
    assert (read_given(None, rows), read_given("3", rows)) == (0, 3)
    assert (read_given("0.5", rows).sum(axis=1) == 2).all()
    assert read_given(str(tmp_path / "given.json"), rows).tolist() == [True, False, False, True]
    with pytest.raises(unmask.InputError, match="--given is -1"):
        read_given("-1", rows)

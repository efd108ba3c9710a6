import numpy as np
import pytest

from unmask import laws
from unmask.errors import InputError
from unmask.training.text_windows import Batches, FixedWindows, LawWindows, TextWindows


def test_an_epoch_of_text_reads_every_token_once():
    windows = TextWindows(np.arange(60), length=6, seed=0)
    for epoch in range(3):
        assert sorted(windows.rows(epoch, np.arange(windows.count)).ravel()) == list(range(60))


def test_windows_of_text_are_contiguous_and_their_offsets_change():
    windows = TextWindows(np.arange(61), length=6, seed=0)
    first, second = (windows.rows(epoch, np.arange(windows.count)) for epoch in (0, 1))
    assert (np.diff(first, axis=1) % 61 == 1).all()
    assert (first[:, 0] != second[:, 0]).any()


def test_text_shorter_than_a_window_is_refused():
    with pytest.raises(InputError, match="5 tokens, fewer than one window of `length` 6"):
        TextWindows(np.arange(5), length=6)


def test_fixed_windows_are_the_text_side_by_side():
    windows = FixedWindows(np.arange(20), length=6)
    assert windows.count == 3
    assert windows.rows(7, np.array([2])).tolist() == [[12, 13, 14, 15, 16, 17]]


def test_a_law_gives_fresh_sequences_every_epoch_and_the_same_ones_again():
    windows = LawWindows(laws.Permutation(5), count=50, seed=0)
    first = windows.rows(0, np.arange(50)).copy()
    second = windows.rows(1, np.arange(50)).copy()
    assert (first != second).any()
    assert (windows.rows(0, np.arange(50)) == first).all()
    assert (windows.rows(1, np.array([3])) == second[3]).all()


def test_every_example_comes_once_an_epoch_in_a_new_order():
    batches = Batches(TextWindows(np.arange(60), length=6, seed=0), batch_size=4, seed=0)
    epochs, examples = (
        np.concatenate(column) for column in zip(*((batches[s][0], batches[s][1]) for s in range(5)), strict=True)
    )
    assert epochs.tolist() == [0] * 10 + [1] * 10
    assert sorted(examples[:10]) == sorted(examples[10:]) == list(range(10))
    assert (examples[:10] != examples[10:]).any()


def test_a_batch_is_the_same_whatever_was_asked_before():
    def make():
        return Batches(TextWindows(np.arange(60), length=6, seed=0), batch_size=4, seed=0)

    straight = make()
    wanted = [straight[step][2] for step in range(8)]
    for step in (7, 2, 5, 0):
        assert (make()[step][2] == wanted[step]).all()

"""Texts from files: windows of the right length in the model's own tokens, or one line that says why not."""

import json

import numpy as np
import pytest

from unmask.errors import InputError
from unmask.measuring.text_files import known_from, read_texts, read_windows, windows_of


class Letters:
    """A model of any length whose tokens are letters."""

    length = None
    vocab_size = 26

    def encode(self, text):
        return [ord(letter) - ord("a") for letter in text if letter.isalpha()]


def test_text_is_cut_into_windows_side_by_side(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abcd\nefghij")
    assert read_texts(Letters(), path, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_lines_are_not_joined(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abc\n\nefghij\nk\n")
    assert read_texts(Letters(), path, 3, lines=True).tolist() == [[0, 1, 2], [4, 5, 6], [7, 8, 9]]


def test_rows_of_tokens_and_of_text_are_read(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('[1, 2, 3]\n{"tokens": [4, 5, 6]}\n{"text": "abc"}\n')
    assert read_texts(Letters(), path).tolist() == [[1, 2, 3], [4, 5, 6], [0, 1, 2]]
    np.save(tmp_path / "t.npy", np.arange(7, dtype=np.int32))
    assert read_texts(Letters(), tmp_path / "t.npy", 3).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_window_belongs_to_the_document_it_begins_in(tmp_path):
    """Documents are separated by blank lines: here nine, of four, two, twelve, .. letters, in windows of four."""
    path = tmp_path / "t.txt"
    documents = ["abcd", "ab", "cdefghijklmn", "abcd", "abcdefgh", "ab", "abcdefghij", "abcd\nabcd", "abcdefgh"]
    path.write_text("\n\n".join(documents))
    found = read_windows(Letters(), path, 4)
    begins = np.cumsum([0, *(sum(map(str.isalpha, one)) for one in documents)])
    assert found.documents.tolist() == [int(np.sum(begins <= 4 * n)) - 1 for n in range(len(found.rows))]
    np.testing.assert_array_equal(found.rows, read_texts(Letters(), path, 4))


def test_few_documents_and_rows_of_one_window_each_tell_nothing(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abcdabcd\n\nabcdabcd\n\nabcdabcd")
    assert read_windows(Letters(), path, 4).documents.tolist() == [-1] * 6
    np.save(tmp_path / "t.npy", np.zeros((9, 4), dtype=np.int64))
    assert read_windows(Letters(), tmp_path / "t.npy", 4).documents.tolist() == [-1] * 9
    assert read_windows(Letters(), tmp_path / "t.npy", 2).documents.tolist() == np.repeat(np.arange(9), 2).tolist()


def test_text_itself_is_cut_into_windows():
    assert windows_of(Letters(), "abcd\nefghij", 4).rows.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    several = windows_of(Letters(), ["abcdef"] * 8, 3)
    assert several.rows.shape == (16, 3)
    assert several.documents.tolist() == np.repeat(np.arange(8), 2).tolist()
    with pytest.raises(InputError, match="give one, such as 256"):
        windows_of(Letters(), "abc")


def test_the_models_own_length_is_the_default(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abcdefg")
    model = Letters()
    model.length = 2
    assert read_texts(model, path).shape == (3, 2)
    with pytest.raises(InputError, match="length is 3, but the model takes exactly 2"):
        read_texts(model, path, 3)


@pytest.mark.parametrize(
    ("name", "content", "length", "words"),
    [
        ("t.txt", "abc", None, "length is not given"),
        ("t.txt", "abc", 5, "at most 3 tokens, fewer than one window of 5"),
        ("t.txt", "", 5, "holds no text"),
        ("t.jsonl", "[1, 2]\n[3]\n[4, 5]", None, r"texts of 2 lengths, most often 2 tokens \(2×\).*--length"),
        ("t.jsonl", "[1, 2]\n{", None, "line 2: not JSON"),
        ("t.jsonl", '{"words": 3}', None, "line 1: expected a list of token ids"),
        ("t.npy", "not an array", None, "as an array of tokens"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, name, content, length, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        read_texts(Letters(), path, length)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"abc\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_texts(Letters(), path, 2)
    with pytest.raises(InputError, match="No such file"):
        read_texts(Letters(), tmp_path / "none.txt", 2)


def test_a_model_without_a_tokenizer_asks_for_tokens(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("abc")

    class Numbers:
        length, vocab_size = 3, 3

    with pytest.raises(InputError, match="no tokenizer"):
        read_texts(Numbers(), path)


def test_known_positions_are_listed_or_marked(tmp_path):
    path = tmp_path / "g.json"
    path.write_text("[0, 3]")
    assert known_from(path, 4).tolist() == [True, False, False, True]
    path.write_text("[true, false, false, true]")
    assert known_from(path, 4).tolist() == [True, False, False, True]
    for bad in ("[4]", "[0.5]", "3", json.dumps([True]), "["):
        path.write_text(bad)
        with pytest.raises(InputError, match="expected a"):
            known_from(path, 4)

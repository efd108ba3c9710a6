"""FASTA: names are kept, sequences are never joined, and what is wrong with a file is one line."""

import pytest

from unmask.errors import InputError
from unmask.measuring import fasta
from unmask.measuring.text_files import read_sequences, read_windows


class Letters:
    """A model of any length whose tokens are small letters."""

    length, vocab_size, forbidden_ids = None, 26, ()

    def encode(self, text):
        return [ord(letter) - ord("a") for letter in text]

    def decode(self, tokens):
        return "".join(chr(ord("a") + token) for token in tokens)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "x.fasta"
    file.write_text(">first protein\nabcd\nef\n\n>second\nabc\n; a remark\n>third\nghijkl\n")
    return file


def test_sequences_are_whole_and_keep_their_names(path):
    found = read_sequences(Letters(), path)
    assert [Letters().decode(row) for row in found.rows] == ["abcdef", "abc", "ghijkl"]
    assert found.names == ("first protein", "second", "third")


def test_windows_are_cut_inside_a_sequence_and_what_is_lost_is_said(path):
    found = read_windows(Letters(), path, 4)
    assert [Letters().decode(row) for row in found.rows] == ["abcd", "ghij"]
    assert found.names == ("first protein", "third")
    assert "1 of 3 texts are shorter than 4 tokens and left out" in found.said
    assert any("2 of 3 texts are longer than 4 tokens and cut, 47% of all tokens left out" in one for one in found.said)


def test_what_begins_like_fasta_is_read_as_fasta_and_a_quotation_is_not(tmp_path):
    plain = tmp_path / "x.txt"
    assert fasta.is_fasta(plain, ">name\nABCD\n")
    assert not fasta.is_fasta(plain, "> a quotation\n> of two lines\n")
    assert not fasta.is_fasta(plain, ">>> import this\nThe Zen of Python, by Tim Peters\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no sequence"),
        ("abc\n>x\nabc", "line 1: a FASTA file begins with a header"),
        (">x\n>y\nabc", "line 1: the header >x has no sequence"),
        (">x\nabc\n>y\n", "line 3: the header >y has no sequence"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path, text, message):
    file = tmp_path / "x.fasta"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_sequences(Letters(), file)


def test_what_is_written_is_read_back(tmp_path):
    file = tmp_path / "x.fa"
    file.write_text(fasta.written([("one", "a b c " * 30), ("two", "abc")]))
    assert fasta.records(file, file.read_text()) == [("one", "abc" * 30), ("two", "abc")]
    assert max(map(len, file.read_text().splitlines())) == fasta.WIDTH

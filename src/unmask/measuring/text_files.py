"""Texts to measure on, from files: text in the model's own tokens, token files, or sequences drawn from a law.

Text is cut into windows side by side, each as long as the model's canvas. Of every window it is known which document it
begins in: documents of a text file are separated by blank lines, and rows of a token file are documents. Sequences of
a FASTA file, and lines that are texts of their own, are never joined. What is unknown, left out or cut is counted and
said. Knows tokenizers only as `encode`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unmask import files
from unmask.errors import InputError
from unmask.measuring import fasta
from unmask.models.capabilities import encoder_of
from unmask.models.predictor import Predictor
from unmask.models.reading import Reader
from unmask.schemas import strict_json

TokenArray = npt.NDArray[np.int64]
LARGEST = 2**33
"""Bytes of the largest text that is read."""

LEAST_DOCUMENTS = 8
"""Of fewer documents there is no interval over documents: every window then stands for itself."""
BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")


class Windows(NamedTuple):
    """Texts (N, length), and the number of the document each begins in; -1 of all where that says nothing.

    `names` are those of a file that has names, else empty; `said` is what was unknown, left out or cut, in sentences.
    """

    rows: TokenArray
    documents: TokenArray
    names: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


class Sequences(NamedTuple):
    """Whole texts of any lengths, their names ("" where they have none), and what was unknown, in sentences."""

    rows: list[list[int]]
    names: tuple[str, ...]
    said: tuple[str, ...]


def read_texts(predictor: Predictor, path: str | Path, length: int | None = None, lines: bool = False) -> TokenArray:
    """Texts of a file, (N, length) tokens; the arguments are those of `read_windows`."""
    return read_windows(predictor, path, length, lines).rows


def read_windows(
    predictor: Predictor, path: str | Path, length: int | None = None, lines: bool = False, allow_unknown: bool = False
) -> Windows:
    """Texts of a file and the documents they are of. Windows that hold an unknown word are left out, and counted.

    Args:
        predictor: whose tokenizer is used, and whose length unless `length` is given.
        path: `.npy` (tokens, one long row or (N, length)); `.jsonl` (a row a line: token ids, or an object with
            "tokens" or "text"); FASTA (`.fasta`, `.fa`, `.faa`, `.fna`, or what begins like one); anything else is
            UTF-8 text.
        length: tokens of a window.
        lines: every line of a text file is a text of its own, not to be joined with the next.
        allow_unknown: go on where more than a few per cent of the tokens are unknown.

    Raises:
        InputError: the file is missing or not of that form, the model cannot write it in its tokens, or it is shorter
            than one window.
    """
    path = Path(path)
    wanted = _wanted(predictor, length)
    text = None if path.suffix in (".npy", ".jsonl") else _text(path)
    if text is not None and not (lines or fasta.is_fasta(path, text)):
        knows: Reader = _reader(predictor, path)
        if wanted is None:
            raise InputError("length is not given, and the model takes texts of any length; give --length, such as 256")
        return _known(predictor, text_windows(knows, text, wanted, path), knows, allow_unknown, path)
    found, reader = _sequences(predictor, path, text)
    windows = _windows(found.rows, wanted, path, found.names if any(found.names) else ())
    return _known(predictor, windows, reader, allow_unknown, path)


def read_sequences(predictor: Predictor, path: str | Path, allow_unknown: bool = False) -> Sequences:
    """Texts of a file, each whole: a row of tokens, a line, or a sequence of a FASTA file.

    Raises:
        InputError: as `read_windows`.
    """
    path = Path(path)
    found, reader = _sequences(predictor, path, None if path.suffix in (".npy", ".jsonl") else _text(path))
    if reader is not None:
        reader.check(allow_unknown)
    return found if reader is None else found._replace(said=reader.sentences())


def _sequences(predictor: Predictor, path: Path, text: str | None) -> tuple[Sequences, Reader | None]:
    """The texts of a file, and the reader that wrote them in tokens, where they were text."""
    reader: Reader | None = None
    if text is not None:
        reader = _reader(predictor, path)
        if fasta.is_fasta(path, text):
            records = fasta.records(path, text)
            rows = [reader.encode(record.sequence, sequence=True) for record in records]
            return Sequences(rows, tuple(record.name for record in records), ()), reader
        rows = [reader.encode(line) for _, line in _lines(text)]
    elif path.suffix == ".npy":
        rows = [row.tolist() for row in _from_array(path)]
    else:
        lines = _lines(_text(path))
        reader = None if encoder_of(predictor) is None else Reader(predictor)
        rows = [list(_row(line, number, path, predictor, reader)) for number, line in lines]
    if not any(len(row) for row in rows):
        raise InputError(f"{path} holds no text")
    return Sequences([list(row) for row in rows if len(row)], ("",) * sum(len(row) > 0 for row in rows), ()), reader


def windows_of(
    predictor: Predictor, texts: str | Sequence[str], length: int | None = None, allow_unknown: bool = False
) -> Windows:
    """Windows of one long text, or of several, each a document.

    Raises:
        InputError: when the model cannot write them in its tokens, or they are shorter than one window.
    """
    reader, wanted = _reader(predictor, "text"), _wanted(predictor, length)
    if isinstance(texts, str):
        if wanted is None:
            raise InputError("length is not given, and the model takes texts of any length; give one, such as 256")
        return _known(predictor, text_windows(reader, texts, wanted, "the text"), reader, allow_unknown, "the text")
    windows = _windows([reader.encode(text) for text in texts], wanted, "texts")
    return _known(predictor, windows, reader, allow_unknown, "texts")


def text_windows(reader: Reader, text: str, length: int, path: str | Path) -> Windows:
    """Windows of one text, side by side, and the document each begins in: documents are separated by blank lines."""
    ids = reader.encode(text)
    rows = _windows([ids], length, path).rows
    starts = [0, *(found.end() for found in BLANK_LINES.finditer(text.rstrip()))]
    if len(starts) < LEAST_DOCUMENTS:
        return Windows(rows, np.full(len(rows), -1))
    # Encoded by themselves documents may take a token more or less than together: shares of the whole are exact enough.
    sizes = [len(reader.ids(text[start:end])) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    begins = np.cumsum([0, *sizes[:-1]]) / max(sum(sizes), 1)
    places = np.arange(len(rows)) * length / max(len(ids), 1)
    return Windows(rows, _telling(np.searchsorted(begins, places, side="right") - 1))


def _known(
    predictor: Predictor, found: Windows, reader: Reader | None, allow_unknown: bool, path: str | Path
) -> Windows:
    """The windows without those that hold an unknown word the model may never draw; with what is to be said."""
    said = list(found.said)
    if reader is None:
        return found
    reader.check(allow_unknown)
    said += reader.sentences()
    if reader.unknown and reader.unknown_id in getattr(predictor, "forbidden_ids", ()):
        whole = ~(found.rows == reader.unknown_id).any(axis=1)
        if not whole.any():
            raise InputError(f"every text of {path} holds a word that is unknown to the tokenizer: {said[0]}")
        if not whole.all():
            said.append(f"{int((~whole).sum())} of {len(whole)} texts hold an unknown word and are left out")
        names = tuple(name for name, keep in zip(found.names, whole, strict=True) if keep) if found.names else ()
        found = Windows(found.rows[whole], found.documents[whole], names)
    return found._replace(said=tuple(said))


def positions_from(said: str, length: int) -> npt.NDArray[np.bool_] | None:
    """Positions such as "0-24,33,40-49" (both ends included, counted from 0), or all "except:25-32"; None if no such.

    Raises:
        InputError: positions that a text of this length does not have.
    """
    spec, others = said.removeprefix("except:"), said.startswith("except:")
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", spec) or not (others or "-" in spec or "," in spec):
        return None
    found = np.zeros(length, dtype=np.bool_)
    for part in spec.split(","):
        first, _, last = part.partition("-")
        start, end = int(first), int(last or first)
        if start > end or end >= length:
            raise InputError(f"given has the positions {part}; a text of {length} tokens has 0 to {length - 1}")
        found[start : end + 1] = True
    return ~found if others else found


def known_from(path: str | Path, length: int) -> npt.NDArray[np.bool_]:
    """Known positions for infilling, from a JSON list of positions or of one boolean for every position."""
    try:
        values = files.read_value(path)
    except InputError as error:
        raise InputError(f"{error}; expected a list of known positions") from error
    if isinstance(values, list) and len(values) == length and all(isinstance(value, bool) for value in values):
        return np.array(values)
    whole = isinstance(values, list) and all(type(value) is int and 0 <= value < length for value in values)
    if not whole:
        raise InputError(f"{path} holds no known positions; expected a JSON list of positions from 0 to {length - 1}")
    return np.isin(np.arange(length), values)


def _wanted(predictor: Predictor, length: int | None) -> int | None:
    if length is not None and predictor.length not in (None, length):
        raise InputError(f"length is {length}, but the model takes exactly {predictor.length} tokens")
    return length if length is not None else predictor.length


def _telling(documents: npt.NDArray[Any]) -> TokenArray:
    """The numbers of the documents, or -1 where there are too few of them or each is one window."""
    count = len(np.unique(documents))
    return np.asarray(documents if LEAST_DOCUMENTS <= count < len(documents) else np.full(len(documents), -1))


def _windows(rows: Sequence[Any], length: int | None, path: str | Path, names: Sequence[str] = ()) -> Windows:
    """Windows of `length` tokens, side by side in every row; what is left at a row's end is dropped, and said."""
    names = [name for name, row in zip(names, rows, strict=True) if len(row)] if names else ()
    rows = [row for row in rows if len(row)]
    if not rows:
        raise InputError(f"{path} holds no text")
    sizes = Counter(len(row) for row in rows)
    if length is None and len(sizes) > 1:
        common = ", ".join(f"{size} tokens ({count}×)" for size, count in sizes.most_common(3))
        raise InputError(
            f"{path} has texts of {len(sizes)} lengths, most often {common}; "
            "give --length to cut windows of one length, or measure each length by itself"
        )
    size = next(iter(sizes)) if length is None else length
    starts = [(number, start) for number, row in enumerate(rows) for start in range(0, len(row) - size + 1, size)]
    windows = [rows[number][start : start + size] for number, start in starts]
    if not windows:
        raise InputError(f"{path} has rows of at most {max(sizes)} tokens, fewer than one window of {size}; give more")
    origins = np.array([number for number, _ in starts])
    named = tuple(names[number] for number in origins) if names else ()
    said = _cuts(sizes, size) if len(rows) > 1 else ()
    return Windows(np.array(windows, dtype=np.int64), _telling(origins), named, said)


def _cuts(sizes: "Counter[int]", size: int) -> tuple[str, ...]:
    """What cutting texts of these lengths into windows of one loses, in sentences."""
    whole = sum(sizes.values())
    short = sum(count for length, count in sizes.items() if length < size)
    long = sum(count for length, count in sizes.items() if length > size)
    lost = sum(count * (length % size if length >= size else length) for length, count in sizes.items())
    said = [f"{short} of {whole} texts are shorter than {size} tokens and left out"] if short else []
    if long:
        share = lost / sum(count * length for length, count in sizes.items())
        said.append(
            f"{long} of {whole} texts are longer than {size} tokens and cut, {share:.0%} of all tokens left out: "
            "a model sees an end where there is none"
        )
    return tuple(said)


def _from_array(path: Path) -> list[TokenArray]:
    try:
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # zip, struct, tokenizer and syntax errors of many kinds, as the damage has it
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"cannot read {path} as an array of tokens ({said[:120]})") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} is an archive of arrays (.npz); expected one array of tokens")
    if array.ndim not in (1, 2) or not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{path} has shape {array.shape} and type {array.dtype}; expected whole numbers in rows")
    if array.dtype == np.uint64 and array.size and array.max() >= 2**63:
        raise InputError(f"{path} has the number {array.max()}; token ids are far smaller")
    return list(np.atleast_2d(array))


def _row(line: str, number: int, path: Path, predictor: Predictor, reader: Reader | None) -> Sequence[int]:
    try:
        value: Any = strict_json.parse(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: not JSON ({error})") from error
    if isinstance(value, dict):
        value = value.get("tokens", value.get("text"))
    if isinstance(value, str):
        return (reader or _reader(predictor, path)).encode(value)
    if isinstance(value, list) and all(type(token) is int for token in value):
        return value
    raise InputError(f'{path}, line {number}: expected a list of token ids, or an object with "tokens" or "text"')


def _reader(predictor: Predictor, path: str | Path) -> Reader:
    if encoder_of(predictor) is None:
        raise InputError(f"the model has no tokenizer to read {path} with; give token ids (.npy or .jsonl)")
    return Reader(predictor)


def _text(path: Path) -> str:
    return files.read_text(path, LARGEST)


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]

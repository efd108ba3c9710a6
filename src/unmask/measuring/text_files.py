"""Texts to measure on, from files: text in the model's own tokens, token files, or sequences drawn from a law.

Text is cut into windows side by side, each as long as the model's canvas. Of every window it is known which document it
begins in: documents of a text file are separated by blank lines, and rows of a token file are documents. Knows
tokenizers only as `encode`.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unmask import files
from unmask.errors import InputError
from unmask.models.capabilities import encoder_of
from unmask.models.predictor import Predictor
from unmask.schemas import strict_json

TokenArray = npt.NDArray[np.int64]
Encode = Callable[[str], Sequence[int]]
LARGEST = 2**33
"""Bytes of the largest text that is read."""

LEAST_DOCUMENTS = 8
"""Of fewer documents there is no interval over documents: every window then stands for itself."""
BLANK_LINES = re.compile(r"\n[ \t\r]*\n\s*")


class Windows(NamedTuple):
    """Texts (N, length), and the number of the document each begins in; -1 of all where that says nothing."""

    rows: TokenArray
    documents: TokenArray


def read_texts(predictor: Predictor, path: str | Path, length: int | None = None, lines: bool = False) -> TokenArray:
    """Texts of a file, (N, length) tokens; the arguments are those of `read_windows`."""
    return read_windows(predictor, path, length, lines).rows


def read_windows(predictor: Predictor, path: str | Path, length: int | None = None, lines: bool = False) -> Windows:
    """Texts of a file and the documents they are of.

    Args:
        predictor: whose tokenizer is used, and whose length unless `length` is given.
        path: `.npy` (tokens, one long row or (N, length)); `.jsonl` (a row a line: token ids, or an object with
            "tokens" or "text"); anything else is UTF-8 text.
        length: tokens of a window.
        lines: every line of a text file is a text of its own, not to be joined with the next.

    Raises:
        InputError: the file is missing or not of that form, the model cannot write it in its tokens, or it is shorter
            than one window.
    """
    path = Path(path)
    wanted = _wanted(predictor, length)
    if path.suffix == ".npy":
        return _windows(_from_array(path), wanted, path)
    if path.suffix == ".jsonl":
        return _windows([_row(line, number, path, predictor) for number, line in _lines(_text(path))], wanted, path)
    encode, text = _encoder(predictor, path), _text(path)
    if lines:
        return _windows([encode(line) for _, line in _lines(text)], wanted, path)
    if wanted is None:
        raise InputError("length is not given, and the model takes texts of any length; give --length, such as 256")
    return text_windows(encode, text, wanted, path)


def windows_of(predictor: Predictor, texts: str | Sequence[str], length: int | None = None) -> Windows:
    """Windows of one long text, or of several, each a document.

    Raises:
        InputError: when the model cannot write them in its tokens, or they are shorter than one window.
    """
    encode, wanted = _encoder(predictor, "text"), _wanted(predictor, length)
    if isinstance(texts, str):
        if wanted is None:
            raise InputError("length is not given, and the model takes texts of any length; give one, such as 256")
        return text_windows(encode, texts, wanted, "the text")
    return _windows([encode(text) for text in texts], wanted, "texts")


def text_windows(encode: Encode, text: str, length: int, path: str | Path) -> Windows:
    """Windows of one text, side by side, and the document each begins in: documents are separated by blank lines."""
    rows = _windows([encode(text)], length, path).rows
    starts = [0, *(found.end() for found in BLANK_LINES.finditer(text.rstrip()))]
    if len(starts) < LEAST_DOCUMENTS:
        return Windows(rows, np.full(len(rows), -1))
    # Encoded by themselves documents may take a token more or less than together: shares of the whole are exact enough.
    sizes = [len(encode(text[start:end])) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    begins = np.cumsum([0, *sizes[:-1]]) / max(sum(sizes), 1)
    places = np.arange(len(rows)) * length / max(len(encode(text)), 1)
    return Windows(rows, _telling(np.searchsorted(begins, places, side="right") - 1))


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


def _windows(rows: Sequence[Any], length: int | None, path: str | Path) -> Windows:
    """Windows of `length` tokens, side by side in every row; what is left at a row's end is dropped."""
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
    return Windows(np.array(windows, dtype=np.int64), _telling(np.array([number for number, _ in starts])))


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


def _row(line: str, number: int, path: Path, predictor: Predictor) -> Sequence[int]:
    try:
        value: Any = strict_json.parse(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number}: not JSON ({error})") from error
    if isinstance(value, dict):
        value = value.get("tokens", value.get("text"))
    if isinstance(value, str):
        return _encoder(predictor, path)(value)
    if isinstance(value, list) and all(type(token) is int for token in value):
        return value
    raise InputError(f'{path}, line {number}: expected a list of token ids, or an object with "tokens" or "text"')


def _encoder(predictor: Predictor, path: str | Path) -> Encode:
    encode = encoder_of(predictor)
    if encode is None:
        raise InputError(f"the model has no tokenizer to read {path} with; give token ids (.npy or .jsonl)")
    return encode


def _text(path: Path) -> str:
    return files.read_text(path, LARGEST)


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]

"""Statistics of generated token rows, beside those of real text: entropy, repetition, distance of frequencies.

Every one of them depends on how much text it is computed from: more rows bring more repeated n-grams, fewer unknown
words and smaller distances. So compare equal amounts: pass as many reference rows as were generated, and the same
figures of held-out text (`text_quality(half, other_half)`) beside them. Real text against real text is the floor of
every distance, and not zero. Knows nothing about models; a tokenizer is a function from token ids to text.

Sources: distinct-n is Li et al., "A Diversity-Promoting Objective Function" (arXiv 1510.03055). The entropy of a row's
own tokens is what the field prints beside generated-text perplexity, since Zheng et al. (arXiv 2409.02908).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError

IntArray = npt.NDArray[np.int64]
Decode = Callable[[list[int]], str]

DISTINCT = (1, 2, 3)
REPEATED = (2, 3, 4)


@dataclass(frozen=True)
class TextQuality:
    """What text looks like, in numbers that need no model.

    Attributes:
        unigram_entropy: entropy of the token frequencies of all rows together, nats. The plug-in estimate, without
            correction: with K different tokens among N it is low by about (K - 1) / 2N, alike for equal amounts.
        sequence_entropy: mean over rows of the (plug-in) entropy of the row's own token frequencies, nats; at most
            log L.
        distinct: for n = 1, 2, 3: different n-grams among the n-grams of all rows.
        repeated: for n = 2, 3, 4: share of a row's n-grams that stood earlier in the same row, mean over rows.
        distinct_rows: different rows among all rows.
        unigram_distance, bigram_distance: total variation distance of the frequencies of tokens, and of pairs of
            neighbours, to those of the reference, 0 to 1; None without a reference.
        character_distance: the same of characters; None without a reference or decoder.
        word_length: mean characters of a word; None without a decoder or words. A word is a run of letters, digits and
            underscores; rows that cut a word leave a piece of it, in generated and real text alike.
        known_words: share of the words that occur in the reference, in any case of letters; None without.
        rows, tokens: how much was counted.

    N-grams longer than a row are left out of `distinct` and `repeated`; with rows of one token `bigram_distance` is
    None.
    """

    unigram_entropy: float
    sequence_entropy: float
    distinct: dict[int, float]
    repeated: dict[int, float]
    distinct_rows: float
    unigram_distance: float | None
    bigram_distance: float | None
    character_distance: float | None
    word_length: float | None
    known_words: float | None
    rows: int
    tokens: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: keys of `distinct` and `repeated` become strings."""
        grams = {name: {str(n): share for n, share in getattr(self, name).items()} for name in ("distinct", "repeated")}
        return asdict(self) | grams

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> TextQuality:
        """The inverse of `to_dict`."""
        grams = {name: {int(n): share for n, share in stored[name].items()} for name in ("distinct", "repeated")}
        return cls(**stored | grams)


def text_quality(
    tokens: npt.ArrayLike, reference: npt.ArrayLike | None = None, decode: Decode | None = None, given: int = 0
) -> TextQuality:
    """Statistics of rows of tokens.

    Args:
        tokens: (n, L) token ids.
        reference: (m, L') token ids of real text; let it be as many as `tokens`, for the reasons above.
        decode: text of a list of token ids; None leaves out what is counted in characters and words.
        given: leading tokens of every row that are not counted, of the reference neither: a prompt.

    Raises:
        InputError: no rows of token ids, or nothing left of them behind what was given.
    """
    rows = _rows("tokens", tokens, given)
    real = None if reference is None else _rows("reference", reference, given)
    count, length = rows.shape
    lengths = [n for n in range(1, 5) if n <= length]
    grams = {n: _grams(rows, real, n) for n in lengths}
    own = {n: mine for n, (mine, _) in grams.items()}
    distance = {
        n: total_variation(mine.ravel(), theirs.ravel())
        for n, (mine, theirs) in grams.items()
        if theirs is not None and theirs.size
    }
    characters, word_length, known_words = (None,) * 3 if decode is None else _text_figures(rows, real, decode)
    return TextQuality(
        unigram_entropy=entropy(rows),
        sequence_entropy=float(np.mean([entropy(row) for row in rows])),
        distinct={n: len(np.unique(own[n])) / own[n].size for n in DISTINCT if n in own},
        repeated={n: float(np.mean([_repeated(row) for row in own[n]])) for n in REPEATED if n in own},
        distinct_rows=len(np.unique(rows, axis=0)) / count,
        unigram_distance=distance.get(1),
        bigram_distance=distance.get(2),
        character_distance=characters,
        word_length=word_length,
        known_words=known_words,
        rows=count,
        tokens=rows.size,
    )


def entropy(values: npt.ArrayLike) -> float:
    """Plug-in entropy of the frequencies of `values`, nats."""
    counts = np.unique(np.asarray(values), return_counts=True)[1]
    shares = counts / counts.sum()
    return max(0.0, -float(shares @ np.log(shares)))


def total_variation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Total variation distance of the frequencies of two samples, 0 (equal) to 1 (nothing in common)."""
    first, second = np.asarray(first), np.asarray(second)
    place = np.unique(np.concatenate([first, second]), return_inverse=True)[1]
    size = int(place.max()) + 1
    counts = [np.bincount(part, minlength=size) / len(part) for part in (place[: len(first)], place[len(first) :])]
    return 0.5 * float(np.abs(counts[0] - counts[1]).sum())


def _rows(name: str, tokens: npt.ArrayLike, given: int) -> IntArray:
    rows = np.asarray(tokens)
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.integer) or not rows.size:
        raise InputError(f"{name} has shape {rows.shape} and type {rows.dtype}; expected token ids, (rows, length)")
    if rows.min() < 0:
        raise InputError(f"{name} holds {int(rows.min())}; expected token ids from 0, without padding")
    if not 0 <= given < rows.shape[1]:
        raise InputError(f"given is {given}; expected 0 to {rows.shape[1] - 1}, so that some of {name} is left")
    return rows[:, given:].astype(np.int64)


def _grams(rows: IntArray, reference: IntArray | None, n: int) -> tuple[IntArray, IntArray | None]:
    """Every n-gram as one number, the same in both arrays: (rows, L - n + 1) each."""
    parts = [rows] if reference is None else [rows, reference]
    codes = [part[:, : max(0, part.shape[1] - n + 1)] for part in parts]
    base = 1 + max(int(part.max()) for part in parts)
    for step in range(1, n):
        codes = _ranked([code * base + _shifted(part, step, n) for code, part in zip(codes, parts, strict=True)])
    return codes[0], codes[1] if len(codes) > 1 else None


def _shifted(part: IntArray, step: int, n: int) -> IntArray:
    return part[:, step : max(step, part.shape[1] - n + 1 + step)]


def _ranked(codes: list[IntArray]) -> list[IntArray]:
    """Equal numbers stay equal, and become small: longer n-grams must not overflow."""
    ranks = np.unique(np.concatenate([code.ravel() for code in codes]), return_inverse=True)[1].astype(np.int64)
    parts = np.split(ranks, np.cumsum([code.size for code in codes])[:-1])
    return [part.reshape(code.shape) for part, code in zip(parts, codes, strict=True)]


def _repeated(row: IntArray) -> float:
    return 1.0 - len(np.unique(row)) / len(row)


def _text_figures(
    rows: IntArray, reference: IntArray | None, decode: Decode
) -> tuple[float | None, float | None, float | None]:
    """Character distance, mean word length, share of known words."""
    texts = [decode(row) for row in rows.tolist()]
    words = _words(texts)
    word_length = sum(map(len, words)) / len(words) if words else None
    if reference is None:
        return None, word_length, None
    real = [decode(row) for row in reference.tolist()]
    known = set(_words(real))
    mine, theirs = _characters(texts), _characters(real)
    distance = total_variation(mine, theirs) if len(mine) and len(theirs) else None
    return distance, word_length, sum(word in known for word in words) / len(words) if words else None


def _words(texts: Sequence[str]) -> list[str]:
    return [word for text in texts for word in re.findall(r"\w+", text.casefold())]


def _characters(texts: Sequence[str]) -> IntArray:
    """Code points."""
    return np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)

"""Texts with gaps: "The capital of [MASK] is [MASK:2].", as a person writes them, in tokens.

`[MASK]` is one token, `[MASK:5]` or `[MASK]*5` five, and `[MASK:3-8]` any number from three to eight: then there is one
filling for every choice of lengths. Only here are marks read; everywhere else "[MASK]" in a text is six characters.
"""

import math
import re
from itertools import product
from typing import NamedTuple

from unmask.errors import InputError
from unmask.models.reading import Reader

MARK = re.compile(r"\[MASK(?::(\d+)(?:-(\d+))?)?\](?:\*(\d+))?")
MOST_FILLINGS = 64
LONGEST_GAP = 100_000


class Filling(NamedTuple):
    """A text with gaps of settled lengths.

    Attributes:
        tokens: what is given, and 0 where a gap is. known: False in the gaps.
        gaps: tokens of each gap. name: of the text, "" where it has none.
    """

    tokens: list[int]
    known: list[bool]
    gaps: tuple[int, ...]
    name: str = ""


def has_marks(text: str) -> bool:
    """Whether a text has a gap."""
    return MARK.search(text) is not None


def fillings(reader: Reader, text: str, name: str = "") -> list[Filling]:
    """Every choice of lengths for the gaps of a text, shortest first.

    Raises:
        InputError: the text has no gap, a range is empty, or there are more than 64 choices.

    Example:
        >>> import unmask
        >>> reader = Reader(unmask.load("manual"))
        >>> [one.gaps for one in fillings(reader, "A [MASK:1-2] b [MASK].")]
        [(1, 1), (2, 1)]
    """
    marks = list(MARK.finditer(text))
    if not marks:
        raise InputError(
            "infill has no gap; mark one with [MASK], five tokens with [MASK:5], three to eight [MASK:3-8]"
        )
    ranges = [_lengths(mark) for mark in marks]
    if (count := math.prod(map(len, ranges))) > MOST_FILLINGS:
        raise InputError(f"infill has {count} choices of lengths; at most {MOST_FILLINGS} are tried")
    ends = [0, *(mark.end() for mark in marks)]
    starts = [*(mark.start() for mark in marks), len(text)]
    pieces = [
        _encoded(reader, text[begin:end], before_gap=end < len(text)) for begin, end in zip(ends, starts, strict=True)
    ]
    found = []
    for gaps in product(*ranges):
        tokens, known = list(pieces[0]), [True] * len(pieces[0])
        for gap, piece in zip(gaps, pieces[1:], strict=True):
            tokens += [0] * gap + piece
            known += [False] * gap + [True] * len(piece)
        found.append(Filling(tokens, known, gaps, name))
    return found


def spelled_out(text: str) -> str:
    """A text with every gap written as one [MASK] a token.

    Raises:
        InputError: a gap is a range of lengths.

    Example:
        >>> spelled_out("a [MASK:2] b")
        'a [MASK][MASK] b'
    """

    def masks(mark: "re.Match[str]") -> str:
        lengths = _lengths(mark)
        if len(lengths) > 1:
            raise InputError(f"infill has {mark[0]}; give one length, or `infilling.fillings` for every choice")
        return "[MASK]" * lengths[0]

    return MARK.sub(masks, text)


def _lengths(mark: "re.Match[str]") -> range:
    least, most, times = mark[1], mark[2], mark[3]
    if times is not None and least is not None:
        raise InputError(f"infill has {mark[0]}; expected [MASK:5] or [MASK]*5")
    first = int(least or times or 1)
    last = int(most or first)
    if not 1 <= first <= last <= LONGEST_GAP:
        raise InputError(f"infill has {mark[0]}; expected a gap of at least one token, or a range such as [MASK:3-8]")
    return range(first, last + 1)


def _encoded(reader: Reader, piece: str, before_gap: bool) -> list[int]:
    """Tokens between gaps. Where tokens hold the blank before them, one before a gap belongs to what fills it."""
    if not piece.strip():
        return reader.encode(piece) if piece and reader.ids(piece) else []
    bare = piece.rstrip()
    if before_gap and bare != piece:
        whole = reader.ids(piece)
        if reader.ids(piece + bare[0])[: len(whole)] != whole:
            piece = bare
    return reader.encode(piece)

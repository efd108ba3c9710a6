"""Prompts, infillings and texts as a person writes them, in the tokens of a predictor; and rows of tokens as texts.

Knows how a request is written, not what becomes of it. A hole in a text is written `[MASK]`, one for each token, or
`[MASK:5]` for five.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import torch

from unmask.errors import InputError
from unmask.models.infilling import spelled_out
from unmask.models.words import HOLE, decoded, encoded

HOLES = re.compile(rf"\[MASK\]|<mask>|{HOLE}")
"""How a person writes a token to be filled in."""


def is_text(value: object) -> TypeGuard[str | Sequence[str]]:
    """Whether it is one text or a list of texts."""
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(entry, str) for entry in value)
    )


def as_tokens(predictor: object, value: Any) -> Any:
    """A text as its tokens, a list of texts as a list of rows; anything else comes back as it is."""
    if isinstance(value, str):
        return encoded(predictor, value)
    return [encoded(predictor, text) for text in value] if is_text(value) else value


def as_infill(predictor: object, value: Any) -> Any:
    """A text with holes as `(tokens, known)`; a pair comes back as it is.

    Where the model takes texts of one length, what is missing after the text is to be filled in too.

    Raises:
        InputError: for a text without a hole.
    """
    if not isinstance(value, str):
        return value
    pieces = HOLES.split(spelled_out(value))
    if len(pieces) == 1:
        raise InputError(f"infill is {value!r:.60}; expected a text with a [MASK] for every token to be filled in")
    glued = _space_belongs_to_the_next_word(predictor)
    tokens: list[int] = []
    known: list[bool] = []
    for number, piece in enumerate(pieces):
        hole_follows = number + 1 < len(pieces)
        piece = piece.removesuffix(" ") if glued and hole_follows else piece
        found = encoded(predictor, piece) if piece else []
        tokens += [*found, 0] if hole_follows else found
        known += [True] * len(found) + [False] * hole_follows
    after = max(0, (getattr(predictor, "length", None) or 0) - len(tokens))
    tokens, known = tokens + [0] * after, known + [False] * after
    return torch.tensor(tokens), torch.tensor(known)


def _space_belongs_to_the_next_word(predictor: object) -> bool:
    """Whether " the" is one token: then the blank before a hole is part of what fills it."""
    try:
        return len(encoded(predictor, " the")) == len(encoded(predictor, "the")) == 1
    except InputError:  # a closed alphabet without these letters
        return False


def as_texts(predictor: object, tokens: Any) -> str | list[str]:
    """The text of one row of tokens, or the texts of several; ids below 0, which pad rows, are left out.

    Raises:
        InputError: for what is no row of token ids.
    """
    rows = [row.tolist() if hasattr(row, "tolist") else row for row in tokens]
    if any(isinstance(row, Iterable) for row in rows):
        return [decoded(predictor, _ids(row)) for row in rows]
    return decoded(predictor, _ids(rows))


def _ids(row: Any) -> list[int]:
    try:
        return [int(token) for token in row if int(token) >= 0]
    except (TypeError, ValueError):
        raise InputError(f"tokens holds {row!r:.60}; expected rows of token ids") from None

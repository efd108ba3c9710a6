"""What is asked for: rows of given and masked positions, from a prompt, an infilling or nothing at all, all checked."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.models.text_requests import as_infill, as_tokens


class Row(NamedTuple):
    """One canvas row to be filled: (L,) tokens and (L,) known; what stands at unknown positions is not read."""

    tokens: Tensor
    known: Tensor


def rows_of(
    predictor: Predictor,
    n: int | None = None,
    prompt: Any = None,
    infill: str | tuple[Any, Any] | None = None,
    length: int | None = None,
    new_tokens: int | None = None,
) -> list[Row]:
    """The rows of a request.

    Args:
        n: how many rows; a single prompt or infilling is repeated n times.
        prompt: a text, or token ids of one row; or several of either, which may differ in length.
        infill: a text with a `[MASK]` for every token to be filled in; or (tokens, known), each (L,), (rows, L), or
            lists of rows of different lengths.
        length: length of the canvas, prompt included.
        new_tokens: instead of `length`, masked positions after each prompt.

    Raises:
        InputError: tokens outside the vocabulary, a prompt longer than the canvas, nothing masked, or numbers of rows
        or
            lengths that do not fit together.
    """
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
        raise InputError(f"n is {n!r}; expected a whole number of rows, at least 1")
    if prompt is not None and infill is not None:
        raise InputError("prompt and infill were both given; put the prompt's tokens into infill as known ones")
    if infill is not None:
        if new_tokens is not None:
            raise InputError("infill and new_tokens were both given; infill says itself how many tokens are masked")
        rows = _infilled(as_infill(predictor, infill))
        if length is not None and length != len(rows[0].tokens):
            raise InputError(f"length is {length}, but infill has {len(rows[0].tokens)} positions")
    else:
        prompts = (
            [torch.zeros(0, dtype=torch.int64)] if prompt is None else _lists(as_tokens(predictor, prompt), "prompt")
        )
        rows = [_after(tokens, predictor, length, new_tokens) for tokens in prompts]
    if n is not None and len(rows) == 1:
        rows = rows * n
    if n is not None and len(rows) != n:
        raise InputError(f"n is {n}, but {len(rows)} rows were given; leave n out, or give one row")
    for number, row in enumerate(rows):
        check_row(predictor, row, number)
    return rows


def texts_of(predictor: Predictor, tokens: Any, given: Any = 0, prompt: Any = None) -> tuple[list[Row], Tensor]:
    """Complete texts to be scored, as rows whose `known` marks what is given, and (n, L) bool what is scored.

    Args:
        tokens: a text or several; or token ids, (n, L), (L,), or rows of different lengths.
        given: a number of leading tokens, one number for each text, or booleans like `tokens` or (L,) for all texts.
        prompt: the short form of `given` for leading tokens: how many, a number or one for each text.
    """
    texts = _lists(as_tokens(predictor, tokens), "tokens")
    if prompt is not None:
        if not _is_nothing(given):
            raise InputError("given and prompt were both given; prompt is the short form of given for leading tokens")
        given, name = prompt, "prompt"
    else:
        name = "given"
    masks = _masks(given, texts, name)
    if len(masks) != len(texts) or any(len(mask) != len(text) for mask, text in zip(masks, texts, strict=True)):
        raise InputError("given does not have the shape of tokens; give one boolean for every token")
    rows = [Row(text, mask) for text, mask in zip(texts, masks, strict=True)]
    scored = torch.zeros(len(rows), max(len(text) for text in texts), dtype=torch.bool)
    for number, row in enumerate(rows):
        check_row(predictor, Row(row.tokens, torch.ones_like(row.known)), number, complete=True)
        check_row(predictor, row, number)
        scored[number, : len(row.tokens)] = ~row.known
    return rows, scored


def _is_nothing(given: Any) -> bool:
    return given is None or (isinstance(given, int) and not isinstance(given, bool) and given == 0)


def _masks(given: Any, texts: list[Tensor], name: str) -> list[Tensor]:
    """One boolean a token: `given` may be leading tokens, a number or one for each text, or booleans themselves."""
    if isinstance(given, int) and not isinstance(given, bool):
        given = [given] * len(texts)
    ragged = isinstance(given, Sequence) and len(given) > 0 and not isinstance(given[0], bool | int)
    try:
        masks = [torch.as_tensor(mask).cpu() for mask in given] if ragged else torch.as_tensor(given).cpu()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is {given!r:.60}; expected leading tokens, a number, or booleans") from None
    kinds = {mask.dtype for mask in masks} if isinstance(masks, list) else {masks.dtype}
    if kinds == {torch.bool} and name == "given":
        return list(masks) if isinstance(masks, list) or masks.ndim == 2 else [masks] * len(texts)
    if isinstance(masks, list) or masks.ndim != 1 or masks.is_floating_point() or masks.dtype == torch.bool:
        raise InputError(
            f"{name} has type {next(iter(kinds))}; expected leading tokens, a number or one for each text"
            + (", or booleans, True where a token is given" if name == "given" else "")
        )
    if len(masks) != len(texts):
        raise InputError(f"{name} has {len(masks)} numbers for {len(texts)} texts")
    return [torch.arange(len(text)) < int(leading) for text, leading in zip(texts, masks.tolist(), strict=True)]


def counted(row: Tensor, mask: Tensor, end_of_text: int | None) -> int:
    """How many tokens of a row count: those in `mask`, up to and including the first end of text among them."""
    ends = (row == end_of_text) & mask if end_of_text is not None else torch.zeros_like(mask)
    stop = int(ends.byte().argmax()) + 1 if bool(ends.any()) else len(mask)
    return int(mask[:stop].sum())


def check_row(predictor: Predictor, row: Row, number: int, complete: bool = False) -> None:
    """Raise InputError unless the row's given tokens are in the vocabulary, it fits the predictor and has masks."""
    if predictor.length is not None and len(row.tokens) != predictor.length:
        raise InputError(f"row {number} has {len(row.tokens)} positions; the predictor's length is {predictor.length}")
    given = row.tokens[row.known]
    wrong = given[(given < 0) | (given >= predictor.vocab_size)]
    if len(wrong):
        raise InputError(f"row {number} has token {int(wrong[0])}; allowed are 0..{predictor.vocab_size - 1}")
    if not complete and bool(row.known.all()):
        raise InputError(f"row {number} has no masked position: all its {len(row.tokens)} tokens are given")


def _ids(values: Any, name: str) -> Tensor:
    try:
        tokens = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is not a list of token ids: {error}") from error
    if tokens.numel() == 0:
        return tokens.to(torch.int64)
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise InputError(f"{name} has type {tokens.dtype}; token ids are whole numbers")
    return tokens.to(torch.int64).cpu()


def _lists(prompt: Any, name: str) -> list[Tensor]:
    """One row or several of token ids, as a list of rows."""
    nested = isinstance(prompt, Sequence) and len(prompt) > 0 and not isinstance(prompt[0], int)
    scalars = isinstance(prompt, Sequence) and all(getattr(entry, "ndim", 1) == 0 for entry in prompt)
    if nested and not scalars:
        return [_ids(row, f"{name}[{number}]").reshape(-1) for number, row in enumerate(prompt)]
    tokens = _ids(prompt, name)
    if tokens.ndim > 2:
        raise InputError(f"{name} has shape {tuple(tokens.shape)}; expected (length,) or (rows, length)")
    return list(tokens) if tokens.ndim == 2 else [tokens.reshape(-1)]


def _after(prompt: Tensor, predictor: Predictor, length: int | None, new_tokens: int | None) -> Row:
    """A row that begins with the prompt and is masked after it."""
    if length is not None and new_tokens is not None:
        raise InputError("length and new_tokens were both given; length counts the prompt, new_tokens does not")
    if new_tokens is not None:
        if new_tokens < 1:
            raise InputError(f"new_tokens is {new_tokens}; expected at least 1")
        length = len(prompt) + new_tokens
    length = predictor.length if length is None else length
    if length is None:
        raise InputError("the predictor takes canvases of any length; give length= or new_tokens=")
    if length < 1:
        raise InputError(f"length is {length}; expected at least 1")
    if len(prompt) >= length:
        raise InputError(
            f"the prompt has {len(prompt)} tokens and the canvas {length} positions; nothing is left to fill"
        )
    tokens = torch.zeros(length, dtype=torch.int64)
    tokens[: len(prompt)] = prompt
    return Row(tokens, torch.arange(length) < len(prompt))


def _infilled(infill: tuple[Any, Any]) -> list[Row]:
    if not isinstance(infill, tuple | list) or len(infill) != 2:
        raise InputError("infill is not a pair (tokens, known)")
    if all(isinstance(part, list) and part and isinstance(part[0], list) for part in infill):
        if len(infill[0]) != len(infill[1]):
            raise InputError(f"infill has {len(infill[0])} rows of tokens and {len(infill[1])} of known")
        return [_infilled((tokens, known))[0] for tokens, known in zip(*infill, strict=True)]
    tokens, known = _ids(infill[0], "infill[0]"), torch.as_tensor(infill[1]).cpu()
    if known.dtype != torch.bool:
        raise InputError(f"infill[1] has type {known.dtype}; expected booleans, True where a token is given")
    if known.shape != tokens.shape or tokens.ndim not in (1, 2):
        raise InputError(
            f"infill has shapes {tuple(tokens.shape)} and {tuple(known.shape)}; expected the same (L,) or (rows, L)"
        )
    pairs = [(tokens, known)] if tokens.ndim == 1 else zip(tokens, known, strict=True)
    return [Row(row, mask) for row, mask in pairs]

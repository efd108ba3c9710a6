"""From the text of a request to rows: tokens that are given, and masked positions where the answer is to stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from unmask.errors import InputError
from unmask.models.capabilities import folder_of, longest_of
from unmask.models.predictor import Predictor
from unmask.models.words import encoded
from unmask.sampling.request import Row, check_row
from unmask.serving.fields import Refused


@dataclass(frozen=True)
class Gap:
    """A row with one gap.

    Attributes:
        row: the canvas. most: tokens of the gap that are wanted; the canvas may have more where its length is fixed.
        prompt_tokens: how many are given.
    """

    row: Row
    most: int
    prompt_tokens: int


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    Attributes:
        tokens: of a canvas. new_tokens: where a request says nothing of `max_tokens`.
    """

    tokens: int = 4096
    new_tokens: int = 64


def gap(
    predictor: Predictor, prompt: str | Sequence[int], suffix: str | None, max_tokens: int | None, limits: Limits
) -> Gap:
    """A canvas of prompt, gap and suffix. Raises Refused where it does not fit."""
    before = list(prompt) if not isinstance(prompt, str) else tokens_of(predictor, prompt, "prompt")
    after = tokens_of(predictor, suffix, "suffix") if suffix else []
    given = len(before) + len(after)
    if predictor.length is not None:
        room = predictor.length - given
        if room < 1:
            raise Refused(f"{given} tokens are given, and the model's texts have {predictor.length}", "prompt")
        if after and max_tokens is not None and max_tokens < room:
            raise Refused(
                f"max_tokens is {max_tokens}, but the gap before suffix has {room} tokens: the model's texts have "
                f"{predictor.length}",
                "max_tokens",
            )
        size, most = room, min(room, max_tokens or room)
    else:
        size = most = max_tokens or limits.new_tokens
        longest = min(limits.tokens, longest_of(predictor) or limits.tokens)
        if given + size > longest:
            raise Refused(f"{given} tokens are given and {size} asked for; the longest text is {longest}", "max_tokens")
    tokens = torch.tensor([*before, *[0] * size, *after], dtype=torch.int64)
    known = torch.ones(len(tokens), dtype=torch.bool)
    known[len(before) : len(before) + size] = False
    row = Row(tokens, known)
    try:
        check_row(predictor, row, 0)
    except InputError as error:
        raise Refused(str(error).replace("row 0", "the prompt"), "prompt") from None
    return Gap(row, most, given)


def tokens_of(predictor: Predictor, text: str, field: str) -> list[int]:
    """Tokens of a text. Raises Refused, naming the field."""
    try:
        return encoded(predictor, text)
    except InputError as error:
        raise Refused(without_folder(predictor, error), field) from None


def without_folder(predictor: Predictor, error: InputError) -> str:
    """What is wrong, without where on this machine the model lies."""
    return str(error).replace(str(folder_of(predictor) or "the model"), "the model")

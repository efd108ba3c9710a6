"""What some predictors can do besides predicting, asked for in one place.

A predictor need only meet `Predictor`. What else one has (a tokenizer, the law it is, weights in a folder) is an
attribute of a fixed name, which wrappers forward (`predictor.Wrapped`); each function here says what the name is and
what it means to have none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from unmask.laws.base import Law

if TYPE_CHECKING:  # commands that read plans and measurements ask too, and import no torch
    from torch import Tensor

    from unmask.models.network import Network
    from unmask.models.predictor import Predictor

Encode = Callable[[str], Sequence[int]]
Decode = Callable[[Sequence[int]], str]


def law_of(predictor: object) -> Law | None:
    """The law it is the exact predictor of: `law`."""
    return cast("Law | None", getattr(predictor, "law", None))


def encoder_of(predictor: object) -> Encode | None:
    """Text to token ids: `encode`, its law's or else its own."""
    return cast("Encode | None", getattr(law_of(predictor) or predictor, "encode", None))


def decoder_of(predictor: object) -> Decode | None:
    """Token ids to text: `decode`, its law's or else its own."""
    return cast("Decode | None", getattr(law_of(predictor) or predictor, "decode", None))


def unknown_id_of(predictor: object) -> int | None:
    """The token its tokenizer writes for words it does not know: `text.special_id("unk_token")`."""
    special_id = getattr(getattr(predictor, "text", None), "special_id", None)
    return None if special_id is None else cast("int | None", special_id("unk_token"))


def block_length_of(predictor: object) -> int | None:
    """Tokens of the blocks it predicts one after another: `block_size`; None where attention is bidirectional."""
    return cast("int | None", getattr(predictor, "block_size", None))


def name_of(predictor: object) -> str | None:
    """What a person called it: `name`."""
    return cast("str | None", getattr(predictor, "name", None))


def digest_of(predictor: object) -> str | None:
    """What tells it from others of its name: `digest`, where it has one of its own."""
    return cast("str | None", getattr(predictor, "digest", None))


def folder_of(predictor: object) -> Path | None:
    """The folder of its checkpoint: `text.folder`."""
    return cast("Path | None", getattr(getattr(predictor, "text", None), "folder", None))


def network_of(predictor: object) -> Network | None:
    """The network that is run, `network`; a law has none."""
    return cast("Network | None", getattr(predictor, "network", None))


def longest_of(predictor: object) -> int | None:
    """The longest canvas it has positions for: `max_length`, where there is such a limit."""
    return cast("int | None", getattr(predictor, "max_length", None))


def row_calls_of(predictor: object) -> Tensor | None:
    """`row_calls`: what its latest query cost each row, (rows,) int64, where that varies (caches); else None."""
    return cast("Tensor | None", getattr(predictor, "row_calls", None))


def takes_padding(predictor: Predictor) -> bool:
    """Whether rows of different lengths can be asked about in one query: `log_probs(…, padding)`."""
    return "padding" in inspect.signature(predictor.log_probs).parameters


def suppresses_forbidden(predictor: object) -> bool:
    """Whether it gives the forbidden ids probability zero itself: `suppresses_forbidden = True`."""
    return bool(getattr(predictor, "suppresses_forbidden", False))

"""The texts a command works on, and which of their positions are given: one answer for every command that takes texts.

A file, token ids, draws of a law, or, when nothing is said, the model's own: draws of the law it stands for or was
trained on, or the text its training held out. Messages name the options of the command line.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json
from unmask.laws import catalogue
from unmask.measuring.text_files import known_from, read_texts
from unmask.measuring.texts import random_positions
from unmask.models.capabilities import folder_of
from unmask.models.checkpoint_folder import OUR_FORMAT

DRAWN = 200
"""Texts drawn from a law when it is not said how many."""
LAW = "law:"


class Texts(NamedTuple):
    """Texts (N, length); the name of the draw where they were drawn, else ""; and in words what they are."""

    rows: npt.NDArray[np.int64]
    source: str
    words: str


def read_inputs(
    predictor: Any,
    model: str,
    data: str | Path | None = None,
    tokens: Path | None = None,
    *,
    lines: bool = False,
    length: int | None = None,
    texts: int | None = None,
    seed: int = 0,
    salt: int | None = None,
) -> Texts:
    """The texts that the options of a command say.

    Args:
        predictor: the model that was loaded, and `model`, what it was called.
        data: a file of text or tokens, or law:NAME. tokens: a file of token ids.
        lines: every line of a text file is a text of its own.
        length: tokens of a window.
        texts: how many: the first so many of a file, or draws of a law.
        seed: of the draws. salt: sets them apart from what others draw with the same seed.

    Raises:
        InputError: both or none were given, or they do not fit the model.
    """
    if data is not None and tokens is not None:
        raise InputError("--data and --tokens were given; give one of them")
    if tokens is not None:
        if tokens.suffix not in (".npy", ".jsonl"):
            raise InputError(f"--tokens is {tokens}; expected a .npy or .jsonl file (text goes to --data)")
        return Texts(read_texts(predictor, tokens, length)[:texts], "", str(tokens))
    named = str(data) if data is not None else own_data(predictor, model)
    if named.startswith(LAW):
        drawn = f"{named} seed {seed}" + ("" if salt is None else f" salt {salt}")
        return Texts(_drawn(predictor, model, named, length, texts, seed, salt), drawn, named)
    return Texts(read_texts(predictor, named, length, lines)[:texts], "", named)


def own_data(predictor: Any, model: str) -> str:
    """What a model brings with it: the law it is, its held-out text, or the law it was trained on."""
    if model.startswith(LAW):
        return model
    folder = folder_of(predictor)
    if folder is not None and (folder / "held_out.txt").is_file():
        return str(folder / "held_out.txt")
    if folder is not None and (folder / "unmask.json").is_file():
        trained_on = read_json(folder / "unmask.json", OUR_FORMAT).get("data", [])
        if len(trained_on) == 1 and str(trained_on[0]).startswith(LAW):
            return str(trained_on[0])
    raise InputError("--data is missing; give a file of held-out text, or token ids with --tokens")


def read_given(given: str | None, texts: npt.NDArray[np.int64], seed: int = 0) -> npt.NDArray[np.bool_] | int:
    """`--given`: a number of leading tokens, a share of random positions such as 0.5, or a file that lists them."""
    if given is None:
        return 0
    if given.lstrip("-").isdecimal():
        if int(given) < 0:
            raise InputError(f"--given is {given}; expected a number of leading tokens, at least 0")
        return int(given)
    try:
        share = float(given)
    except ValueError:
        return known_from(given, texts.shape[1])
    return random_positions(texts, share, seed)


def _drawn(
    predictor: Any, model: str, data: str, length: int | None, texts: int | None, seed: int, salt: int | None
) -> npt.NDArray[np.int64]:
    """Fresh sequences of a law, in the tokens of the model."""
    law = catalogue.from_name(data.removeprefix(LAW))
    if length not in (None, law.length):
        raise InputError(f"--length is {length}, but {data} has length {law.length}; name it there")
    rows = law.sample(texts or DRAWN, seed if salt is None else np.random.default_rng([seed, salt]))
    if not model.startswith(LAW):
        words = getattr(law, "decode", lambda row: " ".join(str(token) for token in row))
        rows = np.array([predictor.encode(words(row)) for row in rows])
    return rows

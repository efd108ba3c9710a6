"""The texts a command works on, and which of their positions are given: one answer for every command that takes texts.

A file, token ids, draws of a law, or, when nothing is said, the model's own: draws of the law it stands for or was
trained on, or the text its training held out. Messages name the options of the command line.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json
from unmask.laws import catalogue
from unmask.measuring.text_files import Windows, known_from, positions_from, read_sequences, read_windows
from unmask.measuring.texts import random_positions
from unmask.models.capabilities import folder_of, unknown_id_of
from unmask.models.checkpoint_folder import OUR_FORMAT

DRAWN = 200
"""Texts drawn from a law when it is not said how many."""
LAW = "law:"


class Texts(NamedTuple):
    """What a command works on.

    Attributes:
        rows: (N, length) texts.
        source: the name of the draw where they were drawn, else "".
        words: what they are.
        documents: (N,) number of the document each is of, -1 where that is not known.
        names: of each text, where the file has names; else empty.
        said: what was unknown, left out or cut on the way, in sentences a command prints.
    """

    rows: npt.NDArray[np.int64]
    source: str
    words: str
    documents: npt.NDArray[np.int64]
    names: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


class Whole(NamedTuple):
    """Texts of any lengths, none of them cut.

    Attributes:
        rows: the tokens of each. names: as many, "" where there is none.
        unknown: for each text, which tokens are unknown words: they stand there, but cannot be scored.
        words, said: as of `Texts`.
    """

    rows: list[list[int]]
    names: tuple[str, ...]
    unknown: list[npt.NDArray[np.bool_]]
    words: str
    said: tuple[str, ...]


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
    allow_unknown: bool = False,
) -> Texts:
    """The texts that the options of a command say.

    Args:
        predictor: the model that was loaded, and `model`, what it was called.
        data: a file of text or tokens, or law:NAME. tokens: a file of token ids.
        lines: every line of a text file is a text of its own.
        length: tokens of a window.
        texts: how many: the first so many of a file, or draws of a law.
        seed: of the draws. salt: sets them apart from what others draw with the same seed.
        allow_unknown: go on where more than a few per cent of a file's tokens are unknown.

    Raises:
        InputError: both or none were given, or they do not fit the model.
    """
    if data is not None and tokens is not None:
        raise InputError("--data and --tokens were given; give one of them")
    if tokens is not None:
        if tokens.suffix not in (".npy", ".jsonl"):
            raise InputError(f"--tokens is {tokens}; expected a .npy or .jsonl file (text goes to --data)")
        return _of_windows(read_windows(predictor, tokens, length, allow_unknown=allow_unknown), texts, str(tokens))
    named = str(data) if data is not None else own_data(predictor, model)
    if named.startswith(LAW):
        drawn = f"{named} seed {seed}" + ("" if salt is None else f" salt {salt}")
        rows = _drawn(predictor, model, named, length, texts, seed, salt)
        return Texts(rows, drawn, named, np.full(len(rows), -1))
    return _of_windows(read_windows(predictor, named, length, lines, allow_unknown), texts, named)


def read_whole(predictor: Any, path: str | Path, texts: int | None = None, allow_unknown: bool = False) -> Whole:
    """The texts of a file, each whole: a line, a row of tokens, a sequence of a FASTA file.

    Raises:
        InputError: as `read_inputs`.
    """
    found = read_sequences(predictor, path, allow_unknown)
    rows, names = found.rows[:texts], found.names[:texts]
    return Whole(rows, names, [unknown_words(predictor, row) for row in rows], str(path), found.said)


def unknown_words(predictor: Any, row: Sequence[int]) -> npt.NDArray[np.bool_]:
    """(L,) which tokens are unknown words that the model may never draw: they are context, never scored."""
    unknown = unknown_id_of(predictor)
    if unknown is None or unknown not in predictor.forbidden_ids:
        return np.zeros(len(row), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = np.asarray(row) == unknown
    return found


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
    """`--given`, in texts of one length.

    A number of leading tokens, a share of random positions such as 0.5, positions such as 0-24,33-49 (counted from 0),
    all except:25-32, or a file that lists them.
    """
    if given is None:
        return 0
    if given.lstrip("-").isdecimal():
        if int(given) < 0:
            raise InputError(f"--given is {given}; expected a number of leading tokens, at least 0")
        return int(given)
    length = texts.shape[1]
    found = positions_from(given, length)
    if found is not None:
        return found
    try:
        share = float(given)
    except ValueError:
        return known_from(given, length)
    return random_positions(texts, share, seed)


def length_with(revealed: int, given: str | None) -> int | None:
    """Tokens of a text of which so many are revealed and the others are `--given`; None where texts must say it."""
    if given is None:
        return revealed
    if given.isdecimal():
        return revealed + int(given)
    if re.fullmatch(r"[\d,-]+", given) and (known := positions_from(given, LONGEST)) is not None:
        return revealed + int(known.sum())
    return None


LONGEST = 2**20
"""Positions that `--given` may name where no text says how many there are."""


def read_given_rows(given: str | None, rows: Sequence[Sequence[int]], seed: int = 0) -> list[npt.NDArray[np.bool_]]:
    """`--given` in texts of any lengths: for each, which positions are given."""
    found = []
    for row in rows:
        known = read_given(given, np.array([row], dtype=np.int64), seed)
        if isinstance(known, int) and known >= len(row):
            raise InputError(f"--given is {known}, and a text has {len(row)} tokens; nothing of it is left")
        found.append(np.arange(len(row)) < known if isinstance(known, int) else np.atleast_2d(known)[0])
    return found


def _of_windows(found: Windows, texts: int | None, words: str) -> Texts:
    return Texts(found.rows[:texts], "", words, found.documents[:texts], found.names[:texts], found.said)


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

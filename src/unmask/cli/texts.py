"""The texts `score` works on: whole, with their names, and which of their tokens are given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.cli import sampler as options
from unmask.cli.common import say_notes
from unmask.errors import InputError


@dataclass(frozen=True)
class Scored:
    """Rows of tokens of any lengths, the name of each ("" where it has none), and which tokens are given."""

    rows: list[list[int]]
    names: tuple[str, ...]
    known: Any


def texts_to_score(
    predictor: Any, model: str, text: str | None, infill: str | None, data: str | None, tokens: Path | None,
    lines: bool, texts: int | None, length: int | None, given: str | None, mutations: str | None, allow_unknown: bool,
    seed: int,
) -> Scored:  # fmt: skip
    """What the options say. Unknown words stand where they are, given and never scored.

    Texts are whole where each is one of its own (lines, rows of tokens, FASTA) and no length is said; else they are
    windows.
    """
    from unmask.measuring.inputs import read_given, read_given_rows, read_inputs, read_whole, unknown_words

    names: tuple[str, ...]
    if infill is not None:
        if text is None or given is not None or mutations is not None:
            raise InputError("--infill is the text with gaps and --text the whole one; without --given and --mutations")
        rows, known = [options.encoded(predictor, text, allow_unknown)], [_gaps(predictor, infill, text)]
        if len(known[0]) != len(rows[0]):
            raise InputError(
                f"--infill has {len(known[0])} tokens and --text {len(rows[0])}; one must be the other with gaps filled"
            )
        return _without_unknown(predictor, rows, ("",), known)
    if text is not None:
        rows, names = [options.encoded(predictor, text, allow_unknown)], ("",)
        if mutations is not None:
            return _mutated(predictor, rows[0], mutations, given)
    elif mutations is not None:
        raise InputError("--mutations changes one text; give it with --text")
    elif _is_whole(predictor, data, tokens, lines, length):
        found = read_whole(predictor, str(tokens if tokens is not None else data), texts, allow_unknown)
        say_notes(found.said)
        rows, names = found.rows, found.names
    else:
        read = read_inputs(
            predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed,
            allow_unknown=allow_unknown,
        )  # fmt: skip
        say_notes(read.said)
        rows, names = read.rows.tolist(), read.names or ("",) * len(read.rows)
    known_rows: Any
    if len({len(row) for row in rows}) == 1:
        known_rows = read_given(given, np.array(rows, dtype=np.int64), seed)
        if not any(unknown_words(predictor, row).any() for row in rows):
            return Scored(rows, names, known_rows)
    return _without_unknown(predictor, rows, names, read_given_rows(given, rows, seed))


def _is_whole(predictor: Any, data: str | None, tokens: Path | None, lines: bool, length: int | None) -> bool:
    """Whether texts keep their lengths: each is one of its own, nothing says how long they are to be."""
    from unmask.files import read_text
    from unmask.measuring import fasta

    if length is not None or predictor.length is not None or (data is None) == (tokens is None):
        return False
    if tokens is not None:
        return tokens.suffix in (".jsonl", ".npy")
    path = Path(str(data))
    if lines or path.suffix == ".jsonl":
        return not str(data).startswith("law:")
    return path.is_file() and path.suffix != ".npy" and fasta.is_fasta(path, read_text(path, 2**33)[:10_000])


def _gaps(predictor: Any, infill: str, text: str) -> npt.NDArray[np.bool_]:
    from unmask.models.infilling import fillings
    from unmask.models.reading import Reader

    found = fillings(Reader(predictor), infill)
    length = len(options.encoded(predictor, text, True)) if len(found) > 1 else 0
    fitting = [one for one in found if len(found) == 1 or len(one.tokens) == length]
    if len(fitting) != 1:
        raise InputError(f"--infill has {len(fitting)} choices of lengths that fit --text; say how long each gap is")
    return np.array(fitting[0].known)


def _without_unknown(
    predictor: Any, rows: list[list[int]], names: tuple[str, ...], known: list[npt.NDArray[np.bool_]]
) -> Scored:
    """The texts with their unknown words given. A text of nothing else is an error."""
    from unmask.measuring.inputs import unknown_words

    unknown = [unknown_words(predictor, row) for row in rows]
    count = sum(int(mask.sum()) for mask in unknown)
    if count:
        say_notes([f"{count} unknown words are given, not scored"])
    masks = [mask | other for mask, other in zip(known, unknown, strict=True)]
    empty = next((number for number, mask in enumerate(masks) if mask.all()), None)
    if empty is not None:
        raise InputError(f"{names[empty] or f'text {empty}'} has nothing to score: all of it is given or unknown")
    return Scored(rows, names, masks)


def _mutated(predictor: Any, row: list[int], mutations: str, given: str | None) -> Scored:
    """The text as it is and with its changes, everything but the changed places given."""
    from unmask.models.capabilities import encoder_of
    from unmask.sampling.per_token import mutated

    encode = encoder_of(predictor)
    if encode is None:
        raise InputError("--mutations needs a model with a tokenizer")
    if given is not None:
        raise InputError("--mutations says itself what is given: all other tokens; leave out --given")
    letters = [options.decoded(predictor, [token]) for token in row]
    changed, known = mutated(row, letters, mutations, encode)
    return Scored([row, changed], ("as it is", mutations), [np.array(known)] * 2)

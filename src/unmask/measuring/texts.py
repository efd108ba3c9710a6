"""The texts that are measured: checked against the model, told apart, and with the positions that are given.

Knows arrays, not files; reading and cutting text is in `text_files`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measurement import text_digest
from unmask.models.predictor import Predictor

TokenArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def check_texts(predictor: Predictor, tokens: npt.ArrayLike) -> TokenArray:
    """Texts as an (N, length) int64 array, or an InputError that says why the model cannot be measured on them."""
    given = tokens.cpu().numpy() if hasattr(tokens, "cpu") else tokens
    try:
        texts = np.ascontiguousarray(given)
    except ValueError:
        raise InputError("tokens has rows of different lengths; measure each length by itself") from None
    if texts.ndim != 2 or not texts.size or not np.issubdtype(texts.dtype, np.integer):
        raise InputError(
            f"tokens has shape {texts.shape} and type {texts.dtype}; expected (texts, length) whole numbers"
        )
    if predictor.length is not None and texts.shape[1] != predictor.length:
        raise InputError(f"tokens has rows of {texts.shape[1]} tokens; the model takes exactly {predictor.length}")
    if texts.min() < 0 or texts.max() >= predictor.vocab_size:
        raise InputError(
            f"tokens has ids {texts.min()}..{texts.max()}, but the model knows 0..{predictor.vocab_size - 1}; "
            "was the text written in another model's tokens?"
        )
    forbidden = np.isin(texts, list(predictor.forbidden_ids))
    if forbidden.any():
        raise InputError(
            f"tokens holds the id {texts[forbidden][0]}, which the model may never draw "
            "(a mask, a padding id or an unknown word)"
        )
    return texts.astype(np.int64)


def identify(texts: TokenArray, source: str = "") -> tuple[str, ...]:
    """The digest of each text; the second, third, .. time the same text comes it gets a digest of its own.

    Args:
        source: set where texts are independent draws, so that the same sequence from another draw counts as another.
    """
    seen: dict[bytes, int] = {}
    found = []
    salt = [int(byte) for byte in source.encode()]
    for text in texts:
        key = text.tobytes()
        seen[key] = seen.get(key, 0) + 1
        again = [-1, seen[key]] if seen[key] > 1 else []
        found.append(text_digest([*text, *again, *([-2, *salt] if salt else [])]))
    return tuple(found)


def known_positions(given: npt.ArrayLike | int, texts: TokenArray) -> tuple[BoolArray, str]:
    """Which positions are always known, (N, length) booleans, as many in every text; and in words, for the file."""
    count, length = texts.shape
    known: BoolArray
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        if not 0 <= given < length:
            raise InputError(f"given is {given}; expected a number of leading tokens from 0 to {length - 1}")
        known = np.tile(np.arange(length) < given, (count, 1))
        words = f"the first {given}" if given else "nothing"
    else:
        mask = np.asarray(given)
        if mask.dtype != np.bool_ or mask.shape not in ((length,), (count, length)):
            raise InputError(
                f"given has shape {mask.shape} and type {mask.dtype}; expected a number of leading tokens, or booleans "
                f"of shape ({length},) or ({count}, {length})"
            )
        known = np.broadcast_to(mask, (count, length)).copy()
        each = known.sum(axis=1)
        if np.any(each != each[0]):
            raise InputError(f"given shows {each.min()} to {each.max()} positions; every text must be given as many")
        if mask.ndim == 1:
            words = f"positions {','.join(str(place) for place in np.flatnonzero(mask))}" if each[0] else "nothing"
        else:
            words = f"{each[0]} positions of each text"
    if known[0].all():
        raise InputError(f"given leaves no position to reveal in texts of {length} tokens; give fewer")
    return known, words


def random_positions(texts: TokenArray, share: float, seed: int) -> BoolArray:
    """A share of the positions of each text, drawn by its digest: what infilling is given, (N, length) booleans."""
    count, length = texts.shape
    known = np.zeros((count, length), dtype=np.bool_)
    shown = round(share * length)
    if not 0 < share < 1 or shown in (0, length):
        raise InputError(f"given is a share of {share} of {length} tokens; expected one that gives some but not all")
    for row, digest in enumerate(identify(texts)):
        known[row, np.random.default_rng([seed, 1, int(digest, 16)]).permutation(length)[:shown]] = True
    return known


def block_ranges(known: BoolArray, block_length: int | None) -> Sequence[tuple[int, int]]:
    """Where blocks begin and end, over the positions that are not given; one range when there are no blocks."""
    free = int((~known[0]).sum())
    if block_length is None:
        return [(0, free)]
    if block_length < 1 or free % block_length:
        raise InputError(
            f"block_length is {block_length}, which does not divide the {free} tokens to be revealed; "
            "give one that does"
        )
    return [(start, start + block_length) for start in range(0, free, block_length)]

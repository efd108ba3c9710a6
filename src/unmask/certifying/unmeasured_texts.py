"""The texts a certificate is made from: of a file or drawn from a law, without those a plan was fitted on.

A text goes by its digest (`text_digest`), which plans and measurements keep.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement, text_digest

SALT = 4  # so that texts drawn for a certificate are not those that were drawn with the same seed to measure


def texts_of(measured: Measurement) -> set[str]:
    """Digests of the texts that were measured or searched for orders on."""
    return {*measured.texts, *measured.settings.get("searched", [])}


def without(texts: npt.NDArray[np.int64], used: Collection[str]) -> npt.NDArray[np.int64]:
    """The texts (N, L) whose digests are not among those used.

    Raises:
        InputError: when none is left.
    """
    left = texts[are_unused(texts, used)]
    if not len(left):
        raise InputError(f"all {len(texts)} texts were measured for the plan; a certificate needs others")
    return left


def are_unused(texts: npt.NDArray[np.int64], used: Collection[str]) -> npt.NDArray[np.bool_]:
    """(N,) which texts have digests that are not among those used."""
    return np.array([text_digest(text) not in used for text in texts], dtype=np.bool_)


def check_unused(texts: npt.NDArray[np.int64], used: Collection[str]) -> None:
    """Refuse texts a plan was made from.

    Raises:
        InputError: which says how many there are, and how to leave them out.
    """
    if not used:
        return
    found = sum(text_digest(text) in used for text in texts)
    if found:
        raise InputError(
            f"texts holds {found} texts that the plan was made from, on which it looks cheaper than it is; leave them "
            "out with unmask.certifying.unmeasured_texts.without(texts, plan.texts)"
        )

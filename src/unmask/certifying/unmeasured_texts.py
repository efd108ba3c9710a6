"""The texts a certificate is made from: of a file or drawn from a law, without those a plan was fitted on."""

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement, text_digest

SALT = 4  # so that texts drawn for a certificate are not those that were drawn with the same seed to measure


def without_measured(texts: npt.NDArray[np.int64], measured: Measurement) -> npt.NDArray[np.int64]:
    """The texts that were neither measured nor searched for orders on."""
    used = {*measured.texts, *measured.settings.get("searched", [])}
    left = texts[[text_digest(text) not in used for text in texts]]
    if not len(left):
        raise InputError(f"all {len(texts)} texts were measured for the plan; a certificate needs others")
    return left

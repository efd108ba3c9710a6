"""The texts a certificate is made from: of a file or drawn from a law, without those a plan was fitted on."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement, text_digest
from unmask.measuring.text_files import read_texts
from unmask.measuring.texts import check_texts
from unmask.models.predictor import Predictor

_SALT = 4  # so that texts drawn for a certificate are not those that were drawn with the same seed to measure


def texts_of(
    predictor: Predictor,
    path: Path | None,
    length: int | None = None,
    *,
    lines: bool = False,
    samples: int | None = None,
    seed: int = 0,
) -> npt.NDArray[np.int64]:
    """Texts of a file (as `read_texts`), or, without one, `samples` sequences of the law the predictor knows."""
    if (path is None) == (samples is None):
        raise InputError("give one of --data, held-out text or tokens, and --samples, of a law:NAME")
    if path is not None:
        return check_texts(predictor, read_texts(predictor, path, length, lines))
    law: Any = getattr(predictor, "law", None)
    if law is None:
        raise InputError(f"--samples is {samples}, but only a law can draw its own texts; give --data")
    drawn: npt.NDArray[np.int64] = law.sample(samples, np.random.default_rng([seed, _SALT]))
    return drawn


def without_measured(texts: npt.NDArray[np.int64], measured: Measurement) -> npt.NDArray[np.int64]:
    """The texts that were neither measured nor searched for orders on."""
    used = {*measured.texts, *measured.settings.get("searched", [])}
    left = texts[[text_digest(text) not in used for text in texts]]
    if not len(left):
        raise InputError(f"all {len(texts)} texts were measured for the plan; a certificate needs others")
    return left

"""Yes/no checks of an output: a function in a file of one's own, or whether a law holds the output possible."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.models.predictor import Predictor


def check_of(predictor: Predictor, named: str | None) -> Callable[[list[int]], bool]:
    """The check of that name, as a function of a list of tokens.

    Args:
        predictor: where it has a text, a check in a file is given that; else the list of tokens.
        named: `FILE.py:FUNCTION`; None for a law: whether it holds the output possible.

    Raises:
        InputError: there is no such file or function, or nothing says what is right.
    """
    if named is None:
        law = getattr(predictor, "law", None)
        if law is None:
            raise InputError("--check is missing; name a function that says yes or no of a text: FILE.py:FUNCTION")
        return lambda row: bool(np.isfinite(law.log_prob(np.array([row]))[0]))
    function = _function(named)
    decode = getattr(predictor, "decode", None) if getattr(predictor, "text", None) is not None else None
    return lambda row: function(row if decode is None else decode(row))


def _function(named: str) -> Callable[[Any], bool]:
    file, _, name = named.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not path.is_file():
        raise InputError(f"--check is {named!r}; expected an existing FILE.py:FUNCTION")
    described = importlib.util.spec_from_file_location(f"unmask_check_{path.stem}", path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    try:
        described.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{file} cannot be read as Python: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{file} has no function {name!r}")
    return function  # type: ignore[no-any-return]

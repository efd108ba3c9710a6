"""`FILE.py:NAME`: a function in a Python file of somebody's own, wherever a name of ours could stand.

The file is run where it lies, once in a process. Knows nothing about what the function makes.
"""

import functools
import importlib.util
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from unmask import spec
from unmask.errors import InputError


def split(text: str, what: str) -> tuple[str, str, str] | None:
    """(file, name, what stands after a further colon) of `text`; None where no file is named.

    Raises InputError for a file without a name; `what` is made of it, a word for error messages.
    """
    written = re.match(r"(.+?\.py):(\w+)(?::(.*))?$", text.strip())
    if written:
        return written[1], written[2], (written[3] or "").strip()
    if text.strip().endswith(".py"):
        raise InputError(f"{what} {text!r} is a file; say which function makes the {what}: {text.strip()}:NAME")
    return None


@functools.cache
def module(file: str, what: str) -> ModuleType:
    """The file, run as a module; InputError when there is none or it fails."""
    path = Path(file)
    if not path.is_file():
        raise InputError(f"there is no file {file}, which the {what} is read from")
    described = importlib.util.spec_from_file_location(f"unmask_{what}_{path.stem}", path)
    assert described is not None
    assert described.loader is not None
    made = importlib.util.module_from_spec(described)
    try:
        described.loader.exec_module(made)
    except Exception as error:
        raise InputError(f"{file} cannot be read as Python: {type(error).__name__}: {error}") from error
    return made


def function(file: str, name: str, what: str) -> Callable[..., Any]:
    """The function NAME of the file; InputError says which functions it has."""
    found = getattr(module(file, what), name, None)
    if not inspect.isfunction(found):
        there = vars(module(file, what))
        known = [key for key, value in there.items() if inspect.isfunction(value) and not key.startswith("_")]
        raise InputError(f"{file} has no function {name!r}; {spec.nearest(name, known)}")
    return found

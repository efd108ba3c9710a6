"""What holds for the options of every command, checked before it runs: numbers, names of files, places to write to.

A command's own file says what its options mean; this one only keeps out what no option can mean.
"""

import math
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.schemas.strict_json import shown

MOST = 2**31 - 1
"""Of a number that counts something. A seed may be any whole number of 63 bits."""


def check_options(command: Any, ctx: Any) -> None:
    """Raise InputError unless all options are numbers a computer can count to, and all outputs can be written."""
    for option in command.params:
        value = ctx.params.get(option.name)
        name = next((said for said in option.opts if said.startswith("--")), option.opts[0] if option.opts else "")
        for one in value if isinstance(value, list | tuple) else [value]:
            _check(option, name, one)


def _check(option: Any, name: str, value: Any) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int) and abs(value) > (2**63 - 1 if option.name == "seed" else MOST):
        raise InputError(f"{name} is {shown(str(value))[1:-1]}; expected a number up to {MOST:,}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} is {value}; expected a number")
    if isinstance(value, str | Path) and "\0" in str(value):
        raise InputError(f"{name} holds a zero byte; no name or text has one")
    if isinstance(value, Path):
        if str(value).startswith("-"):
            raise InputError(
                f"{name} is {shown(str(value))}, which looks like an option; write ./{value} to mean a file"
            )
        if option.name in ("out", "trace", "plot"):
            _check_output(name, value, option.metavar == "FOLDER")


def _check_output(name: str, path: Path, is_folder: bool) -> None:
    """Before hours of work: the file's folder is there and takes files; the folder is one, or can be made."""
    from unmask.files import check_writable

    if not is_folder:
        check_writable(path, name)
        return
    try:
        above = next(one for one in (path, *path.absolute().parents) if one.exists())
    except OSError as error:
        raise InputError(f"{name} {shown(str(path))} cannot be a folder: {error.strerror}") from error
    if not above.is_dir():
        what = "is a file" if above == path else f"lies below the file {above}"
        raise InputError(f"{name} {path} {what}; give a folder")

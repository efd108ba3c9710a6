"""Checkpoints that are whole or absent: a folder is written beside its place, verified by digests, and renamed into it.

A checkpoint is a standard Hugging Face folder plus `optimizer.safetensors` and `state.json` (the step, and the SHA-256
of every other file). The last two are kept; a damaged one is passed over for the one before it. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError

from unmask.errors import InputError
from unmask.files import write_json

FORMAT = "unmask.checkpoint/1"
KEPT = 2


class Checkpoint(NamedTuple):
    """A checkpoint that was read and found undamaged."""

    folder: Path
    state: dict[str, Any]


def save(root: Path, step: int, write: Callable[[Path], None], state: dict[str, Any]) -> Path:
    """Make the checkpoint of `step`: `write(folder)` puts the files into a folder that takes its name when all is done.

    Raises InputError, with the last good checkpoint untouched, when the disk is full or the folder cannot be written.
    """
    final = root / _name(step)
    temporary = root / f".{final.name}.partial"
    try:
        root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        write(temporary)
        files = {path.name: _digest(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / "state.json", {"format": FORMAT, "step": step, **state, "files": files})
        _sync(temporary)
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
    except (OSError, SafetensorError, InputError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"the checkpoint of step {step} cannot be written: {reason}; {_last_good(root)}") from error
    for old in folders(root)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def newest(root: Path, complain: Callable[[str], None]) -> Checkpoint:
    """The newest undamaged checkpoint below `root`; `complain` is told one line for each damaged one passed over."""
    for folder in reversed(folders(root)):
        fault = _fault(folder)
        if fault is None:
            return Checkpoint(folder, json.loads((folder / "state.json").read_text(encoding="utf-8")))
        complain(f"{folder} is damaged ({fault}); passing over to the one before it")
    raise InputError(f"{root} holds no undamaged checkpoint to resume from; start again with `force`")


def folders(root: Path) -> list[Path]:
    """Checkpoint folders, oldest first; unfinished ones are hidden and not among them."""
    return sorted(root.glob("step-*")) if root.is_dir() else []


def replace_file(source: Path, target: Path) -> None:
    """Copy `source` over `target` so that a reader sees the old file or the new one."""
    temporary = target.with_name(f".{target.name}.partial")
    shutil.copyfile(source, temporary)
    os.replace(temporary, target)


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fault(folder: Path) -> str | None:
    """What is wrong with a checkpoint, or None."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            return f"its format is {state['format']!r}, not {FORMAT!r}"
        for name, digest in state["files"].items():
            if _digest(folder / name) != digest:
                return f"{name} is not what was written"
    except OSError as error:
        return f"{Path(error.filename or folder).name}: {error.strerror}"
    except (ValueError, KeyError, AttributeError, TypeError):
        return "state.json cannot be read"
    return None


def _sync(folder: Path) -> None:
    """Have everything on the disk before the rename, so that a power cut leaves no named folder with missing bytes."""
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _last_good(root: Path) -> str:
    kept = folders(root)
    return (
        f"the last good one is {kept[-1]}: free some space and go on with `resume`"
        if kept
        else "none was written before it"
    )

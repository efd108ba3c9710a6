"""Checkpoints that are whole or absent: a folder is written beside its place, verified by digests, and renamed into it.

A checkpoint is a standard Hugging Face folder plus `optimizer.safetensors` and `state.json` (the step, and the SHA-256
of every other file). The last two are kept; a damaged one is passed over for the one before it. Nothing is pickled.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError

from unmask.errors import InputError
from unmask.files import copy, read_json, reason, sync, write_json
from unmask.models.checkpoint_folder import FILES, digest

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
        for unfinished in root.glob(".step-*.partial"):  # of a process that was killed: a run has one writer
            shutil.rmtree(unfinished, ignore_errors=True)
        temporary.mkdir()
        write(temporary)
        files = {path.name: digest(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / "state.json", {"format": FORMAT, "step": step, **state, "files": files})
        for path in [*temporary.iterdir(), temporary]:
            sync(path)
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
    except (OSError, SafetensorError, InputError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise InputError(
            f"the checkpoint of step {step} cannot be written: {reason(error)}; {_last_good(root)}"
        ) from error
    for old in folders(root)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def newest(root: Path, complain: Callable[[str], None]) -> Checkpoint:
    """The newest undamaged checkpoint below `root`; `complain` is told one line for each damaged one passed over."""
    for folder in reversed(folders(root)):
        fault = _fault(folder)
        if fault is None:
            return Checkpoint(folder, read_json(folder / "state.json", FORMAT))
        complain(f"{folder} is damaged ({fault}); passing over to the one before it")
    raise InputError(f"{root} holds no undamaged checkpoint to resume from; start again with `force`")


def folders(root: Path) -> list[Path]:
    """Checkpoint folders, oldest first; unfinished ones are hidden and not among them."""
    return sorted(root.glob("step-*")) if root.is_dir() else []


def publish(checkpoint: Path, out: Path, names: Sequence[str], card: str) -> None:
    """Make the files `names` of a checkpoint, and its card, those of `out`.

    The card is the last to come, and holds the SHA-256 of the others (`checkpoint_folder.FILES`): between the first
    file and the card a reader is told that the folder is no whole model, instead of being given weights of one step
    with the words of another.
    """
    described = json.loads((checkpoint / card).read_bytes())
    described[FILES] = {name: digest(checkpoint / name) for name in names}
    for name in names:
        if not (out / name).is_file() or digest(out / name) != described[FILES][name]:
            copy(checkpoint / name, out / name)
    write_json(out / card, described)


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _fault(folder: Path) -> str | None:
    """What is wrong with a checkpoint, or None."""
    try:
        state = read_json(folder / "state.json", FORMAT)
        for name, written in state["files"].items():
            if Path(name).name != name or digest(folder / name) != written:
                return f"{name} is not what was written"
    except OSError as error:
        return f"{Path(error.filename or folder).name}: {error.strerror}"
    except InputError:
        return "state.json cannot be read"
    return None


def _last_good(root: Path) -> str:
    kept = folders(root)
    return (
        f"the last good one is {kept[-1]}: free some space and go on with `resume`"
        if kept
        else "none was written before it"
    )

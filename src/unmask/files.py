"""Reading and writing files safely: written whole or not at all, read within limits, never pickled.

A file is written beside its place under a hidden name that says which process writes it, and takes its name when it is
whole. What a process that died has left under such a name goes when the same file is written again.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.schemas import strict_json
from unmask.schemas.formats import FORMATS, Format
from unmask.schemas.kinds import Kind, Wrong

LARGEST = 2**26
"""Bytes of a file whose format says nothing else."""
_writing: set[str] = set()
"""Temporary files that this process is writing."""


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write `data` to `path` atomically: a reader (or a crash) sees the old file or the new one, never half of one.

    Raises InputError when the folder does not exist or cannot be written; the old file is still there then.
    """

    def fill(temporary: Path) -> None:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    return _replace(Path(path), fill)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """`write_bytes` for UTF-8 text."""
    return write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> Path:
    """Write `value` as readable JSON, atomically. NaN and infinities are refused: they are not JSON."""
    return write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def copy(source: Path, target: Path) -> Path:
    """Copy `source` over `target` atomically."""

    def fill(temporary: Path) -> None:
        shutil.copyfile(source, temporary)
        sync(temporary)

    return _replace(target, fill)


def write_with(path: str | os.PathLike[str], fill: Callable[[Path], object]) -> Path:
    """Have `fill(temporary)` write a file of the same ending, which then takes its name: for libraries that write."""
    return _replace(Path(path), fill)


def sync(path: Path) -> None:
    """Have a file or a folder on the disk, so that a power cut after a later rename leaves no name without content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_writable(path: str | os.PathLike[str], option: str = "--out") -> None:
    """Raise InputError, before hours of work, when the file `path` cannot be written."""
    target = Path(path)
    try:
        if target.is_dir():
            raise InputError(f"{option} {target} is a folder; give a file")
        if not target.parent.is_dir():
            raise InputError(f"cannot write {target}: there is no folder {target.parent}")
        temporary = _temporary(target)
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"cannot write {target}: {reason(error)}; choose a folder that exists and is writable"
        ) from error


def make_folder(path: str | os.PathLike[str], option: str = "--out") -> Path:
    """The folder to write into, made if it is missing.

    Raises InputError when the path is a file, or the folder cannot be made.
    """
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{option} {folder} is a file; give a folder")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{option} {folder} cannot be made: {reason(error)}; give a folder you may write to"
        ) from error
    return folder


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Be the only process of this computer that writes into `folder`; the system lets go when the process ends.

    Raises InputError when another process writes there.
    """
    try:
        import fcntl
    except ImportError:  # Windows: files are still replaced whole, but nobody is told of the other process
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {reason(error)}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process is writing into {folder}; wait for it to end, or choose another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def read_bytes(path: str | os.PathLike[str], most: int = LARGEST) -> bytes:
    """The content of a file or a pipe.

    Raises InputError when it cannot be read or has more than `most` bytes; no more than those are ever in memory.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {reason(error)}") from error
    if len(data) > most:
        raise InputError(f"{path} has more than {most:,} bytes, which is no file of this kind")
    return data


def read_text(path: str | os.PathLike[str], most: int = LARGEST) -> str:
    """UTF-8 text; as `read_bytes`, and InputError when it is not UTF-8."""
    try:
        return read_bytes(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start} cannot be read)") from error


def read_value(path: str | os.PathLike[str], kind: Kind | None = None, most: int = LARGEST) -> Any:
    """A JSON value of any kind, or of `kind`; InputError when the file is missing, no JSON, or of another kind."""
    data = read_bytes(path, most)
    try:
        value = strict_json.parse(data)
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file ({error})") from error
    if kind is not None:
        try:
            kind(value, "")
        except Wrong as error:
            raise InputError(f"{path}: {error}") from error
    return value


def read_json(path: str | os.PathLike[str], format: str) -> dict[str, Any]:
    """Read a JSON object whose `"format"` is `format`, for example `unmask.plan/2`, and which holds what that asks for.

    Raises InputError when the file is missing, is not a JSON object, is of another format, or is not whole.
    """
    stated = FORMATS.get(format, Format(lambda value, place: None))
    try:
        value = read_value(path, most=stated.bytes)
    except InputError as error:
        raise InputError(f"{error}; expected a file of format {format}") from error.__cause__
    found = value.get("format") if isinstance(value, dict) else None
    if found != format:
        raise InputError(f"{path} has format {strict_json.shown(found)}; expected {format!r}")
    try:
        stated.kind(value, "")
    except Wrong as error:
        raise InputError(f"{path} is not a whole {format} file: {error}") from error
    return dict(value)


def reason(error: BaseException) -> str:
    """Why the system refused, in its words."""
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]


def _replace(target: Path, fill: Callable[[Path], object]) -> Path:
    """Have `fill` write a temporary file, which takes the place of `target` when it is whole and on the disk."""
    temporary = _temporary(target)
    _writing.add(temporary.name)
    try:
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        clear_stale(target)
        fill(temporary)
        os.replace(temporary, target)
    except (OSError, ValueError) as error:
        wanted = "" if target.parent.is_dir() else "; choose a folder that exists and is writable"
        raise InputError(f"cannot write {target}: {reason(error)}{wanted}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        _writing.discard(temporary.name)
    return target


def _temporary(target: Path) -> Path:
    """A hidden name beside `target`, of the same ending, that says which process it belongs to."""
    return target.with_name(f".{_short(target.name)}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")


def clear_stale(target: Path) -> None:
    """Remove what processes of this computer that are no more have left while they wrote `target`."""
    pattern = re.compile(rf"\.{re.escape(_short(target.name))}\.{re.escape(_host())}-(\d+)-[0-9a-f]{{8}}")
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            found = pattern.match(entry.name)
            if found and entry.name not in _writing and not _alive(int(found[1])):
                os.unlink(entry.path)


def _short(name: str) -> str:
    """The start of a name: what is put around it must still be a name the file system takes."""
    return name[:60]


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:24] or "here"


def _alive(process: int) -> bool:
    """Whether another process has this number; where that cannot be asked without harm, it is taken for alive."""
    if os.name != "posix":
        return True
    if process == os.getpid():  # an earlier one: in a container, numbers come again
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

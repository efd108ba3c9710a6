"""Reading and writing small files safely: written whole or not at all, never pickled.

Knows nothing about what is in them; formats and their validation belong to the objects that are saved.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from unmask.errors import InputError


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write `data` to `path` atomically: a reader (or a crash) sees the old file or the new one, never half of one.

    Raises InputError when the folder does not exist or cannot be written.
    """
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        wanted = "choose a folder that exists and is writable"
        raise InputError(f"cannot write {target}: {error.strerror}; {wanted}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; give them the permissions an ordinary new file would have.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """`write_bytes` for UTF-8 text."""
    return write_bytes(path, text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> Path:
    """Write `value` as readable JSON, atomically. NaN and infinities are refused: they are not JSON."""
    return write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str], format: str) -> dict[str, Any]:
    """Read a JSON object whose `"format"` is `format`, for example `unmask.plan/1`.

    Raises InputError when the file is missing, is not a JSON object, or is of another format.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a JSON file ({error}); expected a file of format {format}") from error
    found = value.get("format") if isinstance(value, dict) else None
    if found != format:
        raise InputError(f"{path} has format {found!r}; expected {format!r}")
    return dict(value)

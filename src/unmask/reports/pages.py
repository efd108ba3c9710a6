"""Pages from the templates beside this file: one HTML file each that needs no other file and no network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unmask.errors import InputError


def render(template: str, **values: Any) -> str:
    """The template filled in; everything is escaped, a name it lacks is an error. `version` is there already."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from unmask import __version__

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(version=__version__, **values)


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder to write into, made if it is missing.

    Raises:
        InputError: when the path is a file, or the folder cannot be made.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise InputError(f"--out {path} is a file; give a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path} cannot be made ({error.strerror}); give a folder you may write to") from error
    return path

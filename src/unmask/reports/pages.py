"""Pages from the templates beside this file: one HTML file each that needs no other file and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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

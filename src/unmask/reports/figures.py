"""The look of every figure, and its way into files and pages.

Colours are Okabe and Ito's, told apart with every kind of colour vision and, by lightness and dash, in grey. In a page
a figure is inline SVG whose colours are CSS variables, so that it follows the page into dark mode and its words stay
words. Knows nothing about what is drawn. Importing this module imports matplotlib.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK = "#1b1f24"
FAINT = "#9aa1a9"
GRID = "#dfe3e7"
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
SKY = "#56b4e9"
PURPLE = "#cc79a7"

VARIABLES = {INK: "--ink", FAINT: "--faint", GRID: "--grid", BLUE: "--blue", ORANGE: "--orange", GREEN: "--green"} | {
    SKY: "--sky",
    PURPLE: "--purple",
}
"""Colour -> the CSS variable that a page defines for it."""

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
    "svg.hashsalt": "unmask",  # the same figure gives the same file
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save figures inside this; global settings of matplotlib are left alone."""
    with matplotlib.rc_context(_STYLE):
        yield


def png(figure: Figure) -> bytes:
    """The figure as PNG on white."""
    return _save(figure, "png", facecolor="white")


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file of its own, on white."""
    return _save(figure, "svg", facecolor="white")


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an SVG element for a page.

    Args:
        figure: what was drawn, in the colours of this module.
        name: unique in the page; keeps the ids of different figures apart.
        description: what a person who cannot see it should hear.
    """
    text = _save(figure, "svg", transparent=True).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)  # known to every HTML parser
    text = text.replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)
    for colour, variable in VARIABLES.items():
        text = re.sub(colour, f"var({variable})", text, flags=re.IGNORECASE)
    width, height = figure.get_size_inches()
    opening = f'<svg role="img" aria-label="{html.escape(description)}" viewBox="0 0 {width * 72:g} {height * 72:g}"'
    return re.sub(r"<svg[^>]*", lambda _: opening, text, count=1)


def _save(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if figure.get_layout_engine() is not None:  # laid out once; every later file of the same figure looks the same
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None, **options)
    return buffer.getvalue()

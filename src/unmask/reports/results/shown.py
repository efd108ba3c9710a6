"""A result shown in three ways, and the three together as HTML for a notebook."""

from __future__ import annotations

import html as markup
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from unmask.evaluation.result_table import ResultTable
from unmask.reports.figures import BLUE, INK, style, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Result = TypeVar("Result")
MOST_ROWS = 12
"""Of a table in a notebook."""


@dataclass(frozen=True)
class Shown(Generic[Result]):
    """How results of one kind are shown.

    Attributes:
        summary: the result in a sentence or two.
        table: its numbers, with columns that have a name and a heading.
        draw: puts it into axes.
        size: inches of its figure.
    """

    summary: Callable[[Result], str]
    table: Callable[[Result], ResultTable]
    draw: Callable[[Result, Axes], None]
    size: tuple[float, float] = (6.4, 3.4)

    def plot(self, result: Result, axes: Axes | None = None) -> Axes:
        """The axes it was drawn into. A figure of its own belongs to pyplot, so that a notebook shows it."""
        if axes is not None:
            self.draw(result, axes)
            return axes
        from matplotlib import pyplot

        with style():
            _, made = pyplot.subplots(figsize=self.size)
            self.draw(result, made)
        return made

    def html(self, result: Result) -> str:
        """Sentence, picture and the first rows of the table, in one element that needs no other file."""
        from matplotlib.figure import Figure

        with style():
            figure = Figure(figsize=self.size)
            self.draw(result, figure.add_subplot())
            drawn = svg(figure).decode()
        picture = drawn[drawn.index("<svg") :]
        said = "".join(f"<p>{markup.escape(line)}</p>" for line in self.summary(result).splitlines())
        return (
            f'<div style="max-width:46rem">{said}'
            f'<div style="background:white;color:{INK};border-left:3px solid {BLUE};max-width:{self.size[0]}in">'
            f"{picture}</div>{_rows(self.table(result))}</div>"
        )


def _rows(table: ResultTable) -> str:
    """An HTML table of the first rows; how many more there are is said."""
    headings = (column.heading or column.name.replace("_", " ") for column in table.columns)
    head = "".join(f"<th>{markup.escape(heading)}</th>" for heading in headings)
    body = [
        "".join(f"<td>{markup.escape(column.show(cell))}</td>" for column, cell in zip(table.columns, row, strict=True))
        for row in table.rows[:MOST_ROWS]
    ]
    more = len(table.rows) - MOST_ROWS
    rows = "".join(f"<tr>{row}</tr>" for row in body)
    rest = f"<p><small>and {more} rows more: .to_dataframe()</small></p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{rest}"


def whole_axis(axes: Axes, label: str) -> None:
    """An axis across of whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(label)

"""A `ResultTable` as text for a terminal and as CSV. Knows how values are shown, not what they mean."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from unmask.evaluation.result_table import ResultTable
from unmask.visible import in_markdown, visible

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def to_csv(table: ResultTable) -> str:
    """CSV with a header row. Numbers are written so that reading them gives the same numbers; None is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in table.rows)
    return text.getvalue()


def to_markdown(table: ResultTable) -> str:
    """A table of a Markdown document: words to the left, numbers to the right, a dash where there is no number."""
    words = [any(isinstance(row[place], str) for row in table.rows) for place in range(len(table.columns))]
    lines = [[column.heading or column.name for column in table.columns], ["---" if word else "---:" for word in words]]
    lines += [[in_markdown(c.show(cell)) for c, cell in zip(table.columns, row, strict=True)] for row in table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def to_rich(table: ResultTable) -> RichTable:
    """A compact table for a terminal: words to the left, numbers to the right, a dash where there is no number."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for place, column in enumerate(table.columns):
        words = any(isinstance(row[place], str) for row in table.rows)
        shown.add_column(column.heading, justify="left" if words else "right", no_wrap=True, vertical="bottom")
    for row in table.rows:
        shown.add_row(*(Text(visible(column.show(cell))) for column, cell in zip(table.columns, row, strict=True)))
    return shown

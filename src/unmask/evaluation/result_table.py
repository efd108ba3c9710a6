"""A table of results: named columns, rows of plain values, and how each column is to be shown.

Knows nothing about where it is printed; `unmask.reports` turns it into text, CSV or HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Cell = str | int | float | None
"""None means that the number does not exist (the slope of a line through zeros, a ratio to zero)."""


@dataclass(frozen=True)
class Column:
    """One column: its name in files, its heading for people, and the format of its numbers."""

    name: str
    heading: str = ""
    format: str = ""

    def show(self, value: Cell) -> str:
        """The value as a person reads it; a dash where there is none."""
        if value is None:
            return "–"
        if isinstance(value, str):
            return value
        shown = format(value, self.format)
        return shown if shown.strip("-0.%") else shown.lstrip("-")  # what rounds to zero has no sign


@dataclass(frozen=True)
class ResultTable:
    """Columns and rows; every row has one value for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, columns: Iterable[Column], rows: Iterable[Iterable[Cell]]) -> ResultTable:
        """A table from any iterables of columns and rows."""
        return cls(tuple(columns), tuple(tuple(row) for row in rows))

    def column(self, name: str) -> list[Any]:
        """The values of one column, from the first row to the last."""
        place = self._place(name)
        return [row[place] for row in self.rows]

    def where(self, **values: Cell) -> ResultTable:
        """The rows in which every named column has the given value."""
        wanted = [(self._place(name), value) for name, value in values.items()]
        return ResultTable(
            self.columns, tuple(row for row in self.rows if all(row[place] == value for place, value in wanted))
        )

    def to_dict(self) -> list[dict[str, Cell]]:
        """One dictionary a row, ready for JSON."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def _place(self, name: str) -> int:
        return [column.name for column in self.columns].index(name)

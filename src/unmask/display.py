"""What every result can do for a person: say itself in a sentence, become a table, be drawn, and show in a notebook.

    found.summary()        a sentence or two
    found.to_dataframe()   a pandas DataFrame (pandas is optional)
    found.plot()           matplotlib axes

A result inherits from `Displayed` and knows no more. How each kind is shown stands in `unmask.reports.results`, which
is loaded at the first use, so that theory stays free of matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from unmask.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_BY = "unmask.reports.results"


class Displayed:
    """A result that a person looks at."""

    __slots__ = ()

    def summary(self) -> str:
        """What it comes to, in a sentence or two."""
        return str(_shown(self).summary(self))

    def to_dataframe(self) -> Any:
        """Its numbers as a pandas DataFrame, nats as the columns say.

        Raises:
            InputError: when pandas is not installed.
        """
        table = _shown(self).table(self)
        try:
            import pandas
        except ImportError:
            raise InputError("to_dataframe needs pandas: pip install pandas") from None
        return pandas.DataFrame([list(row) for row in table.rows], columns=[column.name for column in table.columns])

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw it, into axes of yours or a new figure; returns the axes.

        Args:
            axes: matplotlib axes; a figure of its own where there are none.
        """
        found: Axes = _shown(self).plot(self, axes)
        return found

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentence, the picture and the table."""
        return str(_shown(self).html(self))


def _shown(result: object) -> Any:
    return importlib.import_module(SHOWN_BY).of(result)

"""Comparisons: price against network calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from unmask.evaluation.compare.trial import Comparison
from unmask.reports import compare, compare_plots
from unmask.reports.results.shown import Shown


def _summary(found: Comparison) -> str:
    return "\n".join(compare.verdict(found))


def _draw(found: Comparison, axes: Axes) -> None:
    compare_plots.draw_frontier(axes, found)


SHOWN: Mapping[str, Shown[Any]] = {"Comparison": Shown(_summary, compare.all_trials, _draw, (8.4, 4.6))}

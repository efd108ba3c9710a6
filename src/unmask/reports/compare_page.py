"""The page of `unmask compare`: one HTML file that needs no other file and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.evaluation.compare.trial import Comparison
from unmask.reports import compare as tables
from unmask.reports import compare_plots
from unmask.reports.figures import inline_svg, style
from unmask.reports.pages import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTIONS = {
    "frontier": "price per token against network calls for every scored rule",
    "latency": "price per token against the time one text takes",
    "throughput": "price per token against tokens per second",
    "predicted": "predicted against scored price",
    "steps": "price of every step for a few rules",
    "reveals": "in which step each position is revealed, for a few rules",
    "entropy": "entropy of the written text against its distance from real text",
    "calls": "how many network calls a text takes, for rules that do not fix the number",
    "validity": "share of right texts against network calls",
}


def page(found: Comparison, command: str = "unmask compare", drawn: dict[str, Figure] | None = None) -> str:
    """The page as HTML.

    Args:
        found: what it is about.
        command: what it names as its origin.
        drawn: `compare_plots.all_figures(found)`, where they exist already.
    """
    with style():
        figures = {
            name: inline_svg(figure, name, DESCRIPTIONS[name])
            for name, figure in (drawn or compare_plots.all_figures(found)).items()
        }
    examples = [trial for trial in compare_plots.featured(found, [*found.scored, *found.measured_only]) if trial.texts]
    return render(
        "compare.html",
        found=found,
        figures=figures,
        verdict=tables.verdict(found),
        speed=tables.autoregressive_verdict(found),
        scored=tables.scored_table(found),
        measured=tables.measured_table(found) if found.measured_only else None,
        quality=tables.quality_table(found),
        why=tables.MEASURED_ONLY,
        one=tables.priced(found.one_at_a_time, found.length),
        examples=examples,
        command=command,
    )

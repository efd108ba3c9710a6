"""The page of `unmask demo`: one HTML file that needs no other file and no network.

Knows where a figure stands and what is said about it; the figures are drawn by `demo_plots`, the tables by `demo`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.evaluation.demo.run import Demo
from unmask.reports import demo as tables
from unmask.reports import demo_plots
from unmask.reports.figures import inline_svg, style
from unmask.reports.pages import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTIONS = {
    "grammar-bars": "bars of the share of right sentences for every way to sample",
    "grammar-validity": "share of right sentences against network calls",
    "grammar-frontier": "price against network calls, toy model",
    "grammar-floor": "share of right sentences against nats beyond the language's own",
    "grammar-order": "the step in which each word of a sentence was revealed, for three ways to sample",
    "predicted": "predicted price against scored price",
    "prose-frontier": "price per token against network calls, model of English",
    "prose-order": "the step in which each position of a text was revealed, for three ways to sample",
}
SENTENCES = 4
TEXTS = 2


def page(demo: Demo, command: str = "unmask demo", drawn: dict[str, Figure] | None = None) -> str:
    """The page as HTML.

    Args:
        demo: what it is about.
        command: what it names as its origin.
        drawn: `demo_plots.all_figures(demo)`, where they exist already.
    """
    grammar, prose = demo.grammar, demo.prose
    with style():
        figures = {
            name: inline_svg(figure, name, DESCRIPTIONS[name])
            for name, figure in (drawn or demo_plots.all_figures(demo)).items()
        }
        return render(
            "demo.html",
            demo=demo,
            grammar=grammar,
            prose=prose,
            figures=figures,
            grammar_table=tables.grammar_table(grammar),
            grammar_verdict=tables.grammar_verdict(grammar),
            sentences=[(name, grammar.examples[name][:SENTENCES]) for name in tables.featured(grammar)],
            prose_table=tables.prose_table(prose) if prose else None,
            prose_verdict=tables.prose_verdict(prose) if prose else "",
            texts=[(trial.label, prose.texts[trial.label][:TEXTS]) for trial in prose.shown] if prose else [],
            no_price=tables.NO_PRICE,
            command=command,
        )

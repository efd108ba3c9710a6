"""What `unmask demo` writes: numbers, plans, figures, and one HTML page that needs no other file and no network.

Knows where a figure stands and what is said about it; the figures are drawn by `demo_plots`, the tables by `demo`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.evaluation.demo.sentences import read
from unmask.evaluation.demo.whole import Demo
from unmask.files import write_bytes, write_json, write_text
from unmask.reports import compare_page, demo_plots
from unmask.reports import demo as tables
from unmask.reports.compare import all_trials, finite
from unmask.reports.figures import inline_svg, png, style
from unmask.reports.pages import check_folder, render
from unmask.reports.tables import to_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN = {
    "grammar-bars": "bars of the share of right sentences for every way to sample",
    "grammar-floor": "share of right sentences against nats beyond the language's own",
}
"""Figures that no comparison has; the others are described there."""


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
            name: inline_svg(figure, name, _description(name))
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
        sentences=[(tables.label(trial), read(trial.texts)) for trial in tables.featured(grammar)],
        prose_table=tables.prose_table(prose) if prose else None,
        prose_verdict=tables.prose_verdict(prose) if prose else "",
        promise=tables.promise(prose) if prose else "",
        texts=[(tables.label(trial), trial.texts[:2]) for trial in prose.shown] if prose else [],
        no_price=tables.NO_PRICE,
        command=command,
    )


def _description(name: str) -> str:
    half, _, kind = name.partition("-")
    model = "toy model" if half == "grammar" else "model of English"
    return OWN.get(name) or f"{compare_page.DESCRIPTIONS[kind]}, {model}"


def write(demo: Demo, folder: str | os.PathLike[str], command: str = "unmask demo") -> list[Path]:
    """Write numbers, plans, figures and the page; returns the files. Files of other names are left alone.

    Args:
        demo: what to show.
        folder: made if it is missing.
        command: what the page names as its origin.
    """
    path = check_folder(folder)
    files = [write_json(path / "demo.json", finite(demo.to_dict()))]
    for name, half in demo.halves.items():
        files.append(write_text(path / f"{name}.csv", to_csv(all_trials(half.comparison))))
        files.append(half.plan.save(path / f"{name}.plan.json"))
        files.append(half.measurement.save(path / f"{name}.curve.json"))
    with style():
        drawn = demo_plots.all_figures(demo)
        for name, figure in drawn.items():
            files.append(write_bytes(path / f"{name}.png", png(figure)))
        files.append(write_text(path / "index.html", page(demo, command, drawn)))
    return files

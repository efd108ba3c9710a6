"""What `unmask compare` writes: numbers, figures, and one HTML page that needs no other file and no network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.evaluation.compare.trial import Comparison
from unmask.files import write_bytes, write_json, write_text
from unmask.reports import compare as tables
from unmask.reports import compare_plots
from unmask.reports.compare_headline import called, headline
from unmask.reports.figures import inline_svg, png, style, svg
from unmask.reports.pages import check_folder, render
from unmask.reports.tables import to_csv

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
    scored = tables.scored_table(found)
    return render(
        "compare.html",
        found=found,
        figures=figures,
        headline=headline(found),
        model=model_in_words(found),
        numbers={trial.key: number for number, trial in enumerate(found.trials)},
        columns=[column.name for column in scored.columns],
        price=lambda trial: tables.priced(trial.scored, found.length),
        right=tables.right,
        called=called,
        own_entropy=next((trial.own_nats for trial in found.scored if trial.rule == "one_by_one"), None),
        board=tables.leaderboard(found),
        speed=tables.autoregressive_verdict(found),
        scored=scored,
        measured=tables.measured_table(found) if found.measured_only else None,
        quality=tables.quality_table(found),
        why=tables.MEASURED_ONLY,
        one=tables.priced(found.one_at_a_time, found.length),
        examples=examples,
        command=command,
    )


def model_in_words(found: Comparison) -> str:
    """The model as a sentence begins with it; an oracle is a perfect model of its law."""
    name = found.model["name"]
    if name.startswith("oracle(") and name.endswith(")"):
        return f"A perfect model of {name.removeprefix('oracle(').removesuffix(')')}"
    return f"Model “{name}”"


def write(found: Comparison, folder: str | os.PathLike[str], command: str = "unmask compare") -> list[Path]:
    """Write numbers, figures, the page and a Markdown summary; returns the files. Others are left alone."""
    path = check_folder(folder)
    files = [write_json(path / "comparison.json", tables.finite(found.to_dict()))]
    files.append(write_text(path / "trials.csv", to_csv(tables.all_trials(found))))
    files.append(write_text(path / "quality.csv", to_csv(tables.quality_table(found))))
    files.append(write_text(path / "summary.md", tables.summary(found, command)))
    with style():
        drawn = compare_plots.all_figures(found)
        for name, figure in drawn.items():
            files.append(write_bytes(path / f"{name}.png", png(figure)))
            files.append(write_bytes(path / f"{name}.svg", svg(figure)))
        files.append(write_text(path / "index.html", page(found, command, drawn)))
    return files

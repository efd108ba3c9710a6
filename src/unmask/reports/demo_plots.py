"""The figures of `unmask demo`: two of its own about right sentences, the others are those of `unmask compare`."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unmask.evaluation.demo.english import BUDGET
from unmask.evaluation.demo.half import Half
from unmask.evaluation.demo.sentences import floor
from unmask.evaluation.demo.whole import Demo
from unmask.reports import compare_plots
from unmask.reports.demo import TITLES, label, title
from unmask.reports.figures import BLUE, FAINT, GREEN, GRID, INK, ORANGE, PURPLE, SKY

LOOKS = {
    "planned": (BLUE, "o"),
    "one_by_one": (INK, "*"),
    "planned_left_to_right": (GREEN, "v"),
    "planned_uniform": (SKY, "D"),
    "equal_sizes": (ORANGE, "s"),
    "confidence": (PURPLE, "P"),
    "entropy_bound": (INK, "^"),
    "threshold": (FAINT, "X"),
}
"""Rule -> colour and marker."""


def all_figures(demo: Demo) -> dict[str, Figure]:
    """Every figure, by the name of its file."""
    grammar, looks = demo.grammar.comparison, looks_of(demo.grammar)
    found = {
        "grammar-bars": bars(demo.grammar),
        "grammar-floor": what_a_nat_does(demo.grammar),
        "grammar-validity": compare_plots.validity(grammar, looks),
        "grammar-frontier": compare_plots.frontier(grammar, looks=looks),
        "grammar-reveals": compare_plots.reveals(demo.grammar.table, label),
        "grammar-predicted": compare_plots.predicted(grammar),
    }
    if demo.prose is not None:
        found["prose-frontier"] = compare_plots.frontier(demo.prose.comparison, BUDGET, looks_of(demo.prose))
        found["prose-reveals"] = compare_plots.reveals(demo.prose.table, label)
        found["prose-predicted"] = compare_plots.predicted(demo.prose.comparison)
    return found


def looks_of(half: Half) -> compare_plots.Looks:
    """How the rules of a half look, those it has."""
    rules = {trial.rule for trial in half.comparison.scored}
    return {rule: (*look, TITLES.get(rule, rule)) for rule, look in LOOKS.items() if rule in rules}


def bars(half: Half) -> Figure:
    """Share of right sentences of every way in the table."""
    figure = Figure(figsize=(8.4, 0.42 * len(half.shown) + 0.7))
    axes = figure.add_subplot()
    for place, trial in enumerate(reversed(half.shown)):
        valid = trial.valid
        assert valid is not None
        axes.barh(place, valid.value, height=0.6, color=LOOKS[trial.rule][0], alpha=0.85)
        axes.plot([valid.low, valid.high], [place, place], color=INK, linewidth=1.4)
        text = f"{valid.value:.1%}, {trial.mean_calls:.3g} calls"
        bold = trial in (half.planned, half.one_at_a_time)
        axes.text(valid.high + 0.012, place, text, va="center", weight="bold" if bold else None)
    axes.set_yticks(range(len(half.shown)), [title(trial) for trial in reversed(half.shown)])
    axes.set_xlim(0, 1.24)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel(f"right sentences of {half.sizes.samples} drawn (line: 95 % interval)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    return figure


def what_a_nat_does(half: Half) -> Figure:
    """Right sentences against the divergence from the language, above exp(-KL) always."""
    figure = Figure(figsize=(8.4, 4.2))
    axes = figure.add_subplot()
    nats = np.linspace(0, 9, 200)
    axes.fill_between(nats, np.exp(-nats), color=GRID, linewidth=0)
    axes.plot(nats, np.exp(-nats), color=INK, linewidth=1.2)
    axes.text(3.3, 0.62, "grey, below exp(−nats):\nno way to sample can be there", color=INK)
    for rule, (colour, marker, name) in looks_of(half).items():
        trials = [trial for trial in half.comparison.scored if trial.rule == rule]
        shares = [trial.valid for trial in trials if trial.valid is not None]
        x = [-np.log(floor(trial)) for trial in trials]
        middle = np.array([share.value for share in shares])
        error = np.abs(np.array([[share.low, share.high] for share in shares]).T - middle)
        axes.errorbar(x, middle, error, color=colour, marker=marker, linewidth=0, elinewidth=1.2, label=name)
    axes.set_xlim(0, 9)
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("nats beyond the language's own, per sentence (exact score on fresh sentences)")
    axes.set_ylabel("right sentences")
    figure.legend(loc="outside upper left", ncols=3, fontsize=9)
    return figure

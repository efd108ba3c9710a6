"""The figures of `unmask demo`, one idea each. Every one draws numbers that a `Demo` already holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from unmask.evaluation.demo.grammar import Checked, GrammarDemo
from unmask.evaluation.demo.prose import BUDGET, ProseDemo
from unmask.evaluation.demo.run import Demo
from unmask.evaluation.demo.trial import (
    BEST_SIZES,
    ENTROPY_BOUND,
    EQUAL,
    LEFT_BEST_SIZES,
    ONE,
    PLANNED,
    SUREST,
    THRESHOLD,
    Trial,
)
from unmask.measuring.estimate import Estimate
from unmask.planning.plan import Plan
from unmask.reports.figures import BLUE, FAINT, GREEN, GRID, INK, ORANGE, PURPLE, SKY

WIDE = (8.4, 4.2)
LOOKS = {
    PLANNED: (BLUE, "o"),
    ONE: (INK, "*"),
    LEFT_BEST_SIZES: (GREEN, "v"),
    BEST_SIZES: (SKY, "D"),
    EQUAL: (ORANGE, "s"),
    SUREST: (PURPLE, "P"),
    ENTROPY_BOUND: (INK, "^"),
    THRESHOLD: (FAINT, "X"),
}
"""Kind of way -> colour and marker, the same in every figure."""
LINES = (PLANNED, EQUAL, SUREST)
SQUARES = ListedColormap([(1, 1, 1, 0), BLUE])
NATS = 0.1  # below this the axes of prices are linear: prices may be zero or negative


def all_figures(demo: Demo) -> dict[str, Figure]:
    """Every figure, by the name of its file."""
    found = {
        "grammar-bars": bars(demo.grammar),
        "grammar-validity": validity(demo.grammar),
        "grammar-frontier": grammar_frontier(demo.grammar),
        "grammar-floor": floor(demo.grammar),
        "grammar-order": grammar_reveals(demo.grammar),
        "predicted": predicted(demo),
    }
    if demo.prose is not None:
        found["prose-frontier"] = prose_frontier(demo.prose)
        found["prose-order"] = prose_reveals(demo.prose)
    return found


# -- the toy language ----------------------------------------------------------------------------------------------


def bars(demo: GrammarDemo) -> Figure:
    """Share of right sentences of every way in the table."""
    figure = Figure(figsize=(8.4, 0.42 * len(demo.shown) + 0.7))
    axes = figure.add_subplot()
    for place, checked in enumerate(reversed(demo.shown)):
        valid, way = checked.valid, checked.trial.way
        assert valid is not None
        colour = LOOKS[way.kind][0]
        axes.barh(place, valid.value, height=0.6, color=colour, alpha=0.85)
        axes.plot([valid.low, valid.high], [place, place], color=INK, linewidth=1.4)
        text = f"{valid.value:.1%}, {checked.trial.calls:.3g} calls"
        axes.text(valid.high + 0.012, place, text, va="center", weight="bold" if way.kind in (PLANNED, ONE) else None)
    axes.set_yticks(range(len(demo.shown)), [checked.trial.way.name for checked in reversed(demo.shown)])
    axes.set_xlim(0, 1.24)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel(f"right sentences of {demo.sizes.samples} drawn (line: 95 % interval)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    return figure


def validity(demo: GrammarDemo) -> Figure:
    """Share of right sentences against network calls, and the floor that the price puts under it."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    one = demo.one_at_a_time
    assert one.valid is not None
    axes.axhline(one.valid.value, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    for kind in LINES:
        rows = _points(demo.lines, kind)
        colour, marker = LOOKS[kind]
        calls = [checked.trial.calls for checked in rows]
        axes.plot(calls, [checked.floor for checked in rows], color=colour, linewidth=1, linestyle=":")
        _with_bars(axes, rows, colour, marker, line=True)
    for kind in (LEFT_BEST_SIZES, BEST_SIZES, ENTROPY_BOUND, THRESHOLD, ONE):
        _with_bars(axes, _points(demo.lines, kind), *LOOKS[kind], line=False)
    length = demo.measurement.length
    _calls_axis(axes, length)
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_ylabel("right sentences")
    axes.text(1.0, one.valid.value - 0.015, f"one token at a time: {length} calls", va="top")
    _key(figure, [kind for kind in LOOKS if _points(demo.lines, kind)])
    return figure


def _with_bars(axes: Axes, rows: Sequence[Checked], colour: str, marker: str, line: bool) -> None:
    """Points of right sentences with their intervals."""
    shares = [(checked.trial.calls, checked.valid) for checked in rows if checked.valid is not None]
    if not shares:
        return
    calls = [count for count, _ in shares]
    middle = np.array([valid.value for _, valid in shares])
    error = np.abs(np.array([[valid.low, valid.high] for _, valid in shares]).T - middle)
    axes.errorbar(
        calls, middle, error, color=colour, marker=marker, markersize=9 if marker == "*" else 6, elinewidth=1.2,
        linewidth=2 if line else 0,
    )  # fmt: skip


def grammar_frontier(demo: GrammarDemo) -> Figure:
    """Price against network calls for the toy model, predicted for plans and scored for everything."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    rows = [checked.trial for checked in demo.lines]
    _frontier(axes, demo.frontier, rows, demo.measurement.length, 1.0)
    axes.set_ylabel("price, nats per sentence")
    axes.set_ylim(-0.2, 20)
    _key(figure, [kind for kind in LOOKS if any(trial.way.kind == kind for trial in rows)])
    return figure


def floor(demo: GrammarDemo) -> Figure:
    """What a nat does: right sentences against the divergence from the language, above exp(-KL) always."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    nats = np.linspace(0, 9, 200)
    axes.fill_between(nats, np.exp(-nats), color=GRID, linewidth=0)
    axes.plot(nats, np.exp(-nats), color=INK, linewidth=1.2)
    axes.text(3.3, 0.62, "grey, below exp(−nats):\nno way to sample can be there", color=INK)
    kinds = []
    for kind, (colour, marker) in LOOKS.items():
        rows = [checked for checked in _points(demo.lines, kind) if checked.valid and checked.trial.nats is not None]
        if not rows:
            continue
        kinds.append(kind)
        x = [checked.trial.nats - demo.entropy for checked in rows if checked.trial.nats is not None]
        middle = np.array([checked.valid.value for checked in rows if checked.valid])
        error = np.abs(np.array([[c.valid.low, c.valid.high] for c in rows if c.valid]).T - middle)
        axes.errorbar(x, middle, error, color=colour, marker=marker, linewidth=0, elinewidth=1.2)
    axes.set_xlim(0, 9)
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("nats beyond the language's own, per sentence (exact score on fresh sentences)")
    axes.set_ylabel("right sentences")
    _key(figure, kinds)
    return figure


def grammar_reveals(demo: GrammarDemo) -> Figure:
    """When each word of the first text was revealed, for three ways; wrong words in red."""
    panels = []
    for trial in _compared([checked.trial for checked in demo.shown]):
        first = demo.examples[trial.label][0]
        panels.append((trial, list(zip(first.words, first.wrong, strict=True))))
    return _reveals(panels)


# -- English -------------------------------------------------------------------------------------------------------


def prose_frontier(demo: ProseDemo) -> Figure:
    """Price per token against network calls for the model of English."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    _frontier(axes, demo.frontier, demo.lines, demo.length, 1 / demo.length)
    axes.axhline(BUDGET, color=GREEN, linewidth=1, linestyle=(0, (2, 2)))
    axes.text(demo.length, BUDGET * 1.1, f"budget {BUDGET:g}", color=GREEN, ha="right", va="bottom")
    axes.set_ylabel("price, nats per token")
    _key(figure, [kind for kind in LOOKS if any(trial.way.kind == kind for trial in demo.lines)])
    return figure


def prose_reveals(demo: ProseDemo) -> Figure:
    """When each position of the first text was revealed, for the plan and two rivals."""
    return _reveals([(trial, []) for trial in _compared(demo.shown)])


# -- both ----------------------------------------------------------------------------------------------------------


def predicted(demo: Demo) -> Figure:
    """Predicted against scored price, one panel for each model; the diagonal is a promise kept."""
    panels: list[tuple[str, list[Trial], float, str]] = [
        (demo.grammar.model, [checked.trial for checked in demo.grammar.lines], 1.0, "nats per sentence")
    ]
    if demo.prose is not None:
        panels.append((demo.prose.model, list(demo.prose.lines), 1 / demo.prose.length, "nats per token"))
    figure = Figure(figsize=(8.4, 4.4))
    kinds = set()
    for place, (name, trials, factor, unit) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        linear = NATS if factor == 1 else NATS / 5
        biggest = 0.0
        for trial in trials:
            if trial.way.predicted is None or trial.scored is None or trial.way.kind == ONE:
                continue
            kinds.add(trial.way.kind)
            colour, marker = LOOKS[trial.way.kind]
            x, y = trial.way.predicted.scaled(factor), trial.scored.scaled(factor)
            biggest = max(biggest, x.high, y.high)
            axes.errorbar(
                x.value, y.value, xerr=_error(x), yerr=_error(y), color=colour, marker=marker, elinewidth=1.2,
                markersize=5.5,
            )  # fmt: skip
        ends = np.array([-2 * linear, biggest * 1.5])
        for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            scale("symlog", linthresh=linear)
            axis.set_major_locator(FixedLocator([-linear, 0, linear, 10 * linear, 100 * linear]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
        line = np.linspace(ends[0], ends[1], 500)
        axes.plot(line, line, color=FAINT, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        axes.set_xlim(ends)
        axes.set_ylim(ends)
        axes.set_title(name)
        axes.set_xlabel(f"predicted, {unit}")
        axes.set_ylabel(f"scored on fresh text, {unit}")
    _key(figure, [kind for kind in LOOKS if kind in kinds])
    return figure


def _frontier(axes: Axes, plans: Sequence[Plan], trials: Sequence[Trial], length: int, factor: float) -> None:
    """The predicted line of the plans with its interval, and every scored trial."""
    linear = NATS if factor == 1 else NATS / 5
    prices = [plan.price.scaled(factor) for plan in plans]
    steps = [float(plan.steps) for plan in plans]
    axes.fill_between(steps, [p.low for p in prices], [p.high for p in prices], color=BLUE, alpha=0.16, linewidth=0)
    axes.plot(steps, [p.value for p in prices], color=BLUE, linewidth=1.2)
    axes.axhline(0, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    for kind, (colour, marker) in LOOKS.items():
        rows = sorted(
            (trial for trial in trials if trial.way.kind == kind and trial.scored), key=lambda trial: trial.calls
        )
        if not rows:
            continue
        scored = [trial.scored.scaled(factor) for trial in rows if trial.scored]
        error = np.array([_error(price) for price in scored])[:, :, 0].T
        axes.errorbar(
            [trial.calls for trial in rows], [price.value for price in scored], error, color=colour, marker=marker,
            markersize=10 if marker == "*" else 5.5, elinewidth=1.2, linewidth=1.4 if kind in (EQUAL, SUREST) else 0,
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=linear)
    axes.yaxis.set_major_locator(FixedLocator([-linear, 0, linear, 10 * linear, 100 * linear]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    _calls_axis(axes, length)


def _error(price: Estimate) -> list[list[float]]:
    return [[max(0.0, price.value - price.low)], [max(0.0, price.high - price.value)]]


def _compared(trials: Sequence[Trial]) -> list[Trial]:
    """The plan, equal sizes in random order, and the most confident first, each with the fewest calls."""
    return [next(trial for trial in trials if trial.way.kind == kind) for kind in (PLANNED, EQUAL, SUREST)]


def _reveals(panels: Sequence[tuple[Trial, list[tuple[str, bool]]]]) -> Figure:
    """Position across, step down: a square where a position of the first text was revealed; its words below."""
    heights = [int(trial.steps.max()) for trial, _ in panels]
    words_below = any(words for _, words in panels)
    figure = Figure(figsize=(8.4, 0.2 * sum(heights) + (1.15 if words_below else 0.75) * len(panels)))
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for place, ((trial, words), steps) in enumerate(zip(panels, heights, strict=True)):
        axes = figure.add_subplot(grid[place])
        length = len(trial.steps)
        squares = np.arange(1, steps + 1)[:, None] == trial.steps  # (steps, L)
        axes.pcolormesh(
            np.arange(length + 1) - 0.5, np.arange(steps + 1) + 0.5, squares, cmap=SQUARES, vmin=0, vmax=1,
            edgecolor=GRID, linewidth=0.5,
        )  # fmt: skip
        axes.set_ylim(steps + 0.5, 0.5)
        axes.set_yticks(range(1, steps + 1))
        axes.set_ylabel("step")
        axes.set_title(trial.label)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        if words:
            axes.set_xticks(range(length), [word for word, _ in words], rotation=50)
            for label, (_, wrong) in zip(axes.get_xticklabels(), words, strict=True):
                label.set(color=ORANGE, weight="bold") if wrong else None
        elif place == len(panels) - 1:
            axes.set_xlabel("position")
    return figure


def _points(lines: Sequence[Checked], kind: str) -> list[Checked]:
    """The sampled trials of a kind, by their number of calls."""
    rows = [checked for checked in lines if checked.trial.way.kind == kind and checked.valid is not None]
    return sorted(rows, key=lambda checked: checked.trial.calls)


def _calls_axis(axes: Axes, length: int) -> None:
    """Network calls in powers of two, and L."""
    axes.set_xscale("log", base=2)
    ticks = [2**power for power in range(length.bit_length()) if 2**power <= 0.75 * length] + [length]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("network calls per text")


def _key(figure: Figure, kinds: Sequence[str]) -> None:
    """What the markers are, above the figure."""
    from matplotlib.lines import Line2D

    marks: list[Line2D] = []
    for kind in kinds:
        colour, marker = LOOKS[kind]
        width = 2 if kind in LINES else 0
        marks.append(Line2D([], [], color=colour, marker=marker, linewidth=width, label=kind))
    figure.legend(handles=marks, loc="outside upper left", ncols=min(3, len(marks)), fontsize=9)

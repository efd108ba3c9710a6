"""The figures of `unmask compare`, one idea each. Every one draws numbers that a `Comparison` already holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from unmask.evaluation.compare.rules import is_own
from unmask.evaluation.compare.trial import Comparison, Trial, undominated
from unmask.measuring.estimate import Estimate
from unmask.reports.compare_headline import called
from unmask.reports.figures import BLUE, FAINT, GREEN, GRID, INK, ORANGE, PURPLE, SKY
from unmask.visible import in_figure

WIDE = (8.4, 4.6)
LINEAR = 0.02  # nats per token below which the axis of prices is linear: prices may be zero or negative
COLOURS = (ORANGE, GREEN, PURPLE, SKY, INK)
MARKERS = ("s", "D", "^", "v", "P", "X", "<", ">", "p", "h")
PANELS = 6
IntArray = npt.NDArray[np.int64]
Looks = dict[str, tuple[str, str, str]]
"""Rule -> its colour, its marker, and what it is called."""


def all_figures(found: Comparison) -> dict[str, Figure]:
    """Every figure there is data for, by the name of its file."""
    timed = any(trial.timing is not None for trial in found.scored)
    ran = [*found.scored, *found.measured_only]
    drawn = {
        "frontier": frontier(found) if found.scored else None,
        "latency": latency(found) if timed else None,
        "throughput": throughput(found) if timed else None,
        "predicted": predicted(found) if any(t.predicted is not None for t in found.scored) else None,
        "steps": steps(found) if any(t.step_prices for t in found.scored) else None,
        "reveals": reveals(found) if ran else None,
        "entropy": entropy(found) if ran else None,
        "calls": calls(found) if any(t.calls and t.calls.least < t.calls.most for t in ran) else None,
        "validity": validity(found) if any(t.valid is not None for t in ran) else None,
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


# -- nats against what they cost -----------------------------------------------------------------------------------


def frontier(found: Comparison, budget: float | None = None, looks: Looks | None = None) -> Figure:
    """Price against network calls, with the predicted line of the plans.

    Args:
        budget: nats per token, a line where it is given.
        looks: of the rules, where few enough are compared to tell all of them apart.
    """
    figure = Figure(figsize=WIDE)
    draw_frontier(figure.add_subplot(), found, budget, looks)
    return figure


def draw_frontier(axes: Axes, found: Comparison, budget: float | None = None, looks: Looks | None = None) -> None:
    """The same into axes that are there."""
    _prices_up(axes)
    if found.frontier:
        prices = [price.scaled(1 / found.length) for _, price in found.frontier]
        numbers = [float(count) for count, _ in found.frontier]
        low, high = [price.low for price in prices], [price.high for price in prices]
        axes.fill_between(numbers, low, high, color=BLUE, alpha=0.16, linewidth=0)
        axes.plot(numbers, [price.value for price in prices], color=BLUE, linewidth=1.2)
    if looks is None:
        _scored(axes, found, lambda trial: trial.mean_calls)
    else:
        _all_scored(axes, found, looks)
    if budget is not None:
        axes.axhline(budget, color=GREEN, linewidth=1, linestyle=(0, (2, 2)))
        axes.text(found.length, budget * 1.1, f"budget {budget:g}", color=GREEN, ha="right", va="bottom")
    line = found.autoregressive
    if line is not None:
        _reference(axes, found, float(line.calls), f"autoregressive: {line.calls} calls", right=True)
    ticks = [2**power for power in range(found.length.bit_length()) if 2**power <= 0.75 * found.length]
    _log_axis(axes, FixedLocator([*ticks, found.length]))
    axes.set_xlabel("network calls per text")


def latency(found: Comparison) -> Figure:
    """Price against the time one text takes by itself."""
    figure, axes = _canvas()
    _scored(axes, found, lambda trial: None if trial.timing is None else 1000 * trial.timing.latency)
    if found.autoregressive is not None:
        slow = found.autoregressive.latency >= max(t.timing.latency for t in found.scored if t.timing) / 3
        _reference(axes, found, 1000 * found.autoregressive.latency, "autoregressive, cached", right=slow)
    _log_axis(axes)
    axes.set_xlabel("milliseconds for one text by itself (median)")
    return figure


def throughput(found: Comparison) -> Figure:
    """Price against tokens per second when many texts go together."""
    figure, axes = _canvas()
    _scored(axes, found, lambda trial: None if trial.timing is None else trial.timing.throughput)
    if found.autoregressive is not None:
        slow = found.autoregressive.throughput <= 3 * min(t.timing.throughput for t in found.scored if t.timing)
        _reference(axes, found, found.autoregressive.throughput, "autoregressive, cached", right=not slow)
    batch = next(trial.timing.batch for trial in found.scored if trial.timing is not None)
    _log_axis(axes)
    axes.set_xlabel(f"tokens per second, {batch} texts together (median)")
    return figure


def _canvas() -> tuple[Figure, Axes]:
    """A figure whose vertical axis is the price per token."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    _prices_up(axes)
    return figure, axes


def _prices_up(axes: Axes) -> None:
    axes.set_yscale("symlog", linthresh=LINEAR)
    axes.yaxis.set_major_locator(FixedLocator([-LINEAR, 0, LINEAR, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.axhline(0, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axes.update_datalim([(0, -LINEAR / 4), (0, LINEAR)], updatex=False)  # else prices of zero show their rounding
    axes.set_ylabel("price, nats per token")


def _scored(axes: Axes, found: Comparison, across: Callable[[Trial], float | None]) -> None:
    """Every scored trial, each rule with a marker of its own: in colour where no other beats it in calls and nats.

    Beaten rules are faint, and named in the legend all the same. Rules of somebody's own carry their name.
    """
    best = {trial.key for trial in undominated(found.scored)}
    shown = [trial for trial in found.scored if across(trial) is not None]
    keeps = dict.fromkeys(trial.rule for trial in shown if trial.key in best)
    rules = [*keeps, *dict.fromkeys(trial.rule for trial in shown if trial.rule not in keeps)]
    numbers = {trial.key: number for number, trial in enumerate(found.trials)}
    others = [rule for rule in rules if rule != "planned"]
    for rule in rules:
        place = 0 if rule == "planned" else others.index(rule)
        colour = BLUE if rule == "planned" else COLOURS[place % len(COLOURS)]
        marker = "o" if rule == "planned" else MARKERS[place % len(MARKERS)]
        first = next(trial for trial in shown if trial.rule == rule)
        label: str | None = in_figure(called(first, setting=False)) + ("" if rule in keeps else " (beaten)")
        for trial in sorted((t for t in shown if t.rule == rule), key=lambda t: t.key not in best):
            faint = trial.key not in best and not is_own(rule)
            _point(
                axes, across(trial), trial.scored, found.length, FAINT if faint else colour, marker,
                0.6 if faint else 1.0, label, f"mark-{numbers[trial.key]}",
            )  # fmt: skip
            label = None
            if is_own(rule) and trial.scored is not None:
                _named(axes, trial, across(trial) or 0.0, trial.scored.value / found.length, colour)
    size, columns = (8 if len(rules) <= 16 else 6), (1 if len(rules) <= 30 else 2)
    axes.legend(fontsize=size, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2, ncols=columns)


def _named(axes: Axes, trial: Trial, x: float, y: float, colour: str) -> None:
    name = in_figure(called(trial))
    axes.annotate(name, (x, y), xytext=(6, 6), textcoords="offset points", fontsize=8, color=colour)


def _all_scored(axes: Axes, found: Comparison, looks: Looks) -> None:
    """Every scored trial in the colour of its rule, beaten or not."""
    for rule, (colour, marker, name) in looks.items():
        label: str | None = name
        for trial in found.scored:
            if trial.rule == rule:
                _point(axes, trial.mean_calls, trial.scored, found.length, colour, marker, 1.0, label)
                label = None
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def _point(
    axes: Axes, x: float | None, price: Estimate | None, length: int, colour: str, marker: str, alpha: float,
    label: str | None = None, name: str = "",
) -> None:  # fmt: skip
    assert price is not None
    scaled = price.scaled(1 / length)
    error = [[scaled.value - scaled.low], [scaled.high - scaled.value]]
    drawn = axes.errorbar(
        [x or np.nan], [scaled.value], error, color=colour, marker=marker, markersize=6 if alpha == 1 else 4.5,
        linewidth=0, elinewidth=1.1, alpha=alpha, label=label, zorder=3 if alpha == 1 else 2,
    )  # fmt: skip
    if name and drawn.lines[0] is not None:
        drawn.lines[0].set_gid(name)  # by which the page knows whose mark it is


def _reference(axes: Axes, found: Comparison, x: float, words: str, right: bool = False) -> None:
    """The autoregressive model: a line, and a point where it has nats."""
    axes.axvline(x, color=INK, linewidth=1.2, linestyle=(0, (5, 2)))
    place = axes.get_xaxis_transform()
    side = "right" if right else "left"
    axes.text(x, 0.99, f" {in_figure(words)} ", transform=place, ha=side, va="top", fontsize=8.5)
    line = found.autoregressive
    if line is not None and line.price is not None:
        _point(axes, x, line.price, found.length, INK, "*", 1.0)


# -- promises, steps, orders ---------------------------------------------------------------------------------------


def predicted(found: Comparison) -> Figure:
    """What was promised against what was scored; on the diagonal a promise was kept."""
    figure = Figure(figsize=(8.4, 4.8))
    axes = figure.add_subplot()
    axes.set_box_aspect(1)
    values: list[float] = []
    for trial in found.scored:
        if trial.predicted is None or trial.scored is None or trial.predicted.is_exact:
            continue
        x, y = trial.predicted.scaled(1 / found.length), trial.scored.scaled(1 / found.length)
        values += [x.value, y.value]
        colour = BLUE if trial.rule.startswith("planned") else ORANGE
        xerr, yerr = [[x.value - x.low], [x.high - x.value]], [[y.value - y.low], [y.high - y.value]]
        axes.errorbar(
            [x.value], [y.value], yerr, xerr, color=colour, marker="o", markersize=5, linewidth=0, elinewidth=1
        )
    top = 1.3 * max([*values, LINEAR])
    line = np.linspace(-LINEAR, top, 200)
    axes.plot(line, line, color=FAINT, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("symlog", linthresh=LINEAR)
        axis.set_major_locator(FixedLocator([-LINEAR, 0, LINEAR, 0.1, 0.5, 2]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("predicted price, nats per token")
    axes.set_ylabel("scored price, nats per token")
    axes.text(0.03, 0.97, "blue: planned\norange: fixed sizes", transform=axes.transAxes, va="top", fontsize=9)
    return figure


def featured(found: Comparison, trials: Sequence[Trial]) -> list[Trial]:
    """At most six trials of different rules, each the one nearest to L/8 calls; the undominated ones first."""
    best = {trial.key for trial in undominated(found.scored)}
    wanted = np.log(max(1, found.length / 8))
    chosen: dict[str, Trial] = {}
    for trial in sorted(
        trials, key=lambda t: abs(np.log(t.mean_calls) - wanted) - (0.2 if t.key in best else 0) + _alike(t)
    ):
        chosen.setdefault(trial.rule, trial)
    return sorted(list(chosen.values())[:PANELS], key=lambda trial: trial.mean_calls)


def _alike(trial: Trial) -> float:
    """Variants of a rule that is shown already come last."""
    return 1.0 if trial.rule.startswith("planned_") or trial.rule in ("cosine_sizes", "ancestral") else 0.0


def steps(found: Comparison) -> Figure:
    """Where the nats are spent: the price of every step, for a few rules."""
    panels = featured(found, [trial for trial in found.scored if len(trial.step_prices) > 1])
    figure = Figure(figsize=(8.4, 2.3 * -(-len(panels) // 3) + 0.2))
    axes = None
    for place, trial in enumerate(panels):
        axes = figure.add_subplot(-(-len(panels) // 3), min(3, len(panels)), place + 1, sharey=axes)
        numbers = np.arange(1, len(trial.step_prices) + 1)
        axes.bar(numbers, trial.step_prices, color=BLUE, width=0.8)
        axes.plot(numbers, np.cumsum(trial.step_prices), color=ORANGE, linewidth=1.3)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_title(_short(trial), fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("step" if place >= len(panels) - 3 else "")
        axes.set_ylabel("nats (orange: so far)" if place % 3 == 0 else "", fontsize=8.5)
    return figure


def reveals(found: Comparison, label: Callable[[Trial], str] | None = None) -> Figure:
    """Reveal order of one drawn text: the step in which each position is uncovered.

    Trials of earlier files know no single text; they show the mean over texts, dark where all agree.
    """
    panels = featured(found, [*found.scored, *found.measured_only])
    figure = Figure(figsize=(8.4, 2.6 * -(-len(panels) // 3) + 0.2))
    for place, trial in enumerate(panels):
        axes = figure.add_subplot(-(-len(panels) // 3), min(3, len(panels)), place + 1)
        if trial.reveal_row:
            _one_text(axes, np.array(trial.reveal_row))
        else:
            _all_texts(axes, trial, found.length).set_gid(f"map-{place}")  # two equal maps must not share an id
        axes.set_title((label or _short)(trial), fontsize=8.5)
        axes.set_xlabel("position" if place >= len(panels) - 3 else "")
        axes.set_ylabel("step" if place % 3 == 0 else "")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(visible=False)
    return figure


def _one_text(axes: Axes, steps: IntArray) -> None:
    """A square for every position, at the step that revealed it; the first step is on top."""
    positions = np.flatnonzero(steps >= 0)
    drawn = steps[positions] + 1
    last = int(drawn.max(initial=1))
    size = float(np.clip(900 / max(last, len(steps)), 6, 36))
    axes.vlines(positions, 0.5, drawn, color=GRID, linewidth=0.8, zorder=1)
    axes.scatter(positions, drawn, color=BLUE, s=size, marker="s", zorder=2)
    axes.set_ylim(last + 0.5, 0.5)
    axes.set_xlim(-0.7, len(steps) - 0.3)


def _all_texts(axes: Axes, trial: Trial, length: int) -> AxesImage:
    """Dark where a position of the text is uncovered in a step, mean over the sampled texts."""
    shares = np.array(trial.reveals)
    last = len(shares) * trial.reveal_steps
    return axes.imshow(
        np.sqrt(shares), aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest",
        extent=(0, length, last + 0.5, 0.5),
    )  # fmt: skip


# -- what is written -----------------------------------------------------------------------------------------------


def entropy(found: Comparison) -> Figure:
    """Entropy of what is written against its distance from real text, or a judge's nats, never alone."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    judged = found.real_judge is not None
    groups = ((found.scored, BLUE, "o", "scored exactly"), (found.measured_only, ORANGE, "s", "measured only"))
    for trials, colour, marker, label in groups:
        points = [
            (
                t.quality.sequence_entropy,
                t.judge["nats_per_token"] if judged and t.judge else t.quality.unigram_distance,
            )
            for t in trials
            if t.quality is not None
        ]
        if points:
            x, y = zip(*points, strict=True)
            axes.plot(x, y, color=colour, marker=marker, linewidth=0, markersize=5, alpha=0.75, label=label)
    real = found.real_judge["nats_per_token"] if found.real_judge else found.real.unigram_distance
    axes.plot(
        [found.real.sequence_entropy], [real], color=INK, marker="X", markersize=11, linewidth=0, label="real text"
    )
    axes.set_xlabel("entropy within a text, nats (mean)")
    axes.set_ylabel("judge, nats per token" if judged else "distance of token frequencies from real text (TV)")
    axes.legend(fontsize=8.5)
    return figure


def calls(found: Comparison) -> Figure:
    """How network calls vary from text to text, for rules that do not fix their number."""
    ran = [
        trial for trial in (*found.scored, *found.measured_only) if trial.calls and trial.calls.least < trial.calls.most
    ]
    figure = Figure(figsize=(8.4, 0.28 * len(ran) + 0.9))
    axes = figure.add_subplot()
    for place, trial in enumerate(reversed(ran)):
        assert trial.calls is not None
        numbers = np.repeat(list(trial.calls.counts), list(trial.calls.counts.values()))
        low, middle, high = np.quantile(numbers, [0.1, 0.5, 0.9])
        axes.plot([trial.calls.least, trial.calls.most], [place, place], color=GRID, linewidth=3, zorder=1)
        axes.plot([low, high], [place, place], color=SKY, linewidth=5, solid_capstyle="butt", zorder=2)
        axes.plot([middle], [place], color=INK, marker="|", markersize=9, zorder=3)
    axes.set_yticks(range(len(ran)), [in_figure(called(trial)) for trial in reversed(ran)], fontsize=8)
    axes.set_xlabel("network calls per sampled text: range, middle 80 %, median")
    axes.grid(visible=False, axis="y")
    return figure


def validity(found: Comparison, looks: Looks | None = None) -> Figure:
    """Share of right texts against network calls; `looks` as in `frontier`."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    groups = [(found.scored, BLUE, "o", "scored exactly"), (found.measured_only, ORANGE, "s", "measured only")]
    if looks is not None:
        groups = [([t for t in found.scored if t.rule == rule], *look) for rule, look in looks.items()]
    for trials, colour, marker, label in groups:
        rows = [(trial.mean_calls, trial.valid) for trial in trials if trial.valid is not None]
        if rows:
            middle = np.array([valid.value for _, valid in rows])
            error = np.abs(np.array([[valid.low, valid.high] for _, valid in rows]).T - middle)
            x = [count for count, _ in rows]
            axes.errorbar(
                x, middle, error, color=colour, marker=marker, markersize=5, linewidth=0, elinewidth=1, label=label
            )
    best = {trial.key for trial in undominated(found.scored)} if looks is None else set()
    right = sorted((trial for trial in found.scored if trial.key in best and trial.valid), key=lambda t: t.mean_calls)
    for trial in right[:4]:
        assert trial.valid is not None
        axes.annotate(in_figure(called(trial)), (trial.mean_calls, trial.valid.value), xytext=(5, 5),
                      textcoords="offset points", fontsize=7.5)  # fmt: skip
    _log_axis(axes, FixedLocator([2**power for power in range(found.length.bit_length())]))
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xlabel("network calls per text")
    axes.set_ylabel("right texts (line: 95 % interval)")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    return figure


def _short(trial: Trial) -> str:
    return f"{in_figure(trial.name.replace('_', ' '))}: {trial.mean_calls:.3g} calls"


def _log_axis(axes: Axes, ticks: Locator | None = None) -> None:
    """A logarithmic axis across, of what is drawn already; 1, 2 and 5 of every power of ten are written out.

    A single point would give it limits that differ by no more than rounding does. Their logarithms are equal, and the
    axis has no width to divide by, so it is at least a factor of two wide.
    """
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high < 2 * low:
        middle = np.sqrt(low * high)
        axes.set_xlim(middle / np.sqrt(2), middle * np.sqrt(2))
    axes.xaxis.set_major_locator(ticks or LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_locator(NullLocator())

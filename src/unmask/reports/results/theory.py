"""Curves, schedules and frontiers: nats per sequence, positions counted from 0 revealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from unmask.evaluation.result_table import Column, ResultTable
from unmask.reports.figures import BLUE, FAINT, ORANGE
from unmask.reports.results.shown import Shown, whole_axis
from unmask.theory.curve import InformationCurve
from unmask.theory.optimal import Frontier
from unmask.theory.price import price
from unmask.theory.schedule import Schedule


def _curve_summary(curve: InformationCurve) -> str:
    falls = f"from {curve.values[0]:.3g} nats with nothing revealed to {curve.values[-1]:.3g} with all but one"
    return (
        f"A hidden token costs {falls}; {curve.length} tokens one at a time cost {curve.one_at_a_time:.4g} nats. "
        f"All in one step costs {price(curve, Schedule([curve.length])):.4g} nats more (total correlation of a law)."
    )


def _curve_table(curve: InformationCurve) -> ResultTable:
    errors = [None] * curve.length if curve.stderr is None else curve.stderr.tolist()
    columns = [
        Column("revealed", "tokens revealed"),
        Column("nats", "nats of a hidden token", ".4f"),
        Column("stderr", "standard error", ".4f"),
    ]
    return ResultTable.of(columns, zip(range(curve.length), curve.values.tolist(), errors, strict=True))


def _draw_curve(curve: InformationCurve, axes: Axes) -> None:
    revealed = np.arange(curve.length)
    if curve.stderr is not None:
        low, high = curve.values - 2 * curve.stderr, curve.values + 2 * curve.stderr
        axes.fill_between(revealed, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(revealed, curve.values, color=BLUE, marker="." if curve.length <= 64 else "")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("nats of a hidden token")
    whole_axis(axes, "tokens revealed")


def _schedule_summary(schedule: Schedule) -> str:
    smallest, largest = min(schedule.sizes), max(schedule.sizes)
    sizes = f"{smallest} tokens each" if smallest == largest else f"{smallest} to {largest} tokens each"
    return f"{schedule.length} tokens in {schedule.steps} step{'' if schedule.steps == 1 else 's'}, {sizes}."


def _schedule_table(schedule: Schedule) -> ResultTable:
    columns = [Column("step"), Column("size", "tokens"), Column("revealed", "revealed before")]
    return ResultTable.of(columns, zip(range(1, schedule.steps + 1), schedule.sizes, schedule.revealed.tolist()))  # noqa: B905


def _draw_schedule(schedule: Schedule, axes: Axes) -> None:
    axes.bar(range(1, schedule.steps + 1), schedule.sizes, color=BLUE)
    axes.set_ylabel("tokens revealed")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    whole_axis(axes, "step")


def _frontier_summary(frontier: Frontier) -> str:
    first, last = float(frontier.prices[0]), float(frontier.prices[-1])
    half = int(np.argmax(frontier.prices <= first / 2)) + 1
    reached = f"; half of that is saved with {half} steps" if first > 0 and frontier.prices.min() <= first / 2 else ""
    return f"One step costs {first:.4g} nats of a text{reached}; {frontier.max_steps} steps cost {last:.4g}."


def _frontier_table(frontier: Frontier) -> ResultTable:
    columns = [
        Column("steps"),
        Column("price", "least price, nats/text", ".4f"),
        Column("price_per_token", "nats/token", ".5f"),
    ]
    prices = frontier.prices
    return ResultTable.of(
        columns, zip(range(1, len(prices) + 1), prices.tolist(), (prices / frontier.length).tolist(), strict=True)
    )


def _draw_frontier(frontier: Frontier, axes: Axes) -> None:
    steps = np.arange(1, frontier.max_steps + 1)
    axes.plot(steps, frontier.prices[0] / steps, color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    axes.plot(steps, frontier.prices, color=BLUE, marker="." if len(steps) <= 64 else "")
    axes.annotate("1/T", (steps[-1], frontier.prices[0] / steps[-1]), color=FAINT, ha="right", va="bottom")
    axes.scatter(steps[:1], frontier.prices[:1], color=ORANGE, zorder=3)
    axes.set_ylabel("least price, nats per text")
    whole_axis(axes, "steps")


SHOWN: Mapping[str, Shown[Any]] = {
    "InformationCurve": Shown(_curve_summary, _curve_table, _draw_curve),
    "Schedule": Shown(_schedule_summary, _schedule_table, _draw_schedule, (6.4, 2.4)),
    "Frontier": Shown(_frontier_summary, _frontier_table, _draw_frontier),
}

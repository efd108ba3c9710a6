"""Measurements, plans and certificates: nats per token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from unmask.certifying.certificate import Certificate
from unmask.evaluation.result_table import Column, ResultTable
from unmask.measuring.measurement import Measurement
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.planning.summary import doublings, plan_rows, sentence
from unmask.reports.figures import BLUE, FAINT, GREEN, ORANGE
from unmask.reports.results.shown import Shown, whole_axis


def _rows(found: Measurement) -> list[dict[str, Any]]:
    planner = Planner(found)
    return plan_rows(planner, [planner.plan(steps) for steps in doublings(found.length)])


def _measurement_summary(found: Measurement) -> str:
    alone = found.nelbo_per_token()
    orders = f", in the uniform order and {len(found.orders)} others" if found.orders else ", in the uniform order"
    least = next((row for row in _rows(found) if row["parallel_price"] <= 0.05), None)
    cheap = (
        f" Within 0.05 nats/token: {least['steps']:g} steps instead of {found.length}, perplexity × "
        f"{least['perplexity_factor']:.3f}."
        if least
        else ""
    )
    return (
        f"{found.model.get('name', 'A model')} on {len(found.texts)} texts of {found.length} tokens{orders}: "
        f"one token at a time costs {alone.value:.4g} ± {alone.half_width:.2g} nats/token.{cheap}"
    )


def _measurement_table(found: Measurement) -> ResultTable:
    columns = [Column("steps"), Column("order"), Column("parallel_price", "parallel price, nats/token", ".4f")]
    columns += [Column("low", "low", ".4f"), Column("high", "high", ".4f")]
    columns += [Column("order_effect", "order effect", ".4f"), Column("perplexity_factor", "perplexity ×", ".3f")]
    columns += [Column("uniform_schedule", "equal sizes", ".4f")]
    rows = [[row[column.name] for column in columns] for row in _rows(found)]
    return ResultTable.of(columns, rows)


def _draw_measurement(found: Measurement, axes: Axes) -> None:
    rows = _rows(found)
    steps = [row["steps"] for row in rows]
    axes.plot(steps, [row["uniform_schedule"] for row in rows], color=FAINT, linestyle=(0, (3, 2)))
    axes.fill_between(steps, [row["low"] for row in rows], [row["high"] for row in rows], color=BLUE, alpha=0.18)
    axes.plot(steps, [row["parallel_price"] for row in rows], color=BLUE, marker="o", markersize=4)
    place = len(rows) // 3
    axes.annotate("equal sizes", (steps[place], rows[place]["uniform_schedule"]), color=FAINT, va="bottom")
    axes.annotate("plan ", (steps[place], rows[place]["parallel_price"]), color=BLUE, va="top", ha="right")
    axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [f"{step:g}" for step in steps])
    axes.set_xlabel("steps")
    axes.set_ylabel("parallel price, nats per token")


def _plan_summary(plan: Plan) -> str:
    return f"{sentence(plan)}. Order: {plan.order.name}.{''.join(f' {note}' for note in plan.notes)}"


def _plan_table(plan: Plan) -> ResultTable:
    columns = [Column("step"), Column("size", "tokens"), Column("revealed", "revealed before")]
    columns += [Column("price", "share of the price, nats/token", ".5f")]
    shares = list(plan.step_prices) if len(plan.step_prices) == plan.schedule.steps else [None] * plan.schedule.steps
    rows = zip(range(1, plan.schedule.steps + 1), plan.schedule.sizes, plan.schedule.revealed.tolist(), shares)  # noqa: B905
    return ResultTable.of(columns, rows)


def _draw_plan(plan: Plan, axes: Axes) -> None:
    """Which position is revealed in which step, of one row."""
    permutation, schedule = plan.draw(0)
    step = np.repeat(np.arange(1, schedule.steps + 1), schedule.sizes)
    axes.scatter(np.asarray(permutation), step, color=BLUE, s=14, marker="s")
    axes.invert_yaxis()
    axes.set_ylabel("step")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    whole_axis(axes, f"position ({plan.order.name}, one row)")


def _certificate_table(found: Certificate) -> ResultTable:
    columns = [Column("what"), Column("nats_per_token", "nats/token", ".4f")]
    rows = [
        ("mean of the texts", found.mean_per_token),
        ("upper limit", found.upper_per_token),
        ("budget", found.budget),
    ]
    return ResultTable.of(columns, rows)


def _draw_certificate(found: Certificate, axes: Axes) -> None:
    axes.barh([0], [found.upper_per_token], color=BLUE, alpha=0.3, height=0.4)
    axes.plot([found.mean_per_token], [0], color=BLUE, marker="o", linewidth=0)
    axes.axvline(found.budget, color=GREEN if found.proved else ORANGE)
    axes.annotate(f" budget {found.budget:g}: {'proved' if found.proved else 'not proved'}", (found.budget, 0.4))
    axes.set_yticks([])
    axes.set_ylim(-0.5, 0.7)
    axes.set_xlabel(f"parallel price, nats per token: mean, and upper limit ({found.confidence:.0%})")


SHOWN: Mapping[str, Shown[Any]] = {
    "Measurement": Shown(_measurement_summary, _measurement_table, _draw_measurement),
    "Plan": Shown(_plan_summary, _plan_table, _draw_plan, (6.4, 2.8)),
    "Certificate": Shown(str, _certificate_table, _draw_certificate, (6.4, 1.6)),
}

"""Sampled texts and scored texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from unmask.evaluation.result_table import Column, ResultTable
from unmask.measuring.priced_score import Score
from unmask.reports.figures import BLUE, FAINT, GRID
from unmask.reports.results.shown import Shown, whole_axis
from unmask.sampling.sample import Output


def _output_summary(out: Output) -> str:
    calls = out.network_calls.double()
    rows = len(calls)
    said = (
        f"{rows} text{'' if rows == 1 else 's'} by {out.sampler.name or 'a rule of its own'}: "
        f"{float(calls.mean()):.3g} network calls a text, {out.tokens_per_call:.3g} tokens a call."
    )
    return said + "".join(f"\n{note}" for note in out.notes)


def _output_table(out: Output) -> ResultTable:
    columns = [Column("text"), Column("network_calls", "network calls"), Column("canvases")]
    columns += [Column("nats", "nats as drawn", ".3f"), Column("seed")]
    numbers = (out.network_calls.tolist(), out.canvases.tolist(), (-out.log_prob).tolist(), out.seeds.tolist())
    return ResultTable.of(columns, zip(out.texts, *numbers, strict=True))


def _draw_output(out: Output, axes: Axes) -> None:
    """The reveal map of the first row: when each position was revealed; crosses where it was taken back."""
    lines = out.trace.row(0)
    for line in lines:
        axes.scatter(line["positions"], [line["step"] + 1] * len(line["positions"]), color=BLUE, s=14, marker="s")
        taken = line.get("released", [])
        axes.scatter(taken, [line["step"] + 1] * len(taken), color=FAINT, s=18, marker="x")
    given = np.flatnonzero(out.given[0].numpy())
    axes.vlines(given, 0.5, max((line["step"] for line in lines), default=0) + 1.5, color=GRID, linewidth=3, zorder=0)
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("step")
    whole_axis(axes, "position (first text; grey: given)")


def _score_summary(found: Score) -> str:
    price = found.price
    paid = "" if not np.isfinite(price.low) else f" ± {price.half_width:.2g}"
    return (
        f"{len(found.log_prob)} texts under {found.sampler.name or 'a rule of its own'}: "
        f"{found.per_token:.4g} nats/token, "
        f"{price.value:.4g}{paid} beyond one token at a time (perplexity × {np.exp(price.value):.3f}), in "
        f"{float(found.network_calls.mean()):.3g} network calls a text."
    )


def _score_table(found: Score) -> ResultTable:
    columns = [Column("text", "text number"), Column("nats", "nats", ".3f"), Column("stderr", "standard error", ".3f")]
    columns += [Column("one_at_a_time", "one at a time", ".3f"), Column("network_calls", "network calls", ".3g")]
    numbers = (-found.log_prob, found.stderr, -found.alone.log_prob, found.network_calls)
    return ResultTable.of(
        columns, zip(range(len(found.log_prob)), *(number.tolist() for number in numbers), strict=True)
    )


def _draw_score(found: Score, axes: Axes) -> None:
    """Each text: nats under the sampler against nats one token at a time; on the line it cost nothing."""
    tokens = found.scored.sum(1).numpy()
    alone, under = -found.alone.log_prob.numpy() / tokens, -found.log_prob.numpy() / tokens
    axes.scatter(alone, under, color=BLUE, s=16)
    ends = [min(alone.min(), under.min()), max(alone.max(), under.max())]
    axes.plot(ends, ends, color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_xlabel("one token at a time, nats/token")
    axes.set_ylabel("under the rule, nats/token")


SHOWN: Mapping[str, Shown[Any]] = {
    "Output": Shown(_output_summary, _output_table, _draw_output, (6.4, 2.8)),
    "Score": Shown(_score_summary, _score_table, _draw_score, (4.6, 3.6)),
}

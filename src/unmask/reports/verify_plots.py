"""The figures of `unmask verify`, one idea each. Every one draws numbers that a `Verification` already holds.

A figure is a function from a verification (and, for a panel, one law or family) to a matplotlib figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from unmask.evaluation.claims.linear import FAMILIES
from unmask.evaluation.result_table import ResultTable
from unmask.evaluation.subjects import Subject
from unmask.evaluation.verify import Verification
from unmask.reports.figures import BLUE, FAINT, GREEN, GRID, INK, ORANGE, PURPLE, SKY
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

SHOWN_STEPS = 8
SMALL = (3.7, 2.9)
WIDE = (8.4, 4.2)
FAMILY_TITLES = {family.name: family.title for family in FAMILIES}
NOTHING = 1e-12  # nats; stands for an error of zero on a logarithmic axis, far below what is shown

# What the lines of a figure are, for its key: (label, colour, line style).
PRICE_KEY = (
    ("even split", BLUE, "-"),
    ("best schedule", GREEN, "--"),
    ("between the paper's upper and lower bound", ORANGE, "-"),
)
LINEARITY_KEY = (
    ("even split", BLUE, "-"),
    ("random first step", GREEN, ":"),
    ("upper bound", ORANGE, "-"),
)


def all_figures(verification: Verification) -> dict[str, Figure]:
    """Every figure that is written to a file, by the name of the file."""
    subject = shown_subject(verification)
    return {
        "signature": grid(
            lambda axes, item: draw_signature(axes, subject, *item), signature_schedules(verification), 2
        ),
        "rate": flatness(verification),
        "linear": one_line(verification),
        "linear-families": grid(
            lambda axes, family: draw_linearity(axes, verification, family),
            families(verification),
            key=LINEARITY_KEY,
        ),
        "few-steps": grid(
            lambda axes, law: draw_price_against_steps(axes, verification, law),
            verification.subjects,
            key=PRICE_KEY,
        ),
        "bounds": band_factors(verification),
        "training-error": training_error(verification, "markov"),
    }


def shown_subject(verification: Verification) -> Subject:
    """The law of the signature plot: the Markov chain, or the first whose tokens know anything of each other."""
    ranked = sorted(verification.subjects, key=lambda subject: (subject.name != "markov", not subject.has_information))
    return ranked[0]


def signature_schedules(verification: Verification) -> list[tuple[Schedule, str]]:
    """The even split and the best schedule of that law, each with a title."""
    subject = shown_subject(verification)
    rows = verification.claim("few-steps").data.where(law=subject.name, steps=SHOWN_STEPS)
    best = Schedule(map(int, rows.column("sizes_best")[0].split()))
    even = Schedule.uniform(subject.curve.length, SHOWN_STEPS)
    return [(even, f"{subject.title}, even split"), (best, f"{subject.title}, best schedule")]


def families(verification: Verification) -> list[str]:
    """The families of the linearity claim, in order."""
    return list(dict.fromkeys(verification.claim("linear").data.column("family")))


def signature(subject: Subject, schedule: Schedule, title: str) -> Figure:
    """The information curve with the schedule's rectangles: the area between them is the KL."""
    figure = Figure(figsize=SMALL)
    axes = figure.add_subplot()
    draw_signature(axes, subject, schedule, title)
    return figure


def draw_signature(axes: Axes, subject: Subject, schedule: Schedule, title: str) -> None:
    """Bars of the curve in grey, what the rectangles add in blue, their outline in ink."""
    curve = subject.curve
    heights = np.repeat(curve.values[schedule.revealed], schedule.sizes)  # (L,) what each token is charged
    edges = np.arange(curve.length + 1)
    axes.stairs(curve.values, edges, fill=True, color=GRID, linewidth=0)
    axes.stairs(heights, edges, baseline=curve.values, fill=True, color=SKY, linewidth=0)
    axes.stairs(curve.values, edges, color=INK, linewidth=1.6, baseline=None)
    axes.bar(
        schedule.revealed, curve.values[schedule.revealed], schedule.sizes, align="edge", fill=False, edgecolor=BLUE
    )
    axes.set_title(title)
    axes.set_xlim(0, curve.length)
    axes.set_ylim(0, curve.values[0] * 1.08 + 1e-9)
    axes.set_xlabel("tokens already revealed, k")
    axes.set_ylabel("nats per masked token")
    axes.grid(visible=False)
    blue = f"blue: the KL, {price(curve, schedule):.2f} nats"
    axes.text(0.97, 0.93, blue, transform=axes.transAxes, ha="right", va="top", color=BLUE, weight="bold")
    grey = f"grey: the text itself, {curve.entropy:.1f} nats"
    axes.text(0.97, 0.85, grey, transform=axes.transAxes, ha="right", va="top")


def price_against_steps(verification: Verification, subject: Subject) -> Figure:
    """KL against T for one law, log-log, between the bounds."""
    figure = Figure(figsize=SMALL)
    draw_price_against_steps(figure.add_subplot(), verification, subject)
    return figure


def draw_price_against_steps(axes: Axes, verification: Verification, subject: Subject) -> None:
    """Band between the bounds, even split and best schedule."""
    rows = verification.claim("few-steps").data.where(law=subject.name)
    steps = np.array(rows.column("steps"))
    length = subject.curve.length
    axes.set_title(subject.title)
    _log_axis(axes.xaxis, length)
    axes.set_xlim(1, length)
    axes.set_xlabel("steps T")
    axes.set_ylabel("KL, nats per sequence")
    if not subject.has_information:
        axes.set_yticks([0])
        axes.set_ylim(-1, 1)
        axes.plot(steps, np.zeros(length), color=BLUE)
        axes.text(np.sqrt(length), 0.12, "nothing to lose: 0 at every T", ha="center", color=BLUE)
        return
    lower = verification.claim("bounds").data.where(law=subject.name)
    lower_of = dict(zip(lower.column("largest"), lower.column("li_cai_lower"), strict=True))
    kept = steps < length  # one token at a time costs nothing and has no logarithm
    largest = -(-length // steps[kept])
    upper = np.array(rows.column("li_cai_upper"))[kept]
    floor = min(lower_of[int(size)] for size in largest) / 4
    axes.fill_between(
        steps[kept], [lower_of[int(size)] for size in largest], upper, color=ORANGE, alpha=0.14, linewidth=0
    )
    axes.plot(steps[kept], upper, color=ORANGE, linewidth=1.2)
    axes.plot(steps, np.maximum(rows.column("kl_best"), NOTHING), color=GREEN, linestyle="--")
    axes.plot(steps, np.maximum(rows.column("kl_even"), NOTHING), color=BLUE)
    _decades(axes.yaxis)
    axes.set_ylim(floor, upper.max() * 1.6)


def flatness(verification: Verification) -> Figure:
    """T times KL over the information, equal steps with a random first one: flat where the error falls like 1/T."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    data = verification.claim("rate").data
    shown = {"repeated": ORANGE, "markov": BLUE, "ising": INK, "permutation": GREEN, "parity": PURPLE}
    starts = []
    longest = max((subject.curve.length for subject in verification.subjects if subject.has_information), default=2)
    allowed, fewest = ([], []), 2.0
    for subject in sorted(verification.subjects, key=lambda subject: subject.name in shown):
        if not subject.has_information:
            continue
        rows = data.where(law=subject.name)
        calls = np.array(rows.column("calls_random_first"))
        flat = calls * rows.column("kl_random_first") / subject.curve.total_information
        colour = shown.get(subject.name, FAINT)
        axes.plot(calls, flat, color=colour, linewidth=1.0 if colour == FAINT else 2.4)
        if colour != FAINT:
            starts.append((float(flat[0]), subject.title, colour))
        if subject.curve.length == longest:  # the same line for every law of that length
            bound = calls * rows.column("bound_random_first") / subject.curve.total_information
            allowed, fewest = (calls, bound), float(calls.min())
    axes.plot(*allowed, color=INK, linewidth=1.2, linestyle=(0, (2, 2)), zorder=3)
    axes.text(4, 0.68, "no law can be above this line:\n½ (1 − T/L) · T/(T − 1)", va="bottom")
    _log_axis(axes.xaxis, longest)
    axes.set_xlim(0.7, longest * 1.05)  # room for the names on the left
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("T, mean network calls of equal steps of s tokens with a random first step: 1 + (L − 1)/s")
    axes.set_ylabel("T · KL / ΣI")
    _label_starts(axes, starts, fewest * 0.96)
    return figure


def one_line(verification: Verification) -> Figure:
    """KL against the information for every family at once, equal steps with a random first one."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    data = verification.claim("linear").data
    total = np.array(data.column("total_information"))
    slope = float(np.max(np.array(data.column("random_first_most")) / total))
    ends = np.array([total.min() / 1.5, total.max() * 1.5])
    axes.plot(ends, slope * ends, color=FAINT, linewidth=1.2, linestyle=(0, (2, 2)))
    looks = zip("osD^vP", (BLUE, ORANGE, GREEN, PURPLE, SKY, INK), strict=True)
    for family, (marker, colour) in zip(families(verification), looks, strict=True):
        rows = data.where(family=family)
        label = f"{FAMILY_TITLES[family]}, {rows.column('knob')[0]} varied"
        axes.plot(rows.column("total_information"), rows.column("kl_random_first"), marker, color=colour, label=label)
    for axis in (axes.xaxis, axes.yaxis):
        _decades(axis)
    axes.set_xlim(ends)
    axes.set_ylim(slope * ends)
    axes.set_xlabel("information between tokens, ΣI, nats")
    axes.set_ylabel("KL, nats per sequence")
    axes.legend(loc="upper left")
    return figure


def linearity(verification: Verification, family: str) -> Figure:
    """KL against the information for one family, between the two lines that the theorem allows."""
    figure = Figure(figsize=SMALL)
    draw_linearity(figure.add_subplot(), verification, family)
    return figure


def draw_linearity(axes: Axes, verification: Verification, family: str) -> None:
    """Points of the family with a random first step and for the even split, and the bound as a line."""
    rows = verification.claim("linear").data.where(family=family)
    total, bound = np.array(rows.column("total_information")), np.array(rows.column("random_first_most"))
    slope = float((bound / total).max())
    most = total.max() * 1.08
    axes.plot([0, most], [0, 2 * slope * most], color=ORANGE, linewidth=1.2)
    axes.plot([0, most], [0, slope * most], color=FAINT, linewidth=1.2, linestyle=(0, (2, 2)))
    axes.plot(total, rows.column("kl_even"), color=BLUE, marker="s", markersize=4.5, linewidth=1.2)
    axes.plot(total, rows.column("kl_random_first"), color=GREEN, marker="o", markersize=5, linewidth=0)
    axes.set_title(f"{FAMILY_TITLES[family]}, {rows.column('knob')[0]} varied")
    axes.set_xlim(0, most)
    axes.set_ylim(0, 2 * slope * most)
    axes.set_xlabel("information ΣI, nats")
    axes.set_ylabel("KL, nats per sequence")


def band_factors(verification: Verification) -> Figure:
    """Upper bound over lower bound against the largest step: the paper's constants and the sharp ones."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    data = verification.claim("bounds").data
    longest = max(subject.curve.length for subject in verification.subjects)
    for subject in verification.subjects:
        if not subject.has_information:
            continue
        rows = data.where(law=subject.name)
        sizes = rows.column("largest")
        axes.plot(sizes, _ratio(rows, "li_cai_upper", "li_cai_lower"), color=ORANGE, linewidth=1.1, alpha=0.8)
        axes.plot(sizes, _ratio(rows, "sharp_upper", "random_first_step"), color=BLUE, linewidth=1.4, alpha=0.8)
    axes.axhline(2, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.yaxis.set_minor_locator(NullLocator())
    _log_axis(axes.xaxis, longest)
    axes.set_xlim(2, longest)
    axes.set_xlabel("largest step, tokens")
    axes.set_ylabel("upper bound / lower bound")
    axes.text(2.1, 2.15, "sharp constants: never more than 2×", color=BLUE, va="bottom", weight="bold")
    axes.set_ylim(0.8, 1.3 * max([32.0, *axes.dataLim.intervaly]))
    paper = "the paper's constants, one line for each law"
    axes.text(0.015, 0.97, paper, transform=axes.transAxes, color=ORANGE, va="top", weight="bold")
    return figure


def training_error(verification: Verification, law: str) -> Figure:
    """Bars: the error of a perfect predictor and the training error on top; dots: the error by its definition."""
    figure = Figure(figsize=WIDE)
    axes = figure.add_subplot()
    rows = verification.claim("training-error").data.where(law=law)
    sizes = [text for text in rows.column("sizes") if text.count(" ") == 1][1]  # two steps, the second such schedule
    chosen = rows.where(sizes=sizes).to_dict()
    names = [row["predictor"] for row in chosen]
    place = np.arange(len(chosen))[::-1]
    perfect = np.array([row["kl_perfect"] for row in chosen])
    learned = np.array([row["training_error"] for row in chosen])
    direct = np.array([row["kl_direct"] for row in chosen])
    axes.barh(place, perfect, height=0.62, color=BLUE)
    axes.barh(place, learned, height=0.62, left=perfect, color=ORANGE, alpha=0.75)
    axes.plot(direct, place, "D", color=INK, markersize=7)
    axes.set_yticks(place, names)
    axes.set_xlim(0, direct.max() * 1.3)
    axes.set_xlabel(
        f"KL, nats per sequence ({law}, L = {sum(map(int, sizes.split()))}, steps {sizes.replace(' ', ' + ')})"
    )
    axes.grid(visible=False, axis="y")
    axes.text(perfect[0] / 2, place[0], "parallel steps", color="white", ha="center", va="center", weight="bold")
    axes.text(
        direct[0] + direct.max() * 0.02, place[0], "◆ by enumeration of everything", color=INK, ha="left", va="center"
    )
    for row, height in zip(chosen[1:], place[1:], strict=True):
        axes.text(
            row["kl_direct"] + direct.max() * 0.02, height, f"+ {row['training_error']:.3f} training error",
            color=ORANGE, ha="left", va="center",
        )  # fmt: skip
    return figure


def grid(
    draw: Callable[[Axes, Any], None],
    items: Sequence[Any],
    columns: int = 3,
    key: Sequence[tuple[str, str, str]] = (),
) -> Figure:
    """One figure of many panels, for the PNG and SVG files: `draw(axes, item)` for each item, and one key for all."""
    columns = min(columns, len(items))
    rows = -(-len(items) // columns)
    figure = Figure(figsize=(SMALL[0] * columns, SMALL[1] * rows))
    for place, item in enumerate(items):
        draw(figure.add_subplot(rows, columns, place + 1), item)
    if key:
        lines = [Line2D([], [], color=colour, linestyle=line) for _, colour, line in key]
        figure.legend(lines, [label for label, _, _ in key], loc="outside upper left", ncols=columns)
    return figure


def _ratio(rows: ResultTable, upper: str, lower: str) -> list[float]:
    return [above / below for above, below in zip(rows.column(upper), rows.column(lower), strict=True)]


def _log_axis(axis: Axis, length: int) -> None:
    """Powers of two, written out."""
    axis.axes.set_xscale("log", base=2)
    axis.set_major_locator(FixedLocator([2**power for power in range(length.bit_length())]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _decades(axis: Axis) -> None:
    """Powers of ten, written out."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _label_starts(axes: Axes, starts: list[tuple[float, str, str]], place: float) -> None:
    """Names left of `place`, where the lines start, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    gap, height = (high - low) * 0.06, -np.inf
    for value, name, colour in sorted(starts):
        height = max(value, height + gap)
        axes.text(place, height, name, color=colour, ha="right", va="center", weight="bold")

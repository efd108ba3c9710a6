"""Price against the number of steps, in the terminal and as a figure. Rows come from `unmask.planning.summary`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.files import write_with

WIDTH = 48
KINDS = (".png", ".svg", ".pdf")


def drawn(rows: Sequence[dict[str, Any]], chosen: float) -> str:
    """A bar for every number of steps: the plan's price, and where equal sizes in uniform order would be."""
    largest = max(max(row["parallel_price"], row["uniform_schedule"], 1e-12) for row in rows)
    lines = [f"nats per token beyond one at a time   █ plan   ┊ equal sizes   (full width {largest:.3g})"]
    for row in rows:
        full = min(max(round(row["parallel_price"] / largest * WIDTH), 0), WIDTH)
        bar = list("█" * full + " " * (WIDTH + 1 - full))
        rival = min(max(round(row["uniform_schedule"] / largest * WIDTH), 0), WIDTH)
        if bar[rival] == " ":
            bar[rival] = "┊"
        mark = "→" if row["steps"] == chosen else " "
        lines.append(f"{mark} T={row['steps']:<5g} {''.join(bar)} {row['parallel_price']:.4f}")
    return "\n".join(lines)


def save_plot(rows: Sequence[dict[str, Any]], chosen: float, path: str | os.PathLike[str]) -> Path:
    """Write the figure; the ending of `path` says what kind of file."""
    target = Path(path)
    if target.suffix not in KINDS:
        raise InputError(f"--plot is {target}; expected a file ending in {', '.join(KINDS)}")
    if not target.parent.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {target.parent}")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [row["steps"] for row in rows]
    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    axes.plot(steps, [row["uniform_schedule"] for row in rows], color="0.55", linestyle="--", label="equal sizes")
    axes.plot(steps, [row["cosine_schedule"] for row in rows], color="0.55", linestyle=":", label="cosine sizes")
    axes.fill_between(steps, [row["low"] for row in rows], [row["high"] for row in rows], color="#0072b2", alpha=0.2)
    axes.plot(steps, [row["parallel_price"] for row in rows], color="#0072b2", marker="o", markersize=4, label="plan")
    here = next(row for row in rows if row["steps"] == chosen)
    axes.annotate(
        f"T = {here['steps']}: {here['parallel_price']:.4f}\n{here['order']}",
        (here["steps"], here["parallel_price"]),
        xytext=(12, 18),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": "0.3"},
        fontsize=9,
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.set_xlabel("steps T (network calls per sequence)")
    axes.set_ylabel("parallel price, nats per token")
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
    write_with(target, lambda temporary: figure.savefig(temporary, dpi=150))
    pyplot.close(figure)
    return target

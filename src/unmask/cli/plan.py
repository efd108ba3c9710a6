"""`unmask plan m.curve.json`: which positions to reveal at which step, and what that costs. Starts without torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.cli.common import AsJson, OutFile, print_json

if TYPE_CHECKING:
    from unmask.planning.measured_costs import MeasuredCosts


def plan(
    measured: Annotated[
        str, typer.Argument(metavar="FILE", help="A measurement (m.curve.json), a curve as JSON numbers, or law:NAME.")
    ],
    steps: Annotated[int | None, typer.Option(help="Network calls per sequence (T).")] = None,
    budget: Annotated[float | None, typer.Option(help="Nats per token to give up at most; the fewest steps.")] = None,
    price_per_call: Annotated[float | None, typer.Option(help="Nats per sequence a network call is worth.")] = None,
    order: Annotated[str, typer.Option(help="auto for the cheapest that was measured, or the name of one.")] = "auto",
    parts: Annotated[int, typer.Option(min=1, help="Orders in the plan, each with its sizes; a row draws one.")] = 1,
    blocks: Annotated[int, typer.Option(min=1, help="Repeat the plan of one block so many times.")] = 1,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    show: Annotated[bool, typer.Option("--show", help="Draw price against steps here.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw price against steps into a file.")] = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Plan order and sizes. They are fitted on one half of the texts; the price is stated on the other half.

    A price is what T steps cost beyond one token at a time, in nats; below zero, an order is better than that.
    """
    from unmask.planning.planner import Planner
    from unmask.planning.summary import doublings, plan_rows

    planner = Planner(_read(measured), order, confidence)
    chosen = planner.plan(steps, budget=budget, price_per_call=price_per_call, parts=parts)
    numbers = sorted({*doublings(planner.max_steps), chosen.steps})
    plans = [chosen if number == chosen.steps else planner.plan(number) for number in numbers]
    rows = plan_rows(planner, plans)
    final = chosen.repeated(blocks)
    if out is not None:
        final.save(out)
    if plot is not None:
        from unmask.reports.frontier import save_plot

        save_plot(rows, chosen.steps, plot)
    if as_json:
        print_json({"chosen": final.to_dict(), "frontier": rows})
        return
    _print(planner, chosen, rows)
    if show:
        from unmask.reports.frontier import drawn

        typer.echo(drawn(rows, chosen.steps))
    _say(planner, chosen, budget, rows)
    if blocks > 1:
        typer.echo(f"{blocks} blocks, {final.steps} network calls, {final.length} tokens")
    if out is not None:
        typer.echo(f"written to {out}")


def _read(name: str) -> "MeasuredCosts":
    """A measurement, or a curve alone."""
    from unmask.planning.known_curve import KnownCurve, read_curve

    if name.startswith("law:"):
        from unmask.laws import catalogue

        return KnownCurve(catalogue.from_name(name.removeprefix("law:")).curve(), name)
    from unmask.measuring.curve_file import is_measurement
    from unmask.measuring.measurement import Measurement

    return Measurement.load(name) if is_measurement(name) else KnownCurve(read_curve(name), name)


def _print(planner: Any, chosen: Any, rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"{chosen.model.get('name', '')}: nats per token beyond one at a time"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("")
    half_width = "" if chosen.price.is_exact else f"± {planner.confidence:.0%}"
    for name in ["T", "order", "price", half_width, "factor", "equal", "cosine", "bound", "gain"]:
        table.add_column(name, justify="left" if name == "order" else "right", overflow="fold")
    for row in rows:
        here = row["steps"] == chosen.steps
        table.add_row(
            "→" if here else "",
            str(row["steps"]),
            row["order"],
            f"{row['price']:.4f}",
            f"{row['high'] - row['price']:.4f}" if half_width else "",
            f"× {row['perplexity_factor']:.3f}",
            *(f"{row[name]:.4f}" for name in ("uniform_schedule", "cosine_schedule", "li_cai_upper", "gain")),
            style="bold" if here else None,
        )
    Console().print(table)
    typer.echo(
        "equal, cosine: those sizes in uniform order; bound: Li & Cai, theorem 1, of equal sizes; gain: on equal"
    )


def _say(planner: Any, chosen: Any, budget: float | None, rows: list[dict[str, Any]]) -> None:
    """The chosen plan in words, and what should be known of its price."""
    sizes = ", ".join(str(size) for size in chosen.schedule.sizes[:24])
    more = ", …" if chosen.schedule.steps > 24 else ""
    typer.echo(f"{chosen.steps} steps in order {planner.name_of(chosen)}, sizes {sizes}{more}")
    price = chosen.price_per_token
    if price.is_exact:
        typer.echo("price of a curve alone, in uniform order (F3): exact for that curve")
    elif not planner.measured.texts:
        typer.echo("price of a curve alone, in uniform order (F3); the interval allows for the worst case")
    else:
        typer.echo(f"price on {price.count} texts that neither order nor sizes were fitted on; valid for")
        typer.echo(chosen.valid_for)
    if budget is not None and not price.is_exact and price.high > budget:
        typer.echo(f"the interval reaches above the budget of {budget:g}; measure more texts, or allow a step more")
    cheaper = [row for row in rows if row["steps"] < chosen.steps and row["price"] < price.low]
    if cheaper:
        typer.echo(
            f"{cheaper[0]['steps']} steps in order {cheaper[0]['order']} cost less; it was measured at few counts"
        )
    if price.high < 0:
        typer.echo("a price below zero: in this order the model is better than one at a time in uniform order")

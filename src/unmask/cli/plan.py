"""`unmask plan m.curve.json`: which positions to reveal at which step, and what that costs. Starts without torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.cli.common import AsJson, OutFile, print_json
from unmask.errors import InputError

if TYPE_CHECKING:
    from unmask.planning.known_curve import KnownCurve


def plan(
    measured: Annotated[
        str, typer.Argument(metavar="FILE", help="A measurement (m.curve.json), a curve as JSON numbers, or law:NAME.")
    ],
    steps: Annotated[int | None, typer.Option(help="Network calls per sequence (T).")] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="Nats per token that revealing together may cost; the fewest steps known to keep it."),
    ] = None,
    at_estimate: Annotated[
        bool, typer.Option("--at-estimate", help="With --budget: the fewest steps whose estimate keeps it.")
    ] = False,
    price_per_call: Annotated[float | None, typer.Option(help="Nats per sequence a network call is worth.")] = None,
    order: Annotated[str, typer.Option(help="auto for the cheapest that was measured, or the name of one.")] = "auto",
    parts: Annotated[int, typer.Option(min=1, help="Orders in the plan, each with its sizes; a row draws one.")] = 1,
    exact: Annotated[
        bool, typer.Option("--exact", help="FILE holds overlaps: plan drafts of exact parallel sampling.")
    ] = False,
    price_per_canvas: Annotated[
        float | None, typer.Option(help="With --exact: rounds that a canvas more in a batch is worth.  [0.03]")
    ] = None,
    blocks: Annotated[int, typer.Option(min=1, help="Repeat the plan of one block so many times.")] = 1,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    show: Annotated[bool, typer.Option("--show", help="Draw price against steps here.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw price against steps into a file.")] = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Plan order and sizes. They are fitted on one half of the texts; the price is stated on the other half.

    A price is two numbers, nats per token: the parallel price, what revealing tokens together costs beyond one at a
    time along the same order, and the order effect, what that order costs one at a time beyond the uniform one; it is
    0 for a perfect model. A budget is kept by the parallel price, as sure as --confidence; exit status 1 when no
    number of steps is known to keep it.
    """
    if exact or price_per_canvas is not None:
        from unmask.cli.overlaps import plan_exact

        others = {"--steps": steps, "--budget": budget, "--price-per-call": price_per_call, "--plot": plot}
        plan_exact(measured, exact, price_per_canvas, order, confidence, others, out, as_json)
        return
    from unmask.planning.planner import Planner, as_costs
    from unmask.planning.summary import doublings, plan_rows

    if at_estimate and budget is None:
        raise InputError("--at-estimate goes with --budget; give a budget, nats per token")
    planner = Planner(_law(measured) if measured.startswith("law:") else as_costs(measured), order, confidence)
    chosen = planner.plan(steps, budget=budget, price_per_call=price_per_call, parts=parts, at_estimate=at_estimate)
    numbers = sorted({*doublings(planner.max_steps), int(chosen.steps)})
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
    _say(planner, chosen, budget)
    if blocks > 1:
        typer.echo(f"{blocks} blocks, {final.steps} network calls, {final.length} tokens")
    if out is not None:
        typer.echo(f"written to {out}")


def _law(name: str) -> "KnownCurve":
    """The exact curve of a law."""
    from unmask.laws import catalogue
    from unmask.planning.known_curve import KnownCurve

    return KnownCurve(catalogue.from_name(name.removeprefix("law:")).curve(), name)


def _print(planner: Any, chosen: Any, rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"{chosen.model.get('name', '')}: parallel price, nats per token beyond one at a time in the same order"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("")
    half_width = "" if chosen.parallel_price.is_exact else f"± {planner.confidence:.0%}"
    for name in ["T", "order", "price", half_width, "perplexity", "equal", "cosine", "bound"]:
        table.add_column(name, justify="left" if name == "order" else "right", overflow="fold")
    for row in rows:
        here = row["steps"] == chosen.steps
        table.add_row(
            "→" if here else "",
            str(row["steps"]),
            row["order"],
            f"{row['parallel_price']:.4f}",
            f"{(row['high'] - row['low']) / 2:.4f}" if half_width else "",
            f"× {row['perplexity_factor']:.3f}",
            *(f"{row[name]:.4f}" for name in ("uniform_schedule", "cosine_schedule", "li_cai_upper")),
            style="bold" if here else None,
        )
    Console().print(table)
    typer.echo("equal, cosine: those sizes in uniform order; bound: Li & Cai, theorem 1, of equal sizes")


def _say(planner: Any, chosen: Any, budget: float | None) -> None:
    """The chosen plan in words, and what should be known of its price."""
    from unmask.planning.summary import sentence

    sizes = ", ".join(str(size) for size in chosen.schedule.sizes[:24])
    more = ", …" if chosen.schedule.steps > 24 else ""
    typer.echo(f"{sentence(chosen)}.")
    typer.echo(f"Order {planner.name_of(chosen)}, sizes {sizes}{more}.")
    price, effect = chosen.parallel_price, chosen.order_effect
    if price.is_exact:
        typer.echo("The price is that of a curve alone, in uniform order (F3): exact for that curve.")
    elif not planner.measured.texts:
        typer.echo("The price is that of a curve alone, in uniform order (F3); the interval allows for the worst case.")
    else:
        typer.echo(
            f"Parallel price {_between(price)} nats/token; order effect {_between(effect)} (0 for a perfect model)."
        )
        if chosen.model_error is not None:
            typer.echo(f"Model error {_between(chosen.model_error)}: what the model pays beyond its own entropy at")
            typer.echo("these steps (0 where it is calibrated); text costs it, but it is no lost information.")
        typer.echo(f"Priced on {price.count} texts that neither order nor sizes were fitted on; valid for")
        typer.echo(chosen.valid_for + ".")
    if budget is not None and not price.is_exact and price.value > budget:
        typer.echo(f"That estimate is above the budget of {budget:g}.")
    for note in chosen.notes:
        typer.echo(f"{note}.")


def _between(estimate: Any) -> str:
    if estimate.is_exact:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"

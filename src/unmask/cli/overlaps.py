"""`unmask measure --overlaps` and `unmask plan --exact`: what exact parallel sampling will cost, before it is run."""

from pathlib import Path
from typing import Any

import typer

from unmask.cli.common import Bar, print_json, print_table
from unmask.errors import InputError

ORDERS = "bit_reversal,golden_ratio,uniform,left_to_right"
"""Measured when none are said: spread out, at random, and none of both."""


def measure_overlaps(
    model: list[str],
    out: Path,
    data: str | None,
    tokens: Path | None,
    lines: bool,
    texts: int | None,
    length: int | None,
    given: str | None,
    orders: str | None,
    batch_size: int,
    seed: int,
    device: str | None,
    trust_remote_code: bool,
    others: dict[str, Any],
    as_json: bool,
) -> None:
    """Measure, write the file and print what drafts of 8 would cost in each order."""
    from unmask import spec
    from unmask.measuring.inputs import read_given, read_inputs
    from unmask.measuring.overlaps import measure_overlaps as run
    from unmask.models.resolve import resolve
    from unmask.order_search.measuring_job import check_folder
    from unmask.theory import reveal_orders

    _refuse("--overlaps", others)
    if len(model) != 1:
        raise InputError(f"{len(model)} models were given; measure one at a time")
    if orders == "auto":
        raise InputError(f"--orders is auto; with --overlaps name them, such as --orders {ORDERS}")
    check_folder(out)
    named = [reveal_orders.from_name(name) for name in spec.specs(orders or ORDERS)]
    with Bar(hidden=as_json) as bar:
        predictor: Any = resolve(model[0], device=device, trust_remote_code=trust_remote_code)
        read = read_inputs(predictor, model[0], data, tokens, lines=lines, length=length, texts=texts or 100, seed=seed)
        rows, source = read.rows, read.source
        bar.say("measuring")
        known = read_given(given, rows, seed)
        found = run(
            predictor, rows, named, given=known, seed=seed, batch_size=batch_size, source=source, progress=bar.show
        )
    found.model["name"] = model[0]
    found.save(out)
    report = _costs(found)
    if as_json:
        spent = found.length * len(found.texts) * len(found.orders) * predictor.calls_per_query
        print_json({"file": str(out), "network_calls": spent, "length": found.length, "orders": report})
        return
    shown = [
        [name, *(f"{entry[key]['value']:.2f}" for key in ("rounds", "canvases"))] for name, entry in report.items()
    ]
    print_table(f"{model[0]}: drafts of {min(8, found.largest)}, a text", ["order", "rounds", "canvases"], shown)
    typer.echo(f"one token at a time has {found.length} rounds of one canvas; {len(found.texts)} texts were measured")
    typer.echo(f"written to {out}; next: unmask plan {out} --exact")


def _costs(found: Any) -> dict[str, Any]:
    from unmask.planning.exact_plan import plan_exact as foretell

    plans = {name: foretell(found, order=name, draft=min(8, found.largest)) for name in found.orders}
    return {name: {"rounds": one.rounds.to_dict(), "canvases": one.canvases.to_dict()} for name, one in plans.items()}


def plan_exact(
    measured: str,
    exact: bool,
    price_per_canvas: float | None,
    order: str,
    confidence: float,
    others: dict[str, Any],
    out: Path | None,
    as_json: bool,
) -> None:
    """Choose order and draft sizes, print what they will cost and write the plan."""
    from unmask.measuring.overlap_table import Overlaps
    from unmask.planning.exact_plan import plan_exact as choose

    if not exact:
        raise InputError("--price-per-canvas was given without --exact")
    _refuse("--exact", others)
    price = 0.03 if price_per_canvas is None else price_per_canvas
    plan = choose(Overlaps.load(measured), price, order, confidence=confidence)
    if out is not None:
        plan.save(out)
    if as_json:
        print_json(plan.to_dict())
        return
    rows = [["rounds", plan.rounds.value, plan.rounds.low, plan.rounds.high]]
    rows.append(["canvases", plan.canvases.value, plan.canvases.low, plan.canvases.high])
    name = plan.model.get("name", "")
    print_table(
        f"{name}: exact in order {plan.order.name}, a text of {plan.length} tokens",
        ["", "foretold", "from", "to"],
        rows,
    )
    typer.echo(f"drafts of {', '.join(str(size) for size in plan.sizes[1:25])}{', …' if plan.length > 25 else ''}")
    typer.echo(f"chosen at {price:g} rounds a canvas; {plan.rounds.count} other texts foretell, at {confidence:.0%}")
    typer.echo("price: 0 nats beyond one token at a time in that order, whatever is drafted")
    if out is not None:
        typer.echo(f"written to {out}; next: unmask sample MODEL --plan {out}")


def _refuse(option: str, others: dict[str, Any]) -> None:
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise InputError(f"{option} and {given[0]} were both given; {option} does not take it")

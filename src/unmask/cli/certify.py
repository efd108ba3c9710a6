"""`unmask certify PLAN MODEL`: prove on fresh texts that a plan keeps its budget, and stop when it is proved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import (
    SPEND,
    TEXTS,
    AsJson,
    BatchSize,
    BlockLength,
    Calls,
    Confidence,
    Data,
    Device,
    Given,
    Length,
    Lines,
    Model,
    OutFile,
    RandomOrders,
    Seed,
    Texts,
    Tokens,
    TrustRemoteCode,
    print_json,
    print_table,
)


def certify(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan, such as m.plan.json.")],
    model: Model,
    budget: Annotated[float, typer.Option(help="Nats per token to prove.")],
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    texts: Texts = None,
    length: Length = None,
    given: Given = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=TEXTS, help="The measurement the plan is made from: leave its texts out."
        ),
    ] = None,
    confidence: Confidence = 0.95,
    mix: Annotated[
        str,
        typer.Option(
            metavar="fallback|uniform",
            rich_help_panel=SPEND,
            help="What bounds the price: one row in exp(cap) goes one token at a time, or every prediction is mixed "
            "with epsilon of the uniform law.",
        ),
    ] = "fallback",
    cap: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=SPEND, help="fallback: nats a text may cost at most.  [6 times the budget, at least 6.9]"
        ),
    ] = None,
    epsilon: Annotated[float, typer.Option(rich_help_panel=SPEND, help="uniform: share of the uniform law.")] = 0.01,
    reads: Annotated[
        int | None,
        typer.Option(
            min=1, rich_help_panel=SPEND, help="uniform: counts read of every text.  [all to 64 tokens, else 17]"
        ),
    ] = None,
    all_texts: Annotated[
        bool, typer.Option("--all", rich_help_panel=SPEND, help="Read all texts: the smallest limit.")
    ] = False,
    random_orders: RandomOrders = None,
    calls: Calls = None,
    block_length: BlockLength = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a plan costs at most --budget nats per token beyond one token at a time.

    Measuring stops as soon as it is proved; the guarantee holds for finitely many texts. Exit status 1 when the texts
    do not suffice, which does not mean that the plan costs more.
    """
    from rich.console import Console

    from unmask.certifying.certificate import certify as prove
    from unmask.certifying.unmeasured_texts import SALT, without_measured
    from unmask.errors import CheckFailed
    from unmask.measuring.inputs import read_given, read_inputs
    from unmask.measuring.measurement import Measurement
    from unmask.models.resolve import resolve
    from unmask.planning.plan import Plan

    mixing = _mixing(mix, cap, epsilon, reads)
    chosen = Plan.load(plan)
    with Console(stderr=True).status(f"loading {model}") as status:
        predictor = resolve(model, device, trust_remote_code)
        leading = int(given) if given is not None and given.isdecimal() else 0
        if length is None and predictor.length is None and block_length is None:
            length = chosen.length + leading
        rows, *_ = read_inputs(
            predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed, salt=SALT
        )
        if exclude is not None:
            rows = without_measured(rows, Measurement.load(exclude))
        found = prove(
            predictor, chosen, rows, budget, confidence=confidence, mixing=mixing, stop=not all_texts,
            random_orders=random_orders or 1, calls=calls, given=read_given(given, rows, seed),
            block_length=block_length, batch_size=batch_size or 16, seed=seed,
            progress=lambda texts, mean, spent: status.update(f"{texts} texts: {mean:.4f} nats/token, {spent} calls"),
        )  # fmt: skip
    if out is not None:
        found.save(out)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found, out)
    if not found.proved:
        more = f"about {found.needed} texts like these would do" if found.needed else "texts like these never would"
        raise CheckFailed(f"{found.texts} texts do not prove a price of at most {budget:g} nats/token; {more}")


def _mixing(mix: str, cap: float | None, epsilon: float, reads: int | None) -> Any:
    from unmask.certifying.mixtures_of_samplers import Fallback, UniformShare
    from unmask.errors import InputError

    if mix == "fallback":
        return None if cap is None else Fallback(cap)
    if mix == "uniform":
        return UniformShare(epsilon, reads)
    raise InputError(f"--mix is {mix!r}; expected fallback or uniform")


def _print(found: Any, out: Path | None) -> None:
    rows = [
        ["at most, nats per token", found.upper_per_token],
        ["with confidence", found.confidence],
        ["budget, nats per token", found.budget],
        ["proved", "yes" if found.proved else "no"],
        ["mean of the texts read, nats per token", found.mean_per_token],
        ["texts read", found.texts],
        ["network calls", found.network_calls],
        ["a text costs at most, nats", found.largest],
    ]
    print_table("Price beyond one token at a time", ["", "certificate"], rows)
    typer.echo(f"It is about {found.what}.")
    if out is not None:
        typer.echo(f"written to {out}")

"""`unmask measure MODEL`: what every number of revealed tokens leaves unknown, on held-out text."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import (
    RESULT,
    SPEND,
    AllowUnknown,
    Alphabet,
    AsJson,
    Bar,
    BatchSize,
    BlockLength,
    Calls,
    Data,
    Device,
    Dtype,
    Family,
    Given,
    Length,
    Lines,
    MaskTokenId,
    MaxLength,
    Revision,
    Seed,
    Shift,
    Texts,
    Tokens,
    TrustRemoteCode,
    load_options,
    print_json,
    print_table,
    say_notes,
)
from unmask.errors import InputError


def measure(
    model: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL", help="A model folder, a shipped model, a hub id or law:NAME; files to --merge."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", rich_help_panel=RESULT, help="Where the measurement goes, such as m.curve.json."),
    ],
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    texts: Texts = None,
    length: Length = None,
    given: Given = None,
    allow_unknown: AllowUnknown = False,
    orders: Annotated[
        str | None,
        typer.Option(
            metavar="auto|uniform|A,B",
            help="Reveal orders besides the uniform one: auto searches, uniform for no other.  [auto, of 24 texts]",
        ),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option(
            metavar="all|N|0,4,…",
            rich_help_panel=SPEND,
            help="Revealed counts to measure.  [all to 64 tokens, else 17]",
        ),
    ] = None,
    canvases: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            rich_help_panel=SPEND,
            help="Extra canvases inside every interval between counts; auto puts them where they pay.",
        ),
    ] = "1",
    precision: Annotated[
        float | None, typer.Option(min=0, rich_help_panel=SPEND, help="Stop at this half-width, nats per token.")
    ] = None,
    calls: Calls = None,
    search_calls: Annotated[
        int,
        typer.Option(
            min=0, rich_help_panel=SPEND, help="With --orders auto: calls to spend at most on searching, besides."
        ),
    ] = 5_000,
    overlaps: Annotated[
        bool, typer.Option("--overlaps", help="Measure how long drafts of exact parallel sampling stand, instead.")
    ] = False,
    dependence: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=RESULT,
            help="Measure what depends on what too, for --rule dependence: where it goes, such as m.dependence.json.",
        ),
    ] = None,
    block_length: BlockLength = None,
    resume_from: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on with this measurement.")] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Put several measurements together; no model is asked.")
    ] = False,
    show_steps: Annotated[
        str | None, typer.Option(metavar="T,T,…", help="Numbers of steps to show bounds for.  [1, 2, 4, … L]")
    ] = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    alphabet: Alphabet = None,
    as_json: AsJson = False,
) -> None:
    """Measure what every number of revealed tokens leaves unknown: the curve that plans are made from.

    Started by torchrun or accelerate launch, every process measures a share of the texts.
    """
    if overlaps:
        from unmask.cli.overlaps import measure_overlaps

        others = {
            "--counts": counts, "--canvases": None if canvases == "1" else canvases, "--precision": precision,
            "--calls": calls, "--block-length": block_length,
            "--resume-from": resume_from, "--merge": merge or None, "--show-steps": show_steps,
            "--dependence": dependence,
        }  # fmt: skip
        measure_overlaps(
            model, out, data, tokens, lines, texts, length, given, orders, batch_size or 16, seed, device,
            trust_remote_code, others, as_json,
        )  # fmt: skip
        return
    from unmask.planning.summary import measured_report

    shown = _numbers(show_steps)
    if merge:
        from unmask.measuring.measurement import Measurement

        if dependence is not None:
            raise InputError("--dependence and --merge were both given; no model is asked with --merge")
        found, spent = Measurement.merge([Measurement.load(path) for path in model]), 0
        found.save(out)
    else:
        if len(model) != 1:
            raise InputError(f"{len(model)} models were given; measure one at a time, or --merge their measurements")
        from unmask.order_search.measuring_job import Job

        job = Job(
            model=model[0], out=out, data=data, tokens=tokens, lines=lines, texts=texts, length=length,
            orders=orders, counts=counts, canvases=canvases, precision=precision, calls=calls,
            search_calls=search_calls, given=given, dependence=dependence,
            block_length=block_length, resume=resume_from, batch_size=batch_size or 16, seed=seed, device=device,
            trust_remote_code=trust_remote_code, allow_unknown=allow_unknown,
            overrides=load_options(
                mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision,
                max_length=max_length, alphabet=alphabet,
            ),
        )  # fmt: skip
        with Bar(hidden=as_json) as bar:
            done = job.run(bar.say, lambda done, total, found: bar.show(done, total, _estimate(found)), say_notes)
        if done is None:  # another process prints
            return
        found, spent = done
    report = measured_report(found, shown)
    if as_json:
        print_json({"file": str(out), "network_calls": spent, **report})
    else:
        _print(report, out, spent)


def _estimate(found: Any) -> str:
    """What the bar says of the measurement so far."""
    if len(found.texts) < 2:
        return "measuring"
    estimate = found.nelbo_per_token()
    return f"{estimate.value:.4f} ± {(estimate.high - estimate.low) / 2:.4f} nats/token"


def _numbers(steps: str | None) -> list[int] | None:
    try:
        return None if steps is None else [int(entry) for entry in steps.split(",")]
    except ValueError:
        raise InputError(f"--show-steps is {steps!r}; expected numbers of steps such as 4,8,16") from None


def _print(report: dict[str, Any], out: Path, spent: int) -> None:
    rows = [[words, value] for words, value in report["summary"].items()]
    print_table(f"{report['model']}", ["", "nats per sequence unless said"], [*rows, ["network calls spent", spent]])
    columns = ["revealed", "cross-entropy", "± 95 %", "own entropy", "difference"]
    print_table("Calibration: nats per token", columns, [list(row.values()) for row in report["calibration"]])
    columns = ["T", "equal sizes cost", "paper's upper bound", "paper's lower bound", "sharp upper bound"]
    print_table("Uniform order: nats per token", columns, [list(row.values()) for row in report["bounds"]])
    typer.echo("the lower bound is reached by some sizes with the same largest step, not by all")
    if report["orders"]:
        rows = [
            [name, *("" if price is None else round(price, 4) + 0.0 for price in prices.values())]
            for name, prices in report["orders"].items()
        ]
        columns = ["order", *(f"T={steps}" for steps in next(iter(report["orders"].values())))]
        print_table("Parallel price of each order's best sizes, nats per token (fitted on these texts)", columns, rows)
    if report["order_effects"]:
        rows = [
            [row["order"], round(row["order_effect"], 4), round(row["half_width"], 4)]
            for row in report["order_effects"]
        ]
        print_table(
            "Order effect: one at a time, nats per token beyond the uniform order", ["order", "", "± 95 %"], rows
        )
    else:
        typer.echo("only the uniform order was measured; --orders auto searches for others on at least 24 texts")
    for note in report["notes"]:
        typer.echo(note)
    typer.echo(f"written to {out}; next: unmask plan {out} --budget 0.05")

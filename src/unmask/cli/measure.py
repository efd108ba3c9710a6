"""`unmask measure MODEL`: what every number of revealed tokens leaves unknown, on held-out text."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import (
    RESULT,
    SPEND,
    TEXTS,
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
    print_plain_table,
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
    own_samples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=2,
            rich_help_panel=TEXTS,
            help="Instead of text: N samples of the model's own, drawn one token at a time.",
        ),
    ] = None,
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
            "--own-samples": own_samples, "--counts": counts, "--canvases": None if canvases == "1" else canvases,
            "--precision": precision, "--calls": calls, "--block-length": block_length, "--resume-from": resume_from,
            "--merge": merge or None, "--show-steps": show_steps, "--dependence": dependence,
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
            search_calls=search_calls, given=given, dependence=dependence, own_samples=own_samples,
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
    report = measured_report(found, shown) | _exact(found)
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


def _exact(found: Any) -> dict[str, Any]:
    """The exact curve of a law beside what was measured of it, where all of its tokens were to be revealed."""
    name = found.model["name"]
    if not name.startswith("law:") or found.settings.get("block_length"):
        return {}
    from unmask.laws import catalogue

    law = catalogue.from_name(name.removeprefix("law:"))
    curve = law.curve() if law.length == found.length else None
    if curve is None or curve.stderr is not None:
        return {}
    return {"exact_curve": {int(count): float(curve.values[count]) for count in found.counts}}


def _print(report: dict[str, Any], out: Path, spent: int) -> None:
    summary = report["summary"]
    shown = [row["steps"] for row in report["bounds"]]
    typer.echo(_conclusion(report, shown))
    rows = [_row(report, place, steps) for place, steps in enumerate(shown)]
    title = f"{report['model']}: parallel price, nats per token"
    print_plain_table(title, ["T", "best order", "price", "equal", "lower", "sharp", "upper"], rows)
    typer.echo(
        "price: of the best sizes, fitted on these texts; equal: equal sizes in uniform order; lower, upper: the"
    )
    typer.echo("paper's bounds of equal sizes, sharp: a tighter one; some sizes of that largest step reach the lower")
    if "exact_curve" in report:
        rows = [
            [str(row["revealed"]), *(f"{number:.4f}" for number in (row["cross_entropy"], row["half_width"], exact))]
            for row in report["calibration"]
            for exact in (report["exact_curve"][row["revealed"]],)
        ]
        print_plain_table("Curve, nats per token", ["revealed", "measured", "± 95 %", "exact"], rows)
    for line in _lines(report):
        typer.echo(line)
    typer.echo(
        f"Total information (TC + DTC) {summary['total information (TC + DTC)']:.4g} nats per sequence: total "
        f"correlation {summary['total correlation (TC)']:.4g},"
    )
    typer.echo(
        f"dual total correlation {summary['dual total correlation (DTC)']:.4g}; growth complexity "
        f"{summary['growth complexity']:.4g}."
    )
    for note in report["notes"]:
        typer.echo(f"{note}.")
    typer.echo(f"{spent} network calls spent; written to {out}; next: unmask plan {out} --budget 0.05")


def _conclusion(report: dict[str, Any], shown: list[int]) -> str:
    """What was measured, and what a few calls cost."""
    summary = report["summary"]
    length = summary["tokens to reveal (L)"]
    nelbo = summary["NELBO one at a time, nats per token"]
    documents = summary["documents"]
    texts = f"{summary['texts']} texts" + ("" if documents == "not known" else f" of {documents} documents")
    texts = f"{summary['texts']} samples of its own" if "texts are" in summary else texts
    block = ", by blocks" if any(name.startswith("block") for name in summary) else ""
    given = "" if summary["given"] == "nothing" else f", given {summary['given']}"
    mean = f"{nelbo:.4f} ± {summary['± 95 %']:.4f} nats/token"
    said = f"One token at a time {mean} (NELBO) on {texts}, L = {length}{block}{given}"
    few = min(shown, key=lambda steps: abs(steps - length / 8))
    best = _best(report, few)
    if best is None or few >= length:
        return f"{said}."
    name, price = best
    return f"{said}; {few} calls instead of {length} cost about {price:.4f} more in order {name}."


def _best(report: dict[str, Any], steps: int) -> tuple[str, float] | None:
    """The order whose best sizes of so many steps are cheapest, and their price."""
    prices = {name: row[steps] for name, row in report["orders"].items() if row[steps] is not None}
    if not prices:
        return None
    if steps == 1 and "uniform" in prices:  # in one step all orders are the same
        return "uniform", prices["uniform"] + 0.0
    name = min(prices, key=prices.__getitem__)
    return name, prices[name] + 0.0


def _row(report: dict[str, Any], place: int, steps: int) -> list[str]:
    best, bounds = _best(report, steps), report["bounds"][place]
    numbers = [bounds[name] + 0.0 for name in ("equal_sizes", "li_cai_lower", "sharp_upper", "li_cai_upper")]
    name, price = ("", "") if best is None else (best[0], f"{round(best[1], 4) + 0.0:.4f}")
    return [str(steps), name, price, *(f"{round(number, 4) + 0.0:.4f}" for number in numbers)]


def _lines(report: dict[str, Any]) -> list[str]:
    """Order effects and calibration, in sentences."""
    if report["order_effects"]:
        effects = [
            f"{row['order']} {row['order_effect']:.4f} ± {row['half_width']:.4f}" for row in report["order_effects"]
        ]
        lines = [
            "Order effect, one at a time beyond the uniform order (0 for a perfect model):",
            "; ".join(effects) + ".",
        ]
    else:
        lines = ["only the uniform order was measured; --orders auto searches for others on at least 24 texts"]
    first, last = report["calibration"][0], report["calibration"][-1]
    worst = max(report["calibration"], key=lambda row: abs(row["difference"]))
    return [
        *lines,
        f"Cross-entropy {first['cross_entropy']:.4f} with nothing revealed, {last['cross_entropy']:.4f} with all but "
        f"one; at most {abs(worst['difference']):.4f}",
        f"{'above' if worst['difference'] >= 0 else 'below'} the model's own entropy, at {worst['revealed']} revealed "
        "(calibration; 0 when perfect).",
    ]

"""`unmask certify PLAN MODEL`: prove on fresh texts that a plan or a rule keeps its budget, and stop when proved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli import sampler as options
from unmask.cli.common import (
    SPEND,
    TEXTS,
    AllowUnknown,
    Alphabet,
    AsJson,
    BatchSize,
    BlockLength,
    Calls,
    Confidence,
    Data,
    Device,
    Dtype,
    Family,
    Given,
    Length,
    Lines,
    MaskTokenId,
    MaxLength,
    OutFile,
    RandomOrders,
    Revision,
    Seed,
    Shift,
    Texts,
    Tokens,
    TrustRemoteCode,
    alphabet_note,
    load_options,
    print_json,
    print_table,
    say_notes,
)


def certify(
    plan_or_model: Annotated[
        str, typer.Argument(metavar="PLAN", help="A plan, such as m.plan.json. Left out with --rule.")
    ],
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Path, hub id, shipped name, or law:NAME.", show_default=False)
    ] = None,
    *,
    budget: Annotated[float | None, typer.Option(help="Nats per token to prove.")] = None,
    accuracy: Annotated[
        bool,
        typer.Option("--accuracy", help="Instead: how often a check is passed, at least. Draws --texts own samples."),
    ] = False,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:FUNCTION", help="Yes or no, of a text (a law: of its tokens).  [a law: is it possible]"
        ),
    ] = None,
    rule: options.Rule = None,
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    texts: Texts = None,
    length: Length = None,
    given: Given = None,
    allow_unknown: AllowUnknown = False,
    exclude: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=TEXTS,
            help="A measurement: leave its texts out. Those a plan says it is made from always are.",
        ),
    ] = None,
    confidence: Confidence = 0.95,
    mix: Annotated[
        str,
        typer.Option(
            metavar="fallback|uniform",
            rich_help_panel=SPEND,
            help="What bounds the price: the steps of one row in exp(cap) are drawn one token at a time, or every "
            "prediction is mixed with epsilon of the uniform law.",
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
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    alphabet: Alphabet = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a plan or a --rule costs at most --budget nats per token beyond one token at a time along its path.

    That is the parallel price: the same steps, with the tokens of each step drawn together or one by one. Measuring
    stops as soon as it is proved; the guarantee holds for finitely many texts. Of a text file one window of each
    document is read: only documents are independent. Exit status 1 when the texts do not suffice, which does not mean
    that the plan costs more.
    """
    from rich.console import Console

    from unmask.certifying.accuracy import certify_accuracy
    from unmask.certifying.certificate import certify as prove
    from unmask.certifying.checks import check_of
    from unmask.certifying.unmeasured_texts import SALT, are_unused, texts_of, without
    from unmask.errors import CheckFailed, InputError
    from unmask.files import write_json
    from unmask.measuring.inputs import length_with, read_given, read_inputs
    from unmask.measuring.measurement import Measurement
    from unmask.models.resolve import resolve
    from unmask.planning.plan import Plan

    mixing = _mixing(mix, cap, epsilon, reads)
    if rule is not None and model is not None:
        raise InputError(f"--rule and the plan {plan_or_model} were given; give one of them")
    if rule is None and model is None:
        raise InputError(
            f"only {plan_or_model} was given; expected unmask certify PLAN MODEL, or unmask certify MODEL --rule NAME"
        )
    if accuracy and budget is not None:
        raise InputError("--budget and --accuracy were given; give one of them")
    if not accuracy and budget is None:
        raise InputError("--budget is missing; give nats per token, such as 0.05, or --accuracy")
    if check is not None and not accuracy:
        raise InputError("--check was given without --accuracy")
    chosen: Any = Plan.load(plan_or_model) if model is not None else str(rule)
    model = model or plan_or_model
    with Console(stderr=True).status(f"loading {model}") as status:
        said = load_options(
            mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision,
            max_length=max_length, alphabet=alphabet,
        )  # fmt: skip
        predictor = resolve(model, device, trust_remote_code, **said)
        say_notes(alphabet_note(predictor))
        if accuracy:
            limit = certify_accuracy(
                predictor, chosen, check_of(predictor, check), texts or 500, confidence=confidence, seed=seed,
                length=length, batch_size=batch_size, **({} if cap is None else {"cap": cap}),
            )  # fmt: skip
            if out is not None:
                write_json(out, limit.to_dict())
            print_json(limit.to_dict()) if as_json else typer.echo(str(limit))
            return
        assert budget is not None
        if isinstance(chosen, Plan):
            given = chosen.as_given(given)
        if length is None and predictor.length is None and block_length is None and isinstance(chosen, Plan):
            length = length_with(chosen.length, given)
        read = read_inputs(
            predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed, salt=SALT,
            allow_unknown=allow_unknown,
        )  # fmt: skip
        rows, documents = read.rows, read.documents
        say_notes(read.said)
        used = set(getattr(chosen, "texts", ()))
        if exclude is not None:
            used |= texts_of(Measurement.load(exclude))
        kept = are_unused(rows, used)
        if not kept.all():
            status.console.print(f"left out {int((~kept).sum())} texts that the plan was made from")
        rows, documents = without(rows, used), documents[kept]
        found = prove(
            predictor, chosen, rows, budget, confidence=confidence, mixing=mixing, stop=not all_texts,
            random_orders=random_orders or 1, calls=calls, given=read_given(given, rows, seed),
            documents=documents if bool((documents >= 0).any()) else None,
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
    print_table("Parallel price", ["", "certificate"], rows)
    typer.echo(f"It is about {found.what}.")
    typer.echo(f"It holds when {found.assumes}.")
    if out is not None:
        typer.echo(f"written to {out}")

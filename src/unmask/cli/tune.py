"""`unmask tune MODEL --rule RULE --budget NATS`: the setting of a decoding rule that keeps a budget."""

from typing import Annotated

import typer

from unmask.cli.common import (
    SPEND,
    AllowUnknown,
    Alphabet,
    AsJson,
    BatchSize,
    BlockLength,
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
    Model,
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
from unmask.errors import InputError

SAMPLES = 200


def tune(
    model: Model,
    rule: Annotated[str, typer.Option(help="entropy_bound, entropy_sum, threshold, factor or klass.")],
    budget: Annotated[float, typer.Option(help="Nats per token beyond one token at a time.")],
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    texts: Texts = None,
    length: Length = None,
    given: Given = None,
    allow_unknown: AllowUnknown = False,
    block_length: BlockLength = None,
    random_orders: RandomOrders = None,
    points: Annotated[int, typer.Option(min=5, rich_help_panel=SPEND, help="Most settings to try.")] = 14,
    confidence: Confidence = 0.95,
    out: OutFile = None,
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
    """Find which entropy_bound, threshold, … loses how much: the loosest setting that keeps a budget.

    Every setting is scored exactly, by replaying the rule on held-out texts. The setting is chosen on half of them; its
    price and its network calls are those on the other half. Next: unmask export FILE --to vllm.
    """
    from rich.console import Console

    from unmask.measuring.inputs import read_given, read_inputs
    from unmask.models.capabilities import block_length_of
    from unmask.models.resolve import resolve
    from unmask.planning.tunable_rules import rule_named
    from unmask.planning.tune import ORDERS
    from unmask.planning.tune import tune as run

    chosen = rule_named(rule)
    if out is not None and not out.parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.parent}")
    with Console(stderr=True).status(f"loading {model}") as status:
        said = load_options(
            mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision,
            max_length=max_length, alphabet=alphabet,
        )  # fmt: skip
        predictor = resolve(model, device=device, trust_remote_code=trust_remote_code, **said)
        found = read_inputs(
            predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed,
            allow_unknown=allow_unknown,
        )  # fmt: skip
        say_notes(alphabet_note(predictor) + found.said)
        knob = run(
            predictor, chosen, found.rows, budget, seed=seed, given=read_given(given, found.rows, seed),
            block_length=block_length or block_length_of(predictor), random_orders=random_orders or ORDERS,
            points=points, confidence=confidence, batch_size=batch_size, source=found.source, progress=status.update,
        )  # fmt: skip
    if out is not None:
        knob.save(out)
    price = knob.price_per_token
    if as_json:
        print_json(knob.to_dict() | {"budget": budget, "price_per_token": price.to_dict()})
        return
    rows = [[value, paid / knob.length, calls, "←" if value == knob.value else ""] for value, paid, calls in knob.tried]
    print_table(f"{model}: {rule} for at most {budget:g} nats/token", [rule, "nats/token", "network calls", ""], rows)
    typer.echo(
        f"{rule} = {knob.value:g}: {price} nats/token at {price.confidence:.0%}, {knob.network_calls} network calls of "
        f"{knob.length} (on texts it was not chosen on)"
    )
    if price.low > budget:
        typer.echo("The other half of the texts costs more than the budget: tune on more texts.")
    if out is not None:
        typer.echo(f"written to {out}; next: unmask export {out} --to ENGINE --out FOLDER")

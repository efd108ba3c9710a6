"""`unmask tune MODEL --rule RULE --budget NATS`: the setting of a decoding rule that keeps a budget."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, Seed, print_json, print_table
from unmask.errors import InputError

SAMPLES = 200


def tune(
    model: Annotated[str, typer.Argument(help="A model folder, a shipped model (toy, manual), a hub id or law:NAME.")],
    rule: Annotated[str, typer.Option(help="entropy_bound, entropy_sum, threshold, factor or klass.")],
    budget: Annotated[float, typer.Option(help="Nats per token beyond one token at a time.")],
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Held-out text, cut into windows.")] = None,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Texts as token ids: .npy, or .jsonl with a text a line.")
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Every line of --data is a text of its own.")] = False,
    samples: Annotated[int | None, typer.Option(min=4, help="Of a law: how many sequences to draw.  [200]")] = None,
    length: Annotated[int | None, typer.Option(min=1, help="Tokens of a window.  [the model's]")] = None,
    limit: Annotated[int | None, typer.Option(min=4, help="Only the first so many texts.")] = None,
    prompt_tokens: Annotated[int, typer.Option(min=0, help="Leading tokens that are given.")] = 0,
    block: Annotated[
        int | None, typer.Option(min=1, help="Blocks of so many tokens, from left to right.  [the model's]")
    ] = None,
    orders: Annotated[int, typer.Option(min=1, help="Random orders to average over, where the order is random.")] = 4,
    points: Annotated[int, typer.Option(min=5, help="Most settings to try.")] = 14,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the knob here, such as my.knob.json.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Texts in a network call.")] = None,
    seed: Seed = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, …; the first GPU when there is one.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that comes with the checkpoint.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find which entropy_bound, threshold, … loses how much: the loosest setting that keeps a budget.

    Every setting is scored exactly, by replaying the rule on held-out texts. The setting is chosen on half of them; its
    price and its network calls are those on the other half. Next: unmask export FILE --to vllm.
    """
    from rich.console import Console

    from unmask.models.resolve import resolve
    from unmask.planning.tune import rule_named
    from unmask.planning.tune import tune as run

    chosen = rule_named(rule)
    if out is not None and not out.parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.parent}")
    with Console(stderr=True).status(f"loading {model}") as status:
        predictor = resolve(model, device=device, trust_remote_code=trust_remote_code)
        texts, source = _texts(predictor, model, data, tokens, lines, samples, length, seed)
        knob = run(
            predictor, chosen, texts[:limit], budget, seed=seed, given=prompt_tokens,
            block_length=block if block is not None else getattr(predictor, "block_size", None), random_orders=orders,
            points=points, confidence=confidence, batch_size=batch_size, source=source, progress=status.update,
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


def _texts(
    predictor: Any,
    model: str,
    data: Path | None,
    tokens: Path | None,
    lines: bool,
    samples: int | None,
    length: int | None,
    seed: int,
) -> tuple[Any, str]:
    """The texts, and the name of the draw when they were drawn."""
    from unmask.measuring.text_files import read_texts

    said = {"--data": data, "--tokens": tokens, "--samples": samples}
    given = [name for name, value in said.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} were given; give one of them")
    if data is not None or tokens is not None:
        return read_texts(predictor, data or tokens, length, lines), ""
    law = getattr(predictor, "law", None)
    if law is None:
        raise InputError("--data is missing; give held-out text, or --tokens (only a law can draw its own)")
    return law.sample(samples or SAMPLES, seed), f"{model} seed {seed}"

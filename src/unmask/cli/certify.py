"""`unmask certify PLAN MODEL`: prove on fresh texts that a plan keeps its budget, and stop when it is proved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, OutFile, Seed, print_json, print_table


def certify(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan, such as m.plan.json.")],
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model folder, a shipped model, a hub id or law:NAME.")
    ],
    budget: Annotated[float, typer.Option(help="Nats per token to prove.")],
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Fresh text, or tokens (.npy, .jsonl), cut into windows.")
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Every line of --data is a text of its own.")] = False,
    length: Annotated[int | None, typer.Option(min=1, help="Tokens of a window.  [the model's, or the plan's]")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Of a law: how many sequences to draw at most.")] = None,
    exclude: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The measurement the plan is made from: leave its texts out.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="How often certificates hold, at least.")] = 0.95,
    mix: Annotated[
        str,
        typer.Option(
            metavar="fallback|uniform",
            help="What bounds the price: one row in exp(cap) goes one token at a time, or every prediction is mixed "
            "with epsilon of the uniform law.",
        ),
    ] = "fallback",
    cap: Annotated[
        float | None, typer.Option(help="fallback: nats a text may cost at most.  [6 times the budget, at least 6.9]")
    ] = None,
    epsilon: Annotated[float, typer.Option(help="uniform: share of the uniform law.")] = 0.01,
    reads: Annotated[
        int | None, typer.Option(min=1, help="uniform: counts read of every text.  [all to 64 tokens, else 17]")
    ] = None,
    all_texts: Annotated[bool, typer.Option("--all", help="Read all texts: the smallest limit.")] = False,
    draws: Annotated[
        int, typer.Option(min=1, help="Permutations each text is read with; more where texts are few.")
    ] = 1,
    calls: Annotated[int | None, typer.Option(min=1, help="Network calls to spend at most.")] = None,
    prompt_tokens: Annotated[int, typer.Option(min=0, help="Leading tokens that are given.")] = 0,
    block: Annotated[int | None, typer.Option(min=1, help="The plan is that of blocks of so many tokens.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts in a network call.")] = 16,
    seed: Seed = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, …; the first GPU when there is one.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that comes with the checkpoint.")
    ] = False,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a plan costs at most --budget nats per token beyond one token at a time.

    Measuring stops as soon as it is proved; the guarantee holds for finitely many texts. Exit status 1 when the texts
    do not suffice, which does not mean that the plan costs more.
    """
    from rich.console import Console

    from unmask.certifying.certificate import certify as prove
    from unmask.certifying.unmeasured_texts import texts_of, without_measured
    from unmask.errors import CheckFailed
    from unmask.measuring.measurement import Measurement
    from unmask.models.resolve import resolve
    from unmask.planning.plan import Plan

    mixing = _mixing(mix, cap, epsilon, reads)
    chosen = Plan.load(plan)
    with Console(stderr=True).status(f"loading {model}") as status:
        predictor = resolve(model, device, trust_remote_code)
        length = (
            predictor.length if predictor.length is not None or block is not None else chosen.length + prompt_tokens
        )
        texts = texts_of(predictor, data, length, lines=lines, samples=samples, seed=seed)
        if exclude is not None:
            texts = without_measured(texts, Measurement.load(exclude))
        found = prove(
            predictor, chosen, texts, budget, confidence=confidence, mixing=mixing, stop=not all_texts,
            random_orders=draws, calls=calls, given=prompt_tokens, block_length=block, batch_size=batch_size, seed=seed,
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

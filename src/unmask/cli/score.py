"""`unmask score MODEL`: the exact log-likelihood of texts under the sampler that is actually run."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli import sampler as options
from unmask.cli.common import AsJson, OutFile, Seed, print_json, print_table
from unmask.errors import InputError


def score(
    model: options.Model,
    rule: options.Rule = None,
    plan: options.PlanFile = None,
    steps: options.Steps = None,
    order: options.Order = None,
    text: Annotated[str | None, typer.Option(help="One text; for a law, its words or token ids.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text, cut into windows of the model's length.")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Texts as token ids: .npy, or .jsonl with a text a line.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Of a law: draw so many texts.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Every line of --data is a text of its own.")] = False,
    length: Annotated[int | None, typer.Option(min=1, help="Tokens of a window.  [the model's]")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many texts.")] = None,
    prompt_tokens: Annotated[int, typer.Option(min=0, help="Leading tokens that are given and not scored.")] = 0,
    orders: Annotated[int | None, typer.Option(min=1, help="Random orders to average over.  [4]")] = None,
    estimate: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Count among N samples instead: any rule, small laws only.")
    ] = None,
    temperature: options.Temperature = 1.0,
    top_p: options.TopP = None,
    top_k: options.TopK = None,
    block_length: options.BlockLength = None,
    stop_at_end: options.StopAtEnd = False,
    seed: Seed = 0,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Texts in a network call.")] = None,
    out: OutFile = None,
    device: options.Device = None,
    trust_remote_code: options.TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Score texts by replaying the sampler on them: exact, in nats. Without a rule: one token at a time, random order.

    Where the order is random the score is the mean over drawn orders, with a standard error, and `bound` a bound on the
    log-probability of the output. Rules that read drawn tokens or take them back have no such score: --estimate counts.
    """
    from unmask import files
    from unmask.models.resolve import resolve
    from unmask.sampling.request import texts_of
    from unmask.sampling.score import score as run

    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code)
    texts = _texts(predictor, text, data, tokens, samples, lines, length, seed)[:limit]
    texts_of(predictor, texts, prompt=prompt_tokens)  # what is asked for is checked before how
    sampler = options.chosen_sampler(
        len(texts[0]) - prompt_tokens, rule, plan, steps, order, temperature, top_p, top_k, block_length, stop_at_end
    )
    found = run(
        predictor, sampler, texts, seed=seed, random_orders=orders, prompt=prompt_tokens, batch_size=batch_size,
        estimate=estimate,
    )  # fmt: skip
    report = _finite({"model": model, "texts": len(texts), "mean": found.mean, "mean_stderr": found.mean_stderr}
                     | found.to_dict())  # fmt: skip
    if out is not None:
        files.write_json(out, report)
    if as_json:
        print_json(report)
        return
    shown = [options.decoded(predictor, row) for row in texts[:10]]
    facts = zip(
        shown,
        found.log_prob.tolist(),
        found.stderr.tolist(),
        found.bound.tolist(),
        found.network_calls.tolist(),
        strict=False,
    )
    columns = ["text", "log p", "±", "bound", "calls"]
    more = f", the first 10 of {len(texts)} texts" if len(texts) > 10 else ""
    print_table(f"{model}, {sampler.name or 'a rule of its own'}: nats{more}", columns, facts)
    typer.echo(repr(found))
    if out is not None:
        typer.echo(f"written to {out}")


def _texts(
    predictor: Any,
    text: str | None,
    data: Path | None,
    tokens: Path | None,
    samples: int | None,
    lines: bool,
    length: int | None,
    seed: int,
) -> list[list[int]]:
    sources = {"--text": text, "--data": data, "--tokens": tokens, "--samples": samples}
    given = [name for name, value in sources.items() if value is not None]
    if len(given) != 1:
        said = " and ".join(given) + " were given" if given else "no texts were given"
        raise InputError(f"{said}; give one of --text, --data, --tokens, or --samples for a law")
    if text is not None:
        return [options.encoded(predictor, text)]
    if samples is not None:
        law = getattr(predictor, "law", None)
        if law is None:
            raise InputError("--samples draws from a law (law:NAME); for a model give --text, --data or --tokens")
        return [[int(token) for token in row] for row in law.sample(samples, seed)]
    from unmask.measuring.text_files import read_texts

    rows = read_texts(predictor, data if tokens is None else tokens, length, lines)
    return [[int(token) for token in row] for row in rows]


def _finite(value: Any) -> Any:
    """JSON has no infinities: an impossible text's log-likelihood becomes null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

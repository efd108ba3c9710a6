"""`unmask score MODEL`: the exact log-likelihood of texts under the sampler that is actually run."""

import math
from typing import Annotated, Any

import typer

from unmask.cli import sampler as options
from unmask.cli.common import (
    SPEND,
    TEXTS,
    AsJson,
    BatchSize,
    BlockLength,
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
from unmask.errors import InputError


def score(
    model: Model,
    rule: options.Rule = None,
    plan: options.PlanFile = None,
    steps: options.Steps = None,
    order: options.Order = None,
    exact: options.Exact = False,
    draft: options.Draft = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="WORDS", rich_help_panel=TEXTS, help="One text; for a law, its words or token ids."),
    ] = None,
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    texts: Texts = None,
    length: Length = None,
    given: Given = None,
    random_orders: RandomOrders = None,
    estimate: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", rich_help_panel=SPEND, help="Count among N samples instead: any rule, small laws only."
        ),
    ] = None,
    temperature: options.Temperature = 1.0,
    top_p: options.TopP = None,
    top_k: options.TopK = None,
    block_length: BlockLength = None,
    stop_at_end: options.StopAtEnd = False,
    seed: Seed = 0,
    batch_size: BatchSize = None,
    out: OutFile = None,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Score texts by replaying the sampler on them: exact, in nats. Without a rule: one token at a time, random order.

    Where the order is random the score is the mean over drawn orders, with a standard error, and `bound` a bound on the
    log-probability of the output. Rules that read drawn tokens or take them back have no such score: --estimate counts.
    """
    import numpy as np

    from unmask import files
    from unmask.measuring.inputs import read_given, read_inputs
    from unmask.models.resolve import resolve
    from unmask.models.words import decoded, encoded
    from unmask.sampling.request import texts_of
    from unmask.sampling.score import score as run

    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code)
    if text is not None and (data is not None or tokens is not None):
        raise InputError("--text and another source of texts were given; give one of --text, --data and --tokens")
    if text is not None:
        rows = np.array([encoded(predictor, text)], dtype=np.int64)
    else:
        rows, *_ = read_inputs(predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed)
    known = read_given(given, rows, seed)
    _, scored = texts_of(predictor, rows, known)  # what is asked for is checked before how
    sampler = options.chosen_sampler(
        int(scored[0].sum()),
        rule,
        plan,
        steps,
        order,
        temperature,
        top_p,
        top_k,
        block_length,
        stop_at_end,
        exact,
        draft,
    )
    found = run(
        predictor, sampler, rows, seed=seed, random_orders=random_orders, given=known, batch_size=batch_size,
        estimate=estimate,
    )  # fmt: skip
    report = _finite({"model": model, "texts": len(rows), "mean": found.mean, "mean_stderr": found.mean_stderr}
                     | found.to_dict())  # fmt: skip
    if out is not None:
        files.write_json(out, report)
    if as_json:
        print_json(report)
        return
    shown = [decoded(predictor, row) for row in rows[:10].tolist()]
    facts = zip(
        shown,
        found.log_prob.tolist(),
        found.stderr.tolist(),
        found.bound.tolist(),
        found.network_calls.tolist(),
        strict=False,
    )
    columns = ["text", "log p", "±", "bound", "calls"]
    more = f", the first 10 of {len(rows)} texts" if len(rows) > 10 else ""
    print_table(f"{model}, {sampler.name or 'a rule of its own'}: nats{more}", columns, facts)
    typer.echo(repr(found))
    if out is not None:
        typer.echo(f"written to {out}")


def _finite(value: Any) -> Any:
    """JSON has no infinities: an impossible text's log-likelihood becomes null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""`unmask sample MODEL`: text by any rule, with its price known where it can be, its calls counted and its trace."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli import sampler as options
from unmask.cli.common import (
    AsJson,
    BatchSize,
    BlockLength,
    Device,
    Model,
    OutFile,
    Seed,
    TrustRemoteCode,
    print_json,
    print_table,
)
from unmask.errors import InputError


def sample(
    model: Model,
    rule: options.Rule = None,
    plan: options.PlanFile = None,
    steps: options.Steps = None,
    order: options.Order = None,
    exact: options.Exact = False,
    draft: options.Draft = None,
    n: Annotated[int | None, typer.Option("-n", min=1, help="How many texts.  [1]")] = None,
    prompt: Annotated[str | None, typer.Option(help="Text that is given; for a law, its words or token ids.")] = None,
    prompt_tokens: Annotated[str | None, typer.Option(metavar="I,J,…", help="The prompt as token ids.")] = None,
    length: Annotated[int | None, typer.Option(min=1, help="Tokens of a text, prompt included.  [the model's]")] = None,
    new_tokens: Annotated[int | None, typer.Option(min=1, help="Instead: tokens after the prompt.")] = None,
    temperature: options.Temperature = 1.0,
    top_p: options.TopP = None,
    top_k: options.TopK = None,
    block_length: BlockLength = None,
    stop_at_end: options.StopAtEnd = False,
    seed: Seed = 0,
    batch_size: BatchSize = None,
    out: OutFile = None,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every step here, as JSON lines.")] = None,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: AsJson = False,
) -> None:
    """Sample text. Without a rule, a plan or --steps: one token at a time, in random order, at no price.

    Rules: ancestral, confidence, credit, dilated, dream, edit, entropy_bound, entropy_sum, exact, factor,
    first_hitting, klass, left_to_right, llada, margin, maskgit, moment, one_by_one, p2, prophet, punt, rcr, remdm,
    renoise, threshold, wino. Their knobs are those of unmask.recipes: entropy_bound:0.1,
    klass:threshold=0.7,epsilon=0.01.
    --out takes FILE.jsonl, FILE.npy or a text file.
    """
    from unmask.models.resolve import resolve
    from unmask.sampling.request import rows_of
    from unmask.sampling.sample import sample as run

    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code)
    given = _prompt(predictor, prompt, prompt_tokens)
    whole = length if length is not None or new_tokens is not None else predictor.length
    masked = new_tokens if new_tokens is not None else None if whole is None else whole - len(given)
    if masked is not None:
        rows_of(predictor, n, given or None, None, length, new_tokens)  # what is asked for is checked before how
    sampler = options.chosen_sampler(
        masked, rule, plan, steps, order, temperature, top_p, top_k, block_length, stop_at_end, exact, draft,
    )  # fmt: skip
    found = run(
        predictor, sampler, n or 1, seed=seed, prompt=given or None, length=length, new_tokens=new_tokens,
        batch_size=batch_size, entropies=trace is not None,
    )  # fmt: skip
    texts = [options.decoded(predictor, row) for row in found.rows()]
    if out is not None:
        _write(out, found, texts)
    if trace is not None:
        found.trace.write(trace)
    valid = _valid(predictor, found)
    if as_json:
        print_json(_report(model, sampler, found, texts, valid))
        return
    several = bool((found.canvases != found.network_calls).any())
    rows = [
        [text, *(["yes" if ok else "no"] if valid else []), calls, *([canvases] if several else []), nats]
        for text, ok, calls, canvases, nats in zip(
            texts,
            valid or [False] * len(texts),
            found.network_calls.tolist(),
            found.canvases.tolist(),
            (-found.log_prob).tolist(),
            strict=True,
        )
    ]
    counted = ["network calls", *(["canvases"] if several else [])]
    columns = ["text", *(["valid"] if valid else []), *counted, "nats drawn"]
    print_table(f"{model}, {sampler.name or 'a rule of its own'}", columns, rows)
    typer.echo(_claims(sampler))
    plan = getattr(sampler.selection, "plan", None)
    carried = plan.notes[-1:] if getattr(plan, "measured_length", None) else ()
    for note in (*carried, *found.notes):
        typer.echo(f"note: {note}")
    for path in filter(None, (out, trace)):
        typer.echo(f"written to {path}")


def _prompt(predictor: Any, prompt: str | None, prompt_tokens: str | None) -> list[int]:
    if prompt is not None and prompt_tokens is not None:
        raise InputError("--prompt and --prompt-tokens were both given; give one of them")
    if prompt_tokens is None:
        return [] if prompt is None else options.encoded(predictor, prompt)
    try:
        return [int(token) for token in prompt_tokens.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--prompt-tokens is {prompt_tokens!r}; expected token ids such as 3,0,7") from None


def _write(path: Path, found: Any, texts: list[str]) -> None:
    """Texts as JSON lines, as an array of tokens, or one a line."""
    from unmask import files

    if path.suffix == ".npy":
        import io

        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, found.tokens.numpy())
        files.write_bytes(path, buffer.getvalue())
        return
    lines = texts
    if path.suffix == ".jsonl":
        facts = zip(found.rows(), texts, found.network_calls.tolist(), found.log_prob.tolist(), strict=True)
        lines = [json.dumps({"tokens": t, "text": x, "network_calls": c, "log_prob": p}) for t, x, c, p in facts]
    files.write_text(path, "\n".join(lines) + "\n")


def _valid(predictor: Any, found: Any) -> list[bool]:
    from unmask.models.capabilities import law_of

    check = getattr(law_of(predictor), "is_valid", None)
    return [] if check is None else [bool(ok) for ok in check(found.tokens.numpy())]


def _claims(sampler: Any) -> str:
    predicted = "predictable" if sampler.predictable else f"not predictable: {sampler.why_not_predictable}"
    return f"price: {predicted}; likelihood: {sampler.scorable}"


def _report(model: str, sampler: Any, found: Any, texts: list[str], valid: list[bool]) -> dict[str, Any]:
    from unmask.sampling.citations import cite

    report = {"model": model, **found.to_dict(), "texts": texts}
    report |= {"valid": valid} if valid else {}
    return report | {
        "predictable": sampler.predictable,
        "why_not_predictable": sampler.why_not_predictable,
        "scorable": str(sampler.scorable),
        "cite": cite(sampler).splitlines(),
    }

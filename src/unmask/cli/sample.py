"""`unmask sample MODEL`: text by any rule, with its price known where it can be, its calls counted and its trace."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli import sampler as options
from unmask.cli.common import (
    AllowUnknown,
    Alphabet,
    AsJson,
    BatchSize,
    BlockLength,
    Device,
    Dtype,
    Family,
    Given,
    MaskTokenId,
    MaxLength,
    Model,
    OutFile,
    Revision,
    Seed,
    Shift,
    TrustRemoteCode,
    alphabet_note,
    load_options,
    print_json,
    print_table,
    say_notes,
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
    prompt_file: Annotated[Path | None, typer.Option(metavar="FILE", help="The prompt, from a file.")] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="The prompt is one user's turn, or messages as JSON: the model's template.")
    ] = False,
    infill: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Text with gaps: [MASK], [MASK:5], or [MASK:3-8] to try lengths; or all but --given."
        ),
    ] = None,
    infill_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="As --infill: a FASTA file, or a text a line.")
    ] = None,
    given: Given = None,
    keep_special: Annotated[
        bool, typer.Option("--keep-special", help="Show special tokens, which are otherwise left out of a text.")
    ] = False,
    allow_unknown: AllowUnknown = False,
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
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    alphabet: Alphabet = None,
    as_json: AsJson = False,
) -> None:
    """Sample text. Without a rule, a plan or --steps: one token at a time, in random order, at no price.

    Rules: ancestral, confidence, credit, dependence, dilated, dream, edit, entropy_bound, entropy_sum,
    entropy_threshold, exact, factor, first_hitting, frechet, hierarchy, info_gain, klass, left_to_right, less, llada,
    margin, maskgit, moment, one_by_one, p2, pc_sampler, pipeline, prophet, punt, rcr, remdm, renoise, sched, slow_fast,
    threshold, wino. Their knobs are those of unmask.recipes: entropy_bound:0.1, klass:threshold=0.7,epsilon=0.01.
    --out takes FILE.jsonl, FILE.npy, FILE.fasta or a text file.
    """
    from unmask.cli.requests import requested
    from unmask.models.resolve import resolve
    from unmask.sampling.request import rows_of
    from unmask.sampling.sample import sample as run

    said = load_options(
        mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision, max_length=max_length,
        alphabet=alphabet,
    )  # fmt: skip
    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code, **said)
    say_notes(alphabet_note(predictor))
    if plan is not None and (infill is not None or infill_file is not None):
        given = options.plan_given(plan, given, "[MASK" in (infill or ""))
    asked = requested(
        predictor, prompt, prompt_tokens, prompt_file, chat, infill, infill_file, given, allow_unknown, seed
    )
    if asked.fillings and (length is not None or new_tokens is not None):
        raise InputError("--infill says itself how long a text is; leave out --length and --new-tokens")
    whole = length if length is not None or new_tokens is not None else predictor.length
    masked = new_tokens if new_tokens is not None else None if whole is None else whole - len(asked.prompt)
    if asked.fillings:
        masked = asked.masked
        rows_of(predictor, infill=asked.infill(1))
    elif masked is not None:
        rows_of(predictor, n, asked.prompt or None, None, length, new_tokens)  # what is asked for is checked before how
    if plan is not None:
        say_notes(options.check_plan_fits(plan, len(asked.prompt), bool(asked.fillings)))
    sampler = options.chosen_sampler(
        masked, rule, plan, steps, order, temperature, top_p, top_k, block_length, stop_at_end, exact, draft,
    )  # fmt: skip
    if asked.tries_lengths and not sampler.scorable:
        raise InputError(
            f"gaps of several lengths are ranked by likelihood, and this rule has none: {sampler.scorable}"
        )
    shared: dict[str, Any] = {"seed": seed, "batch_size": batch_size, "entropies": trace is not None}
    if asked.fillings:
        found = run(predictor, sampler, infill=asked.infill(n or 1), **shared)
    else:
        found = run(
            predictor, sampler, n or 1, prompt=asked.prompt or None, length=length, new_tokens=new_tokens, **shared
        )
    drawn = Drawn(predictor, found, asked, n or 1, keep_special)
    if out is not None:
        say_notes(_write(out, drawn))
    if trace is not None:
        found.trace.write(trace)
    valid = _valid(predictor, found)
    if as_json:
        print_json(_report(model, sampler, drawn, valid))
        return
    _print(model, sampler, drawn, valid)
    for path in filter(None, (out, trace)):
        typer.echo(f"written to {path}")


class Drawn:
    """What was sampled, as a person reads it: each row up to its end of text, the best lengths of gaps first.

    Attributes:
        texts: of each row, in the order of `found`. nats: what each cost up to there. per_token: nats a drawn token.
        names: of each row, "" where its text has none. order: rows, best first where lengths were tried.
    """

    def __init__(self, predictor: Any, found: Any, asked: Any, n: int, keep_special: bool) -> None:
        from unmask.sampling.ends import shown_length

        self.found, self.asked = found, asked
        drawn = ~found.given & (found.tokens >= 0)
        ends = [
            shown_length(row[:length], mask[:length], predictor.end_of_text_id)
            for row, mask, length in zip(found.tokens, drawn, found.lengths.tolist(), strict=True)
        ]
        rows = [row[:end] for row, end in zip(found.rows(), ends, strict=True)]
        self.texts = [options.decoded(predictor, row, keep_special) for row in rows]
        if getattr(predictor, "alphabet", ""):
            self.texts = ["".join(text.split()) for text in self.texts]
        self.nats = [-float(row[:end].double().sum()) for row, end in zip(found.log_probs, ends, strict=True)]
        counts = [int(mask[:end].sum()) for mask, end in zip(drawn, ends, strict=True)]
        self.per_token = [nats / max(count, 1) for nats, count in zip(self.nats, counts, strict=True)]
        self.cut = sum(end < length for end, length in zip(ends, found.lengths.tolist(), strict=True))
        self.names = [one.name for one in asked.fillings for _ in range(n)] or [""] * len(rows)
        self.gaps = [one.gaps for one in asked.fillings for _ in range(n)]
        self.order = list(range(len(rows)))
        if asked.tries_lengths:
            self.order.sort(key=lambda row: self.per_token[row])


def _print(model: str, sampler: Any, drawn: Drawn, valid: list[bool]) -> None:
    found, tried = drawn.found, drawn.asked.tries_lengths
    several = bool((found.canvases != found.network_calls).any())
    columns = [
        *(["name"] if any(drawn.names) else []), "text", *(["gaps", "nats/token"] if tried else []),
        *(["valid"] if valid else []), "network calls", *(["canvases"] if several else []), "nats drawn",
    ]  # fmt: skip
    rows = [
        [
            *([drawn.names[row]] if any(drawn.names) else []),
            drawn.texts[row],
            *([",".join(map(str, drawn.gaps[row])), drawn.per_token[row]] if tried else []),
            *(["yes" if valid[row] else "no"] if valid else []),
            int(found.network_calls[row]),
            *([int(found.canvases[row])] if several else []),
            drawn.nats[row],
        ]
        for row in drawn.order
    ]
    print_table(f"{model}, {sampler.name or 'a rule of its own'}", columns, rows)
    if tried:
        typer.echo("best first: the exact log-probability of what was drawn, per token, under the sampler that was run")
    if drawn.cut:
        typer.echo(f"{drawn.cut} of {len(drawn.texts)} texts end before their canvas does and are shown up to there")
    typer.echo(_claims(sampler))
    plan: Any = getattr(sampler.selection, "plan", None)
    carried = plan.notes[-1:] if plan is not None and getattr(plan, "measured_length", None) else ()
    for note in (*carried, *found.notes):
        typer.echo(f"note: {note}")


def _write(path: Path, drawn: Drawn) -> tuple[str, ...]:
    """Texts as JSON lines, as an array of tokens, as FASTA, or one a line; what is to be said of it."""
    from unmask import files
    from unmask.measuring import fasta

    found = drawn.found
    if path.suffix == ".npy":
        import io

        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, found.tokens[drawn.order].numpy())
        files.write_bytes(path, buffer.getvalue())
        return ()
    texts = [drawn.texts[row] for row in drawn.order]
    names = [drawn.names[row] for row in drawn.order]
    if path.suffix.lower() in fasta.SUFFIXES:
        labels = [name or f"sample_{row}" for name, row in zip(names, drawn.order, strict=True)]
        several = len(set(labels)) < len(labels)
        labels = [f"{label}|{row}" for label, row in zip(labels, drawn.order, strict=True)] if several else labels
        files.write_text(path, fasta.written(zip(labels, texts, strict=True)))
        return ()
    if path.suffix == ".jsonl":
        rows, calls, nats = found.rows(), found.network_calls.tolist(), found.log_prob.tolist()
        lines = [
            json.dumps(
                {"tokens": rows[row], "text": drawn.texts[row], "network_calls": calls[row], "log_prob": nats[row]}
                | ({"name": drawn.names[row]} if drawn.names[row] else {})
            )
            for row in drawn.order
        ]
        files.write_text(path, "\n".join(lines) + "\n")
        return ()
    broken = any(len(text.splitlines()) > 1 or "\n" in text for text in texts)
    if broken:  # one text a line, always
        texts = ["\\n".join(text.replace("\\", "\\\\").splitlines()) for text in texts]
    files.write_text(path, "\n".join(texts) + "\n")
    said = (
        f"texts have line breaks: each is one line of {path}, with \\n for a break; FILE.jsonl keeps them as they are"
    )
    return (said,) if broken else ()


def _valid(predictor: Any, found: Any) -> list[bool]:
    from unmask.models.capabilities import law_of

    check = getattr(law_of(predictor), "is_valid", None)
    return [] if check is None else [bool(ok) for ok in check(found.tokens.numpy())]


def _claims(sampler: Any) -> str:
    predicted = "predictable" if sampler.predictable else f"not predictable: {sampler.why_not_predictable}"
    return f"price: {predicted}; likelihood: {sampler.scorable}"


def _report(model: str, sampler: Any, drawn: Drawn, valid: list[bool]) -> dict[str, Any]:
    from unmask.sampling.citations import cite

    report = {"model": model, **drawn.found.to_dict(), "texts": drawn.texts, "nats_before_end": drawn.nats}
    report |= {"names": drawn.names} if any(drawn.names) else {}
    report |= {"gaps": drawn.gaps, "nats_per_token": drawn.per_token} if drawn.gaps else {}
    report |= {"best_first": drawn.order} if drawn.asked.tries_lengths else {}
    report |= {"valid": valid} if valid else {}
    return report | {
        "predictable": sampler.predictable,
        "why_not_predictable": sampler.why_not_predictable,
        "scorable": str(sampler.scorable),
        "cite": cite(sampler).splitlines(),
    }

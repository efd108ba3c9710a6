"""`unmask score MODEL`: the exact log-likelihood of texts under the sampler that is actually run."""

import math
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
    allow_unknown: AllowUnknown = False,
    infill: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", rich_help_panel=TEXTS, help="One text with gaps, [MASK:5]: --text fills them; they count."
        ),
    ] = None,
    per_token: Annotated[
        bool,
        typer.Option("--per-token", help="Every token by itself, all others known: log p, entropy; a call a token."),
    ] = False,
    mutations: Annotated[
        str | None,
        typer.Option(metavar="A23V,…", help="What these changes cost together, all other tokens known; from 1."),
    ] = None,
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
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    alphabet: Alphabet = None,
    as_json: AsJson = False,
) -> None:
    """Score texts by replaying the sampler on them: exact, in nats. Without a rule: one token at a time, random order.

    Where the order is random the score is the mean over drawn orders, with a standard error, and `bound` a bound on the
    log-probability of the output. Rules that read drawn tokens or take them back have no such score: --estimate counts.
    """
    from unmask import files
    from unmask.cli.texts import Scored, texts_to_score
    from unmask.models.resolve import resolve
    from unmask.sampling.request import texts_of
    from unmask.sampling.score import score as run

    said = load_options(
        mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision, max_length=max_length,
        alphabet=alphabet,
    )  # fmt: skip
    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code, **said)
    say_notes(alphabet_note(predictor))
    if text is not None and (data is not None or tokens is not None):
        raise InputError("--text and another source of texts were given; give one of --text, --data and --tokens")
    if plan is not None:
        given = options.plan_given(plan, given, whole=infill is not None or mutations is not None)
    asked: Scored = texts_to_score(
        predictor, model, text, infill, data, tokens, lines, texts, length, given, mutations, allow_unknown, seed
    )
    if per_token:
        _per_token(predictor, model, asked, batch_size, out, as_json)
        return
    rows, known = asked.rows, asked.known
    _, scored = texts_of(predictor, rows, known)  # what is asked for is checked before how
    counts = set(scored.sum(1).tolist())
    sampler = options.chosen_sampler(
        counts.pop() if len(counts) == 1 else None, rule, plan, steps, order, temperature, top_p, top_k, block_length,
        stop_at_end, exact, draft,
    )  # fmt: skip
    found = run(
        predictor, sampler, rows, seed=seed, random_orders=random_orders, given=known, batch_size=batch_size,
        estimate=estimate,
    )  # fmt: skip
    say_notes(_impossible(predictor, asked, found))
    counts_of = found.scored.sum(1).tolist()
    report = _finite({"model": model, "texts": len(rows), "mean": found.mean, "mean_stderr": found.mean_stderr}
                     | found.to_dict())  # fmt: skip
    if any(asked.names):
        report["names"], report["tokens_scored"] = list(asked.names), counts_of
    if mutations is not None:
        report["log_ratio"] = _finite(float(found.log_prob[1] - found.log_prob[0]))
    if out is not None:
        files.write_json(out, report)
    if as_json:
        print_json(report)
        return
    shown = [options.decoded(predictor, row) for row in rows[:SHOWN]]
    several = len(set(counts_of)) > 1
    facts = [
        [
            *([name] if any(asked.names) else []), _short(words, NARROW if any(asked.names) else WIDEST),
            *([count] if several else []), *values,
        ]
        for name, words, count, *values in zip(
            asked.names, shown, counts_of, found.log_prob.tolist(), found.stderr.tolist(), found.bound.tolist(),
            found.network_calls.tolist(), strict=False,
        )
    ]  # fmt: skip
    columns = [
        *(["name"] if any(asked.names) else []), "text", *(["tokens"] if several else []), "log p", "±", "bound",
        "calls",
    ]  # fmt: skip
    more = f", the first {SHOWN} of {len(rows)} texts" if len(rows) > SHOWN else ""
    print_table(f"{model}, {sampler.name or 'a rule of its own'}: nats{more}", columns, facts)
    if mutations is not None:
        typer.echo(
            f"{mutations}: log p(changed) - log p(as it is) = {float(found.log_prob[1] - found.log_prob[0]):.4f} nats, "
            f"{int(scored[0].sum())} positions together, all others known"
        )
    typer.echo(repr(found))
    if out is not None:
        typer.echo(f"written to {out}")


SHOWN = 10
WIDEST, NARROW = 200, 40
"""Texts that are shown, and letters of one; beside a name."""


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def _impossible(predictor: Any, asked: Any, found: Any) -> list[str]:
    """Why texts have probability 0, where a token that may never be drawn is the reason."""
    forbidden, said = set(predictor.forbidden_ids), []
    for number in (found.log_prob == -math.inf).nonzero().flatten().tolist()[:SHOWN]:
        row, mask = asked.rows[number], found.scored[number]
        held = [place for place, token in enumerate(row) if token in forbidden and bool(mask[place])]
        if held:
            name = asked.names[number] or f"text {number}"
            said.append(
                f"{name} has probability 0: its token {held[0]}, id {row[held[0]]}, may never be drawn (a special "
                "token, an unknown word, or outside --alphabet)"
            )
    return said


def _per_token(predictor: Any, model: str, asked: Any, batch_size: int | None, out: Any, as_json: bool) -> None:
    from unmask import files
    from unmask.sampling.per_token import per_token

    found = per_token(predictor, asked.rows, given=asked.known, batch_size=batch_size)
    letters = [[options.decoded(predictor, [token]) for token in row] for row in asked.rows]
    rows = [
        one.to_dict() | {"name": name, "letters": words}
        for one, name, words in zip(found, asked.names, letters, strict=True)
    ]
    calls = sum(one.network_calls for one in found)
    report = _finite({"model": model, "texts": rows, "network_calls_spent": calls})
    if out is not None:
        files.write_json(out, report)
    if as_json:
        print_json(report)
        return
    for one, name, words in list(zip(found, asked.names, letters, strict=True))[:SHOWN]:
        facts = [
            [place + 1, word, value, entropy]
            for place, (word, value, entropy, counted) in enumerate(
                zip(words, one.log_probs.tolist(), one.entropies.tolist(), one.scored.tolist(), strict=True)
            )
            if counted
        ]
        print_table(
            f"{name or model}: every token given all others, nats", ["place", "token", "log p", "entropy"], facts
        )
        typer.echo(
            f"pseudo-log-likelihood {one.pseudo_log_likelihood:.4f} nats ({one.network_calls} network calls): a score, "
            "not the likelihood, which is unmask score without --per-token"
        )
    if len(found) > SHOWN:
        typer.echo(f"the first {SHOWN} of {len(found)} texts are shown; --out FILE has all")
    if out is not None:
        typer.echo(f"written to {out}")


def _finite(value: Any) -> Any:
    """JSON has no infinities: an impossible text's log-likelihood becomes null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

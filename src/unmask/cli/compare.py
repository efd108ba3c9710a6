"""`unmask compare MODEL --data TEXT --rules …`: decoding rules side by side, exact nats against network calls."""

from collections.abc import Iterable
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
    Data,
    Device,
    Dtype,
    Family,
    Length,
    Lines,
    MaskTokenId,
    MaxLength,
    Model,
    RandomOrders,
    Revision,
    Seed,
    Shift,
    Tokens,
    TrustRemoteCode,
    alphabet_note,
    load_options,
    print_json,
    say_notes,
)
from unmask.errors import InputError


def compare(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", rich_help_panel=RESULT, help="Where the page, the tables and every trial go."),
    ],
    rules: Annotated[
        str,
        typer.Option(metavar="auto|all|A,B:KNOB", help="Rules, at their own settings or one: planned,threshold:0.9."),
    ] = "auto",
    data: Data = None,
    tokens: Tokens = None,
    lines: Lines = False,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=TEXTS,
            help="A task with a right answer: its texts, its prompts, its verdict.",
        ),
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:FUNCTION",
            rich_help_panel=TEXTS,
            help="What makes a drawn text right: a function of the text.",
        ),
    ] = None,
    texts: Annotated[
        int, typer.Option(min=8, rich_help_panel=TEXTS, help="Held-out texts: half are measured, half are scored.")
    ] = 200,
    length: Length = None,
    allow_unknown: AllowUnknown = False,
    given: Annotated[
        str | None,
        typer.Option(
            "--given", metavar="N", rich_help_panel=TEXTS, help="Leading tokens that are given.  [the task's]"
        ),
    ] = None,
    steps: Annotated[str | None, typer.Option(metavar="T,T,…", help="Numbers of steps.  [L/2, L/4, L/8, L/16]")] = None,
    plan: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Also try this plan; may be repeated.")
    ] = None,
    samples: Annotated[int, typer.Option(min=2, rich_help_panel=SPEND, help="Texts drawn with every rule.")] = 64,
    random_orders: RandomOrders = None,
    throughput_batch: Annotated[
        int, typer.Option(min=1, rich_help_panel=SPEND, help="Texts together when throughput is measured.")
    ] = 16,
    rounds: Annotated[int, typer.Option(min=0, rich_help_panel=SPEND, help="Rounds of timing; 0 for none.")] = 3,
    autoregressive: Annotated[
        str, typer.Option(metavar="same-size|PATH|none", help="The autoregressive reference; a path has nats too.")
    ] = "same-size",
    judge: Annotated[
        str | None, typer.Option(metavar="PATH", help="A causal language model that judges what is drawn.")
    ] = None,
    mauve: Annotated[
        bool, typer.Option("--mauve", help="Also MAUVE, with the judge's states (package mauve-text).")
    ] = False,
    batch_size: BatchSize = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the comparison in FOLDER.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the comparison in FOLDER.")] = False,
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
    """Compare decoding rules at equal cost: exact nats by replay, network calls, wall time, and the text they write.

    Half of the texts are measured to make plans, every rule is scored on the other half. Rules without an exact
    likelihood stand in a part of their own. Open FOLDER/index.html.
    """
    from dataclasses import replace

    from unmask.evaluation.compare.check import from_name as check_named
    from unmask.evaluation.compare.comparison import ORDERS, Request, Run
    from unmask.evaluation.compare.ground import Ground
    from unmask.evaluation.compare.rules import chosen
    from unmask.models.resolve import resolve
    from unmask.reports import compare as reports
    from unmask.reports.compare_page import write

    chosen(rules, ORDERS)
    leading = _leading(given, plan or ())
    if check is not None and task is not None:
        raise InputError("--check and --task were both given; a task brings its own verdict")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; give a folder")
    if out.is_dir() and any(out.iterdir()) and not (resume or force):
        raise InputError(f"--out {out} is not empty; go on with --resume, or replace it with --force")
    request = Request(
        rules, _numbers(steps), tuple(plan or ()), samples, throughput_batch, rounds,
        "" if autoregressive == "none" else autoregressive, judge or "", mauve,
    )  # fmt: skip
    with Bar(hidden=as_json) as bar:
        bar.say(f"loading {model}")
        loaded = load_options(
            mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision,
            max_length=max_length, alphabet=alphabet,
        )  # fmt: skip
        predictor: Any = resolve(model, device=device, trust_remote_code=trust_remote_code, **loaded)
        say_notes(alphabet_note(predictor))
        ground, words = _ground(
            predictor,
            model,
            data,
            tokens,
            lines,
            task,
            texts,
            length,
            leading,
            seed,
            random_orders or 2,
            batch_size or 64,
            allow_unknown,
        )
        assert isinstance(ground, Ground)
        if check is not None:
            ground = replace(ground, task=check_named(check, predictor))
        found = Run(ground, replace(request, data=words), out, bar.say, bar.show).run(resume, force)
        bar.say("writing the page")
        said = {
            "rules": rules, "data": data, "tokens": tokens, "lines": lines, "task": task, "check": check,
            "texts": texts, "length": length, "given": given, "steps": steps, "plan": plan, "samples": samples,
            "random-orders": random_orders, "throughput-batch": throughput_batch,
            "rounds": rounds, "autoregressive": autoregressive, "judge": judge,
            "mauve": mauve, "batch-size": batch_size, "seed": seed, "out": out, "allow-unknown": allow_unknown,
            "mask-token-id": mask_token_id, "dtype": dtype, "shift": shift, "family": family, "revision": revision,
            "max-length": max_length, "alphabet": alphabet, "device": device, "trust-remote-code": trust_remote_code,
        }  # fmt: skip
        command = _command(model, said)
        write(found, out, command)
    if as_json:
        print_json(found.to_dict())
        return
    from rich.console import Console

    console = Console()
    reports.show(found, console if console.is_terminal else Console(width=100))
    typer.echo(f"\n{found.seconds:.0f} seconds. The page: {out / 'index.html'}")


def _ground(
    predictor: Any, model: str, data: str | None, tokens: Path | None, lines: bool, task: str | None, texts: int,
    length: int | None, given: int | None, seed: int, random_orders: int, batch_size: int,
    allow_unknown: bool,
) -> tuple[Any, str]:  # fmt: skip
    """The texts and what makes them right, and what they are, in words."""
    from unmask.evaluation import tasks
    from unmask.evaluation.compare.ground import Ground
    from unmask.measuring.inputs import read_inputs
    from unmask.models.capabilities import law_of

    law = law_of(predictor)
    judged: tasks.Task | None
    if task is not None:
        if data is not None or tokens is not None:
            raise InputError("--task brings its own texts; leave out --data and --tokens")
        judged = tasks.task(task)
        data = None if law is not None and task == model.removeprefix("law:") else f"law:{judged.name}"
    else:
        judged = tasks.task_of_law(law) if law is not None and data is None else None
    rows, source, words, _, _, said = read_inputs(
        predictor, model, data, tokens, lines=lines, length=length, texts=texts, seed=seed, allow_unknown=allow_unknown
    )
    say_notes(said)
    if data is None and tokens is None and task is None and law is None:
        words = "its own held-out text" if not words.startswith("law:") else words
    if judged is not None and (judged.law.vocab_size > predictor.vocab_size or judged.law.length != rows.shape[1]):
        raise InputError(
            f"--task {judged.name} has rows of {judged.law.length} tokens from {judged.law.vocab_size}, the model rows "
            f"of {rows.shape[1]} from {predictor.vocab_size}; train one with unmask train --data law:{judged.name}"
        )
    given = given if given is not None else (judged.prompt_length if judged and task else 0)
    return Ground(predictor, rows[:texts], given, seed, random_orders, batch_size, judged, source), words


def _leading(given: str | None, plans: Iterable[Path]) -> int | None:
    """`--given` as a number. Gaps inside a text are refused: every rule here is drawn after a prompt."""
    from unmask.planning.plan import Plan

    if given is not None and not given.isdecimal():
        raise InputError(
            f"--given is {given}; compare draws every rule after a prompt, so give a number of leading tokens "
            "(unmask score takes gaps inside a text)"
        )
    leading = None if given is None else int(given)
    for path in plans:
        said = Plan.load(path).given
        if said and said != f"the first {leading or 0}":
            raise InputError(f"--plan {path} was measured with {said} given; compare it with the same --given")
    return leading


def _command(model: str, said: dict[str, Any]) -> str:
    """The command that makes the page again, options at their defaults left out."""
    import inspect
    import shlex

    words = ["unmask", "compare", model]
    defaults = inspect.signature(compare).parameters
    for name, value in said.items():
        if value == defaults[name.replace("-", "_")].default:
            continue
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name}"] if one is True else [f"--{name}", str(one)]
    return shlex.join(words)


def _numbers(steps: str | None) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(entry) for entry in (steps or "").split(",") if entry.strip()}))
    except ValueError:
        raise InputError(f"--steps is {steps!r}; expected numbers of steps such as 4,8,16") from None
    if found and found[0] < 1:
        raise InputError(f"--steps is {steps!r}; expected numbers from 1 on")
    return found

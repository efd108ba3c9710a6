"""`unmask train`: train a masked language model from text or from a law, or go on with a run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, print_json, print_table
from unmask.errors import InputError


def train(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the model goes (a Hugging Face folder).")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel="Texts",
            help="Text file, folder, data-set folder, python-manual or law:NAME; may be repeated.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(rich_help_panel="Texts", help="characters, bpe, words, or a folder or hub id.  [bpe]")
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(rich_help_panel="Texts", help="Tokens of a tokenizer made here.  [1024]")
    ] = None,
    length: Annotated[int | None, typer.Option(rich_help_panel="Texts", help="Tokens of a window.  [64]")] = None,
    size: Annotated[
        str | None,
        typer.Option(rich_help_panel="Network", help="nano, micro, mini, tiny, small, light, medium or base.  [tiny]"),
    ] = None,
    positions: Annotated[
        str | None, typer.Option(rich_help_panel="Network", help="rotary or learned.  [rotary; learned for a law]")
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(metavar="MODEL", rich_help_panel="Network", help="Continue from a masked language model."),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(rich_help_panel="Optimiser", help="muon or adamw.  [muon]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(rich_help_panel="Optimiser", help="Peak learning rate.  [0.004]")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(rich_help_panel="Optimiser", help="Weight decay of the hidden matrices.  [0.05]")
    ] = None,
    warmup: Annotated[
        int | None, typer.Option(rich_help_panel="Optimiser", help="Steps to the peak learning rate.  [50]")
    ] = None,
    clip: Annotated[
        float | None, typer.Option(rich_help_panel="Optimiser", help="Largest norm of the gradient.  [1]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(rich_help_panel="Optimiser", help="Windows in a step, over all processes.  [32]")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(rich_help_panel="Optimiser", help="Parts a batch is cut into, to fit in memory.  [1]")
    ] = None,
    optimizer_steps: Annotated[
        int | None, typer.Option(rich_help_panel="How long", help="Length of the run in steps of the optimiser.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(rich_help_panel="How long", help="Length of the run in minutes.")
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            rich_help_panel="While it runs",
            help="Steps between held-out figures, samples and checkpoints.  [a twentieth of the run]",
        ),
    ] = None,
    log_every: Annotated[
        int | None, typer.Option(rich_help_panel="While it runs", help="Steps between lines of the log.  [10]")
    ] = None,
    held_out: Annotated[
        float | None, typer.Option(rich_help_panel="Texts", help="Share of the text held out.  [0.05]")
    ] = None,
    held_out_rows: Annotated[
        int | None, typer.Option(rich_help_panel="While it runs", help="Held-out windows at each look.  [512]")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(rich_help_panel="While it runs", help="Samples at each look.  [2]")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(rich_help_panel="Network", help="float32 or bfloat16.  [float32]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.  [0]")] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard", rich_help_panel="While it runs", help="Also log to TensorBoard files."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of a process.  [torch's choice]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the run in FOLDER.")] = False,
    json: AsJson = False,
) -> None:
    """Train a masked language model with the objective whose value is the price of sampling one token at a time."""
    # None means "not said": the defaults are those of TrainingOptions, and a resumed run keeps what it began with.
    said: dict[str, Any] = {
        name: value
        for name, value in locals().items()
        if name not in ("out", "threads", "resume", "force", "json") and value is not None
    }
    if data:
        said["data"] = tuple(data)
    import torch

    from unmask.training import train as run
    from unmask.training.options import TrainingOptions

    if threads is not None:
        torch.set_num_threads(threads)
    if resume and "data" in said and run.is_empty(out):
        card = run.train(TrainingOptions(**said), out, force=force, bar=not json, anew=True)
    elif resume:
        _require_same(said, run.saved(out)[0].to_dict(), out)
        card = run.resume(out, bar=not json)
    else:
        if "data" not in said:
            raise InputError("data is missing; give text files, folders, python-manual or law:NAME")
        card = run.train(TrainingOptions(**said), out, force=force, bar=not json)
    if json:
        print_json(card)
    elif card["held_out"] is not None:
        _print_card(card, out)


def _require_same(said: dict[str, Any], saved: dict[str, Any], out: Path) -> None:
    """A resumed run keeps its options: saying them again is fine, saying others is not."""
    for name, value in said.items():
        before = saved[name]
        if (list(value) if isinstance(value, tuple) else value) != before:
            raise InputError(
                f"{name} is {value}, but the run in {out} was started with {before}; "
                "leave it out to resume, or start another run with `init_from`"
            )


def _print_card(card: dict[str, Any], out: Path) -> None:
    figures = card["held_out"]
    rows: list[tuple[str, object]] = [
        ("parameters", card["parameters"]),
        ("steps", card["step"]),
        ("seconds", card["seconds"]),
        ("held-out NELBO, nats/token", figures["nelbo_per_token"]),
        ("standard error", figures["stderr"]),
    ]
    if figures["bits_per_character"] is not None:
        rows.append(("held-out NELBO, bits/character", figures["bits_per_character"]))
    if card["exact_nelbo_per_token"] is not None:
        rows.append(("the law's own, nats/token", card["exact_nelbo_per_token"]))
    print_table(f"{out}", ("figure", "value"), rows)
    curve = zip(figures["revealed"], figures["cross_entropy"], strict=True)
    print_table("held-out cross-entropy", ("share revealed", "nats per hidden token"), list(curve))

"""What commands share: the options that mean the same everywhere, each written once, and how results are printed.

With `--json` a command prints one JSON object on standard output and nothing else; without it, tables a person reads.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.visible import visible

SAMPLER, TEXTS, SPEND, RUN, RESULT = "Sampler", "Texts", "Precision and cost", "How it runs", "What comes out"
"""The groups that options stand in under --help."""

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model folder, a shipped model (toy, manual), a hub id or law:NAME.")
]

Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="FILE",
        rich_help_panel=TEXTS,
        help="Held-out text, cut into windows; law:NAME draws.  [the model's own]",
    ),
]
Tokens = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        rich_help_panel=TEXTS,
        help="Texts as token ids: .npy, or .jsonl with a text a line.",
    ),
]
Lines = Annotated[
    bool, typer.Option("--lines", rich_help_panel=TEXTS, help="Every line of --data is a text of its own.")
]
Texts = Annotated[
    int | None,
    typer.Option(
        "--texts",
        metavar="N",
        min=1,
        rich_help_panel=TEXTS,
        help="The first so many texts; of a law, how many to draw.  [all; of a law 200]",
    ),
]
Length = Annotated[
    int | None,
    typer.Option("--length", metavar="N", min=1, rich_help_panel=TEXTS, help="Tokens of a window.  [the model's]"),
]
Given = Annotated[
    str | None,
    typer.Option(
        "--given",
        metavar="N|SHARE|FILE",
        rich_help_panel=TEXTS,
        help="What is known: so many leading tokens, a share of random positions (0.5), or a JSON list of positions.",
    ),
]
BlockLength = Annotated[
    int | None,
    typer.Option(
        "--block-length",
        metavar="N",
        min=1,
        rich_help_panel=SAMPLER,
        help="Reveal in blocks of so many tokens, left to right.  [the model's]",
    ),
]
RandomOrders = Annotated[
    int | None,
    typer.Option(
        "--random-orders",
        metavar="N",
        min=1,
        rich_help_panel=SPEND,
        help="Random orders a text is averaged over, where the order is random.",
    ),
]
Confidence = Annotated[
    float, typer.Option("--confidence", metavar="P", rich_help_panel=SPEND, help="How often a stated interval holds.")
]
Calls = Annotated[
    int | None,
    typer.Option("--calls", metavar="N", min=1, rich_help_panel=SPEND, help="Network calls to spend at most."),
]
BatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", metavar="N", min=1, rich_help_panel=RUN, help="Texts in a network call."),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, rich_help_panel=RUN, help="Seed of everything random.")
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        rich_help_panel=RUN,
        help="cpu, cuda, cuda:1, …; the first GPU when there is one.",
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option("--trust-remote-code", rich_help_panel=RUN, help="Run the code that comes with the checkpoint."),
]
MaskTokenId = Annotated[
    int | None,
    typer.Option("--mask-token-id", metavar="ID", min=0, rich_help_panel=RUN, help="The mask.  [the checkpoint's]"),
]
Dtype = Annotated[
    str | None, typer.Option("--dtype", metavar="NAME", rich_help_panel=RUN, help="float32, bfloat16, …  [as stored]")
]
Shift = Annotated[
    int | None,
    typer.Option("--shift", min=0, max=1, rich_help_panel=RUN, help="1 when row i-1 predicts token i.  [its family's]"),
]
Family = Annotated[
    str | None,
    typer.Option(
        "--family", metavar="NAME", rich_help_panel=RUN, help="The record to run it by: llada, dream, ….  [found]"
    ),
]
Revision = Annotated[
    str | None,
    typer.Option("--revision", metavar="NAME", rich_help_panel=RUN, help="Of a hub id: branch, tag, commit."),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        "--max-length", metavar="N", min=1, rich_help_panel=RUN, help="Longest text; beyond its training, rotary only."
    ),
]
Alphabet = Annotated[
    str | None,
    typer.Option(
        "--alphabet",
        metavar="LETTERS",
        rich_help_panel=RUN,
        help="Draw these only: ACGT, 'C N O Cl', protein, dna, rna, or record for the family's own.",
    ),
]
AllowUnknown = Annotated[
    bool,
    typer.Option(
        "--allow-unknown",
        rich_help_panel=TEXTS,
        help="Go on where more than 2 % of the tokens are unknown words or letters are lost.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", rich_help_panel=RESULT, help="Print one JSON object and nothing else.")]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", rich_help_panel=RESULT, help="Write what was made here."),
]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", rich_help_panel=RESULT, help="Write what was made here.")
]


def load_options(**options: Any) -> dict[str, Any]:
    """What `unmask.load` is told beyond its defaults: the options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def say_notes(sentences: Iterable[str]) -> None:
    """Print what was unknown, left out or cut of the texts: on standard error, so that --json stays one object."""
    for sentence in sentences:
        typer.echo(visible(f"note: {sentence}"), err=True)


def alphabet_note(predictor: Any) -> tuple[str, ...]:
    """What a restricted alphabet means for every number that follows; nothing where none was given."""
    letters = getattr(predictor, "alphabet", "")
    said = f"only {letters} may be drawn: likelihoods and prices are exact for that restricted law, not the model's own"
    return (said,) if letters else ()


def print_json(value: Any) -> None:
    """Print `value` as one JSON object. NaN and infinities are refused: they are not JSON."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: numbers right-aligned, floats to six significant digits, words left-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(title)), title_justify="left")
    shown = [list(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) for row in shown)
        table.add_column(Text(visible(column)), justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        cells = (f"{cell:.6g}" if isinstance(cell, float) else visible(str(cell), keep="\n") for cell in row)
        table.add_row(*map(Text, cells))
    Console().print(table)


def print_plain_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], marked: int = -1) -> None:
    """Print a table without lines, of words that are ready: the first column and orders to the left.

    Args:
        marked: number of the row that is set in bold.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(title)), title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(Text(name), justify="left" if "order" in name else "right", overflow="fold")
    for number, row in enumerate(rows):
        table.add_row(*(Text(visible(cell)) for cell in row), style="bold" if number == marked else None)
    Console().print(table)


class Bar:
    """A progress bar on standard error; none where nobody watches."""

    def __init__(self, hidden: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=hidden or not console.is_terminal, transient=True)
        self._task: Any = self._progress.add_task("loading", total=None)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def say(self, words: str) -> None:
        """What is being done."""
        self._progress.update(self._task, description=words)

    def show(self, done: int, total: int, words: str | None = None) -> None:
        """How much of it is done."""
        self._progress.update(self._task, completed=done, total=total, description=words)

"""What commands share: the options that mean the same everywhere, and how results are printed.

With `--json` a command prints one JSON object on standard output and nothing else; without it, tables a person reads.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
OutFolder = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Write what was made here.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write what was made here.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]


def print_json(value: Any) -> None:
    """Print `value` as one JSON object. NaN and infinities are refused: they are not JSON."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: numbers right-aligned, floats to six significant digits, words left-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    shown = [list(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) for row in shown)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text(f"{cell:.6g}" if isinstance(cell, float) else str(cell)) for cell in row))
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
        more = {} if words is None else {"description": words}
        self._progress.update(self._task, completed=done, total=total, **more)

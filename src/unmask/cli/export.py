"""`unmask export PLAN --to ENGINE`: a plan or a tuned rule, in the words of the engine that will serve it."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.common import AsJson, print_json
from unmask.exporting.engines import ENGINES  # light: no torch


def export(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan (unmask plan) or a tuned rule (unmask tune).")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ENGINE",
            help=f"{', '.join(ENGINES)}, or an exporter of your own, FILE.py:FUNCTION.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files go; made if missing.")],
    as_json: AsJson = False,
) -> None:
    """Write the files an engine needs to run a plan, and say what of it the engine does not honour.

    A price holds only where positions, sizes and the drawn law are all honoured: diffusers and sglang honour all three,
    llada, dream and dllm do for plans in uniform order. transformers and vllm take a tuned entropy_bound.
    """
    from unmask.exporting.export import export as write
    from unmask.exporting.export import load

    exported = write(load(plan), to, out)
    files = [str(out / name) for name in [*exported.files, "README.md"]]
    if as_json:
        print_json(
            {
                "engine": exported.engine,
                "written_for": exported.version,
                "files": files,
                "source": exported.source,
                "how": exported.how,
                "not_honoured": list(exported.cannot),
            }
        )
        return
    typer.echo(f"{exported.source}\n\nWritten for {exported.version}:")
    for name in files:
        typer.echo(f"  {name}")
    typer.echo(f"\nWhat {exported.engine} does not honour:")
    for sentence in exported.cannot or ("nothing: positions, sizes and law are honoured.",):
        typer.echo(f"  {sentence}")
    typer.echo(f"\nHow to use it: {files[-1]}")

"""`unmask verify`: the paper's claims, computed exactly on laws whose every answer is known."""

from typing import Annotated

import typer

from unmask import spec
from unmask.cli.common import AsJson, OutFolder, print_json


def verify(
    laws: Annotated[
        str | None,
        typer.Option("--laws", metavar="A,B,…", help="Only these; also any of `unmask laws` with an exact curve."),
    ] = None,
    length: Annotated[int, typer.Option("--length", help="Tokens in a sequence, 8 to 256.")] = 64,
    out: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Check the paper's claims exactly, law by law. Exit status 1 if any check fails.

    Five claims: the error falls like 1/T; it is linear in the information between tokens; it holds for fewer steps than
    tokens; the bounds hold and are sharp; a wrong predictor adds exactly its training error. Nothing is sampled. With
    --out also CSV, PNG, SVG and a page: open index.html.
    """
    from rich.console import Console

    from unmask.errors import CheckFailed
    from unmask.evaluation.verify import verify as compute
    from unmask.reports import verify as reports

    if out is not None:
        reports.check_folder(out)
    names = None if laws is None else spec.specs(laws)
    with Console(stderr=True).status("verifying") as status:
        verification = compute(names, length, progress=status.update)
        if out is not None:
            status.update(f"writing {out}")
            chosen = "" if laws is None else f" --laws {laws}"
            reports.write(verification, out, f"unmask verify{chosen} --length {length} --out {out}")
    if as_json:
        print_json(verification.to_dict())
    else:
        reports.show(verification, Console())
    if out is not None and not as_json:
        typer.echo(f"written to {out / 'index.html'}")
    if not verification.holds:
        raise CheckFailed(reports.verdict(verification))

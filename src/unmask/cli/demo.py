"""`unmask demo`: measure, plan, sample and check the promise on the two shipped models."""

from typing import Annotated

import typer

from unmask.cli.common import AsJson, OutFolder, Seed, print_json


def demo(
    out: OutFolder = None,
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A few texts only: to see that it works.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the shipped models, plan, sample that way and in rival ways, and check what was promised.

    Takes a minute or two. Every number is computed in this run. With --out also CSV, plans, figures and a page: open
    index.html.
    """
    from rich.console import Console

    from unmask.evaluation.demo import whole
    from unmask.reports import demo as reports
    from unmask.reports.compare import WIDTH
    from unmask.reports.pages import check_folder

    if out is not None:
        check_folder(out)
    with Console(stderr=True).status("starting") as status:
        found = whole.demo(seed, quick, progress=status.update)
        if out is not None:
            from unmask.reports.demo_page import write  # draws; matplotlib is wanted only here

            status.update(f"writing {out}")
            write(found, out, f"unmask demo{' --quick' if quick else ''} --seed {seed} --out {out}")
    if as_json:
        print_json(found.to_dict())
        return
    console = Console()
    reports.show(found, console if console.is_terminal else Console(width=WIDTH))
    typer.echo(f"\n{found.seconds:.0f} seconds." + ("" if out is None else f" Plots and a page: {out / 'index.html'}"))

"""What `unmask verify` shows and writes: tables for the terminal, CSV, figures, and one self-contained page.

Everything comes from a finished `Verification`; nothing is computed here. matplotlib and jinja2 are imported only when
files are written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.errors import InputError
from unmask.evaluation.result_table import Column, Table
from unmask.evaluation.verify import Verification
from unmask.files import write_bytes, write_json, write_text
from unmask.reports.tables import to_csv, to_rich

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_FAILURES = 5


def verdict(verification: Verification) -> str:
    """The last line: how many checks there were, and whether all of them hold."""
    count, failed = f"{verification.checks:,}", len(verification.failures)
    if verification.holds:
        return f"all {count} checks hold"
    return f"{failed:,} of {count} checks failed"


def show(verification: Verification, console: Console) -> None:
    """Print a table for every claim, then the verdict."""
    for number, claim in enumerate(verification.claims, 1):
        console.print(f"{number}. {claim.title}", style="bold", markup=False, highlight=False)
        console.print(claim.statement, markup=False, highlight=False)
        console.print(to_rich(claim.summary))
        console.print(f"{claim.checks:,} checks, {len(claim.failures):,} failed\n", highlight=False)
        for failure in claim.failures[:SHOWN_FAILURES]:
            console.print(f"failed: {failure}", style="red", markup=False, highlight=False)
        if len(claim.failures) > SHOWN_FAILURES:
            console.print(f"… and {len(claim.failures) - SHOWN_FAILURES:,} more\n", style="red", highlight=False)
    console.print(verdict(verification), style="bold green" if verification.holds else "bold red", highlight=False)


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder to write into, made if it is missing.

    Raises:
        InputError: when the path is a file, or the folder cannot be made.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise InputError(f"--out {path} is a file; give a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path} cannot be made ({error.strerror}); give a folder you may write to") from error
    return path


def write(verification: Verification, folder: str | os.PathLike[str], command: str = "unmask verify") -> list[Path]:
    """Write numbers, figures and the page; returns the files. Files of other names in the folder are left alone.

    Args:
        verification: what to show.
        folder: made if it is missing.
        command: what the page names as its origin.
    """
    from unmask.reports import figures, verify_page, verify_plots

    path = check_folder(folder)
    files = [write_json(path / "verification.json", verification.to_dict())]
    files.append(write_text(path / "curves.csv", to_csv(_curves(verification))))
    files += [write_text(path / f"{claim.key}.csv", to_csv(claim.data)) for claim in verification.claims]
    with figures.style():
        drawn = verify_plots.all_figures(verification)
        for name, figure in drawn.items():
            files.append(write_bytes(path / f"{name}.png", figures.png(figure)))
            files.append(write_bytes(path / f"{name}.svg", figures.svg(figure)))
        files.append(write_text(path / "index.html", verify_page.page(verification, command, drawn)))
    return files


def _curves(verification: Verification) -> Table:
    """Every information curve, one row for each law and k."""
    columns = (Column("law"), Column("k"), Column("h"))
    rows = ((s.name, k, float(h)) for s in verification.subjects for k, h in enumerate(s.curve.values))
    return Table.of(columns, rows)

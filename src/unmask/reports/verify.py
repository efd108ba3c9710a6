"""What `unmask verify` shows: tables for the terminal, and the words that its page takes up too.

Everything comes from a finished `Verification`; nothing is computed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.evaluation.result_table import Column, ResultTable
from unmask.evaluation.verify import Verification
from unmask.reports.tables import to_rich

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


def curves(verification: Verification) -> ResultTable:
    """Every information curve, one row for each law and k."""
    columns = (Column("law"), Column("k"), Column("h"))
    rows = ((s.name, k, float(h)) for s in verification.subjects for k, h in enumerate(s.curve.values))
    return ResultTable.of(columns, rows)

"""What a verified claim is, and the counter that every check goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from unmask.evaluation.result_table import ResultTable

ROUNDING = 1e-9
"""Relative slack of an inequality between sums of about a thousand floating-point numbers."""


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, what was computed, and whether it held on every law."""

    key: str
    """Short name, used for files: `rate`, `linear`, `few-steps`, `bounds`, `training-error`."""
    title: str
    statement: str
    """The claim, in one or two plain sentences."""
    checked: str
    """What exactly was checked, so that a reader knows what would have made it fail."""
    summary: ResultTable
    """The short table that is printed."""
    data: ResultTable
    """Every number behind it."""
    notes: tuple[str, ...]
    """What a careful reader should know: where a number does not exist, and what is not claimed."""
    checks: int
    failures: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every check of the claim held."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; without `data`, which goes to CSV files."""
        return {
            "key": self.key,
            "title": self.title,
            "statement": self.statement,
            "checked": self.checked,
            "holds": self.holds,
            "checks": self.checks,
            "failures": list(self.failures),
            "notes": list(self.notes),
            "rows": self.summary.to_dict(),
        }


@dataclass
class Checks:
    """Counts checks and keeps a sentence about each one that failed."""

    count: int = 0
    failures: list[str] = field(default_factory=list)

    def at_most(self, small: float, large: float, what: str) -> None:
        """Check `small <= large` up to rounding; NaN on either side fails."""
        slack = ROUNDING * max(1.0, abs(small), abs(large))
        self._record(small <= large + slack, f"{what}: {small:.9g} should be at most {large:.9g}")

    def equal(self, found: float, expected: float, what: str, tolerance: float = ROUNDING) -> None:
        """Check `found = expected` up to `tolerance`, relative above 1; NaN on either side fails."""
        close = abs(found - expected) <= tolerance * max(1.0, abs(expected))
        self._record(close, f"{what}: {found:.15g} should equal {expected:.15g}")

    def that(self, condition: bool, what: str) -> None:
        """Check a condition that is neither of the above."""
        self._record(bool(condition), what)

    def _record(self, held: bool, sentence: str) -> None:
        self.count += 1
        if not held:
            self.failures.append(sentence)

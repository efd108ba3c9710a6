"""`unmask verify`: the claims of the paper [LC], computed exactly on laws whose every answer is known.

    subjects (laws) -> five claims, each a table of numbers and the checks behind it -> a Verification

Pure: nothing is sampled, printed or written. `unmask.reports` shows the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unmask.evaluation.claims import few_steps, linear, rate, sandwich, training_error
from unmask.evaluation.claims.claim import Claim
from unmask.evaluation.subjects import Subject, subjects


@dataclass(frozen=True)
class Verification:
    """What was verified on which laws, and whether all of it held."""

    length: int
    subjects: tuple[Subject, ...]
    claims: tuple[Claim, ...]

    @property
    def checks(self) -> int:
        """How many inequalities and identities were checked."""
        return sum(claim.checks for claim in self.claims)

    @property
    def failures(self) -> tuple[str, ...]:
        """A sentence for each check that did not hold."""
        return tuple(failure for claim in self.claims for failure in claim.failures)

    @property
    def holds(self) -> bool:
        """Whether every check held."""
        return not self.failures

    def claim(self, key: str) -> Claim:
        """The claim of that short name."""
        return next(claim for claim in self.claims if claim.key == key)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "format": "unmask.verification/1",
            "length": self.length,
            "laws": [
                {
                    "name": subject.name,
                    "description": subject.description,
                    "length": subject.curve.length,
                    "entropy": subject.curve.entropy,
                    "total_information": subject.curve.total_information,
                    "total_correlation": subject.curve.total_correlation,
                    "dual_total_correlation": subject.curve.dual_total_correlation,
                }
                for subject in self.subjects
            ],
            "holds": self.holds,
            "checks": self.checks,
            "claims": [claim.to_dict() for claim in self.claims],
        }


def verify(
    laws: Sequence[str] | None = None, length: int = 64, progress: Callable[[str], None] | None = None
) -> Verification:
    """Verify every claim.

    Args:
        laws: names of `subjects.NAMES` or of the catalogue (`permutation:length=8`); None for all of `subjects.NAMES`.
        length: L, the number of tokens of the laws of `subjects.NAMES`.
        progress: called with what is about to be computed.

    Raises:
        InputError: for an unknown law, a law without an exact curve, or a length outside 8..256.
    """
    tell = progress or (lambda _: None)
    tell("exact information curves of the laws")
    chosen = subjects(laws, length)
    stages: tuple[tuple[str, Callable[[], Claim]], ...] = (
        ("claim 1: error against the number of steps", lambda: rate.check(chosen)),
        ("claim 2: error against the information", lambda: linear.check(length)),
        ("claim 3: every number of steps", lambda: few_steps.check(chosen)),
        ("claim 4: upper and lower bounds", lambda: sandwich.check(chosen)),
        ("claim 5: wrong predictors, all orders, all sequences", training_error.check),
    )
    claims = []
    for what, compute in stages:
        tell(what)
        claims.append(compute())
    return Verification(length, chosen, tuple(claims))

"""The setting of a rule at which it takes a wanted number of network calls, found by replay on text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask.evaluation.demo.trial import ENTROPY_BOUND, THRESHOLD, Bench, Trial, Way
from unmask.sampling import recipes


@dataclass(frozen=True)
class Knob:
    """A rule with one setting.

    Attributes:
        symbol: what stands before the setting in a table.
        low, high: the range it is looked for in.
        rising: whether a larger setting takes more network calls.
    """

    kind: str
    symbol: str
    make: Callable[[float], Any]
    low: float
    high: float
    rising: bool

    def way(self, setting: float) -> Way:
        """The rule at a setting of three digits, as it is printed."""
        shown = f"{setting:.3g}"
        return Way(self.kind, self.make(float(shown)), setting=f"{self.symbol}{shown}")


KNOBS = (
    Knob(ENTROPY_BOUND, "γ = ", recipes.entropy_bound, 0.05, 400.0, rising=False),
    Knob(THRESHOLD, "", recipes.threshold, 0.01, 0.99, rising=True),
)


def near(knob: Knob, bench: Bench, calls: float, tries: int) -> tuple[Way, list[Trial]]:
    """The rule at the setting that comes nearest to a number of calls, by bisection of the logarithm; all it tried.

    Where the model is sure of many words at once, calls jump as the setting moves, and may not come very near.
    """
    low, high = np.log(knob.low), np.log(knob.high)
    tried: list[Trial] = []
    for _ in range(tries):
        middle = (low + high) / 2
        tried.append(bench.trial(knob.way(float(np.exp(middle))), n=0))
        low, high = (middle, high) if (tried[-1].calls < calls) == knob.rising else (low, middle)
    return min(tried, key=lambda trial: abs(trial.calls - calls)).way, tried

"""One half of the demo: a comparison of a few rules on one model, at about the calls of one plan.

What `unmask compare` does with the rules a person names, on texts that are measured and texts that are fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from unmask.evaluation.compare.attempt import Attempts, drawing, times
from unmask.evaluation.compare.comparison import put_together
from unmask.evaluation.compare.equal_calls import near
from unmask.evaluation.compare.ground import Ground
from unmask.evaluation.compare.rules import Rules
from unmask.evaluation.compare.trial import Comparison, Trial
from unmask.measuring.measurement import Measurement
from unmask.planning.plan import Plan

KNOBS = ("entropy_bound", "threshold")
"""Rules that are set to take about as many calls as the plan."""
TIMED = 8
"""Texts together when wall time is measured."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    Attributes:
        measured, fresh: texts the plans are made from; that every rule is scored on.
        samples, line_samples: texts drawn for the tables, and for the other points of the figures.
        tuning, tries: texts a knob is set on, and settings that are tried.
        searched, search_calls: texts an order is learnt from, and network calls that may take; 0: none is learnt.
        line: numbers of calls of the other points.
        counts: revealed counts that are measured; None for the usual ones.
        most: calls where the predicted line of the plans ends; None: where it must.
    """

    measured: int
    fresh: int
    samples: int
    line_samples: int
    tuning: int
    tries: int
    searched: int = 0
    search_calls: int = 0
    line: tuple[int, ...] = ()
    counts: tuple[int, ...] | None = None
    most: int | None = None
    batch_size: int = 64


@dataclass(frozen=True, eq=False)
class Half:
    """What was found out about one model.

    Attributes:
        comparison: everything that was tried, the rules of the table first: the plan, then one token at a time.
        measurement: half of its texts chose the plan, the other half priced it.
        rows: how many trials stand in the table.
        budget_kept: whether the plan is known to keep the budget it was chosen for, rather than estimated to.
    """

    name: str
    sizes: Sizes
    comparison: Comparison
    measurement: Measurement
    plan: Plan
    rows: int
    budget_kept: bool = False

    @cached_property
    def table(self) -> Comparison:
        """The comparison with the rules of the table alone."""
        return replace(self.comparison, trials=self.shown)

    @property
    def shown(self) -> tuple[Trial, ...]:
        """The trials of the table."""
        return self.comparison.trials[: self.rows]

    @property
    def planned(self) -> Trial:
        return self.shown[0]

    @property
    def one_at_a_time(self) -> Trial:
        return self.shown[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "searched": self.sizes.searched,
            "shown": [trial.key for trial in self.shown],
            "plan": self.plan.to_dict(),
            "budget_kept": self.budget_kept,
            "comparison": self.comparison.to_dict(),
        }


def tried(
    name: str,
    sizes: Sizes,
    ground: Ground,
    measured: Measurement,
    plan: Plan,
    rivals: Sequence[str],
    line: Sequence[str],
    data: str,
    say: Callable[[str], object],
) -> Half:
    """The plan and its rivals, scored and sampled; the two rules with a knob at about as many calls; the other points.

    Args:
        rivals: rules of the table, as `--rules` names them. line: those of the figures alone.
        data: what the texts are, in words.
    """
    rules = Rules(measured, ())
    say(f"{name}: scoring {len(ground.scored_texts)} fresh texts one token at a time")
    _ = ground.alone
    few = ground.fewer(sizes.tuning)
    knobs = []
    for rule in KNOBS:
        say(f"{name}: {rule} for about {plan.steps} calls")
        knobs.append(near(rule, few, plan.steps, sizes.tries))
    shown = rules.entries([f"planned:{plan.steps}", "one_by_one", *rivals, *knobs])
    attempts = Attempts(ground, sizes.samples)
    trials: dict[str, Trial] = {}
    for entries, tries in ((shown, attempts), (rules.entries(line), Attempts(ground, sizes.line_samples))):
        for entry in entries:
            if entry.key not in trials:
                say(f"{name}: {entry.key}")
                trials[entry.key] = tries.trial(entry)
    say(f"{name}: timing")
    acts = {entry.key: drawing(attempts, entry.make()) for entry in shown}
    for key, timing in times(acts, ground.length, TIMED, rounds=1).items():
        trials[key] = trials[key].timed(timing)
    found = put_together(attempts, rules, list(trials.values()), sizes.most, data=data)
    return Half(name, sizes, found, measured, plan, len(shown))

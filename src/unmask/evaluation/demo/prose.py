"""The half of the demo whose texts are English: the model `manual`, measured on documents it was not trained on.

There is no exact law to compare with, and no checker: what a way to sample costs is its exact score, in nats per token
of held-out text, and the reader's own eye.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.evaluation.demo.knobs import KNOBS, near
from unmask.evaluation.demo.trial import EQUAL, PLANNED, SUREST, Bench, TokenArray, Trial, Way
from unmask.measuring.measure import measure
from unmask.measuring.measurement import Measurement
from unmask.models.adapter import Pretrained
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.sampling import recipes
from unmask.theory.schedule import Schedule

BUDGET = 0.05
"""Nats per token beyond one token at a time that the plan may cost: perplexity grows by 5 %."""
MOST_CALLS = 16
"""Where the line of the best plans ends: there they cost nothing any more, or less."""
ORDERS = ("bit_reversal", "golden_ratio")


@dataclass(frozen=True)
class ProseSizes:
    """How much of everything: measured and fresh texts, those a knob is set on, and sampled texts."""

    measured: int = 176
    fresh: int = 80
    tuning: int = 16
    tries: int = 6
    samples: int = 8
    counts: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 56)
    batch_size: int = 64


@dataclass(frozen=True, eq=False)
class ProseDemo:
    """What was found out about the model of English.

    Attributes:
        model: its name.
        measurement: on `sizes.measured` texts; half of them chose the plan, the other half priced it.
        plan: the fewest calls within `BUDGET`, to the upper end of the interval of its price.
        shown: the ways of the table, the plan first, then one token at a time.
        lines: everything that was tried, the shown ways too, for the plots.
        frontier: the best plan of every number of calls up to `MOST_CALLS`, priced where it was not fitted.
        texts: name of a shown way -> its sampled texts.
    """

    model: str
    seed: int
    sizes: ProseSizes
    measurement: Measurement
    plan: Plan
    shown: tuple[Trial, ...]
    lines: tuple[Trial, ...]
    frontier: tuple[Plan, ...]
    texts: dict[str, tuple[str, ...]]

    @cached_property
    def length(self) -> int:
        """L, tokens of a text."""
        return self.measurement.length

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "model": self.model,
            "seed": self.seed,
            "length": self.length,
            "budget_per_token": BUDGET,
            "measured_texts": len(self.measurement.texts),
            "fresh_texts": self.sizes.fresh,
            "plan": self.plan.to_dict(),
            "shown": [trial.to_dict() for trial in self.shown],
            "tried": [trial.to_dict() for trial in self.lines],
            "frontier": [{"network_calls": plan.steps, "price": plan.price.to_dict()} for plan in self.frontier],
            "texts": {name: list(texts) for name, texts in self.texts.items()},
        }


def held_out_text() -> str:
    """The documents of the manual that the shipped model was not trained on."""
    file = files("unmask") / "data" / "manual" / "held_out.txt"
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the held-out text {file}: {error.strerror}; install unmask anew") from error


def windows(predictor: Pretrained, text: str) -> TokenArray:
    """(N, L) the text cut into windows of the model's length, side by side, in a fixed random order."""
    length = predictor.length
    if length is None:
        raise InputError(f"{predictor.name} has no length of its own; the demo needs a model of `unmask train`")
    tokens = np.array(predictor.encode(text), dtype=np.int64)
    rows = tokens[: len(tokens) // length * length].reshape(-1, length)
    return np.asarray(np.random.default_rng(0).permutation(rows))


def prose_demo(
    predictor: Pretrained,
    text: str,
    name: str = "manual",
    seed: int = 0,
    sizes: ProseSizes | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ProseDemo:
    """Measure, plan for `BUDGET`, sample that way and in the ways that compete with it at as many calls.

    Args:
        predictor: a model of English with a length of its own.
        text: that it was not trained on.
        name: what to call it.
        progress: told, in words, what is being done.
    """
    sizes = sizes or ProseSizes()
    rows = windows(predictor, text)
    wanted = sizes.measured + sizes.fresh
    if len(rows) < wanted:
        raise InputError(f"the held-out text has {len(rows)} windows of {rows.shape[1]} tokens; {wanted} are needed")
    progress(f"{name}: measuring {sizes.measured} texts")
    measured = measure(
        predictor, rows[: sizes.measured], seed, orders=ORDERS, batch_size=sizes.batch_size,
        counts=[*sizes.counts, rows.shape[1] - 1],
    )  # fmt: skip
    planner = Planner(measured)
    frontier = tuple(map(planner.plan, range(1, min(MOST_CALLS, rows.shape[1]) + 1)))
    plan = within_budget(frontier) or planner.plan(budget=BUDGET)
    progress(f"{name}: scoring {sizes.fresh} fresh texts one token at a time")
    bench = Bench(predictor, rows[sizes.measured : wanted], seed, random_orders=1)
    shown = [bench.one_at_a_time(sizes.samples)]

    def tried(ways: list[Way], n: int) -> list[Trial]:
        found = []
        for way in ways:
            progress(f"{name}: {way.name}")
            found.append(bench.trial(way, n))
        return found

    steps = round(plan.steps)
    shown += tried([Way(PLANNED, plan, plan.price), _equal(measured, steps), _surest(steps)], sizes.samples)
    rungs: list[Trial] = []
    for knob in KNOBS:
        progress(f"{name}: {knob.kind} for about {steps} calls")
        way, ladder = near(knob, bench.fewer(sizes.tuning), steps, sizes.tries)
        rungs += ladder
        shown.append(bench.trial(way, sizes.samples))
    others = sorted({max(1, steps // 4), max(1, steps // 2)} - {steps})
    lines = [Way(PLANNED, found, found.price) for found in map(planner.plan, others)]
    lines += [_equal(measured, more) for more in others] + [_surest(more) for more in others]
    shown[0], shown[1] = shown[1], shown[0]
    return ProseDemo(
        name,
        seed,
        sizes,
        measured,
        plan,
        tuple(shown),
        (*shown, *rungs, *tried(lines, 0)),
        frontier,
        {trial.label: tuple(map(predictor.decode, trial.tokens)) for trial in shown},
    )


def within_budget(plans: Sequence[Plan]) -> Plan | None:
    """The first plan whose price keeps `BUDGET` with its whole interval; None when there is none.

    The interval is of texts the plan was not fitted on. That a few plans are looked at flatters it a little; the score
    on fresh text does not know of it.
    """
    return next((plan for plan in plans if plan.price_per_token.high <= BUDGET), None)


def _equal(measured: Measurement, steps: int) -> Way:
    schedule = Schedule.uniform(measured.length, steps)
    return Way(EQUAL, schedule, measured.interval(schedule))


def _surest(steps: int) -> Way:
    return Way(SUREST, recipes.confidence(steps))

"""The half of the demo whose sentences anyone can check: the model `toy`, or the toy language itself as a model.

Held-out text is drawn from the language, which is a law: there is as much of it as one likes, no sentence of it is
more likely to have been trained on than the grammar says, and the exact price of every plan stands beside the measured
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from unmask.evaluation.demo.exact import Answer, answer, fixed_permutation
from unmask.evaluation.demo.knobs import KNOBS, near
from unmask.evaluation.demo.trial import (
    BEST_SIZES,
    EQUAL,
    LEFT_BEST_SIZES,
    PLANNED,
    SUREST,
    Bench,
    TokenArray,
    Trial,
    Way,
)
from unmask.evaluation.share import Share
from unmask.laws.toy import ToyGrammar, toy_grammar
from unmask.measuring.measure import measure
from unmask.measuring.measurement import Measurement
from unmask.models.predictor import Predictor
from unmask.order_search.search import SearchOptions, search
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.sampling import recipes
from unmask.theory.optimal import best_schedule
from unmask.theory.price import price
from unmask.theory.reveal_orders import LeftToRight, Uniform
from unmask.theory.schedule import Schedule

CALLS = 4
"""Network calls of the plan that is shown: the fewest that cost the language nothing."""
RIVAL_CALLS = (4, 6)
LEFT_TO_RIGHT = "left_to_right"


@dataclass(frozen=True)
class GrammarSizes:
    """How much of everything.

    Attributes:
        searched, measured, fresh: sentences an order is learnt from; that are measured; that every way is scored on.
        search_calls: network calls the learning may spend.
        samples, line_samples: sentences drawn for the table, and for the other points of the plots.
        tuning, tries: sentences that a knob is set on, and settings that are tried.
        line: numbers of calls of the other points.
    """

    searched: int = 96
    search_calls: int = 30_000
    measured: int = 160
    fresh: int = 160
    samples: int = 500
    line_samples: int = 150
    tuning: int = 48
    tries: int = 7
    line: tuple[int, ...] = (1, 2, 3, 5, 8, 12)
    batch_size: int = 64


@dataclass(frozen=True)
class Sentence:
    """A sampled sentence: its words, which of them are wrong, and why it is no sentence of the language."""

    words: tuple[str, ...]
    wrong: tuple[bool, ...]
    fault: str | None


@dataclass(frozen=True, eq=False)
class Checked:
    """A trial with the verdict of the grammar's checker on what it drew."""

    trial: Trial
    valid: Share | None
    distinct: float | None
    floor: float | None
    """`exp(-KL)`: the share of right sentences cannot be smaller, whatever the way to sample; None if not scorable."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        valid = None if self.valid is None else self.valid.to_dict()
        return self.trial.to_dict() | {"valid": valid, "distinct": self.distinct, "valid_at_least": self.floor}


@dataclass(frozen=True, eq=False)
class GrammarDemo:
    """What was found out about the toy model.

    Attributes:
        model: its name.
        measurement: on `sizes.measured` sentences; half of them chose the plan, the other half priced it.
        plan: of `CALLS` calls.
        perfect: what that plan does with a perfect model; None when its order is random.
        shown: the ways of the table, the plan first, then one token at a time.
        lines: everything that was tried, the shown ways too, for the plots.
        frontier: (calls, price) of the best plan of every number of calls, on texts it was not fitted on.
        examples: name of a shown way -> its first sampled sentences.
    """

    model: str
    seed: int
    sizes: GrammarSizes
    measurement: Measurement
    plan: Plan
    perfect: Answer | None
    shown: tuple[Checked, ...]
    lines: tuple[Checked, ...]
    frontier: tuple[Plan, ...]
    examples: dict[str, tuple[Sentence, ...]]
    entropy: float

    @cached_property
    def planned(self) -> Checked:
        return self.shown[0]

    @cached_property
    def one_at_a_time(self) -> Checked:
        return self.shown[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "model": self.model,
            "seed": self.seed,
            "length": self.measurement.length,
            "entropy_of_the_language": self.entropy,
            "searched_sentences": self.sizes.searched,
            "measured_sentences": len(self.measurement.texts),
            "fresh_sentences": self.sizes.fresh,
            "plan": self.plan.to_dict(),
            "perfect_model": None if self.perfect is None else vars(self.perfect),
            "shown": [checked.to_dict() for checked in self.shown],
            "tried": [checked.to_dict() for checked in self.lines],
            "frontier": [{"calls": plan.steps, "price": plan.price.to_dict()} for plan in self.frontier],
            "examples": {
                name: [{"text": " ".join(one.words), "fault": one.fault} for one in sentences]
                for name, sentences in self.examples.items()
            },
        }


def grammar_demo(
    predictor: Predictor,
    name: str = "toy",
    seed: int = 0,
    sizes: GrammarSizes | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> GrammarDemo:
    """Measure, plan for `CALLS` calls, sample that way and in the ways that compete with it, check every sentence.

    Args:
        predictor: of the toy language: the shipped model, or `unmask.oracle(unmask.laws.toy_grammar())`.
        name: what to call it.
        progress: told, in words, what is being done.
    """
    sizes = sizes or GrammarSizes()
    law = toy_grammar()
    text = law.sample(sizes.searched + sizes.measured + sizes.fresh, np.random.default_rng([seed, 2]))
    learnt, held_out, fresh = np.split(text, np.cumsum([sizes.searched, sizes.measured]))
    progress(f"{name}: learning an order from {sizes.searched} sentences")
    options = SearchOptions(sizes.search_calls, (CALLS,), seed=seed, batch_size=sizes.batch_size)
    found = search(predictor, learnt, options=options)
    progress(f"{name}: measuring {sizes.measured} sentences")
    measured = measure(
        predictor, held_out, seed, orders={LEFT_TO_RIGHT: LeftToRight(), **found.orders}, order_counts=found.counts,
        source=f"law:toy, seed {seed}", batch_size=sizes.batch_size,
    )  # fmt: skip
    planner = Planner(measured)
    plan = planner.plan(CALLS)
    progress(f"{name}: scoring {sizes.fresh} fresh sentences")
    bench = Bench(predictor, fresh, seed)
    checker = _Checker(law)
    one = checker.check(bench.one_at_a_time(sizes.samples))

    def tried(ways: list[Way], n: int) -> list[Checked]:
        found = []
        for way in ways:
            progress(f"{name}: {way.name}")
            found.append(checker.check(bench.trial(way, n)))
        return found

    shown = tried(_rivals(measured, law, plan), sizes.samples)
    rungs: list[Checked] = []
    for knob in KNOBS:
        progress(f"{name}: {knob.kind} for about {CALLS} calls")
        way, ladder = near(knob, bench.fewer(sizes.tuning), CALLS, sizes.tries)
        rungs += map(checker.check, ladder)
        shown += tried([way], sizes.samples)
    lines = tried(_lines(planner, measured, law, sizes.line), sizes.line_samples)
    shown.insert(1, one)
    return GrammarDemo(
        name,
        seed,
        sizes,
        measured,
        plan,
        _perfect(law, plan),
        tuple(shown),
        (*shown, *rungs, *lines),
        tuple(planner.plan(steps) for steps in range(1, law.length + 1)),
        {checked.trial.label: checker.read(checked.trial.tokens[:4]) for checked in shown},
        law.entropy,
    )


def _rivals(measured: Measurement, law: ToyGrammar, plan: Plan) -> list[Way]:
    """The plan, and the ways with as many calls, or a few more, that it is to be compared with."""
    fit, held = measured.split()  # as the planner does it: sizes from one half, prices from the other
    sizes = best_schedule(fit.curve.monotone(), CALLS)
    left_to_right = Planner(measured, LEFT_TO_RIGHT).plan(CALLS)
    ways = [_planned(plan, law)]
    if plan.order != LeftToRight():
        ways.append(_planned(left_to_right, law, LEFT_BEST_SIZES))
    ways.append(_in_random_order(BEST_SIZES, held, law, sizes))
    for steps in RIVAL_CALLS:
        ways.append(_equal(measured, law, steps))
    return ways + [Way(SUREST, recipes.confidence(steps)) for steps in RIVAL_CALLS]


def _lines(planner: Planner, measured: Measurement, law: ToyGrammar, line: tuple[int, ...]) -> list[Way]:
    """More numbers of calls of the plan, of equal sizes and of the surest first, for the plots."""
    planned = [_planned(planner.plan(steps), law) for steps in line if steps != CALLS]
    others = [steps for steps in line if steps not in RIVAL_CALLS]
    equal = [_equal(measured, law, steps) for steps in others]
    return planned + equal + [Way(SUREST, recipes.confidence(steps)) for steps in others]


def _planned(plan: Plan, law: ToyGrammar, kind: str = PLANNED) -> Way:
    perfect = _perfect(law, plan)
    exact = price(law.curve(), plan.schedule) if isinstance(plan.order, Uniform) else None
    return Way(kind, plan, plan.price, exact if perfect is None else perfect.price)


def _equal(measured: Measurement, law: ToyGrammar, steps: int) -> Way:
    return _in_random_order(EQUAL, measured, law, Schedule.uniform(law.length, steps))


def _in_random_order(kind: str, measured: Measurement, law: ToyGrammar, schedule: Schedule) -> Way:
    return Way(kind, schedule, measured.interval(schedule), price(law.curve(), schedule))


def _perfect(law: ToyGrammar, plan: Plan) -> Answer | None:
    """What a plan does with a perfect model; None when its order is random."""
    if len(plan.parts) > 1:
        return None
    order = LeftToRight() if plan.schedule.steps == 1 else plan.order  # in a single step no order matters
    permutation = fixed_permutation(order, law.length)
    return None if permutation is None else answer(law.listed, permutation, plan.schedule)


class _Checker:
    """Says of sampled rows which are sentences, and of those that are not, what is wrong with them."""

    def __init__(self, law: ToyGrammar) -> None:
        self.law = law

    def check(self, trial: Trial) -> Checked:
        tokens, nats = trial.tokens, trial.nats
        floor = None if nats is None else float(np.exp(min(0.0, self.law.entropy - nats)))
        if not len(tokens):
            return Checked(trial, None, None, floor)
        valid = Share(int(self.law.is_valid(tokens).sum()), len(tokens))
        return Checked(trial, valid, len(np.unique(tokens, axis=0)) / len(tokens), floor)

    def read(self, rows: TokenArray) -> tuple[Sentence, ...]:
        return tuple(
            Sentence(tuple(self.law.decode(row).split()), self._wrong(row), self.law.explain(row)) for row in rows
        )

    def _wrong(self, row: TokenArray) -> tuple[bool, ...]:
        """The words that differ from the nearest right sentence; of several, from the one that differs latest."""
        differs = self.law.listed.sequences != row
        count = differs.sum(axis=1)
        nearest = differs[count == count.min()]
        latest = max(nearest.tolist(), key=lambda places: [place for place, wrong in enumerate(places) if wrong])
        return tuple(latest)

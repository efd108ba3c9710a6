"""From names to what is tried: decoding rules, each at one setting or at a ladder of them.

    planned, planned_uniform, planned_ORDER    order and sizes measured and planned, at every number of steps
    equal_sizes, cosine_sizes                  fixed sizes in uniformly random order
    any name of `unmask.recipes`               at its own ladder; NAME:knob or NAME:key=value is that one setting alone

A rule's ladder stands in its own file, in `unmask.sampling.rules`. FILE.py:FUNCTION is a rule of your own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.measuring.measurement import Measurement
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.sampling import rule_names
from unmask.sampling.rules.planned import planned
from unmask.theory.dependence_profile import DependenceProfile
from unmask.theory.schedule import Schedule

LADDERS: dict[str, tuple[str, ...] | str] = {
    name: rule.ladder for name, rule in rule_names.RULES.items() if rule.ladder
}
"""Rule -> the settings it is tried at when none is said."""

FIXED_SIZES: dict[str, Callable[[int, int], Schedule]] = {
    "equal_sizes": Schedule.uniform,
    "cosine_sizes": Schedule.cosine,
}
PLANNED = "planned"
LEFT_OUT_BY_DEFAULT = tuple(name for name, rule in rule_names.RULES.items() if not rule.by_default)
"""Tried under `all`, or when named."""


@dataclass(frozen=True)
class Entry:
    """One rule at one setting, about to be tried.

    Attributes:
        key: as `--rules` takes it. rule, setting: as in `Trial`.
        make: the sampler, made when its turn comes, so that a rule that cannot be made fails alone.
        predicted: price beforehand, nats per sequence; None where there is none.
    """

    key: str
    rule: str
    setting: str
    make: Callable[[], Any]
    predicted: Callable[[], Estimate | None] = lambda: None


def _made_elsewhere(name: str, plan: Plan) -> Entry:
    return Entry(name, name, f"T = {plan.steps}", lambda: planned(plan), lambda: plan.price.scaled(plan.length))


def own_entry(name: str, rule: Any) -> Entry:
    """A rule at hand: a sampler, a plan, a schedule, or a function that makes a sampler."""
    sampler = rule_names.as_sampler(rule)  # what is wrong is said now, not after an hour
    return Entry(name, name, "", lambda: sampler)


def is_own(rule: str) -> bool:
    """Whether the rule of a trial is somebody's own: a file of theirs, a plan made elsewhere, an object in Python."""
    return rule.split("_")[0] != PLANNED and rule not in FIXED_SIZES and rule not in rule_names.RULES


class Rules:
    """What the names mean for one model, measured.

    Args:
        measured: of the model; plans are made from it.
        steps: numbers of steps rules with steps are tried at.
        plans: made elsewhere, by the names of their files.
        dependence: measures the profile of rules that read one; they go without where nothing does.
    """

    def __init__(
        self,
        measured: Measurement,
        steps: Sequence[int],
        plans: dict[str, Plan] | None = None,
        dependence: Callable[[], DependenceProfile] | None = None,
    ) -> None:
        self.measured, self.steps, self.plans, self.dependence = measured, steps, plans or {}, dependence
        self.length = measured.length
        self._planners: dict[str, Planner] = {}

    def entries(self, names: Sequence[str]) -> list[Entry]:
        """Everything the names stand for, each once, in their order, and the plans made elsewhere."""
        found = {entry.key: entry for name in names for entry in self._of(name)}
        for name, plan in self.plans.items():
            found[f"plan {name}"] = _made_elsewhere(f"plan {name}", plan)
        return list(found.values())

    def planner(self, order: str = "auto") -> Planner:
        """Of one measured order, or of all of them."""
        if order not in self._planners:
            self._planners[order] = Planner(self.measured, order)
        return self._planners[order]

    def _of(self, name: str) -> list[Entry]:
        rule, setting = rule_names.split(name)
        if rule in FIXED_SIZES:
            return [self._fixed(rule, steps) for steps in self._steps(name, setting)]
        if rule == PLANNED or rule.startswith(f"{PLANNED}_"):
            order = "auto" if rule == PLANNED else rule.removeprefix(f"{PLANNED}_")
            most = self.planner(order).max_steps
            return [self._plan(rule, order, steps) for steps in self._steps(name, setting) if setting or steps <= most]
        return [self._recipe(rule, one) for one in self._settings(rule, setting)]

    def _steps(self, name: str, setting: str) -> Sequence[int]:
        if not setting:
            return self.steps
        value = setting.removeprefix("steps=")
        if not value.isdigit() or not 1 <= int(value) <= self.length:
            raise InputError(f"rule {name!r}: expected a number of steps from 1 to {self.length} after the colon")
        return [int(value)]

    def _settings(self, rule: str, setting: str) -> Sequence[str]:
        if setting:
            return [setting]
        ladder = rule_names.find(rule).ladder or ("",)
        return [f"steps={steps}" for steps in self.steps] if isinstance(ladder, str) else ladder

    def _recipe(self, rule: str, setting: str) -> Entry:
        key = f"{rule}:{setting}" if setting else rule
        shown = f"T = {setting.removeprefix('steps=')}" if setting.startswith("steps=") else setting.replace("=", " = ")
        sampler = rule_names.from_name(key)  # a word that is wrong is said now, not after an hour
        needs, measure = rule_names.find(rule).measured, self.dependence

        def make() -> Any:
            if measure is None or not needs or f"{needs}=" in setting:
                return sampler
            return rule_names.from_name(key, **{needs: measure()})

        def price() -> Estimate | None:
            return Estimate.exactly(0.0) if rule in ("one_by_one", "first_hitting") and not setting else None

        return Entry(key, rule, shown.replace(",", ", "), make, price)

    def _fixed(self, rule: str, steps: int) -> Entry:
        schedule = FIXED_SIZES[rule](self.length, steps)
        return Entry(
            f"{rule}:{steps}", rule, f"T = {schedule.steps}", lambda: planned(schedule),
            lambda: self.measured.interval(schedule),
        )  # fmt: skip

    def _plan(self, rule: str, order: str, steps: int) -> Entry:
        made = self.planner(order).plan(steps)
        name = f" ({self.planner(order).name_of(made).partition(':')[0]})" if order == "auto" else ""
        price = made.price.scaled(made.length)
        return Entry(f"{rule}:{steps}", rule, f"T = {made.steps}{name}", lambda: planned(made), lambda: price)


def chosen(words: str, orders: Sequence[str] = ()) -> list[str]:
    """The names in `--rules`: `auto`, `all`, or names separated by commas (`llada:steps=8,block_length=16` is one).

    Args:
        orders: measured besides the uniform one; each gives a `planned_ORDER`.

    Raises:
        InputError: for a name that is no rule; it says which is nearest.
    """
    plans = [PLANNED, *(f"{PLANNED}_{order}" for order in ("uniform", *orders))]
    known = [*plans, *FIXED_SIZES, *LADDERS]
    names: list[str] = []
    for part in filter(None, (part.strip() for part in words.split(","))):
        if names and re.match(r"[a-z_]+=", part):
            names[-1] += f",{part}"  # a further parameter of the rule before it
        elif part == "auto":
            names += [name for name in known if name not in LEFT_OUT_BY_DEFAULT]
        elif part == "all":
            names += known
        else:
            rule, setting = rule_names.split(part)
            if rule not in known and rule not in rule_names.RULES and ".py:" not in rule:
                raise InputError(f"there is no rule {rule!r}; {rule_names.nearest(rule, [*known, 'auto', 'all'])}")
            names.append(f"{rule}:{setting}" if setting else rule)
    if not names:
        raise InputError("--rules is empty; give auto, all, or names such as planned,threshold:0.9")
    return list(dict.fromkeys(names))


def ladder(length: int) -> list[int]:
    """L/2, L/4, L/8 and L/16: the numbers of steps when none are said."""
    return sorted({max(1, length // part) for part in (2, 4, 8, 16)})

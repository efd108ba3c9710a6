"""What an exporter returns, and the sentences exporters share."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from unmask.errors import InputError
from unmask.planning.knob import Knob
from unmask.planning.plan import Plan
from unmask.theory.schedule import Schedule

GREEDY = "It draws greedily (temperature 0) unless told otherwise; the price is for drawing at temperature 1."
DRAWN_ORDER = (
    "It chooses positions by the confidence of the token it has just drawn. That changes the law of the text, so the "
    "plan's price does not hold there; only its sizes are honoured."
)


@dataclass(frozen=True)
class Exported:
    """A plan or knob in an engine's own words.

    Attributes:
        engine: its name.
        files: path inside the output folder to content.
        how: how to use them, a few lines of Markdown.
        cannot: what of the plan the engine does not honour, a sentence each.
        source: one line on what was exported.
    """

    engine: str
    files: dict[str, str]
    how: str
    cannot: tuple[str, ...]
    source: str

    def readme(self) -> str:
        """The page written beside the files."""
        lost = "\n".join(f"- {sentence}" for sentence in self.cannot) or "- Nothing: order, sizes and law are honoured."
        return (
            f"# For {self.engine}\n\n{self.source}\n\n{self.how}\n\n## What {self.engine} does not honour\n\n{lost}\n"
        )


def describe(what: Plan | Knob) -> str:
    """One line on what is exported and what it was measured to cost."""
    price = what.price.scaled(1 / what.length)
    interval = f"{price.value:.4g} nats/token ({price.low:.4g} to {price.high:.4g} at {price.confidence:.0%})"
    if isinstance(what, Knob):
        return (
            f"{what.rule} = {what.value:g}: {interval}, {what.calls.value:.4g} network calls for {what.length} tokens."
        )
    return f"{what.steps} network calls for {what.length} tokens in {what.order.name} order: {interval}."


def only_plan(what: Plan | Knob, engine: str) -> Plan:
    """The plan; InputError for a knob, or for a plan whose parts have different sizes."""
    if not isinstance(what, Plan):
        raise InputError(f"{engine} takes a plan (unmask plan), not the knob {what.rule}")
    if len({part.schedule for part in what.parts}) > 1:
        raise InputError(
            f"{engine} knows one list of sizes; this plan has {len(what.parts)} parts with sizes of their own"
        )
    return what


def only_knob(what: Plan | Knob, engine: str, *rules: str) -> Knob:
    """The knob; InputError for a plan or another rule's knob."""
    wanted = " or ".join(rules)
    if not isinstance(what, Knob):
        raise InputError(
            f"{engine} takes a tuned knob (unmask tune --rule {rules[0]}), not a plan: it has no list of sizes"
        )
    if what.rule not in rules:
        raise InputError(f"{engine} takes a knob of {wanted}, not of {what.rule}")
    return what


def sizes_text(schedule: Schedule) -> str:
    return ", ".join(map(str, schedule.sizes))


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def engine_side(name: str) -> str:
    """The text of a module that runs inside the engine, shipped with this package."""
    return (files("unmask.planning.export") / "engine_side" / name).read_text(encoding="utf-8")

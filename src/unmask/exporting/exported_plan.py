"""What an exporter returns, and what exporters share."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from unmask.errors import InputError
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule
from unmask.theory.reveal_orders import Order, Uniform
from unmask.theory.schedule import Schedule
from unmask.visible import in_markdown

DRAWN_ORDER = (
    "It chooses positions by the confidence of the token it has just drawn. That changes the law of the text, so the "
    "plan's price does not hold there; only its sizes are honoured."
)
ALWAYS_GREEDY = "It always takes the most likely token; the price is for drawing at temperature 1."

# How many draws of a random order are written; every block takes one of them at random.
DRAWS = 64


@dataclass(frozen=True)
class Exported:
    """A plan or tuned rule in an engine's own words.

    Attributes:
        engine: its name.
        version: what was read to write this.
        files: path inside the output folder to content.
        how: how to use them, a few lines of Markdown.
        cannot: what of the plan the engine does not honour when used so, a sentence each.
        source: what was exported and what it was measured to cost.
    """

    engine: str
    version: str
    files: dict[str, str]
    how: str
    cannot: tuple[str, ...]
    source: str

    def readme(self) -> str:
        """The page written beside the files."""
        lost = (
            "\n".join(f"- {sentence}" for sentence in self.cannot) or "Nothing: positions, sizes and law are honoured."
        )
        return (
            f"# For {self.engine}\n\n{self.source}\n\nWritten after reading {self.version}.\n\n{self.how}\n\n"
            f"## What {self.engine} does not honour\n\n{lost}\n"
        )


def describe(what: Plan | TunedRule) -> str:
    """What is exported, what it was measured to cost, and what that is a price of."""
    price = what.price.scaled(1 / what.length)
    cost = f"{price.value:.4g} nats/token"
    if not price.is_exact:
        cost += f" ({price.low:.4g} to {price.high:.4g} at {price.confidence:.0%})"
    cost += " beyond one token at a time"
    if isinstance(what, TunedRule):
        return (
            f"{what.rule} = {what.value:g}: {what.network_calls.value:.4g} network calls for {what.length} tokens, "
            f"{cost}, measured by exact replay of the rule, drawing at temperature 1."
        )
    order = what.order.name if len(what.parts) == 1 else f"one of {len(what.parts)} orders"
    return (
        f"{what.steps} network calls for {what.length} tokens in {order} order (sizes {sizes_text(what.schedule)}): "
        f"{cost}. Valid for {in_markdown(what.valid_for)}."
    )


def only_plan(what: Plan | TunedRule, engine: str) -> Plan:
    """The plan; InputError for a tuned rule."""
    if not isinstance(what, Plan):
        raise InputError(f"{engine} takes a plan (unmask plan), not the tuned rule {what.rule}")
    return what


def only_sizes(what: Plan | TunedRule, engine: str) -> Plan:
    """The plan; InputError for a tuned rule, or for a plan whose parts have different sizes."""
    plan = only_plan(what, engine)
    if len({part.schedule for part in plan.parts}) > 1:
        raise InputError(
            f"{engine} knows one list of sizes; this plan has {len(plan.parts)} parts with sizes of their own"
        )
    return plan


def only_tuned(what: Plan | TunedRule, engine: str, *rules: str) -> TunedRule:
    """The tuned rule; InputError for a plan or for another rule."""
    if not isinstance(what, TunedRule):
        raise InputError(
            f"{engine} takes a tuned rule (unmask tune --rule {rules[0]}), not a plan: it has no list of sizes"
        )
    if what.rule not in rules:
        raise InputError(f"{engine} takes a tuned rule of {' or '.join(rules)}, not of {what.rule}")
    return what


def lost_order(plan: Plan) -> tuple[str, ...]:
    """What an engine that reveals in uniform order alone does not honour."""
    if all(isinstance(part.order, Uniform) for part in plan.parts):
        return ()
    names = " and ".join(sorted({part.order.name for part in plan.parts if not isinstance(part.order, Uniform)}))
    return (
        f"It reveals in uniform order, not in the plan's ({names}). The price is not that of the plan: price these "
        "sizes in uniform order to know it.",
    )


def routes(plan: Plan) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """(order, sizes) pairs of which every block takes one at random, and what of the plan that does not say.

    An order is a list of positions, or "uniform" for a permutation drawn anew for every block.
    """
    if all(isinstance(part.order, Uniform) or not _is_random(part.order, plan.length) for part in plan.parts):
        return [
            {
                "order": "uniform" if isinstance(part.order, Uniform) else part.order.draw(plan.length).tolist(),
                "sizes": list(part.schedule.sizes),
            }
            for part in plan.parts
        ], ()
    drawn = [plan.draw(seed) for seed in range(DRAWS)]
    pairs = [{"order": order.tolist(), "sizes": list(schedule.sizes)} for order, schedule in drawn]
    return pairs, (f"A random order is one of {DRAWS} draws, not a fresh one for every block.",)


def _is_random(order: Order, length: int) -> bool:
    return len({tuple(order.draw(length, seed).tolist()) for seed in range(9)}) > 1


def sizes_text(schedule: Schedule) -> str:
    return ", ".join(map(str, schedule.sizes))


def as_json(value: dict[str, Any] | list[Any]) -> str:
    """JSON with one entry a line: orders are long, and nobody wants a line for every position."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items()) + "\n}\n"
    return "[\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in value) + "\n]\n"


def engine_side(name: str) -> str:
    """The text of a module that runs inside the engine, shipped with this package."""
    return (files("unmask.exporting") / "engine_side" / name).read_text(encoding="utf-8")

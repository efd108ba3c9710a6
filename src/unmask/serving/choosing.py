"""From what a request says under `unmask` to the sampler it asks for, and what may be promised for it.

Plans are those the server was started with; a request names one or lets its budget choose. No name leads to a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.planning.exact_plan import ExactPlan
from unmask.planning.plan import Plan
from unmask.sampling import recipes, rule_names, stopping
from unmask.sampling.sampler import Sampler
from unmask.serving.fields import Ours, Refused
from unmask.theory.schedule import Schedule

_HARMLESS = re.compile(r"[\w:=,.+\-]*")


@dataclass(frozen=True)
class Chosen:
    """A sampler and what is said of it.

    Attributes:
        name: the rule as it would be asked for. promise: "planned", "replayed", "measured only" or "exact". why: where
            no price is promised, the reason.
        plan: whose price is promised. steps: in all, where that is known.
    """

    sampler: Sampler
    name: str
    promise: str
    why: str = ""
    plan: Plan | None = None
    steps: int | None = None

    def facts(self) -> dict[str, Any]:
        """What the answer says of it."""
        price: Any = None
        if self.plan is not None:
            price = {
                "price": self.plan.price.to_dict(),
                "parallel_price": self.plan.parallel_price.to_dict(),
                "order_effect": self.plan.order_effect.to_dict(),
                "at_most": self.plan.at_most,
            }
        elif self.promise == "exact":
            price = {"parallel_price": {"value": 0.0}}
        return {"rule": self.name, "promise": self.promise, "why": self.why, "price_per_token": price}


class Choosing:
    """The server's plans, and samplers that were asked for before: the same request gets the same object."""

    def __init__(self, predictor: Predictor, plans: Mapping[str, Plan | ExactPlan]) -> None:
        self.predictor, self.plans = predictor, dict(plans)
        self._made = lru_cache(maxsize=256)(self._make)

    def __call__(self, ours: Ours, masked: int, temperature: float | None, top_p: float | None) -> Chosen:
        """The sampler that fills so many masked positions. Raises Refused, naming the field."""
        asked = tuple(sorted(ours.model_dump(exclude={"frames"}).items()))
        temperature, top_p = 1.0 if temperature is None else temperature, None if top_p in (None, 1) else top_p
        return self._made(asked, masked, temperature, top_p)

    def _make(self, asked: tuple[Any, ...], masked: int, temperature: float, top_p: float | None) -> Chosen:
        ours = Ours(**dict(asked))
        for field in ("rule", "order"):
            value = getattr(ours, field)
            if value is not None and (not _HARMLESS.fullmatch(value) or ".py" in value):
                raise Refused(f"unmask.{field} is {value!r}; expected a name with settings", f"unmask.{field}")
        try:
            sampler, name, plan = self._base(ours, masked)
            if (temperature, top_p) != (1.0, None):
                sampler = sampler.drawing(temperature, None, top_p)
            if ours.block_length is not None and not (ours.rule and rule_names.takes(ours.rule, "block_length")):
                sampler = sampler.in_blocks(ours.block_length)
        except Refused:
            raise
        except InputError as error:
            raise Refused(str(error), "unmask") from None
        if self.predictor.end_of_text_id is not None and not sampler.predictable:
            sampler = sampler.ending(stopping.EndOfText())
        return self._said(sampler.fitting(self.predictor), name, plan, ours.steps)

    def _base(self, ours: Ours, masked: int) -> tuple[Sampler, str, Plan | None]:
        ways = {name: getattr(ours, name) for name in ("rule", "plan", "budget", "exact") if getattr(ours, name)}
        if len(ways) > 1:
            raise Refused(f"unmask.{' and unmask.'.join(ways)} were given; give one of them", "unmask")
        if ours.plan is not None or ours.budget is not None:
            if ours.steps is not None or ours.order is not None:
                field = "steps" if ours.steps is not None else "order"
                raise Refused(f"unmask.{field} was given with a plan, which has its own", f"unmask.{field}")
            return self._planned(ours, masked)
        if ours.exact:
            if ours.steps is not None:
                raise Refused("unmask.steps was given with exact, whose rounds are not chosen", "unmask.steps")
            return recipes.exact(ours.order or "bit_reversal"), "exact", None
        if ours.rule is not None:
            options: dict[str, Any] = {} if ours.steps is None else {"steps": ours.steps}
            if ours.order is not None:
                options["order"] = rule_names.order_from_name(ours.order)
            if ours.block_length is not None and rule_names.takes(ours.rule, "block_length"):
                options["block_length"] = ours.block_length
            return rule_names.from_name(ours.rule, **options), ours.rule, None
        if (ours.steps, ours.order, ours.block_length) == (None, None, None):
            for name, plan in self.plans.items():
                if plan.length == masked:
                    return self._of(name, plan)
        order = rule_names.order_from_name(ours.order or "uniform")
        if ours.steps is None:
            return recipes.one_by_one(order), "one_by_one", None
        if ours.steps > masked:
            raise Refused(f"unmask.steps is {ours.steps}, but {masked} tokens are to be revealed", "unmask.steps")
        if hasattr(order, "reads_model"):
            raise Refused(
                f"unmask.order {ours.order} reads the model; give unmask.rule {ours.order}:{ours.steps}",
                "unmask.order",
            )
        return recipes.planned(Schedule.uniform(masked, ours.steps), order), f"equal sizes, {ours.steps} steps", None

    def _planned(self, ours: Ours, masked: int) -> tuple[Sampler, str, Plan | None]:
        if ours.plan is not None:
            if ours.plan not in self.plans:
                known = ", ".join(self.plans) or "none: start the server with --plan"
                raise Refused(f"unmask.plan is {ours.plan!r}; there is {known}", "unmask.plan")
            plan = self.plans[ours.plan]
            if plan.length != masked:
                raise Refused(
                    f"unmask.plan {ours.plan} reveals {plan.length} tokens, not the {masked} asked for",
                    "unmask.plan",
                )
            return self._of(ours.plan, plan)
        fitting = {name: plan for name, plan in self.plans.items() if plan.length == masked and isinstance(plan, Plan)}
        within = [name for name, plan in fitting.items() if plan.at_most <= (ours.budget or 0.0)]
        if not within:
            prices = ", ".join(f"{name} ({plan.at_most:.4g})" for name, plan in fitting.items()) or "no plan at all"
            raise Refused(
                f"unmask.budget is {ours.budget} nats per token; for {masked} tokens there is {prices}", "unmask.budget"
            )
        name = min(within, key=lambda name: fitting[name].steps)
        return self._of(name, fitting[name])

    def _of(self, name: str, plan: Plan | ExactPlan) -> tuple[Sampler, str, Plan | None]:
        if isinstance(plan, ExactPlan):
            return plan.sampler(), f"plan {name}", None
        return recipes.planned(plan), f"plan {name}", plan

    def _said(self, sampler: Sampler, name: str, plan: Plan | None, steps: int | None) -> Chosen:
        """What may be promised: the part of the contract that holds for this sampler."""
        priced = plan is not None and sampler.predictable and sampler.window == recipes.planned(plan).window
        steps = steps if plan is None else int(plan.steps)
        if priced:
            return Chosen(sampler, name, "planned", "", plan, steps)
        how = sampler.scorable
        if not how:
            return Chosen(sampler, name, "measured only", how.reason, None, steps)
        changed = sampler.drawing() != sampler  # another law is drawn from: nothing is exact about it
        one_at_a_time = name in ("one_by_one", "exact") or name.startswith(("one_by_one:", "exact:"))
        if (one_at_a_time or sampler.speculation is not None) and not changed:
            return Chosen(sampler, name, "exact", "one token at a time, in law", None, steps)
        return Chosen(sampler, name, "replayed", sampler.why_not_predictable or "no measured price", None, steps)

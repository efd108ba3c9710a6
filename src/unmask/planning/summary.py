"""What is printed of a measurement and of plans: plain rows, for tables and for --json. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement
from unmask.planning.plan import Plan
from unmask.planning.planner import Planner
from unmask.planning.sizes import MeasuredSizes
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.schedule import Schedule

SHOWN_COUNTS = 9


def doublings(length: int) -> list[int]:
    """1, 2, 4, .. and L: numbers of steps to show."""
    return sorted({1 << power for power in range(length.bit_length())} | {length})


def measured_report(found: Measurement, steps: Iterable[int] | None = None) -> dict[str, Any]:
    """Everything `unmask measure` prints.

    Args:
        steps: numbers of steps to show bounds for; 1, 2, 4, .. L by default.
    """
    chosen = sorted(set(doublings(found.length) if steps is None else steps))
    for wanted in chosen:
        if not 1 <= wanted <= found.length:
            raise InputError(f"steps is {wanted}; expected numbers of steps from 1 to L = {found.length}")
    curve = InformationCurve(found.curve.values).monotone()
    nelbo = found.nelbo_per_token()
    sizes = {name: MeasuredSizes(found.costs_of(name), found.documents, name) for name in ["uniform", *found.orders]}
    summary: dict[str, Any] = {
        "texts": len(found.texts),
        "documents": len(set(found.documents)) if found.documents != found.texts else "not known",
        "tokens to reveal (L)": found.length,
        "given": str(found.settings.get("given", "nothing")),
        "NELBO one at a time, nats per token": nelbo.value,
        "± 95 %": (nelbo.high - nelbo.low) / 2,
        "NELBO one at a time": found.curve.entropy,
        "total information (TC + DTC)": curve.total_information,
        "total correlation (TC)": curve.total_correlation,
        "dual total correlation (DTC)": curve.dual_total_correlation,
        "growth complexity": curve.growth_complexity,
    }
    if found.is_of_own_samples:
        summary["texts are"] = "the model's own samples, one token at a time"
    if found.settings.get("block_length"):
        summary["block: all numbers are of one block of"] = found.settings["block_length"]
    return {
        "model": found.model["name"],
        "summary": summary,
        "calibration": list(_calibration(found)),
        "bounds": [_bounds(found, curve, wanted) for wanted in chosen],
        "orders": _orders(found, sizes, chosen),
        "order_effects": [_effect(found, name) for name in found.orders],
        "notes": [one.note for one in sizes.values() if one.note],
    }


def _calibration(found: Measurement) -> Iterable[dict[str, float]]:
    """Cross-entropy beside the model's own entropy; their difference is 0 for a calibrated model."""
    error = found.losses.std(axis=0, ddof=1) / np.sqrt(len(found.texts)) * 1.96
    means, own = found.losses.mean(axis=0), found.entropies.mean(axis=0)
    for place in np.unique(np.linspace(0, len(found.counts) - 1, SHOWN_COUNTS).round().astype(int)):
        yield {
            "revealed": int(found.counts[place]),
            "cross_entropy": float(means[place]),
            "half_width": float(error[place]),
            "own_entropy": float(own[place]),
            "difference": float(found.calibration[place]),
        }


def _bounds(found: Measurement, curve: InformationCurve, steps: int) -> dict[str, float]:
    """Nats per token. The bounds hold for every curve that never increases, the fitted one included."""
    equal = Schedule.uniform(found.length, steps)
    return {
        "steps": steps,
        "equal_sizes": found.interval(equal).value / found.length,
        "li_cai_upper": bounds.li_cai_upper(curve, equal) / found.length,
        "li_cai_lower": bounds.li_cai_lower(curve, equal.largest) / found.length,
        "sharp_upper": bounds.sharp_upper(curve, equal) / found.length,
    }


def _orders(
    found: Measurement, sizes: dict[str, MeasuredSizes], steps: Iterable[int]
) -> dict[str, dict[int, float | None]]:
    """Parallel price of the best sizes of each order, nats per token, by number of steps.

    None where there are more steps than counts the order was measured at.
    """
    return {
        name: {
            wanted: best.best(wanted)[1] / found.length if wanted <= len(best.costs.counts) else None
            for wanted in steps
        }
        for name, best in sizes.items()
    }


def _effect(found: Measurement, name: str) -> dict[str, Any]:
    """What an order costs one at a time beyond the uniform one, nats per token."""
    effect = found.estimate(found.order_effects(name) / found.length)
    return {"order": name, "order_effect": effect.value, "half_width": effect.half_width}


def plan_rows(planner: Planner, plans: Iterable[Plan]) -> list[dict[str, Any]]:
    """A row for every plan: what it costs, and what others would pay with as many steps. Nats per token.

    `low` and `high` are of the parallel price, `gain` what it is below that of equal sizes in uniform order.
    """
    rows = []
    for plan in plans:
        equal = plan.bounds["uniform_schedule"]
        rows.append(
            {
                "steps": plan.steps,
                "order": planner.name_of(plan),
                "parallel_price": plan.parallel_price.value,
                "low": plan.parallel_price.low,
                "high": plan.parallel_price.high,
                "order_effect": plan.order_effect.value,
                "price": plan.price.value,
                "perplexity_factor": float(np.exp(plan.parallel_price.value)),
                "uniform_schedule": equal,
                "cosine_schedule": plan.bounds["cosine_schedule"],
                "li_cai_upper": plan.bounds["li_cai_upper"],
                "gain": equal - plan.parallel_price.value,
            }
        )
    return rows


def sentence(plan: Plan) -> str:
    """The plan in one sentence: what it saves, and what revealing tokens together costs."""
    price = plan.parallel_price
    calls = f"{plan.steps:g} network call{'' if plan.steps == 1 else 's'} instead of {plan.length}"
    said = f"{calls}: perplexity × {np.exp(price.value):.3f}"
    if price.is_exact:
        return said
    return f"{said}, {100 * price.confidence:.4g} % sure that it is at most × {np.exp(plan.at_most):.3f}"

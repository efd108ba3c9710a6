"""What is printed of a measurement and of plans: plain rows, for tables and for --json. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.measuring.measurement import Measurement
from unmask.planning.plan import Plan
from unmask.planning.planner import Candidate, Planner
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
    summary: dict[str, Any] = {
        "texts": len(found.texts),
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
    if found.settings.get("block_length"):
        summary["block: all numbers are of one block of"] = found.settings["block_length"]
    return {
        "model": found.model["name"],
        "summary": summary,
        "calibration": list(_calibration(found)),
        "bounds": [_bounds(curve, found.length, wanted) for wanted in chosen],
        "orders": _orders(found, chosen),
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


def _bounds(curve: InformationCurve, length: int, steps: int) -> dict[str, float]:
    """Nats per token. The bounds hold for every curve that never increases, this fitted one included."""
    equal = Schedule.uniform(length, steps)
    return {
        "steps": steps,
        "equal_sizes": float(curve.step_costs(equal).sum() - curve.entropy) / length,
        "li_cai_upper": bounds.li_cai_upper(curve, equal) / length,
        "li_cai_lower": bounds.li_cai_lower(curve, equal.largest) / length,
        "sharp_upper": bounds.sharp_upper(curve, equal) / length,
    }


def _orders(found: Measurement, steps: Iterable[int]) -> dict[str, dict[int, float | None]]:
    """Price of the best sizes of each order, nats per token, by number of steps; None where it was not measured."""
    if not found.orders:
        return {}
    report: dict[str, dict[int, float | None]] = {}
    for name in ["uniform", *found.orders]:
        candidate = Candidate(found.table(name))
        report[name] = {
            wanted: candidate.best(wanted)[1] / found.length if wanted <= candidate.max_steps else None
            for wanted in steps
        }
    return report


def plan_rows(planner: Planner, plans: Iterable[Plan]) -> list[dict[str, Any]]:
    """A row for every plan: what it costs, and what others would pay with as many steps. Nats per token."""
    rows = []
    for plan in plans:
        price, length = plan.price_per_token, plan.length
        equal = plan.bounds["uniform_schedule"] / length
        rows.append(
            {
                "steps": plan.steps,
                "order": planner.name_of(plan),
                "price": price.value,
                "low": price.low,
                "high": price.high,
                "perplexity_factor": float(np.exp(price.value)),
                "uniform_schedule": equal,
                "cosine_schedule": plan.bounds["cosine_schedule"] / length,
                "li_cai_upper": plan.bounds["li_cai_upper"] / length,
                "gain": equal - price.value,
            }
        )
    return rows

"""Claim 2: the error is linear in the information `sum_i I(X_i; X_-i)` ([LC] Thm 1; two-sided by F9).

At a fixed number of steps, one knob of a law is turned and its information grows. In the first two families the knob
scales the whole information curve, and the error must be exactly proportional. In the others the curve changes shape as
well; then the error stays between two lines through the origin (F9), and R^2 says how far from one line it wanders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmask import laws
from unmask.evaluation.claims.claim import ROUNDING, Checks, Claim
from unmask.evaluation.result_table import Cell, Column, ResultTable
from unmask.evaluation.schedules import random_first_step
from unmask.evaluation.subjects import prime_from, sticky_chain
from unmask.laws.base import Law
from unmask.theory import bounds
from unmask.theory.curve import FloatArray
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

MOST_STEPS = 8

SUMMARY = (
    Column("family", "law, knob"),
    Column("information_most", "ΣI\nup to", ".1f"),
    Column("r_squared_even", "R²\neven", ".4f"),
    Column("r_squared_random", "R²\nrandom", ".4f"),
    Column("ratio_least", "KL/ΣI\nleast", ".4f"),
    Column("ratio_most", "\nmost", ".4f"),
    Column("bound", "\nbound", ".4f"),
)
DATA = (
    Column("family"),
    Column("knob"),
    Column("value"),
    Column("total_information"),
    Column("kl_even"),
    Column("kl_random_first"),
    Column("random_first_least"),
    Column("random_first_most"),
    Column("linear_upper"),
    Column("li_cai_upper"),
)


@dataclass(frozen=True)
class LawFamily:
    """One law with one knob."""

    name: str
    title: str
    knob: str
    values: tuple[float, ...]
    law: Callable[[int, float], Law]
    """From a length and a value of the knob."""
    scales: bool
    """Whether the knob multiplies the whole information curve by a number."""


FAMILIES = (
    LawFamily(
        "code",
        "Reed–Solomon code",
        "alphabet",
        (1, 300, 1000, 3000, 10000, 30000, 100000),
        lambda length, least: laws.MDSCode(length, max(1, 2 * length // 5), prime_from(max(length, int(least)))),
        scales=True,
    ),
    LawFamily(
        "repeated",
        "repeated symbol",
        "alphabet",
        (2, 4, 8, 16, 32, 64, 128),
        lambda length, size: laws.Repeated(length, int(size)),
        scales=True,
    ),
    LawFamily(
        "ising",
        "Ising chain",
        "coupling",
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5),
        lambda length, coupling: laws.IsingChain(length, coupling),
        scales=False,
    ),
    LawFamily(
        "markov",
        "sticky Markov chain",
        "stay",
        (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95),
        lambda length, stay: sticky_chain(length, 4, stay),
        scales=False,
    ),
    LawFamily(
        "noisy",
        "repeated with noise",
        "noise",
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        lambda length, noise: laws.Repeated(length, 2, noise=noise),
        scales=False,
    ),
    LawFamily(
        "urn",
        "Pólya urn",
        "concentration",
        (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4),
        lambda length, concentration: laws.PolyaUrn(length, 32, concentration),
        scales=False,
    ),
)


def check(length: int) -> Claim:
    """Verify the claim on every family, at eight steps, fewer for short sequences."""
    steps = max(2, min(MOST_STEPS, length // 4))
    checks = Checks()
    summary: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for family in FAMILIES:
        rows: list[tuple[Any, ...]] = [
            (family.name, family.knob, value, *_member(family, length, value, steps, checks)) for value in family.values
        ]
        data += rows
        summary.append((f"{family.name}, {family.knob}", *_line(family, rows, checks)))
    size = Schedule.uniform(length, steps).largest
    return Claim(
        key="linear",
        title="The error is linear in the information between tokens",
        statement="At a given number of steps, twice the information between tokens means twice the error.",
        checked=(
            f"T = {steps}, steps of {size}, one knob turned at a time. Families that scale the whole curve: KL/ΣI "
            "is the same number for every member, to 1e-9. Families whose curve changes shape: with a random "
            f"first step KL/ΣI lies between Z(L−{size}+1)/Z(L−1) and 1 times (s−1)/(2L); the even split lies below "
            "(s_max−1)/L·ΣI and the paper's bound."
        ),
        summary=ResultTable.of(SUMMARY, summary),
        data=ResultTable.of(DATA, data),
        notes=(
            (
                "even: the even split. random, KL/ΣI: equal steps of the same size with a random first one, which take "
                "up to one call more. bound: the upper bound on KL/ΣI for any schedule with such steps."
            ),
            "The theorem is a bound that is linear in ΣI. The error itself is exactly proportional to ΣI only "
            "where the knob leaves the shape of the curve alone; elsewhere R² (line through the origin) is "
            "measured, not promised.",
            "A low R² for the even split comes from its first step, which is drawn with nothing known: it pays in "
            "full for information that one token would have given away.",
        ),
        checks=checks.count,
        failures=tuple(checks.failures),
    )


def _member(family: LawFamily, length: int, value: float, steps: int, checks: Checks) -> tuple[float, ...]:
    """Information, error and bounds of one member of a family."""
    curve = family.law(length, value).curve()
    total, known = curve.total_information, curve.information
    schedule = Schedule.uniform(length, steps)
    even, size = price(curve, schedule), schedule.largest
    random_first = random_first_step(curve, size)
    most = (size - 1) / (2 * length) * total
    least = most * float(known[length - size + 1] / known[-1])
    sharp, paper = bounds.linear_upper(curve, schedule), bounds.li_cai_upper(curve, schedule)
    where = f"{family.name}, {family.knob} {value:g}"
    checks.at_most(even, sharp, f"{where}: even split, sharp bound")
    checks.at_most(even, paper, f"{where}: even split, paper's bound")
    checks.at_most(least, random_first, f"{where}: random first step, lower line")
    checks.at_most(random_first, most, f"{where}: random first step, upper line")
    return total, even, random_first, least, most, sharp, paper


def _line(family: LawFamily, rows: list[tuple[Any, ...]], checks: Checks) -> tuple[float | None, ...]:
    """How well one line through the origin describes the family, as a row of the summary."""
    total, even, random_first = (np.array([row[place] for row in rows]) for place in (3, 4, 5))
    ratios = random_first / total
    if family.scales:
        for kind, kl in (("even split", even), ("random first step", random_first)):
            checks.at_most(float(np.ptp(kl / total)), ROUNDING, f"{family.name}: {kind}, spread of KL/ΣI")
    fits = (r_squared(total, even), r_squared(total, random_first))
    return float(total.max()), *fits, float(ratios.min()), float(ratios.max()), max(row[8] / row[3] for row in rows)


def r_squared(x: FloatArray, y: FloatArray) -> float | None:
    """Share of the variance of y that the best line through the origin explains; None when y does not vary."""
    residual = y - (x @ y) / (x @ x) * x
    centred = y - y.mean()
    if centred @ centred <= 1e-18:
        return None
    return float(1 - (residual @ residual) / (centred @ centred))

"""Claim 3: the bounds hold for fewer steps than tokens, down to two and even one ([LC] Thm 1).

Earlier results on masked diffusion asked for at least as many steps as tokens. Here every T from 1 to L is priced.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from unmask.evaluation.claims.claim import Checks, Claim
from unmask.evaluation.result_table import Cell, Column, ResultTable
from unmask.evaluation.subjects import Subject
from unmask.theory import bounds
from unmask.theory.optimal import frontier
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

SUMMARY = (
    Column("law", "law"),
    Column("one_step", "T=1\neven", "z.2f"),
    Column("two_steps", "T=2\neven", "z.2f"),
    Column("two_steps_best", "T=2\nbest", "z.2f"),
    Column("two_steps_bound", "T=2\nbound", "z.2f"),
    Column("eight_steps", "T=8\neven", "z.2f"),
    Column("eight_steps_best", "T=8\nbest", "z.2f"),
    Column("eight_steps_bound", "T=8\nbound", "z.2f"),
    Column("all_steps", "T=L\neven", "z.2f"),
)
DATA = (
    Column("law"),
    Column("steps"),
    Column("kl_even"),
    Column("kl_best"),
    Column("sharp_upper"),
    Column("li_cai_upper"),
    Column("sizes_best"),
)


def check(subjects: Sequence[Subject]) -> Claim:
    """Verify the claim on every subject, for every number of steps T = 1..L."""
    checks = Checks()
    summary: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for subject in subjects:
        rows = _numbers(subject, checks)
        data += rows
        one, two, eight, last = rows[0], rows[1], rows[7], rows[-1]
        summary.append((subject.name, one[2], two[2], two[3], two[5], eight[2], eight[3], eight[5], last[2]))
    return Claim(
        key="few-steps",
        title="It holds for fewer steps than tokens, down to two",
        statement="The error is finite and bounded for every number of steps, also when each step reveals many tokens.",
        checked=(
            "For every T from 1 to L: the even split is finite, not negative and below the paper's bound. T = 1 "
            "costs exactly the total correlation, T = L nothing. Cutting every step of an even split into equal "
            "parts never costs more. The best schedule costs no more than the even split, never more with one "
            "step more, and each further step saves no more than the one before it (convex in T)."
        ),
        summary=ResultTable.of(SUMMARY, summary),
        data=ResultTable.of(DATA, data),
        notes=(
            (
                "KL in nats per sequence, averaged over reveal orders. “best” is the cheapest of all schedules with "
                "that many steps."
            ),
            "The even split alone need not fall with every further step: one step more can move a boundary off a "
            "plateau (code, staircase). Where the old steps are cut into equal parts, it must.",
        ),
        checks=checks.count,
        failures=tuple(checks.failures),
    )


def _numbers(subject: Subject, checks: Checks) -> list[tuple[Any, ...]]:
    """One row for each T = 1..L."""
    curve, length, name = subject.curve, subject.curve.length, subject.name
    best = frontier(curve, length)
    even: dict[int, float] = {}
    rows = []
    for steps in range(1, length + 1):
        schedule, cheapest = Schedule.uniform(length, steps), best.schedule(steps)
        even[steps] = kl = price(curve, schedule)
        kl_best = price(curve, cheapest)
        sharp, paper = bounds.sharp_upper(curve, schedule), bounds.li_cai_upper(curve, schedule)
        checks.that(math.isfinite(kl), f"{name}: even split, T={steps}: {kl} is not finite")
        checks.at_most(0.0, kl_best, f"{name}: best schedule, T={steps}, not negative")
        checks.at_most(kl, paper, f"{name}: even split, T={steps}, paper's bound")
        checks.at_most(kl_best, kl, f"{name}: best schedule against even split, T={steps}")
        rows.append((name, steps, kl, kl_best, sharp, paper, " ".join(map(str, cheapest.sizes))))
    checks.equal(even[1], curve.total_correlation, f"{name}: one step costs the total correlation")
    checks.equal(even[length], 0.0, f"{name}: one token a step costs nothing")
    for coarse in range(1, length + 1):
        for fine in range(2 * coarse, length + 1, coarse):
            if length % fine == 0:  # then each step of the coarse split is cut into equal parts
                checks.at_most(even[fine], even[coarse], f"{name}: even split, T={fine} refines T={coarse}")
    saved = [before[3] - after[3] for before, after in itertools.pairwise(rows)]
    for place, gain in enumerate(saved):
        checks.at_most(0.0, gain, f"{name}: best schedule, T={place + 2} against T={place + 1}")
        if place:
            checks.at_most(gain, saved[place - 1], f"{name}: best schedule, convex at T={place + 1}")
    return rows

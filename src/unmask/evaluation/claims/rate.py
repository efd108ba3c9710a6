"""Claim 1: the error falls like 1/T ([LC] corollary; two-sided by F9).

Two schedules of s = L/T tokens a step. *Even split*, what engines run: the claim is an upper bound. *Random first step*
(F9): the first step is uniform on 1..s, every later one is s; then

    Z_{L-s+1} / Z_{L-1}  <=  KL / ( (s-1)/(2L) * sum_i I(X_i; X_-i) )  <=  1     for every law,

so `T KL` is flat at many steps, and the slope of log KL on log T forced into an interval, wherever L - s + 1 tokens
hold most of what is to be known. Where they do not (parity), no law says that the error must fall, and the interval is
wide. T is what is paid: the mean number of network calls, 1 + (L-1)/s, which a random first step makes up to one more
than L/s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unmask.evaluation.claims.claim import Checks, Claim
from unmask.evaluation.result_table import Cell, Column, ResultTable
from unmask.evaluation.schedules import random_first_step
from unmask.evaluation.subjects import Subject
from unmask.theory import bounds
from unmask.theory.curve import FloatArray
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

SMOOTH_JUMP = 0.1
SMOOTH_SHARE = 0.5
SMOOTH_SLOPE = (-1.3, -0.9)

SUMMARY = (
    Column("law", "law"),
    Column("flat_least", "T·KL/ΣI\nleast", "z.3f"),
    Column("flat_most", "\nmost", "z.3f"),
    Column("slope_even", "slope\neven", "z.2f"),
    Column("slope_random", "slope\nrandom", "z.2f"),
    Column("slope_least", "theorem\nfrom", "z.2f"),
    Column("slope_most", "\nto", "z.2f"),
)
DATA = (
    Column("law"),
    Column("steps"),
    Column("size"),
    Column("kl_even"),
    Column("bound_even"),
    Column("kl_random_first"),
    Column("random_first_least"),
    Column("random_first_most"),
    Column("total_information"),
    Column("calls_random_first"),
    Column("bound_random_first"),
)


def check(subjects: Sequence[Subject]) -> Claim:
    """Verify the claim on every subject, for every number of steps T = 1..L and every size s = 1..L."""
    checks = Checks()
    summary: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for subject in subjects:
        rows = _numbers(subject, checks)
        data += [(subject.name, *row) for row in rows]
        summary.append((subject.name, *_slopes(subject, rows, checks)))
    return Claim(
        key="rate",
        title="The error falls like 1/T",
        statement="T·KL is bounded for every law, and flat unless the information comes with the last tokens.",
        checked=(
            "For every T: the even split costs at most ΣI/T (the corollary with C = 1) and at most "
            "(⌈L/T⌉−1)/L·ΣI. For every step size s with a random first step: KL lies between Z(L−s+1)/Z(L−1) and "
            "1 times (s−1)/(2L)·ΣI, equals its closed form, is at most ΣI·C/T at the T = 1 + (L−1)/s network calls it "
            "makes on average, C = ½·T/(T−1), and the slope of log KL on log T fitted for L/s = 2…L/4 lies in "
            "the interval that this allows. On smooth curves (no token brings more than "
            f"{SMOOTH_JUMP:.0%} of the information, half of the tokens hold half of it) the slope of the even "
            f"split lies between {SMOOTH_SLOPE[0]} and {SMOOTH_SLOPE[1]}."
        ),
        summary=ResultTable.of(SUMMARY, summary),
        data=ResultTable.of(DATA, data),
        notes=(
            "At finite length the error of the even split is close to (1/T − 1/L)·ΣI/2, which falls a little faster "
            "than 1/T: hence −1.1. Steps with a random first one fall by about T/(T − 1) more: hence −1.3.",
            "even: the even split. random: equal steps with a random first one, which the theorem’s interval is about.",
            "A random first step takes up to one call more than L/s, so that ½·ΣI/T does not hold against the calls "
            "that are made: at two calls it costs as much as the even split may.",
            (
                "No slope (–): some even split costs exactly nothing, because its steps end where a plateau of the "
                "curve ends."
            ),
            "A wide interval: the information comes with the last tokens (parity, balanced, permutation). There "
            "the error stays below the 1/T bound but need not fall like it.",
        ),
        checks=checks.count,
        failures=tuple(checks.failures),
    )


def _numbers(subject: Subject, checks: Checks) -> list[tuple[Any, ...]]:
    """One row for each T = 1..L: the even split, and equal steps of s = ceil(L/T) with a random first one."""
    curve, length = subject.curve, subject.curve.length
    total, known = curve.total_information, curve.information
    random_first = {size: random_first_step(curve, size) for size in range(1, length + 1)}
    calls_of = {size: _calls(length, size) for size in random_first}
    for size, mean in random_first.items():
        checks.equal(
            mean, bounds.equal_steps(curve, size), f"{subject.name}: random first step, size {size}, closed form"
        )
        least, most = _band(known, total, size)
        checks.at_most(least, mean, f"{subject.name}: random first step, size {size}, lower end")
        checks.at_most(mean, most, f"{subject.name}: random first step, size {size}, upper end")
        calls = calls_of[size]
        corollary = bounds.li_cai_corollary(curve, 1, constant=0.5 / (calls - 1))  # (C/T) ΣI, C = T/(2(T-1))
        checks.at_most(mean, corollary, f"{subject.name}: random first step, size {size}, corollary in calls made")
    rows = []
    for steps in range(1, length + 1):
        schedule = Schedule.uniform(length, steps)
        even, size = price(curve, schedule), schedule.largest
        bound, corollary = bounds.linear_upper(curve, schedule), bounds.li_cai_corollary(curve, steps)
        checks.at_most(even, bound, f"{subject.name}: even split, T={steps}, sharp bound")
        checks.at_most(even, corollary, f"{subject.name}: even split, T={steps}, corollary")
        calls = calls_of[size]
        allowed = bounds.equal_steps_upper(curve, calls)
        checks.at_most(random_first[size], allowed, f"{subject.name}: random first step, size {size}, in calls made")
        band = _band(known, total, size)
        rows.append((steps, size, even, bound, random_first[size], *band, total, calls, allowed))
    return rows


def _calls(length: int, size: int) -> float:
    """Mean network calls of equal steps with a random first one, by counting."""
    return float(np.mean([Schedule.equal_steps(length, size, first).steps for first in range(1, size + 1)]))


def _band(known: FloatArray, total: float, size: int) -> tuple[float, float]:
    """What F9 allows for equal steps of `size` with a random first step."""
    length = len(known)
    most = (size - 1) / (2 * length) * total
    return (most * float(known[length - size + 1] / known[-1]) if size > 1 and total > 1e-9 else 0.0), most


def _slopes(subject: Subject, rows: list[tuple[Any, ...]], checks: Checks) -> tuple[float | None, ...]:
    """Flatness and slopes for T = 2..L/4, as a row of the summary."""
    if not subject.has_information:
        return (None,) * 6
    curve, length = subject.curve, subject.curve.length
    total = curve.total_information
    steps = np.arange(2, max(4, length // 4) + 1)
    even = np.array([rows[T - 1][2] for T in steps])
    flat = steps * even / total
    slope_even = slope(np.log(steps), even)
    smooth = subject.largest_jump <= SMOOTH_JUMP and subject.late_share >= SMOOTH_SHARE
    if smooth and slope_even is not None:
        least, most = SMOOTH_SLOPE
        checks.that(least <= slope_even <= most, f"{subject.name}: slope {slope_even:.3f} is not in {least}..{most}")

    sizes = np.arange(max(2, -(-length // steps[-1])), length // 2 + 1)
    at = np.log([bounds.equal_steps_calls(length, int(size)) for size in sizes])
    random_first = np.array([bounds.equal_steps(curve, int(size)) for size in sizes])
    slope_random = slope(at, random_first)
    slope_least, slope_most = _forced_slope(curve.information, total, sizes, at)
    if slope_random is not None and slope_least is not None and slope_most is not None:
        checks.at_most(slope_least, slope_random, f"{subject.name}: slope, random first step, lower end")
        checks.at_most(slope_random, slope_most, f"{subject.name}: slope, random first step, upper end")
    return float(flat.min()), float(flat.max()), slope_even, slope_random, slope_least, slope_most


def slope(x: FloatArray, kl: FloatArray) -> float | None:
    """Least-squares slope of log KL on x; None when some KL is zero."""
    if np.any(kl <= 1e-9):
        return None
    return float(_weights(x) @ np.log(kl))


def _weights(x: FloatArray) -> FloatArray:
    """The least-squares slope is this vector times the ordinates."""
    centred = x - x.mean()
    return np.asarray(centred / (centred @ centred))


def _forced_slope(
    known: FloatArray, total: float, sizes: np.ndarray, x: FloatArray
) -> tuple[float | None, float | None]:
    """The least and the largest slope that a log KL anywhere in the band of F9 can have."""
    least, most = np.array([_band(known, total, int(size)) for size in sizes]).T
    if np.any(least <= 1e-9):
        return None, None  # the band reaches down to zero: nothing is forced
    low, high, weights = np.log(least), np.log(most), _weights(x)
    return (
        float(np.sum(np.where(weights > 0, weights * low, weights * high))),
        float(np.sum(np.where(weights > 0, weights * high, weights * low))),
    )

"""The lower bound of the paper ([LC] Thm 2): its best constant, by linear programming over all curves and schedules.

A falling curve is its increments, and costs and sums are linear in them. The best constant is therefore the value of

    min over Z with sum(Z) = 1 of the largest cost of any schedule with that s_max,

a linear programme with a row for every schedule, for each way the size of W_j may be read.
"""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from reference import brute_force
from unmask import laws
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

READINGS = {
    "L - ceil(s/2^j)": lambda length, s, j: max(length - math.ceil(s / 2**j), 0),
    "L - max(floor(s/2^j), 1)": lambda length, s, j: length - max(s // 2**j, 1),
    "L - 1 - floor(s/2^j)": lambda length, s, j: max(length - 1 - s // 2**j, 0),
    "L - 1 - ceil(s/2^j)": lambda length, s, j: max(length - 1 - math.ceil(s / 2**j), 0),
}
ENDLESS = 60  # terms of the sum over j; what is left out is below 1e-17


def stairs(length):
    """(L - 1, L): curves that fall by 1 at one count; every falling curve is a sum of them, and a constant."""
    return np.array([[1.0] * count + [0.0] * (length - count) for count in range(1, length)])


def sums(length, largest, size_of):
    """(L - 1,) `s sum_j 2^-j Z_{|W_j|}` of each stair."""
    known = 1.0 - stairs(length)  # Z of each stair
    return largest * sum(known[:, size_of(length, largest, j)] / 2**j for j in range(ENDLESS))


def costs(length, largest):
    """(schedules, L - 1) what every schedule with that largest step costs on each stair."""
    schedules = [Schedule(sizes) for sizes in brute_force.compositions(length) if max(sizes) == largest]
    return np.array([[price(InformationCurve(stair), s) for stair in stairs(length)] for s in schedules])


def lower_and_upper(length, largest, size_of):
    """The largest constant of the lower half, and the smallest of the upper half (infinite when there is none)."""
    sum_of, cost = sums(length, largest, size_of), costs(length, largest)
    few = len(sum_of)
    # Variables: weights of the stairs, and t, at least the cost of every schedule. Minimise t.
    found = linprog(
        np.append(np.zeros(few), 1.0),
        A_ub=np.hstack([cost, -np.ones((len(cost), 1))]),
        b_ub=np.zeros(len(cost)),
        A_eq=np.append(sum_of, 0.0)[None],
        b_eq=[1.0],
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(cost > 0, cost / sum_of, 0.0)
    return found.fun, float(ratios.max())


def constants(size_of, longest):
    return {
        (length, largest): lower_and_upper(length, largest, size_of)
        for length in range(2, longest + 1)
        for largest in range(2, length + 1)
    }


@pytest.mark.parametrize("name", list(READINGS)[:3])
def test_an_eighth_is_enough_under_every_reading_that_makes_both_halves_true(name):
    found = constants(READINGS[name], 9)
    assert min(lower for lower, _ in found.values()) >= 1 / 8 - 1e-9
    assert max(upper for _, upper in found.values()) <= 1 + 1e-9


def test_an_eighth_is_the_best_constant_and_attained_at_four_tokens():
    lower, _ = lower_and_upper(4, 2, READINGS["L - ceil(s/2^j)"])
    assert lower == pytest.approx(1 / 8, abs=1e-9)


def test_the_fourth_reading_makes_the_upper_half_false():
    found = constants(READINGS["L - 1 - ceil(s/2^j)"], 6)
    assert max(upper for _, upper in found.values()) > 1.5


def test_the_first_reading_is_what_the_bound_computes():
    for length, largest in [(5, 2), (7, 4), (8, 8)]:
        size_of = READINGS["L - ceil(s/2^j)"]
        expected = [bounds.li_cai_sum_upper(InformationCurve(stair), largest) for stair in stairs(length)]
        np.testing.assert_allclose(sums(length, largest, size_of), expected, atol=1e-9)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_balanced_schedules_need_not_cost_the_lower_bound(size):
    curve = laws.Staircase(64, [(24, 67), (40, 67)]).curve()
    schedule = Schedule.uniform(64, 64 // size)
    assert price(curve, schedule) == pytest.approx(0, abs=1e-9)
    assert bounds.li_cai_lower(curve, schedule.largest) > 1

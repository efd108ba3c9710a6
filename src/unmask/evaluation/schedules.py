"""Schedules that a claim is tested on: the worst with a given largest step, and averages over a random first step.

Computed from the curve alone; knows nothing about claims or how they are shown.
"""

from __future__ import annotations

import numpy as np

from unmask.errors import InputError
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.price import price
from unmask.theory.schedule import Schedule


def worst_schedule(curve: InformationCurve, largest: int) -> Schedule:
    """The most expensive of all schedules whose largest step is exactly `largest`, by dynamic programming.

    Two values for every prefix of b tokens: the most that steps below `largest` can cost, and the most that they can
    cost with at least one step of `largest` among them. O(L * largest).

    Raises:
        InputError: when `largest` is not between 1 and L.
    """
    length = curve.length
    if not 1 <= largest <= length:
        raise InputError(f"largest is {largest}; expected a step between 1 and the length {length}")
    below = np.full(length + 1, -np.inf)  # no step of `largest` yet
    reached = np.full(length + 1, -np.inf)  # at least one
    below[0] = 0.0
    came_below = np.zeros(length + 1, dtype=np.int64)
    came_reached = np.zeros(length + 1, dtype=np.int64)
    for end in range(1, length + 1):
        sizes = np.arange(1, min(end, largest - 1) + 1)
        costs = sizes * curve.values[end - sizes]
        if sizes.size:
            below[end], came_below[end] = _best(below[end - sizes] + costs, sizes)
            reached[end], came_reached[end] = _best(reached[end - sizes] + costs, sizes)
        if end >= largest:
            with_it = max(below[end - largest], reached[end - largest]) + largest * curve.values[end - largest]
            if with_it > reached[end]:
                reached[end], came_reached[end] = with_it, largest
    return Schedule(_trace(length, largest, below, reached, came_below, came_reached))


def random_first_step(curve: InformationCurve, size: int) -> float:
    """Mean price of steps of `size` whose first one is uniform on 1..size: every such schedule priced, and averaged."""
    schedules = [Schedule.equal_steps(curve.length, size, first) for first in range(1, size + 1)]
    return float(np.mean([price(curve, schedule) for schedule in schedules]))


def _best(values: FloatArray, sizes: np.ndarray) -> tuple[float, int]:
    place = int(np.argmax(values))
    return float(values[place]), int(sizes[place])


def _trace(
    length: int,
    largest: int,
    below: FloatArray,
    reached: FloatArray,
    came_below: np.ndarray,
    came_reached: np.ndarray,
) -> list[int]:
    """The sizes behind `reached[length]`, first step first."""
    sizes: list[int] = []
    end, needs_largest = length, True
    while end > 0:
        size = int(came_reached[end] if needs_largest else came_below[end])
        end -= size
        sizes.append(size)
        if size == largest:  # the prefix may hold another one, or none
            needs_largest = reached[end] > below[end]
    return sizes[::-1]

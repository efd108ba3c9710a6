"""Best schedules for a curve that never increases: lower envelopes of lines, O(L) for a layer or for a price.

`f_t(b) = min_a f_{t-1}(a) + (b - a) c_a` is a minimum of lines in b with slopes `c_a` that do not increase with a, so
the best a never decreases with b (w is Monge). Three ways to use that:

- `layer_prices`: f_1, f_2, .. f_T one after the other, each layer a handful of numpy operations of length L. O(TL).
- `cheapest_path`: the best path when every step costs an extra lambda, any number of steps. One pass, O(L).
- `hull_edge`: the optimum is convex in T, so a few such passes bracket any wanted T, and `exchange` makes the path with
  exactly T steps out of the two at the ends of the bracket. O(L) for each pass, whatever T.

Paths are lists of boundaries 0 = b_0 < .. < b_T = L. Values are trusted to be non-increasing; `optimal` checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Prices closer than this, relative to the larger one, are taken to be equal.
RESOLUTION = 1e-13


@dataclass(frozen=True)
class Path:
    """Boundaries of a schedule and its price (nats beyond one token a step)."""

    boundaries: list[int]
    price: float

    @property
    def steps(self) -> int:
        return len(self.boundaries) - 1


def path_price(values: FloatArray, boundaries: list[int]) -> float:
    """`sum_t s_t c_{a_t} - sum_k c_k`, summed as differences within steps so that small prices keep their digits."""
    ends = np.array(boundaries)
    steps = np.diff(ends)
    return float(np.sum(np.repeat(values[ends[:-1]], steps) - values))


def layer_prices(values: FloatArray) -> Iterator[float]:
    """The least price of T steps for T = 1, 2, .., L, one at a time.

    `F_t(b) = f_t(b) - sum_{k<b} c_k`, the price so far, is kept rather than f_t. Positions and sums are counted from
    the end, where small prices are decided and small numbers keep their digits. Lines through a >= b need no
    exclusion: they stand for steps that go back, which never pay.
    """
    length = len(values)
    scale = float(values[0] - values[-1]) or 1.0
    costs = (values - values[-1]) / scale  # from 1 down to 0: neither constants nor factors matter
    left = np.append(np.cumsum(costs[::-1])[::-1], 0.0)  # cost of the tokens from b on, one a step
    drift = math.fsum(costs) - left[0]  # what the rounding of these sums puts into every price
    counts = np.arange(-length, 1)  # b - L
    plateaus = np.flatnonzero(np.diff(costs, prepend=np.inf) < 0)  # of equal slopes the first line is the lowest
    price = (counts + length) * costs[0] + (left - left[0])  # F_1 at every b
    yield max(float(price[length] - drift), 0.0) * scale
    for step in range(2, length + 1):
        start = step - 1  # the t-th step starts at t-1 or later
        later = plateaus[np.searchsorted(plateaus, start, side="right") :]
        lines = np.concatenate(([start], later))
        slopes = costs[lines]
        heights = price[lines] - left[lines] - counts[lines] * slopes
        kept = _lower_envelope(slopes, heights)
        lines, slopes, heights = lines[kept], slopes[kept], heights[kept]
        with np.errstate(over="ignore"):  # lines all but parallel cross at infinity
            turns = np.diff(heights) / -np.diff(slopes)  # from where on the next line is lower
        best = np.searchsorted(turns, counts[step:])
        chosen = lines[best]
        price[step:] = price[chosen] + ((counts[step:] - counts[chosen]) * slopes[best] + (left[step:] - left[chosen]))
        yield max(float(price[length] - drift), 0.0) * scale


def _lower_envelope(slopes: FloatArray, heights: FloatArray) -> IntArray:
    """Which of the lines `height + slope * b`, slopes strictly decreasing, are lowest somewhere.

    A line is never lowest if its neighbours cross below it. All such lines are dropped at once and the rest looked at
    again; few rounds are needed in practice, and a linear pass takes over when there are many.
    """
    kept = np.arange(len(slopes))
    for _ in range(24):
        falls, rises = -np.diff(slopes[kept]), np.diff(heights[kept])
        useful = rises[:-1] * falls[1:] < rises[1:] * falls[:-1]
        if useful.all():
            return kept
        kept = kept[np.concatenate(([True], useful, [True]))]
    return kept[_envelope_in_turn(slopes[kept].tolist(), heights[kept].tolist())]


def _envelope_in_turn(slopes: list[float], heights: list[float]) -> list[int]:
    """The same, one line after the other (monotone chain)."""
    kept: list[int] = []
    for new in range(len(slopes)):
        while len(kept) > 1:
            before, last = kept[-2], kept[-1]
            reach = (heights[last] - heights[before]) * (slopes[last] - slopes[new])
            if reach < (heights[new] - heights[last]) * (slopes[before] - slopes[last]):
                break
            kept.pop()
        kept.append(new)
    return kept


def cheapest_path(values: list[float], price_per_step: float) -> list[int]:
    """Boundaries of the path with the least `cost + price_per_step * steps`.

    Lines enter in order of falling slope and queries grow, so a queue holds the lines that are lowest from now on, each
    with the query from which it is. Lists and floats, not arrays: the loop is sequential, and this is its fastest form.
    """
    length = len(values)
    # least cost to have revealed b, counted, as positions are, from the end: small numbers where little is left
    best = [0.0] * (length + 1)
    best[0] = -math.fsum(values)
    parent = [0] * (length + 1)
    queue = [0] * length  # lines, by the count a where their step starts
    height = [0.0] * length
    lowest_from = [0.0] * length
    head = tail = 0  # the queue is queue[head:tail]
    for b in range(1, length + 1):
        a = b - 1
        slope = values[a]
        intercept = best[a] + price_per_step + (length - a) * slope
        enters = float(b)
        while tail > head:
            fall = values[queue[tail - 1]] - slope
            rise = intercept - height[tail - 1]
            if fall <= 0.0:
                if rise >= 0.0:
                    enters = math.inf  # parallel and no lower: never useful
                    break
                tail -= 1
                continue
            crossing = length + rise / fall
            if crossing > b and crossing > lowest_from[tail - 1]:
                enters = crossing
                break
            tail -= 1
        else:
            enters = float(b)
        if enters <= length:
            queue[tail] = a
            height[tail] = intercept
            lowest_from[tail] = enters
            tail += 1
        while head + 1 < tail and lowest_from[head + 1] <= b:
            head += 1
        start = queue[head]
        parent[b] = start
        best[b] = height[head] - (length - b) * values[start]
    boundaries = [length]
    while boundaries[-1]:
        boundaries.append(parent[boundaries[-1]])
    return boundaries[::-1]


def hull_edge(
    values: FloatArray,
    enough: Callable[[Path], bool],
    wanted_steps: Callable[[Path, Path], float],
    guess: float | None = None,
    found_it: Callable[[Path], bool] = lambda path: False,
) -> tuple[Path, Path]:
    """Two optimal paths, the second `enough` and the first not, with no vertex of the convex frontier between them.

    Args:
        values: the curve, non-increasing.
        enough: a test that fails for few steps and passes from some number of steps on; passes for one token a step.
        wanted_steps: given the bracket so far, about how many steps are wanted (only the speed depends on it).
        guess: a price per step to begin with.
        found_it: a path that passes is returned at once (twice).

    Returns:
        The two paths (the same one twice when a single step is enough). Every optimum between them lies on the line
        through both, and `exchange` finds it.
    """
    plain: list[float] = (values - values[-1]).tolist()
    length = len(plain)
    few = Path([0, length], path_price(values, [0, length]))
    if enough(few):
        return few, few
    many = Path(list(range(length + 1)), 0.0)
    model_helps = use_model = True
    while many.steps - few.steps > 1:
        resolution = RESOLUTION * few.price
        chord = (few.price - many.price) / (many.steps - few.steps)
        if few.price - many.price <= resolution:
            break
        on_chord = guess is None and not use_model
        price_per_step = guess if guess is not None else chord if on_chord else _modelled(few, many, wanted_steps)
        guess = None
        boundaries = cheapest_path(plain, price_per_step)
        found = Path(boundaries, path_price(values, boundaries))
        if found_it(found):
            return found, found
        width = many.steps - few.steps
        inside = few.steps < found.steps < many.steps
        if on_chord and (not inside or found.price + chord * (found.steps - few.steps) >= few.price - resolution):
            break
        if inside:
            few, many = (few, found) if enough(found) else (found, many)
        model_helps = model_helps and (inside or on_chord)
        use_model = model_helps and inside and many.steps - few.steps <= width / 2
    return few, many


def _modelled(few: Path, many: Path, wanted_steps: Callable[[Path, Path], float]) -> float:
    """The price per step at which the wanted number of steps is best if `price = A + C / T` through the bracket."""
    scale = (few.price - many.price) / (1 / few.steps - 1 / many.steps)
    wanted = min(max(wanted_steps(few, many), few.steps + 0.5), many.steps - 0.5)
    return scale / wanted**2


def exchange(few: list[int], many: list[int], steps: int) -> list[int]:
    """A path of exactly `steps` steps, as good as the line between two optimal paths at that number of steps.

    Where one step of `few` covers the step of `many` that comes `x = T_many - T` boundaries later, follow `few` up to
    there and `many` from there on. Swapping the tails of two such paths never costs when w is Monge (Aggarwal,
    Schieber and Tokuyama 1994), and neither of the two results can lie below the line.
    """
    ahead = len(many) - 1 - steps
    ends = np.array(few[1:])
    covered = np.flatnonzero(ends >= np.array(many)[ahead + 1 : ahead + len(few)])
    cut = int(covered[0])
    return few[: cut + 1] + many[cut + 1 + ahead :]

"""The best schedule: for a number of steps, for a budget in nats, for a price per network call, for every T at once.

All of it works on an `InformationCurve` (uniform reveal order; prompts: `curve.after(m)`) and on an `OrderTable` (any
other order). Curves that never increase, as every true one, are solved in O(L) for each layer or pass (`envelope`). All
else gets the plain O(T L^2) programme (`programme`) and the same true optimum.

A price is what a schedule costs beyond one token a step, nats per sequence. With a curve that rises somewhere it can be
negative, and more steps can cost more.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.theory import envelope
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.order_table import OrderTable
from unmask.theory.programme import Programme
from unmask.theory.schedule import Schedule
from unmask.theory.schedule_families import check_number, check_whole

Costs = InformationCurve | OrderTable


@dataclass(frozen=True, eq=False)
class Frontier(Displayed):
    """The least price of every number of steps, and the schedules that reach it.

    Attributes:
        prices: shape (max_steps,), nats per sequence; entry T-1 is the price of the best schedule of exactly T steps.
        length: L.
    """

    prices: FloatArray
    length: int
    _schedule: Callable[[int], Schedule] = field(repr=False)

    @property
    def max_steps(self) -> int:
        """The largest T there is a price for."""
        return len(self.prices)

    def price(self, steps: int) -> float:
        """The least price of exactly `steps` steps, nats per sequence."""
        check_whole("steps", steps, 1, self.max_steps)
        return float(self.prices[steps - 1])

    def schedule(self, steps: int) -> Schedule:
        """A schedule of exactly `steps` steps with the least price."""
        check_whole("steps", steps, 1, self.max_steps)
        return self._schedule(steps)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {"length": self.length, "prices": self.prices.tolist()}

    def __len__(self) -> int:
        return self.max_steps

    def __repr__(self) -> str:
        ends = f"price {self.prices[0]:.4g} at T=1 to {self.prices[-1]:.4g} nats at T={self.max_steps}"
        return f"Frontier(length={self.length}, {ends})"


def best_schedule(costs: Costs, steps: int) -> Schedule:
    """The schedule of exactly `steps` steps with the least price.

    Args:
        costs: the curve or order table to plan on.
        steps: T, in 1..L (for a table with missing rows: at most its number of rows).

    Examples:
        >>> unmask.best_schedule(unmask.laws.Permutation(8).curve(), 3).sizes
        (3, 3, 2)
    """
    check_whole("steps", steps, 1, _most_steps(costs))
    if not _has_envelope(costs):
        return frontier(costs, steps).schedule(steps)
    return _on_hull(_falling(costs), steps, None)


def fewest_steps(costs: Costs, budget: float) -> Schedule:
    """A schedule with the fewest steps whose price is at most `budget`, and among those the cheapest.

    Args:
        costs: the curve or order table to plan on.
        budget: nats per token beyond one token a step; met up to rounding (1e-12 of the NELBO).

    Raises:
        InputError: when no schedule meets the budget; it names the smallest reachable price.

    Examples:
        >>> unmask.fewest_steps(unmask.laws.Permutation(8).curve(), budget=0.25).steps
        3
    """
    check_number("budget", budget, least=-math.inf)
    whole = budget * _checked(costs).length  # nats per sequence, as prices are
    allowed = whole + 1e-12 * max(1.0, costs.one_at_a_time)
    if not _has_envelope(costs):
        return _fewest_by_layers(costs, budget, allowed)
    if allowed < 0:
        raise InputError(f"budget is {budget:g} nats per token; the smallest reachable price is 0, at one token a step")
    values = _falling(costs)

    def modelled_steps(few: envelope.Path, many: envelope.Path) -> float:
        """Where `price = A + C/T` through both falls to the budget."""
        scale = (few.price - many.price) / (1 / few.steps - 1 / many.steps)
        return scale / max(whole - many.price + scale / many.steps, 1e-300)

    few, many = envelope.hull_edge(values, lambda path: path.price <= allowed, modelled_steps)
    if few is many:
        return _from_boundaries(few.boundaries)
    slope = (few.price - many.price) / (many.steps - few.steps)
    steps = few.steps + max(1, math.floor((few.price - allowed) / slope)) if slope > 0 else few.steps + 1
    while steps < many.steps:  # on the line between both; rounding may ask for one step more
        boundaries = envelope.exchange(few.boundaries, many.boundaries, steps)
        if envelope.path_price(values, boundaries) <= allowed:
            return _from_boundaries(boundaries)
        steps += 1
    return _from_boundaries(many.boundaries)


def frontier(costs: Costs, max_steps: int | None = None) -> Frontier:
    """The least price of every T = 1..max_steps, and their schedules.

    Args:
        costs: the curve or order table to plan on.
        max_steps: the largest T, by default every one (L, or the number of measured rows of a table).

    Examples:
        >>> frontier = unmask.frontier(unmask.laws.Permutation(8).curve(), 3)
        >>> round(frontier.price(3), 3), frontier.schedule(3).sizes
        (1.848, (3, 3, 2))
    """
    most = _most_steps(costs)
    largest = most if max_steps is None else max_steps
    check_whole("max_steps", largest, 1, most)
    if not _has_envelope(costs):
        return _frontier_by_layers(costs, largest)
    values = _falling(costs)
    prices = np.fromiter(itertools.islice(envelope.layer_prices(values), largest), dtype=np.float64, count=largest)

    def rebuild(steps: int) -> Schedule:
        """One or two passes: the prices next to T say at which price per step T is best."""
        before = prices[steps - 2] if steps > 1 else np.inf
        after = prices[steps] if steps < largest else prices[steps - 1]
        guess = (before - after) / 2
        return _on_hull(values, steps, float(guess) if 0 < guess < np.inf else None)

    return Frontier(prices, costs.length, rebuild)


def cheapest(costs: Costs, price_per_call: float) -> Schedule:
    """The schedule with the least `price + price_per_call * T`, both in nats per sequence.

    Examples:
        >>> unmask.cheapest(unmask.laws.Permutation(8).curve(), price_per_call=0.5).steps
        4
    """
    check_number("price_per_call", price_per_call)
    if _has_envelope(_checked(costs)):
        return _from_boundaries(envelope.cheapest_path(_falling(costs).tolist(), price_per_call))
    return _from_boundaries(Programme.of(costs).cheapest(price_per_call))


def share_steps(blocks: Sequence[Costs], steps: int) -> list[Schedule]:
    """The best way to share `steps` steps among blocks, at least one each: a schedule for every block.

    Prices of blocks add up. While every block's frontier is convex, giving each next step to the block that gains most
    from it is optimal; otherwise the frontiers are combined exactly, O(blocks * T^2).

    Examples:
        >>> blocks = [unmask.laws.Permutation(8).curve(), unmask.laws.Permutation(4).curve()]
        >>> [schedule.steps for schedule in unmask.share_steps(blocks, 6)]
        [4, 2]
    """
    if not blocks:
        raise InputError("blocks is empty; give at least one curve")
    most = sum(_most_steps(block) for block in blocks)
    check_whole("steps", steps, len(blocks), most)
    spare = steps - len(blocks)
    frontiers = [frontier(block, min(_most_steps(block), spare + 1)) for block in blocks]
    if all(_is_convex(found.prices) for found in frontiers):
        counts = _share_greedily([found.prices for found in frontiers], spare)
    else:
        counts = _share_exactly([found.prices for found in frontiers], steps)
    return [found.schedule(count) for found, count in zip(frontiers, counts, strict=True)]


def _share_greedily(prices: list[FloatArray], spare: int) -> list[int]:
    counts = [1] * len(prices)
    gains = [(block[1] - block[0], index) for index, block in enumerate(prices) if len(block) > 1]  # minus the gain
    heapq.heapify(gains)
    for _ in range(spare):
        _, index = heapq.heappop(gains)
        counts[index] += 1
        block = prices[index]
        if counts[index] < len(block):
            heapq.heappush(gains, (block[counts[index]] - block[counts[index] - 1], index))
    return counts


def _share_exactly(prices: list[FloatArray], steps: int) -> list[int]:
    total = np.full(steps + 1, np.inf)  # least price of the blocks so far with so many steps
    total[0] = 0.0
    choices = []
    for block in prices:
        options = np.full((len(block), steps + 1), np.inf)
        for count in range(1, min(len(block), steps) + 1):
            options[count - 1, count:] = total[: steps + 1 - count] + block[count - 1]
        choices.append(1 + np.argmin(options, axis=0))
        total = np.min(options, axis=0)
    counts = []
    for choice in reversed(choices):
        counts.append(int(choice[steps]))
        steps -= counts[-1]
    return counts[::-1]


def _is_convex(prices: FloatArray) -> bool:
    return bool(np.all(np.diff(prices, 2) >= -1e-12 * max(1.0, float(np.max(np.abs(prices))))))


# The plain programme


def _frontier_by_layers(costs: Costs, max_steps: int) -> Frontier:
    programme = Programme.of(costs)
    layers = list(itertools.islice(programme.layers(), max_steps))
    prices = np.array([value for value, _ in layers]) - costs.one_at_a_time
    parents = [chosen for _, chosen in layers]
    return Frontier(prices, costs.length, lambda steps: _from_boundaries(programme.trace(parents[:steps])))


def _fewest_by_layers(costs: Costs, budget: float, allowed: float) -> Schedule:
    programme = Programme.of(costs)
    parents = []
    smallest = math.inf
    for value, chosen in programme.layers():
        parents.append(chosen)
        price = value - costs.one_at_a_time
        if price <= allowed:
            return _from_boundaries(programme.trace(parents))
        smallest = min(smallest, price / costs.length)
    raise InputError(f"budget is {budget:g} nats per token; the smallest reachable price is {smallest:.6g}")


# The convex frontier of a curve that never increases


def _on_hull(values: FloatArray, steps: int, guess: float | None) -> Schedule:
    few, many = envelope.hull_edge(
        values,
        enough=lambda path: path.steps >= steps,
        wanted_steps=lambda few, many: steps,
        guess=guess,
        found_it=lambda path: path.steps == steps,
    )
    if many.steps == steps:
        return _from_boundaries(many.boundaries)
    return _from_boundaries(envelope.exchange(few.boundaries, many.boundaries, steps))


def _has_envelope(costs: Costs) -> bool:
    return isinstance(costs, InformationCurve) and costs.is_monotone


def _falling(costs: Costs) -> FloatArray:
    """The values of a monotone curve with rises of the size of rounding (up to 1e-9) ironed out."""
    return np.asarray(np.minimum.accumulate(costs.values))


def _most_steps(costs: Costs) -> int:
    return len(costs.revealed) if isinstance(costs, OrderTable) else _checked(costs).length


def _checked(costs: Costs) -> Costs:
    if not isinstance(costs, InformationCurve | OrderTable):
        raise InputError(
            f"costs is {costs!r:.80}; expected an InformationCurve (that of a law is law.curve()) or an OrderTable"
        )
    return costs


def _from_boundaries(boundaries: list[int]) -> Schedule:
    return Schedule(end - start for start, end in itertools.pairwise(boundaries))

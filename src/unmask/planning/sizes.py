"""The sizes of the steps of one order, for every number of steps, fitted on one half of the texts.

They are fitted on the predictor's own entropies, which say as much of the shape of a calibrated predictor's losses and
spread far less over texts: sizes fitted to losses are fitted to noise. The losses are what is paid, so they decide
where they are sure: equal and cosine sizes take the place of fitted ones that the losses say are dearer, and a
predictor whose entropies tell another price than its losses (`Shape`) has its sizes fitted to losses after all.

A plan of more steps is never dearer than one of fewer, of which one step is split; where every measured interval is a
step already, intervals are split. In uniform order, whose curve may be interpolated, more steps than there are counts
begin anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from unmask.measuring.estimate import standard_error
from unmask.measuring.order_costs import ENTROPIES, LOSSES, OrderCosts
from unmask.planning.smoothed_curve import smoothed
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.optimal import Frontier, best_schedule, cheapest, frontier
from unmask.theory.order_table import OrderTable
from unmask.theory.price import price
from unmask.theory.reveal_orders import Uniform
from unmask.theory.schedule import Schedule

FACTOR = 2.0
SURE = 2.0
"""Entropies are not trusted when the price they tell is off by this factor, and by so many standard errors."""
SHAPE_STEPS = 8


class CurveSizes:
    """The best sizes for a curve alone, in uniform order."""

    note = ""

    def __init__(self, curve: InformationCurve) -> None:
        # Without the standard errors the monotone fit keeps the sum, and with it what prices are relative to.
        self.curve = InformationCurve(curve.values).monotone()
        self.length = curve.length

    def best(self, steps: int) -> tuple[Schedule, float]:
        """The sizes of so many steps, and their price, nats per sequence."""
        schedule = best_schedule(self.curve, steps)
        return schedule, price(self.curve, schedule)

    def cheapest(self, price_per_call: float) -> tuple[int, float]:
        """The number of steps with the least price + price_per_call * steps, and its price."""
        schedule = cheapest(self.curve, price_per_call)
        return schedule.steps, price(self.curve, schedule)


class MeasuredSizes:
    """The sizes for a measured order.

    Args:
        costs: of the order, on the texts that are fitted on. documents: (N,) of those texts.
        name: of the order, for what is said.
    """

    def __init__(self, costs: OrderCosts, documents: tuple[str, ...], name: str) -> None:
        self.costs, self.documents, self.length = costs, documents, costs.length
        self.shape = Shape.of(costs, documents)
        self.of = ENTROPIES if self.shape.is_right else LOSSES
        self.note = "" if self.shape.is_right else f"order {name}: {self.shape}"
        self._chain: list[tuple[Schedule, float]] = []

    def best(self, steps: int) -> tuple[Schedule, float]:
        """The sizes of so many steps, and the parallel price they are fitted to have, nats per sequence."""
        while len(self._chain) < steps:
            self._chain.append(self._next(len(self._chain) + 1))
        return self._chain[steps - 1]

    def cheapest(self, price_per_call: float) -> tuple[int, float]:
        """The number of steps with the least price + price_per_call * steps, and its price."""
        self.best(self.length)
        totals = [paid + price_per_call * (place + 1) for place, (_, paid) in enumerate(self._chain)]
        return int(np.argmin(totals)) + 1, self._chain[int(np.argmin(totals))][1]

    def _next(self, steps: int) -> tuple[Schedule, float]:
        rivals = {self.split(self._chain[-1][0])} if self._chain else set()
        families = {family(self.length, steps) for family in FAMILIES}
        if steps <= len(self.costs.counts):
            rivals |= {self._fitted.schedule(steps), *(on_counts(equal, self.costs.counts) for equal in families)}
        elif isinstance(self.costs.order, Uniform):
            curve = InformationCurve.from_counts(self.costs.counts, self._falling, self.length).monotone()
            rivals |= {best_schedule(curve, steps), *families}
        prices = {rival: self._fitted_price(rival) for rival in sorted(rivals, key=lambda one: one.sizes)}
        best = min(prices, key=prices.__getitem__)
        chosen = self._checked(best, rivals - {best})
        return chosen, prices[chosen]

    @cached_property
    def _falling(self) -> FloatArray:
        """(C,) the curve of the uniform order."""
        values = self.costs.costs if self.of == LOSSES else self.costs.entropies
        return smoothed(np.diagonal(values, axis1=1, axis2=2) / self.costs.widths, self.costs.counts)

    def _fitted_price(self, schedule: Schedule) -> float:
        return float(self._mean.parallel_prices(schedule, self.of)[0])

    def _checked(self, best: Schedule, rivals: set[Schedule]) -> Schedule:
        """The best sizes by what they are fitted to, unless the losses say that a rival is cheaper."""
        paid = self.costs.parallel_prices(best)
        chosen, largest = best, 0.0
        for rival in sorted(rivals, key=lambda one: one.sizes):
            gains = paid - self.costs.parallel_prices(rival)
            error, _ = standard_error(gains, self.documents)
            # Sizes fitted to these very losses look cheaper than they are, and must be by more than that.
            gain = float(gains.mean()) + (SURE * error if self.of == LOSSES else -error)
            if gain > largest:
                chosen, largest = rival, gain
        return chosen

    @cached_property
    def _fitted(self) -> Frontier:
        if isinstance(self.costs.order, Uniform):
            rows = np.repeat(self._falling[:, None], self.length, axis=1)
            return frontier(OrderTable(rows, revealed=self.costs.counts, one_at_a_time=0.0))
        return frontier(self.costs.table(self.length, 0.0, self.of))

    @cached_property
    def _mean(self) -> OrderCosts:
        """One text that stands for the mean of all."""
        return self.costs.mean()

    @cached_property
    def _sums(self) -> FloatArray:
        """(C, C + 1) mean costs when each count is revealed, added up over intervals."""
        means = self._mean.costs[0] if self.of == LOSSES else self._mean.entropies[0]
        return np.pad(np.cumsum(means, axis=1), ((0, 0), (1, 0)))

    def split(self, schedule: Schedule) -> Schedule:
        """The same with one step split where that gains most; inside an interval only when all are steps."""
        counts, sums = self.costs.counts, self._sums
        starts = schedule.revealed
        if not np.isin(counts, starts, assume_unique=True).all() and not np.isin(starts, counts).all():
            return _cut_at(schedule, self._widest(schedule))
        if schedule.steps >= len(counts):
            return _cut_at(schedule, self._inside(schedule))
        row = np.searchsorted(counts, starts)
        last = np.append(row[1:], len(counts))
        cuts = np.setdiff1d(np.arange(len(counts)), row)
        step = np.searchsorted(row, cuts) - 1
        first, last = row[step], last[step]
        gains = (sums[first, last] - sums[first, cuts]) - (sums[cuts, last] - sums[cuts, cuts])
        return _cut_at(schedule, int(counts[cuts[np.argmax(gains)]]))

    def _widest(self, schedule: Schedule) -> int:
        """Where to halve the largest step."""
        largest = int(np.argmax(schedule.sizes))
        return int(schedule.revealed[largest]) + (schedule.sizes[largest] + 1) // 2

    def _inside(self, schedule: Schedule) -> int:
        """Where to halve the step inside an interval whose halving saves most; of equal ones the widest."""
        parallel = np.maximum(self._mean.parallel[0] if self.of == LOSSES else self._mean.parallel_entropies[0], 0.0)
        sizes = np.array(schedule.sizes)
        interval = np.searchsorted(self.costs.counts, schedule.revealed, side="right") - 1
        width = self.costs.widths[interval]
        half = sizes // 2
        saved = 2 * half * (sizes - half) / np.maximum(width * (width - 1), 1) * parallel[interval]
        best = np.lexsort((sizes, saved))[-1] if saved.any() else int(np.argmax(sizes))
        return int(schedule.revealed[best] + sizes[best] - half[best])


@dataclass(frozen=True)
class Shape:
    """Whether a predictor's own entropies tell what its losses tell: the price of about eight equal steps.

    Attributes:
        by_losses, by_entropies: that price, nats per token.
        error: standard error of their difference.
    """

    by_losses: float
    by_entropies: float
    error: float

    @classmethod
    def of(cls, costs: OrderCosts, documents: tuple[str, ...]) -> Shape:
        steps = min(SHAPE_STEPS, max(1, len(costs.counts) // 2))
        equal = on_counts(Schedule.uniform(costs.length, steps), costs.counts)
        losses, entropies = (costs.parallel_prices(equal, of) / costs.length for of in (LOSSES, ENTROPIES))
        error, _ = standard_error(losses - entropies, documents)
        return cls(float(losses.mean()), float(entropies.mean()), error)

    @property
    def is_right(self) -> bool:
        """Within a factor of two of each other, or no further apart than two standard errors."""
        low, high = sorted((self.by_losses, self.by_entropies))
        return high <= FACTOR * max(low, 0.0) or high - low <= SURE * self.error

    def __str__(self) -> str:
        return (
            f"the model's own entropies put equal steps at {self.by_entropies:.3g} nats/token and its losses at "
            f"{self.by_losses:.3g}; sizes are fitted to its losses"
        )


FAMILIES = (Schedule.uniform, Schedule.cosine)


def on_counts(schedule: Schedule, counts: npt.NDArray[np.int64]) -> Schedule:
    """As many steps, each beginning at the count nearest to where the schedule's begins."""
    steps, size = schedule.steps, len(counts)
    if steps > size:
        return schedule
    places = [0]
    for number, start in enumerate(schedule.revealed[1:].tolist(), 1):
        nearest = int(np.argmin(np.abs(counts - start)))
        places.append(min(max(nearest, places[-1] + 1), size - (steps - number)))
    return Schedule(np.diff([*counts[places].tolist(), schedule.length]).tolist())


def _cut_at(schedule: Schedule, count: int) -> Schedule:
    starts = sorted({*schedule.revealed.tolist(), count})
    return Schedule(np.diff([*starts, schedule.length]).tolist())

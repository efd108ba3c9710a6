"""Learning an order without asking again: the gap profile of a model, and the partition that is best under it.

G(a, b) is the mean loss of a masked token whose nearest known neighbours are a to the left and b to the right; canvases
of the uniform order show every kind of gap. For text that reads the same everywhere the sum of G over the tokens of
each step stands in for the model's losses, and thousands of partitions are compared in a second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unmask.order_search.masked_losses import MaskedLosses
from unmask.theory.curve import FloatArray
from unmask.theory.optimal import best_schedule
from unmask.theory.reveal_orders import OrderTable
from unmask.theory.schedule import Schedule

IntArray = npt.NDArray[np.int64]

EDGES = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 45, 70, 110, 170, 260, 400, 700, 1000, 2000, 4000])
"""Distances are told apart finely when short; the last kind is "nothing known on this side"."""
NONE = len(EDGES)
PRIOR = 8.0  # a gap seen fewer times than this is judged mostly by its two sides


class GapProfile:
    """Mean loss by distance to the nearest known token on the left and on the right, nats.

    Attributes:
        values: (kinds, kinds).
    """

    def __init__(self, values: FloatArray) -> None:
        self.values = values

    @classmethod
    def of(cls, field: MaskedLosses, counts: npt.NDArray[np.int64], seed: int = 0) -> GapProfile:
        """Read from canvases with random positions revealed, one network call for each text and count."""
        rng = np.random.default_rng([seed, 3])
        ranks = rng.permuted(np.tile(np.arange(field.size), (field.texts, 1)), axis=1)
        sums, seen = np.zeros((2, NONE + 1, NONE + 1))
        for count in counts:
            revealed = ranks < count
            losses = field.losses_of_each(revealed)
            left, right = gap_kinds(revealed)
            masked = ~revealed
            np.add.at(sums, (left[masked], right[masked]), losses[masked])
            np.add.at(seen, (left[masked], right[masked]), 1.0)
        return cls(_smoothed(sums, seen))

    def losses(self, revealed: npt.NDArray[np.bool_]) -> FloatArray:
        """Expected nats of every position, (K, n), with positions (K, n) revealed."""
        return np.asarray(self.values[gap_kinds(revealed)])

    def cost(self, labels: IntArray) -> float:
        """Expected NELBO of a partition, nats."""
        steps = np.arange(labels.max() + 1)
        return float(self.losses(labels < steps[:, None])[labels, np.arange(len(labels))].sum())

    def table(self, permutation: IntArray) -> OrderTable:
        """g(a, k) of one given order."""
        length = len(permutation)
        rank = np.argsort(permutation)
        losses = self.losses(rank < np.arange(length)[:, None])
        return OrderTable(np.triu(losses[:, permutation]))

    def partition(self, steps: int, starts: list[IntArray], proposals: int = 4000, seed: int = 0) -> IntArray:
        """The step of each position, (n,), in the cheapest partition found.

        Starts from the best of the given orders with its best sizes, then moves and exchanges positions at random,
        accepting losses while the temperature is high.
        """
        rng = np.random.default_rng([seed, steps])
        labels, cost = min((self._with_best_sizes(order, steps) for order in starts), key=lambda found: found[1])
        best, lowest = labels, cost
        size = len(labels)
        heat = 0.02 * cost
        for number in range(proposals):
            temperature = heat * (1 - number / proposals) ** 2
            other = labels.copy()
            one, two = rng.integers(size, size=2)
            if rng.random() < 0.5:
                other[one], other[two] = labels[two], labels[one]
            else:
                other[one] = min(max(labels[one] + rng.choice((-1, 1)), 0), steps - 1)
            if np.array_equal(other, labels) or np.bincount(other, minlength=steps).min() == 0:
                continue
            changed = self.cost(other)
            if changed <= cost or rng.random() < np.exp(-(changed - cost) / max(temperature, 1e-12)):
                labels, cost = other, changed
                if cost < lowest:
                    best, lowest = labels, cost
        return best

    def _with_best_sizes(self, permutation: IntArray, steps: int) -> tuple[IntArray, float]:
        schedule: Schedule = best_schedule(self.table(permutation), steps)
        labels = np.empty(len(permutation), dtype=np.int64)
        labels[permutation] = np.repeat(np.arange(steps), schedule.sizes)
        return labels, self.cost(labels)


def gap_kinds(revealed: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Kind of the distance to the nearest revealed position on either side, two (K, n) arrays."""
    size = revealed.shape[1]
    places = np.arange(size)
    before = np.maximum.accumulate(np.where(revealed, places, -size * 2), axis=1)
    after = np.minimum.accumulate(np.where(revealed, places, size * 3)[:, ::-1], axis=1)[:, ::-1]
    return _kind(places - before, size), _kind(after - places, size)


def _kind(distance: IntArray, size: int) -> IntArray:
    kinds = np.searchsorted(EDGES, np.maximum(distance, 1), side="right") - 1
    return np.where(distance > size, NONE, kinds)


def _smoothed(sums: FloatArray, seen: FloatArray) -> FloatArray:
    """Means, drawn towards what both sides say by themselves where little was seen."""
    overall = sums.sum() / seen.sum()
    rows = (sums.sum(axis=1) + PRIOR * overall) / (seen.sum(axis=1) + PRIOR)
    columns = (sums.sum(axis=0) + PRIOR * overall) / (seen.sum(axis=0) + PRIOR)
    prior = np.maximum(rows[:, None] + columns - overall, 0.0)
    return np.asarray((sums + PRIOR * prior) / (seen + PRIOR))

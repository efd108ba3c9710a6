"""Learning an order without asking again, for text: the gap profile of a model, a stand-in that knows distances only.

G(a, b) is the mean loss of a masked token whose nearest known neighbours are a to the left and b to the right; random
canvases show every kind of gap. What is known further away helps too: between canvases that differ in the share of
revealed positions the same gap costs less the more is revealed, by a slope that is fitted. Without it the profile
believes that half of all tokens, every other one, may be revealed at once for nothing. For text that reads the same
everywhere the sum over the tokens of each step stands in for the model, and thousands of partitions are compared in a
second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unmask.theory.curve import FloatArray

IntArray = npt.NDArray[np.int64]

EDGES = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 45, 70, 110, 170, 260, 400, 700, 1000, 2000, 4000])
"""Distances are told apart finely when short; the last kind is "nothing known on this side"."""
NONE = len(EDGES)
PRIOR = 8.0  # a gap seen fewer times than this is judged mostly by its two sides


class GapProfile:
    """Mean loss by distance to the nearest known token on the left and on the right, nats.

    Attributes:
        values: (kinds, kinds).
        shares: (kinds, kinds) share of positions revealed, mean over the canvases that gap was seen on.
        slope: nats by which a loss changes for each share revealed beyond that.
    """

    def __init__(self, values: FloatArray, shares: FloatArray | float = 0.0, slope: float = 0.0) -> None:
        self.values, self.shares, self.slope = values, np.broadcast_to(shares, values.shape), slope

    @classmethod
    def of(cls, revealed: npt.NDArray[np.bool_], losses: FloatArray) -> GapProfile:
        """Read from canvases, (K, n), and what every masked position of them costs, (K, n) nats."""
        left, right = gap_kinds(revealed)
        masked = ~revealed
        gaps = left[masked], right[masked]
        share = np.broadcast_to(revealed.mean(axis=1, keepdims=True), losses.shape)[masked]
        sums, shares, seen = np.zeros((3, NONE + 1, NONE + 1))
        np.add.at(sums, gaps, losses[masked])
        np.add.at(shares, gaps, share)
        np.add.at(seen, gaps, 1.0)
        beyond = share - (shares / np.maximum(seen, 1.0))[gaps]
        excess = losses[masked] - (sums / np.maximum(seen, 1.0))[gaps]
        varies = float(beyond @ beyond)
        slope = float(beyond @ excess) / varies if varies > 0 else 0.0
        return cls(_smoothed(sums, seen), _smoothed(shares, seen), min(slope, 0.0))

    def losses(self, revealed: npt.NDArray[np.bool_]) -> FloatArray:
        """Expected nats of every position, (K, n), with positions (K, n) revealed."""
        gaps = gap_kinds(revealed)
        beyond = revealed.mean(axis=1, keepdims=True) - self.shares[gaps]
        return np.asarray(np.maximum(self.values[gaps] + self.slope * beyond, 0.0))


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

"""Best schedules when nothing is known of the costs: the plain dynamic programme, O(T L^2), vectorised.

For curves that rise somewhere, where a step may pay for itself, and for order tables. Steps may start at the counts in
`starts` only (every count, for a curve).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.order_table import OrderTable

IntArray = npt.NDArray[np.int64]

CHUNK = 1 << 20  # entries of w looked at together: 8 MB


@dataclass(frozen=True)
class Programme:
    """Where steps may start, and what a step costs, nats."""

    costs: InformationCurve | OrderTable
    starts: IntArray

    @classmethod
    def of(cls, costs: InformationCurve | OrderTable) -> Programme:
        if isinstance(costs, OrderTable):
            return cls(costs, costs.revealed)
        return cls(costs, np.arange(costs.length, dtype=np.int64))

    @property
    def boundaries(self) -> IntArray:
        """Where steps may start, then L: node j of the programme is boundary j, node n the end."""
        return np.append(self.starts, self.costs.length)

    def layers(self) -> Iterator[tuple[float, IntArray]]:
        """For T = 1, 2, ..: the least NELBO of T steps, and for every node the node its last step starts from."""
        nodes = len(self.starts)
        weights = _Weights(self)
        reached = np.full(nodes + 1, np.inf)
        reached[0] = 0.0
        for step in range(1, nodes + 1):
            parents = np.zeros(nodes + 1, dtype=np.int64)
            longer = np.full(nodes + 1, np.inf)
            rows = max(1, CHUNK // nodes)
            for low in range(step, nodes + 1, rows):
                high = min(low + rows, nodes + 1)
                sources = np.arange(step - 1, high - 1)
                totals = weights.between(sources, np.arange(low, high)) + reached[sources]
                totals[sources >= np.arange(low, high)[:, None]] = np.inf
                parents[low:high] = step - 1 + np.argmin(totals, axis=1)
                longer[low:high] = np.min(totals, axis=1)
            reached = longer
            yield float(reached[nodes]), parents

    def cheapest(self, price_per_step: float) -> list[int]:
        """Boundaries of the path with the least `cost + price_per_step * steps`, O(L^2)."""
        nodes = len(self.starts)
        weights = _Weights(self)
        reached = np.zeros(nodes + 1)
        parent = [0] * (nodes + 1)
        for node in range(1, nodes + 1):
            totals = weights.between(np.arange(node), np.array([node]))[0] + reached[:node]
            parent[node] = int(np.argmin(totals))
            reached[node] = totals[parent[node]] + price_per_step
        path = [nodes]
        while path[-1]:
            path.append(parent[path[-1]])
        return [int(boundary) for boundary in self.boundaries[path[::-1]]]

    def trace(self, parents: list[IntArray]) -> list[int]:
        """Boundaries of the best path of `len(parents)` steps, from the parents of each layer."""
        path = [len(self.starts)]
        for layer in reversed(parents):
            path.append(int(layer[path[-1]]))
        return [int(boundary) for boundary in self.boundaries[path[::-1]]]


class _Weights:
    """`w(a, b)` for nodes a before b: made from the curve when asked, looked up in running sums of a table."""

    def __init__(self, programme: Programme) -> None:
        self._boundaries = programme.boundaries
        costs = programme.costs
        self._curve: FloatArray | None = None
        if isinstance(costs, InformationCurve):
            self._curve = costs.values
        else:
            self._sums = np.concatenate(
                (np.zeros((len(programme.starts), 1)), np.cumsum(costs.values, axis=1)), axis=1
            )  # (rows, L + 1): entries before a are 0, so column b is w(a, b)

    def between(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Shape (targets, sources)."""
        ends = self._boundaries[targets]
        if self._curve is None:
            return np.asarray(self._sums[sources][:, ends].T)
        return np.asarray((ends[:, None] - sources) * self._curve[sources])

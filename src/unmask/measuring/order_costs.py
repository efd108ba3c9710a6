"""What the steps of one reveal order cost, text by text: the measured form of an order table (F11)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.theory.curve import FloatArray
from unmask.theory.reveal_orders import Order, OrderTable
from unmask.theory.schedule import Schedule


@dataclass(frozen=True, eq=False)
class OrderCosts:
    """The costs of the steps of a reveal order.

    Attributes:
        order: the order, drawn anew for every text when it is random.
        counts: (C,) revealed counts at which the network was asked, from 0; a step begins or ends only there (or at L).
        costs: (N, C, C) nats; `costs[n, r, q]` is what the tokens number counts[q]..counts[q+1]-1 of text n, in reveal
            order, cost when counts[r] <= counts[q] tokens are revealed; 0 below the diagonal.
    """

    order: Order
    counts: npt.NDArray[np.int64]
    costs: FloatArray

    def steps(self, schedule: Schedule) -> FloatArray:
        """Nats each step costs each text, shape (N, T)."""
        starts = schedule.revealed
        places = np.searchsorted(self.counts, starts)
        if places[-1] == len(self.counts) or np.any(self.counts[places] != starts):
            raise InputError(
                f"schedule has steps that begin at {_some(starts)}, but order {self.order.name} was measured at "
                f"{_some(self.counts)}; choose sizes that begin there, or measure at more counts"
            )
        ends = np.append(places[1:], len(self.counts))
        return np.stack([self.costs[:, a, a:b].sum(axis=1) for a, b in zip(places, ends, strict=True)], axis=1)

    def table(self, length: int, one_at_a_time: float) -> OrderTable:
        """g(a, k) averaged over the texts; within a measured block of k every token is given the block's mean.

        Args:
            one_at_a_time: what prices are relative to, nats.
        """
        widths = np.diff(np.append(self.counts, length))
        rows = np.repeat(self.costs.mean(axis=0) / widths, widths, axis=1)
        return OrderTable(rows, revealed=self.counts, one_at_a_time=one_at_a_time)

    def take(self, texts: npt.NDArray[Any]) -> OrderCosts:
        """The costs of some of the texts (indices or booleans)."""
        return replace(self, costs=self.costs[texts])


def _some(counts: npt.NDArray[Any]) -> str:
    shown = ", ".join(str(count) for count in counts[:12])
    return f"{shown}, …" if len(counts) > 12 else shown

"""The cheapest partition under a stand-in for the model, by simulated annealing.

A partition gives every position the number of its step. A stand-in answers, for any set of revealed positions, how many
nats every other one is expected to cost; a million questions to it cost less than a hundred network calls.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from unmask.theory.curve import FloatArray
from unmask.theory.order_table import OrderTable

IntArray = npt.NDArray[np.int64]


class StandIn(Protocol):
    """Expected losses at any canvas, without asking the model."""

    def losses(self, revealed: npt.NDArray[np.bool_]) -> FloatArray:
        """Nats of every position, (K, n), with positions (K, n) revealed."""
        ...


class Remembering:
    """A stand-in that answers the same question only once."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._answers: dict[bytes, FloatArray] = {}

    def losses(self, revealed: npt.NDArray[np.bool_]) -> FloatArray:
        """As the stand-in."""
        found = []
        for shown in revealed:
            key = shown.tobytes()
            if key not in self._answers:
                self._answers[key] = self._stand_in.losses(shown[None])[0]
            found.append(self._answers[key])
        return np.stack(found)


def cost(stand_in: StandIn, labels: IntArray) -> float:
    """Expected NELBO of a partition, nats."""
    steps = np.arange(labels.max() + 1)
    return float(stand_in.losses(labels < steps[:, None])[labels, np.arange(len(labels))].sum())


def order_table(stand_in: StandIn, permutation: IntArray) -> OrderTable:
    """g(a, k) of one given order under the stand-in."""
    length = len(permutation)
    losses = stand_in.losses(np.argsort(permutation) < np.arange(length)[:, None])
    return OrderTable(np.triu(losses[:, permutation]))


def anneal(
    stand_in: StandIn, start: IntArray, proposals: int, rng: np.random.Generator, warmth: float = 0.02
) -> tuple[IntArray, float]:
    """The cheapest partition met, (n,), and what it costs under the stand-in, nats.

    Positions are exchanged or moved to the step before or after at random; what costs more is accepted while it is
    warm.

    Args:
        warmth: the temperature at the beginning, as a share of the cost of the start.
    """
    steps, size = int(start.max()) + 1, len(start)
    places = np.arange(size)
    labels, table = start.copy(), stand_in.losses(start < np.arange(steps)[:, None])  # (T, n)
    sizes = np.bincount(start, minlength=steps).tolist()
    now = float(table[labels, places].sum())
    best, lowest = labels.copy(), now
    heat = warmth * now
    draws = rng.random((proposals, 4)).tolist()
    for number, (kind, first, second, luck) in enumerate(draws):
        one, two = int(first * size), int(second * size)
        here = int(labels[one])
        if kind < 0.5:  # exchange two positions
            there = int(labels[two])
        else:  # move one to the step before or after
            there, two = here + (1 if second < 0.5 else -1), -1
            if not 0 <= there < steps or sizes[here] == 1:
                continue
        if here == there:
            continue
        other = labels.copy()
        other[one] = there
        if two >= 0:
            other[two] = here
        canvases = np.arange(min(here, there) + 1, max(here, there) + 1)  # those that change
        moved = table.copy()
        moved[canvases] = stand_in.losses(other < canvases[:, None])
        then = float(moved[other, places].sum())
        temperature = heat * (1 - number / proposals) ** 2
        if then <= now or luck < math.exp(max((now - then) / max(temperature, 1e-12), -700.0)):
            if two < 0:
                sizes[here], sizes[there] = sizes[here] - 1, sizes[there] + 1
            labels, table, now = other, moved, then
            if now < lowest - 1e-12:
                best, lowest = labels, now
    return best, lowest

"""Orders that need no learning, compared: first by stand-ins, then the promising ones on canvases of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.order_search.annealing import StandIn, order_table
from unmask.order_search.calibration import Calibration
from unmask.order_search.masked_losses import MaskedLosses
from unmask.theory.curve import FloatArray
from unmask.theory.optimal import Frontier, frontier
from unmask.theory.order_table import OrderTable
from unmask.theory.reveal_orders import Order
from unmask.theory.schedule import Schedule

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Screened:
    """An order with what its best sizes are expected to cost at every number of steps.

    Attributes:
        best: the least expected NELBO of 1, 2, .. steps, nats, as `prices`.
    """

    name: str
    order: Order
    best: Frontier

    def cost(self, steps: int) -> float:
        """Expected nats of `steps` steps, infinite where it was screened at fewer counts."""
        return self.best.price(steps) if steps <= self.best.max_steps else np.inf

    def schedule(self, steps: int) -> Schedule:
        """Its best sizes."""
        return self.best.schedule(steps)

    def labels(self, steps: int, texts: int, seed: int) -> IntArray:
        """The step of each position in each text, (texts, n); orders that are random are drawn for every text."""
        schedule = self.schedule(steps)
        rng = np.random.default_rng([seed, 6])
        return np.stack([labels_of(self.order.draw(schedule.length, rng), schedule) for _ in range(texts)])


def labels_of(permutation: IntArray, schedule: Schedule) -> IntArray:
    """The step of each position, for an order and its sizes."""
    labels = np.empty(len(permutation), dtype=np.int64)
    labels[permutation] = np.repeat(np.arange(schedule.steps), schedule.sizes)
    return labels


def promising(
    orders: Mapping[str, Order],
    stand_ins: Sequence[StandIn],
    size: int,
    targets: Sequence[int],
    keep: int,
    draws: int = 3,
    seed: int = 0,
) -> dict[str, Order]:
    """Those that a stand-in puts among the `keep` cheapest at one of the numbers of steps, the best ranks first."""
    ranks = dict.fromkeys(orders, len(orders))
    for stand_in in stand_ins:
        prices: dict[str, FloatArray] = {}
        for name, order in orders.items():
            tables = [order_table(stand_in, order.draw(size, np.random.default_rng([seed, n]))) for n in range(draws)]
            solved = frontier(OrderTable(np.mean([table.values for table in tables], axis=0)), max(targets))
            prices[name] = solved.prices + np.mean([table.one_at_a_time for table in tables])
        for steps in targets:
            at_steps = {name: float(price[steps - 1]) for name, price in prices.items()}
            ranking = sorted(orders, key=at_steps.__getitem__)
            ranks |= {name: min(ranks[name], place) for place, name in enumerate(ranking)}
    kept = [name for name in orders if ranks[name] < keep]
    return {name: orders[name] for name in sorted(kept, key=ranks.__getitem__)}


def screen(
    orders: Mapping[str, Order],
    field: MaskedLosses,
    calibration: Calibration,
    counts: Sequence[int],
    texts: int,
    seed: int = 0,
) -> list[Screened]:
    """Each order at every count, on the first `texts` texts: a network call for each of the three."""
    return [Screened(name, one, _best(one, field, calibration, counts, texts, seed)) for name, one in orders.items()]


def _best(
    order: Order, field: MaskedLosses, calibration: Calibration, counts: Sequence[int], texts: int, seed: int
) -> Frontier:
    rng = np.random.default_rng([seed, 7])
    drawn = np.stack([order.draw(field.size, rng) for _ in range(texts)])  # (texts, n)
    revealed = np.argsort(drawn, axis=1) < np.asarray(counts)[:, None, None]  # (counts, texts, n)
    _, entropies = field.read_rows(revealed.reshape(-1, field.size), np.tile(np.arange(texts), len(counts)))
    expected = calibration.expected(entropies.reshape(revealed.shape), revealed)
    rows: FloatArray = np.take_along_axis(expected, np.broadcast_to(drawn, expected.shape), axis=2).mean(axis=1)
    return frontier(OrderTable(rows, revealed=np.asarray(counts), one_at_a_time=0.0))

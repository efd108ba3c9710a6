"""Searching reveal orders for a model: families, hybrids, single permutations, and orders learnt from the model.

Everything here is decided on texts that are set aside: two thirds of them to learn from, one third to see what lasts.
What is kept is then measured on all other texts, of which one half fits the sizes and the other half states the price.
So no number that is reported was flattered by the search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measure import choose_counts, halving_counts, measure
from unmask.measuring.measurement import Measurement
from unmask.measuring.texts import block_ranges, check_texts, known_positions
from unmask.models.predictor import Predictor
from unmask.order_search.candidates import candidates
from unmask.order_search.gap_profile import GapProfile
from unmask.order_search.masked_losses import MaskedLosses
from unmask.order_search.partition import Partition, improve, labels_of
from unmask.theory.optimal import best_schedule, frontier
from unmask.theory.order_table import OrderTable
from unmask.theory.reveal_orders import Order
from unmask.theory.schedule import Schedule

LEAST_TEXTS = 24
COUNTS = 17  # at which orders are compared while searching, besides those where halvings end
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SearchOptions:
    """How hard to search.

    Attributes:
        calls: network calls to spend at most.
        steps: the numbers of steps orders are sought for (those below L).
        keep: how many of the orders that need no learning are looked at twice, for each number of steps.
        most: how many orders are kept in all.
    """

    calls: int = 100_000
    steps: tuple[int, ...] = (2, 3, 4, 6, 8, 12, 16, 32)
    keep: int = 2
    most: int = 8
    seed: int = 0
    batch_size: int = 16


@dataclass
class Found:
    """Orders worth measuring.

    Attributes:
        orders: by name.
        counts: revealed counts each was looked at: some of all, where halvings end, and where learnt steps begin.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)


def share_for_search(texts: int, seed: int = 0) -> IntArray:
    """Which of the texts are set aside for the search: a quarter of them, at most 96."""
    if texts < LEAST_TEXTS:
        raise InputError(
            f"orders=auto needs at least {LEAST_TEXTS} texts to search, fit and price on, got {texts}; "
            "give more text, or name the orders"
        )
    return np.sort(np.random.default_rng([seed, 4]).permutation(texts)[: min(texts // 4, 96)])


def search(
    predictor: Predictor,
    texts: npt.ArrayLike,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    options: SearchOptions | None = None,
    say: Callable[[str], object] = lambda words: None,
) -> Found:
    """The orders most worth measuring.

    Args:
        texts: (N, length) to search on; measure the orders that are found on other texts.
        given, block_length: as for `measure`.
        say: told what is being done.
    """
    return _Search(predictor, texts, given, block_length, options or SearchOptions(), say).run()


class _Search:
    def __init__(
        self,
        predictor: Predictor,
        texts: npt.ArrayLike,
        given: npt.ArrayLike | int,
        block_length: int | None,
        options: SearchOptions,
        say: Callable[[str], object],
    ) -> None:
        self.predictor, self.options, self.say = predictor, options, say
        self.texts = check_texts(predictor, texts)
        self.known, _ = known_positions(given, self.texts)
        self.block_length = block_length
        self.ranges = block_ranges(self.known, block_length)
        self.size = self.ranges[0][1] - self.ranges[0][0]
        grid = _grid(self.size)
        self.targets = [steps for steps in options.steps if steps < self.size and steps <= len(grid)]
        self.learning = np.arange(len(self.texts)) % 3 != 2
        self.spent = 0

    def run(self) -> Found:
        if not self.targets:
            return Found()
        screened = self._screen()
        learnt = self._learn(screened)
        return self._kept(screened, learnt)

    def _measure(self, rows: npt.NDArray[np.bool_], found: Found, calls: int) -> Measurement:
        """Orders measured at a few counts, on as many of the rows as the calls allow (at least two)."""
        counts = min(self.size, COUNTS)
        grids = {name: found.counts.get(name, _grid(self.size)) for name in found.orders}
        canvases = counts + sum(len(grid) for grid in grids.values())
        each = canvases * len(self.ranges) * self.predictor.calls_per_query
        chosen = np.flatnonzero(rows)[: max(2, calls // each)]
        self.spent += each * len(chosen)
        return measure(
            self.predictor, self.texts[chosen], self.options.seed, orders=found.orders, order_counts=grids,
            counts=counts, given=self.known[chosen], block_length=self.block_length, batch_size=self.options.batch_size,
        )  # fmt: skip

    def _screen(self) -> Measurement:
        """All orders that need no learning, for at most a third of the calls."""
        self.say("trying families of orders")
        named = Found(candidates(self.size, seed=self.options.seed))
        return self._measure(self.learning, named, self.options.calls // 3)

    def _learn(self, screened: Measurement) -> dict[str, Partition]:
        """Orders learnt for one number of steps each: by gaps, then by asking the model."""
        learner = MaskedLosses(self.predictor, self.texts[self.learning], self.known[self.learning], self.ranges)
        per_canvas = learner.texts * self.predictor.calls_per_query
        if self.options.calls - self.spent < 40 * per_canvas:
            return {}
        self.say("reading the gap profile")
        profile = GapProfile.of(learner, choose_counts(min(self.size, COUNTS), self.size), self.options.seed)
        learnt: dict[str, Partition] = {}
        asked = self._asked(learner)
        for steps in self.targets:
            self.say(f"learning an order for {steps} steps")
            starts = self._starts(screened, steps)
            if not starts:  # more steps than any order was screened at: nothing is left to gain there
                continue
            by_gaps = profile.partition(steps, [order for order, _ in starts], seed=self.options.seed)
            tried = [labels_of(order, schedule) for order, schedule in starts[:3]] + [by_gaps]
            if self.options.calls - self.spent - learner.calls < (len(tried) + 2) * steps * per_canvas:
                break
            partitions = [Partition.of(labels, learner) for labels in tried]
            learnt[f"gaps_{steps}"] = partitions[-1]
            if steps not in asked:
                continue
            share = self._left(learner) // sum(other in asked for other in self.targets if other >= steps)
            best = min(partitions, key=lambda partition: partition.costs.mean())
            learnt[f"learned_{steps}"] = improve(best, learner, share, self.options.seed)
        self.spent += learner.calls
        return learnt

    def _left(self, learner: MaskedLosses) -> int:
        """Calls left for learning; a quarter of the rest is for seeing what lasts."""
        return (self.options.calls - self.spent - learner.calls) * 3 // 4

    def _asked(self, learner: MaskedLosses) -> set[int]:
        """The numbers of steps the model itself is asked about: as many as a few sweeps each can be paid for."""
        sweeps = 3 * 2 * self.size * learner.texts * self.predictor.calls_per_query
        count = min(len(self.targets), self._left(learner) // sweeps)
        places = np.linspace(0, len(self.targets) - 1, count + 2)[1:-1] if count < len(self.targets) else None
        return set(self.targets if places is None else [self.targets[round(place)] for place in places])

    def _starts(self, screened: Measurement, steps: int) -> list[tuple[IntArray, Schedule]]:
        """One permutation of each screened order with its best sizes, the cheapest order first."""
        found = []
        for costs in screened.orders.values():
            table = costs.table(self.size, 0.0)
            if steps > len(table.revealed):
                continue
            solved = frontier(table, steps)
            found.append((solved.price(steps), costs.order.draw(self.size, self.options.seed), solved.schedule(steps)))
        found.sort(key=lambda entry: entry[0])
        return [(order, schedule) for _, order, schedule in found]

    def _kept(self, screened: Measurement, learnt: dict[str, Partition]) -> Found:
        """The best few orders for every number of steps, on texts nothing was learnt from."""
        named: dict[str, Order] = {}
        for steps in self.targets:
            best = [name for name in _ranking(screened, steps) if name != "uniform"][: self.options.keep]
            named |= {name: screened.orders[name].order for name in best}
        found = Found(named)
        for name, partition in learnt.items():
            found.orders[name] = partition.order
            found.counts[name] = sorted({*_grid(self.size), *partition.schedule.revealed.tolist()})
        self.say("seeing which orders last")
        checked = self._measure(~self.learning, found, self.options.calls - self.spent)
        points: dict[str, int] = {}  # in how many numbers of steps an order is the best of its kind
        for steps in self.targets:
            ranking = _ranking(checked, steps)
            plain = next(name for name in ranking if name not in learnt)
            winners = {plain, ranking[0]} - {"uniform"}  # a learnt order has to beat the others
            for name in winners:
                points[name] = points.get(name, 0) + 1
        kept = sorted(points, key=lambda name: -points[name])[: self.options.most]
        counts = {name: found.counts.get(name, _grid(self.size)) for name in kept}
        return Found({name: found.orders[name] for name in kept}, counts)


def _grid(size: int) -> list[int]:
    """Revealed counts at which steps may begin while orders are searched."""
    return sorted({*choose_counts(min(size, COUNTS), size).tolist(), *halving_counts(size)})


def _ranking(measured: Measurement, steps: int) -> list[str]:
    """Measured orders by the price of their best sizes, the cheapest first."""
    prices = {}
    for name in ["uniform", *measured.orders]:
        table = measured.table(name)
        if isinstance(table, OrderTable):
            if steps <= len(table.revealed):
                prices[name] = frontier(table, steps).price(steps)
        else:
            prices[name] = measured.price(best_schedule(table.monotone(), steps))
    return sorted(prices, key=prices.__getitem__)

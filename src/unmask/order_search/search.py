"""Searching reveal orders for a model: families, hybrids, and orders learnt from the model.

Everything here is decided on texts that are set aside: one half of them to learn from, the other to see what lasts.
What is kept is then measured on all other texts, of which one half fits the sizes and the other half states the price.
So no number that is reported was flattered by the search.

What a canvas costs is judged by the model's own entropies, corrected as `calibration` says. The calls go to: random
canvases (what `calibration` and the gap profile are read from), a table of pairs (`dependence`), the families that look
best under these, then, for every number of steps, partitions proposed by both and improved on canvases of the model,
and at last a look at fresh texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.measure import choose_counts, halving_counts
from unmask.measuring.texts import block_ranges, check_texts, known_positions
from unmask.models.predictor import Predictor
from unmask.order_search.annealing import StandIn
from unmask.order_search.calibration import Calibration, ExpectedLosses, RandomCanvases
from unmask.order_search.candidates import candidates
from unmask.order_search.dependence import dependence_of
from unmask.order_search.gap_profile import GapProfile
from unmask.order_search.gaussian import GaussianPairs
from unmask.order_search.learning import learn
from unmask.order_search.masked_losses import MaskedLosses
from unmask.order_search.partition import Partition, is_gain
from unmask.order_search.screening import Screened, labels_of, promising, screen
from unmask.theory.reveal_orders import BitReversal, Order

LEAST_TEXTS = 24
SEARCH_CALLS = 5_000
"""Network calls a search may take when nothing else is said."""
COUNTS = 17  # at which orders are compared while searching, besides those where halvings end
PAIRS_UP_TO = 128
"""Positions up to which the table of pairs is measured: in longer texts distances say nearly all, for less."""
LITTLE = 0.002
"""Nats per token: where all that better orders could gain is less, none is learnt."""
KEPT_BY_CHANCE = 0.5
"""How often a learnt order is kept that is no cheaper than the best that needs no learning.

Measuring one in vain costs a tenth of the calls of a measurement; missing one that gains can cost several times the
price.
"""
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SearchOptions:
    """How hard to search.

    Attributes:
        calls: network calls to spend at most; 5,000 take about 3 CPU seconds on `toy`, 26 on `manual`. More seldom
            find better orders (`docs/results/order-search.md`).
        steps: the numbers of steps orders are sought for (those below L).
        keep: how many of the orders that need no learning each stand-in may propose for each number of steps.
        most: how many orders are kept in all.
    """

    calls: int = SEARCH_CALLS
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

    For every number of steps the cheapest order that needs no learning is among them, and beside it one that was learnt
    when it is cheaper on fresh texts, in the mean: of orders that gain nothing one in two is kept, and of those that
    gain two standard errors one in 44 is lost. What is kept is measured on other texts: a wrong one costs calls, not
    promises.

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
        self.options, self.say = options, say
        tokens = check_texts(predictor, texts)
        known, _ = known_positions(given, tokens)
        ranges = block_ranges(known, block_length)
        fresh = np.arange(len(tokens)) % 2 == 1
        self.learner = MaskedLosses(predictor, tokens[~fresh], known[~fresh], ranges)
        self.judge = MaskedLosses(predictor, tokens[fresh], known[fresh], ranges) if fresh.any() else None
        self.size = self.learner.size
        self.grid = _grid(self.size)
        self.targets = [steps for steps in options.steps if steps < self.size and steps <= len(self.grid)]
        self.canvases = options.calls // predictor.calls_per_query

    def run(self) -> Found:
        spaced = BitReversal(shift=False)
        if not self.targets or self.canvases < 10 * 2 * len(self.grid):  # two texts for one order are a tenth of it
            return Found({spaced.name: spaced} if self.targets else {})
        self.say("reading the gap profile")
        stand_ins, calibration = self._stand_ins()
        self.say("trying families of orders")
        screened = self._screen(stand_ins, calibration)
        learnt = self._learn(screened, stand_ins, ExpectedLosses(self.learner, calibration))
        self.say("seeing which orders last")
        return self._kept(screened, self._lasting(screened, learnt, calibration))

    def _stand_ins(self) -> tuple[list[StandIn], Calibration]:
        """What answers for the model, for at most a quarter of the calls."""
        counts = choose_counts(min(self.size, COUNTS), self.size)
        texts = max(2, min(self.learner.texts, self.canvases // 8 // len(counts)))
        random = RandomCanvases.read(self.learner, counts, texts, self.options.seed)
        calibration = Calibration.of(random)
        expected = calibration.expected(random.entropies, random.revealed)
        flat = random.revealed.reshape(-1, self.size)
        stand_ins: list[StandIn] = [GapProfile.of(flat, expected.reshape(flat.shape))]
        share = min(self.canvases // 8, self.learner.texts * (self.size + 1))
        if self.size <= PAIRS_UP_TO and share >= 4 * (self.size + 1):
            self.say("measuring how much positions tell of each other")
            table = dependence_of(self.learner, share, self.options.seed)
            stand_ins.append(GaussianPairs(table.pairs(), table.entropies))
        return stand_ins, calibration

    def _screen(self, stand_ins: list[StandIn], calibration: Calibration) -> list[Screened]:
        """The promising families on the model, for at most a fifth of the calls."""
        spaced = BitReversal(shift=False)
        families = candidates(self.size)
        chosen = promising(families, stand_ins, self.size, self.targets, self.options.keep, seed=self.options.seed)
        chosen = {spaced.name: spaced, **chosen}
        share = self.canvases // 5 // len(self.grid)  # orders times texts
        texts = min(self.learner.texts, max(2, min(16, share // len(chosen))))
        few = dict(list(chosen.items())[: max(1, share // texts)])
        return screen(few, self.learner, calibration, self.grid, texts, self.options.seed)

    def _learn(self, screened: list[Screened], stand_ins: list[StandIn], asked: ExpectedLosses) -> dict[int, Partition]:
        """A partition for each number of steps where there is something to gain."""
        learnt: dict[int, Partition] = {}
        worth = [steps for steps in self.targets if self._to_gain(screened, steps) > LITTLE * self.size]
        for place, steps in enumerate(worth):
            self.say(f"learning an order for {steps} steps")
            ranked = [one for one in sorted(screened, key=lambda one: one.cost(steps)) if one.cost(steps) < np.inf]
            starts = [labels_of(one.order.draw(self.size, self.options.seed), one.schedule(steps)) for one in ranked]
            share = self._left() * steps // sum(worth[place:])
            found = learn(steps, starts[:3], stand_ins, asked, share, self.options.seed)
            if found is not None:
                learnt[steps] = found
        return learnt

    def _to_gain(self, screened: list[Screened], steps: int) -> float:
        """Nats between the cheapest family at so many steps and at as many as it was screened at."""
        cheapest = min(screened, key=lambda one: one.cost(steps))
        return float(cheapest.cost(steps) - cheapest.best.prices.min())

    def _left(self) -> int:
        """Network calls left for learning; a sixth of all is for seeing what lasts."""
        return self.canvases * self.learner.calls_per_query * 5 // 6 - self.learner.calls

    def _lasting(
        self, screened: list[Screened], learnt: dict[int, Partition], calibration: Calibration
    ) -> dict[int, Partition]:
        """The learnt orders that are cheaper, on texts nothing was learnt from, than the best that is not learnt."""
        if self.judge is None or self.judge.texts < 2:
            return {}
        asked = ExpectedLosses(self.judge, calibration)
        left = self.canvases * self.learner.calls_per_query - self.learner.calls
        lasting = {}
        for steps, partition in learnt.items():
            if left - asked.calls < 2 * steps * asked.texts * self.judge.calls_per_query:
                break
            plain = min(screened, key=lambda one: one.cost(steps))
            rival = asked.costs(plain.labels(steps, asked.texts, self.options.seed))
            mine = asked.costs(np.tile(partition.labels, (asked.texts, 1)))
            if is_gain(rival - mine, error_rate=KEPT_BY_CHANCE):
                lasting[steps] = partition
        return lasting

    def _kept(self, screened: list[Screened], lasting: dict[int, Partition]) -> Found:
        """The learnt orders that last, bit reversal, and the best others at each number of steps, up to `most` in all.

        Bit reversal is measured in any case: it is never far from the best on text, and it has good sizes at every
        number of steps and every length.
        """
        found = Found()
        spaced = screened[0].order.draw(self.size)
        begins = {*self.grid}
        for steps, partition in list(lasting.items())[: self.options.most - 1]:
            if np.array_equal(partition.order.draw(self.size), spaced):  # its sizes alone were learnt
                begins |= {*partition.schedule.revealed.tolist()}
                continue
            found.orders[f"learned_{steps}"] = partition.order
            found.counts[f"learned_{steps}"] = sorted({*self.grid, *partition.schedule.revealed.tolist()})
        best = [min(screened, key=lambda one: one.cost(steps)) for steps in self.targets]
        wins = {one.name: sum(other.name == one.name for other in best) for one in best}
        for one in [screened[0], *sorted(best, key=lambda one: -wins[one.name])]:  # it was screened first
            if one.name not in found.orders and len(found.orders) < self.options.most:
                found.orders[one.name] = one.order
                found.counts[one.name] = self.grid
        found.counts[screened[0].name] = sorted(begins)
        return found


def _grid(size: int) -> list[int]:
    """Revealed counts at which steps may begin while orders are searched."""
    return sorted({*choose_counts(min(size, COUNTS), size).tolist(), *halving_counts(size)})

"""What the steps of one reveal order cost, text by text: the measured form of an order table (F11), and what its
intervals cost one at a time.

The ranks of an order are cut at the counts at which the network was asked; between two counts the order is uniformly
random. So every schedule whose steps begin at counts is priced against the same thing: one token at a time along this
order. With g[q | a] the cost of the tokens of interval q when a tokens are revealed, and X_q what revealing interval q
at once costs beyond one at a time (`interval_costs`), a schedule costs

    sum over its steps a, and the intervals q of the step, of  g[q | a] - g[q | start of q] + X_q     (it telescopes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.reveal_orders import Order, OrderTable, Uniform
from unmask.theory.schedule import Schedule

LOSSES, ENTROPIES = "losses", "entropies"
ARRAYS = ("costs", "entropies", "parallel", "parallel_entropies")
EVENLY, SOON, LATE = "evenly", "soon", "late"
REMEMBERED = 4096
"""Schedules whose pieces are kept."""


@dataclass(frozen=True, eq=False)
class OrderCosts:
    """The costs of the steps of a reveal order.

    In uniform order all masked tokens are alike, and the cost of an interval is its width times the mean over every
    token still masked where it begins.

    Attributes:
        order: the order, drawn anew for every text when it is random.
        length: L.
        counts: (C,) revealed counts at which the network was asked, from 0; intervals reach from each to the next.
        costs: (N, C, C) nats; `costs[n, r, q]` is what the tokens number counts[q]..counts[q+1]-1 of text n, in reveal
            order, cost when counts[r] <= counts[q] tokens are revealed; 0 below the diagonal.
        entropies: (N, C, C) nats; the same sums of the predictor's own entropies.
        parallel: (N, C) nats; an unbiased estimate of what revealing interval q at once costs beyond one token at a
            time; 0 where the interval is one token.
        parallel_entropies: (N, C) nats; the same in the predictor's own entropies.
    """

    order: Order
    length: int
    counts: npt.NDArray[np.int64]
    costs: FloatArray
    entropies: FloatArray
    parallel: FloatArray
    parallel_entropies: FloatArray

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """(C,) tokens of each interval."""
        return np.diff(np.append(self.counts, self.length))

    @cached_property
    def one_at_a_time(self) -> FloatArray:
        """(N,) nats: NELBO of each text one token at a time along this order."""
        return np.asarray(np.trace(self.costs, axis1=1, axis2=2) - self.parallel.sum(axis=1))

    def model_errors(self, schedule: Schedule) -> FloatArray:
        """What each text costs beyond what the predictor itself expects at the canvases of a schedule, (N,) nats.

        `sum_t s_t (c - h)` with c the cross-entropy and h the predictor's own entropy where step t begins: the training
        error that the bounds of [LC] add to the price. The mean is 0 for a calibrated predictor.
        """
        own = np.trace(self.entropies, axis1=1, axis2=2) - self.parallel_entropies.sum(axis=1)
        together = self.parallel_prices(schedule) - self.parallel_prices(schedule, ENTROPIES)
        return np.asarray(self.one_at_a_time - own + together)

    def is_measured(self, schedule: Schedule) -> bool:
        """Whether its price is without bias: every interval is revealed in one step, or one token at a time."""
        rows, pairs = self._weights(schedule)
        return bool(np.isin(pairs, (0.0, 1.0)).all() and np.isin(rows, (0.0, 1.0)).all())

    def parallel_prices(self, schedule: Schedule, of: str = LOSSES, inside: str = EVENLY) -> FloatArray:
        """Nats each text costs beyond one token at a time along this order, (N,).

        Without bias where all steps begin at counts (`is_measured`). Otherwise, of what an interval costs at once, a
        step pays for the pairs of its tokens that it reveals together: exact where losses fall evenly inside the
        interval. A step that begins inside an interval and goes beyond it is interpolated between both counts too,
        which only the uniform order allows.

        Args:
            of: "losses", or "entropies" for what the predictor itself expects to pay.
            inside: "evenly"; or "soon" and "late", where the fall inside intervals makes such a schedule dearer, and
                cheaper: with f the share that is paid when it is even, f (2 - f) and f^2.

        Raises:
            InputError: for such a step in another order, where losses may fall suddenly.
        """
        schedule.check_length(self.length)
        rows, pairs = self._weights(schedule)
        pairs = {EVENLY: pairs, SOON: pairs * (2 - pairs), LATE: pairs**2}[inside]
        costs, parallel = (self.costs, self.parallel) if of == LOSSES else (self.entropies, self.parallel_entropies)
        weights = rows - np.diag(rows.sum(axis=0))
        places = np.nonzero(weights)
        return np.asarray(costs[:, places[0], places[1]] @ weights[places] + parallel @ pairs)

    def estimate(
        self, schedule: Schedule, confidence: float, documents: Sequence[str], extra: FloatArray | float = 0.0
    ) -> Estimate:
        """The mean parallel price with its interval over documents; wider where steps do not begin at counts.

        Args:
            documents: (N,) of each text. extra: (N,) nats that are added to each text's price.
        """
        found = Estimate.of_mean(self.parallel_prices(schedule) + extra, confidence, documents)
        if self.is_measured(schedule):
            return found
        ends = [
            Estimate.of_mean(self.parallel_prices(schedule, inside=inside) + extra, confidence, documents)
            for inside in (SOON, LATE)
        ]
        error = self._difference_of_interpolations(schedule)
        low, high = min(found.low, ends[1].low) - error, max(found.high, ends[0].high) + error
        return replace(found, low=low, high=high)

    def _difference_of_interpolations(self, schedule: Schedule) -> float:
        """How far the price is from that with the monotone cubic through the counts, where steps begin between them.

        Only where a step goes beyond its interval, which the uniform order alone allows: there a token costs c_a.
        """
        piece = self._pieces(schedule)
        between = piece.is_later & (piece.share > 0)
        if not between.any():
            return 0.0
        means = np.diagonal(self.costs, axis1=1, axis2=2).mean(axis=0) / self.widths
        cubic = InformationCurve.from_counts(self.counts, means, self.length).values
        apart = cubic - np.interp(np.arange(self.length), self.counts, means)
        tokens = piece.of_tokens[between] * self.widths[piece.interval[between]]
        return abs(float(tokens @ apart[schedule.revealed[piece.step[between]]]))

    def step_prices(self, schedule: Schedule) -> FloatArray:
        """The share of each step in the mean parallel price, (T,) nats."""
        costs, parallel = self.costs.mean(axis=0), self.parallel.mean(axis=0)
        beyond = costs - np.diag(costs)  # (C, C): of interval q when counts[r] are revealed, beyond when it begins
        piece = self._pieces(schedule)
        following = np.minimum(piece.row + 1, len(costs) - 1)
        later = (1 - piece.share) * beyond[piece.row, piece.interval] + piece.share * beyond[following, piece.interval]
        paid = piece.of_pairs * parallel[piece.interval] + np.where(piece.is_later, piece.of_tokens * later, 0.0)
        return np.asarray(np.bincount(piece.step, weights=paid, minlength=schedule.steps), dtype=np.float64)

    def table(self, length: int, one_at_a_time: float, of: str = LOSSES) -> OrderTable:
        """g(a, k) averaged over the texts; within a measured interval every token is given the interval's mean.

        In uniform order g(a, k) = c_a, made non-increasing: true curves are, and sizes that live off a rise would live
        off noise.

        Args:
            one_at_a_time: what prices are relative to, nats.
            of: "losses", or "entropies" of the predictor itself.
        """
        means = (self.costs if of == LOSSES else self.entropies).mean(axis=0)
        if isinstance(self.order, Uniform):
            falling = InformationCurve(np.diag(means) / self.widths).monotone().values
            rows = np.repeat(falling[:, None], length, axis=1)
        else:
            rows = np.repeat(means / self.widths, self.widths, axis=1)
        return OrderTable(rows, revealed=self.counts, one_at_a_time=one_at_a_time)

    def take(self, texts: npt.NDArray[Any]) -> OrderCosts:
        """The costs of some of the texts (indices or booleans)."""
        return self._with(lambda values: values[texts])

    def _with(self, change: Callable[[FloatArray], FloatArray]) -> OrderCosts:
        arrays = [change(getattr(self, name)) for name in ARRAYS]
        return OrderCosts(self.order, self.length, self.counts, *arrays)

    def mean(self) -> OrderCosts:
        """One text that stands for all: prices of means are means of prices."""
        return self._with(lambda values: np.asarray(values.mean(axis=0, keepdims=True)))

    @classmethod
    def joined(cls, parts: list[OrderCosts]) -> OrderCosts:
        """The texts of several side by side; the same order at the same counts."""
        arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS]
        return cls(parts[0].order, parts[0].length, parts[0].counts, *arrays)

    def same_as(self, other: OrderCosts) -> bool:
        """Whether both measure the same order at the same counts."""
        return self.order == other.order and np.array_equal(self.counts, other.counts)

    def _weights(self, schedule: Schedule) -> tuple[FloatArray, FloatArray]:
        """How often g[q | a] and X_q count in a schedule's price: (C, C) and (C,)."""
        return _counted(self._pieces(schedule), len(self.counts))

    def _pieces(self, schedule: Schedule) -> _Pieces:
        """What each step reveals of each interval."""
        schedule.check_length(self.length)
        found = _pieces_of(self.counts.astype(np.int64).tobytes(), self.length, schedule)
        astray = found.is_later & (found.share > 0)
        if astray.any() and not isinstance(self.order, Uniform):
            wrong = int(schedule.revealed[found.step[astray][0]])
            raise InputError(
                f"schedule has steps that begin at {wrong}, but order {self.order.name} was measured at "
                f"{_some(self.counts)}; choose sizes that begin there, or measure at more counts"
            )
        return found


class _Pieces(NamedTuple):
    """Tokens of one interval that one step reveals; arrays with an entry for each such piece.

    Attributes:
        step, interval: numbers. row: of the last count at or before which the step begins, and `share`: how far beyond.
        is_later: whether the step begins before the interval does.
        of_tokens, of_pairs: the piece's share in the interval's tokens, and in its pairs of tokens.
    """

    step: npt.NDArray[np.int64]
    interval: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    share: FloatArray
    is_later: npt.NDArray[np.bool_]
    of_tokens: FloatArray
    of_pairs: FloatArray


@lru_cache(maxsize=REMEMBERED)
def _pieces_of(counts: bytes, length: int, schedule: Schedule) -> _Pieces:
    """The pieces of a schedule over intervals between counts; the planner asks for the same ones again and again."""
    grid = np.frombuffer(counts, dtype=np.int64)
    starts, widths = schedule.revealed, np.diff(np.append(grid, length))
    begins = np.union1d(starts, grid)
    tokens = np.diff(np.append(begins, length))
    step = np.searchsorted(starts, begins, side="right") - 1
    interval = np.searchsorted(grid, begins, side="right") - 1
    row = np.searchsorted(grid, starts[step], side="right") - 1
    share = (starts[step] - grid[row]) / widths[row]  # how far into its interval the step begins
    width = widths[interval]
    of_pairs = tokens * (tokens - 1) / np.maximum(width * (width - 1), 1)
    return _Pieces(step, interval, row, share, interval > row, tokens / width, of_pairs)


def _counted(piece: _Pieces, size: int) -> tuple[FloatArray, FloatArray]:
    """How often what is paid for later intervals counts, and what the intervals cost at once."""
    pairs = np.bincount(piece.interval, weights=piece.of_pairs, minlength=size)
    rows = np.zeros((size, size))
    row, interval = piece.row[piece.is_later], piece.interval[piece.is_later]
    tokens, share = piece.of_tokens[piece.is_later], piece.share[piece.is_later]
    np.add.at(rows, (row, interval), (1 - share) * tokens)
    np.add.at(rows, (row + 1, interval), share * tokens)
    return rows, np.asarray(pairs)


def _some(counts: npt.NDArray[Any]) -> str:
    shown = ", ".join(str(count) for count in counts[:12])
    return f"{shown}, …" if len(counts) > 12 else shown

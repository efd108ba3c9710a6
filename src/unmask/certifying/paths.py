"""Texts on their path: what a step costs that draws its tokens together, and what it costs one token at a time.

A path is a reveal order cut into steps. One token at a time *along the path* means: the same steps one after the other,
and inside each step the tokens one by one in a uniformly random order, each drawn with all before it known. The first
token of a step is drawn from the same canvas either way, so both together ask for as many canvases as there are tokens.
Knows losses, not where paths come from or what they prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.measuring.losses import PAIRS_AT_ONCE, LossReader
from unmask.theory.reveal_orders import IntArray
from unmask.theory.schedule import Schedule

TokenArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Replay(Protocol):
    """How texts of one length are revealed by a plan or a rule.

    Attributes:
        length: L, tokens that are revealed.
        fewest_steps: no path has fewer. most_calls: no text takes more canvases, read in full.
        uniform: whether the order is uniformly random, whatever the text.
        what: in words, what the paths are those of.
    """

    length: int
    fewest_steps: int
    most_steps: int
    most_calls: int
    uniform: bool
    what: str

    def paths(self, reader: LossReader, tokens: TokenArray, first: int) -> Paths:
        """The paths of texts (n, total), the first of which is the `first`-th of all."""
        ...


@dataclass(frozen=True, eq=False)
class Paths:
    """The paths of n texts. A rank is a place in the reveal order; inside a step ranks are in random order.

    Attributes:
        tokens: (n, total) whole texts. known: (n, total) bool, the given positions.
        columns: (n, L) the position of each rank. steps: (n, L) the step it belongs to, never falling.
        alike: (n, L) where the ranks end that are alike to each rank while those before it are known: the end of its
            step, or, in uniform order, all that is left.
        step_losses: (n, L) nats, the loss of each rank when its step begins, where they are known already.
        rngs: of each text, for what is sampled.
    """

    tokens: Tensor
    known: Tensor
    columns: IntArray
    steps: IntArray
    alike: IntArray
    rngs: list[np.random.Generator]
    step_losses: FloatArray | None = None

    @property
    def first_of_step(self) -> npt.NDArray[np.bool_]:
        """(n, L) whether a rank is the first of its step."""
        return np.asarray(np.diff(self.steps, axis=1, prepend=-1) > 0)

    def both(self, reader: LossReader) -> tuple[FloatArray, FloatArray]:
        """(n,) nats each: `-log p(x | path)` with the tokens of a step drawn together, and one at a time along it."""
        together = self._losses_of_steps(reader)
        singly = np.where(self.first_of_step, together, 0.0)
        rows, ranks = np.nonzero(~self.first_of_step)
        losses, _ = self._read(reader, rows, ranks, ranks + 1)
        singly[rows, ranks] = losses[:, 0]
        return together.sum(axis=1), singly.sum(axis=1)

    def sampled_price(self, reader: LossReader, reads: int) -> FloatArray:
        """(n,) nats: an unbiased estimate of what each text costs beyond one token at a time along its path.

        With `m(k)` the mean loss of the ranks alike to k when those before k are known, the price of a step of w tokens
        that begins at rank a is `(w - 1) m(a) - sum of m(k) over the other ranks k of the step`. About `reads` ranks
        stand for all of them, one drawn from each of as many equal strata.
        """
        price = np.zeros(len(self.tokens))
        queries: list[tuple[int, int, float]] = []  # text, rank, weight
        for row, steps in enumerate(self.steps):
            sizes = np.unique(steps, return_counts=True)[1]
            schedule = Schedule(sizes.tolist())
            queries += [(row, a, size - 1.0) for a, size in zip(schedule.revealed, schedule.sizes, strict=True)]
            drawn = [(int(self.rngs[row].integers(low, high)), high - low) for low, high in strata(schedule, reads)]
            queries += [(row, rank, -float(weight)) for rank, weight in drawn]
        rows, ranks, weights = (np.array(column) for column in zip(*queries, strict=True))
        wanted = weights != 0
        rows, ranks, weights = rows[wanted], ranks[wanted], weights[wanted]
        means = np.zeros(len(rows))
        begins = self.first_of_step[rows, ranks]
        if self.step_losses is not None:
            means[begins] = [
                self.step_losses[row, rank : self.alike[row, rank]].mean()
                for row, rank in zip(rows[begins], ranks[begins], strict=True)
            ]
            asked = ~begins
        else:
            asked = np.ones(len(rows), dtype=np.bool_)
        losses, held = self._read(reader, rows[asked], ranks[asked], self.alike[rows[asked], ranks[asked]])
        means[asked] = losses.sum(axis=1) / held.sum(axis=1)
        np.add.at(price, rows, weights * means)
        return price

    def _losses_of_steps(self, reader: LossReader) -> FloatArray:
        """(n, L) the loss of each rank when its step begins."""
        if self.step_losses is not None:
            return self.step_losses
        found = np.zeros(self.columns.shape)
        rows, starts = np.nonzero(self.first_of_step)
        ends = np.append(starts[1:], 0)
        ends[ends == 0] = self.columns.shape[1]  # the next step of a text begins where this one ends
        losses, held = self._read(reader, rows, starts, ends)
        place = starts[:, None] + np.arange(losses.shape[1])
        found[np.broadcast_to(rows[:, None], place.shape)[held], place[held]] = losses[held]
        return found

    def _read(
        self, reader: LossReader, rows: IntArray, counts: IntArray, ends: IntArray
    ) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Losses (q, width) of ranks counts..ends-1 of texts `rows` (q,), with the ranks before shown, and which count.

        As many canvases go through the network together as there are texts, those that ask for as much side by side.
        """
        width = int((ends - counts).max(initial=1))
        found, held = np.zeros((len(rows), width)), np.zeros((len(rows), width), dtype=np.bool_)
        order = np.argsort(ends - counts, kind="stable")
        for part in self._parts(order, ends - counts, reader.predictor.vocab_size):
            here, count, wide = rows[part], counts[part], int((ends[part] - counts[part]).max())
            ranks = count[:, None] + np.arange(wide)
            asked = ranks < ends[part][:, None]
            columns = np.take_along_axis(self.columns[here], np.where(asked, ranks, count[:, None]), axis=1)
            shown = torch.from_numpy(np.arange(self.columns.shape[1]) < count[:, None])
            known = self.known[here].scatter(1, torch.from_numpy(self.columns[here]), shown)
            losses = reader.of(self.tokens[here], known, torch.from_numpy(columns))[0]
            found[part, :wide], held[part, :wide] = np.where(asked, losses, 0.0), asked
        return found, held

    def _parts(self, order: IntArray, widths: IntArray, vocab_size: int) -> Iterator[IntArray]:
        start = 0
        while start < len(order):
            most = order[start : start + len(self.tokens)]
            fitting = max(1, PAIRS_AT_ONCE // (int(widths[most].max()) * vocab_size))
            yield most[:fitting]
            start += len(most[:fitting])


def shuffled(order: IntArray, steps: IntArray, rng: np.random.Generator) -> IntArray:
    """The order with the ranks of each step (L,) in uniformly random order."""
    return order[np.lexsort((rng.random(len(order)), steps))]


def ends_of_steps(steps: IntArray) -> IntArray:
    """(n, L) the rank where the step of each rank ends."""
    return np.array([np.searchsorted(row, row, side="right") for row in steps])


def strata(schedule: Schedule, reads: int) -> list[tuple[int, int]]:
    """Ranges that cover all ranks but the first of every step, about `reads` of them."""
    rest = schedule.length - schedule.steps
    found = []
    for start, size in zip(schedule.revealed.tolist(), schedule.sizes, strict=True):
        if size > 1:
            parts = min(size - 1, max(1, round(reads * (size - 1) / rest)))
            edges = np.linspace(start + 1, start + size, parts + 1).round().astype(int)
            found += [(int(low), int(high)) for low, high in pairwise(edges)]
    return found

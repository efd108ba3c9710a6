"""Batches of texts, measured: in every order the losses at the counts, and the extra canvases inside the intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.measuring.allocation import PILOT_CANVASES, allocated
from unmask.measuring.interval_costs import alike, cost_at_once, inside, lever
from unmask.measuring.losses import GIVEN, LATER, FloatArray, LossReader
from unmask.measuring.measurement import Measurement
from unmask.measuring.model_identity import describe_model
from unmask.measuring.order_costs import OrderCosts
from unmask.measuring.texts import BoolArray, TokenArray
from unmask.models.predictor import Predictor
from unmask.theory.reveal_orders import Order, Uniform

IntArray = npt.NDArray[np.int64]


class Batches:
    """Measures batches of texts, all in the same way.

    Args:
        seed: of the permutations; those of a text depend on it and the text alone.
        ranges: where the blocks begin and end, among the positions that are not given.
        counts: revealed counts of the uniform order. orders: the others, and `grids` their counts, by name.
        canvases: extra canvases inside every interval of more than one token; None for a pilot, after which `allocate`
            is called.
        settings: notes for the file.
    """

    def __init__(
        self,
        predictor: Predictor,
        seed: int,
        ranges: Sequence[tuple[int, int]],
        counts: IntArray,
        orders: Mapping[str, Order],
        grids: Mapping[str, IntArray],
        canvases: int | None,
        settings: dict[str, Any],
    ) -> None:
        self.predictor, self.seed, self.ranges = predictor, seed, ranges
        self.orders: dict[str, Order] = {"uniform": Uniform(), **orders}
        self.grids = {"uniform": counts, **grids}
        self._halves: dict[str, list[FloatArray]] = {name: [] for name in self.grids}
        self.settings = settings
        self.model = describe_model(predictor)
        self.reader = LossReader(predictor)
        self.length = ranges[0][1] - ranges[0][0]
        self.canvases = {
            name: np.full(len(grid), PILOT_CANVASES)
            if canvases is None
            else alike(grid, self.length, canvases, name == "uniform")
            for name, grid in self.grids.items()
        }
        for one in orders.values():
            one.draw(self.length)  # says so when it is a permutation of another length

    @property
    def calls_per_text(self) -> int:
        """Network calls a text takes, all blocks and orders together."""
        canvases = sum(
            len(grid) + sum(map(len, inside(grid, self.length, self.canvases[name])))
            for name, grid in self.grids.items()
        )
        return canvases * len(self.ranges) * self.predictor.calls_per_query

    def measure(
        self, texts: TokenArray, known: BoolArray, digests: tuple[str, ...], documents: tuple[str, ...]
    ) -> Measurement:
        """These texts, (N, L): the positions that are given, what the texts are called, and their documents."""
        tokens = torch.from_numpy(texts)
        found: dict[str, OrderCosts] = {}
        paths = np.zeros(len(texts))
        for name, one in self.orders.items():
            grid, blocks, measured = self.grids[name], [], []
            for begin, end in self.ranges:
                ranks = self._ranks(one, known, digests, grid, begin, end)
                blocks.append(_OrderOfBlock(self.reader, tokens, ranks, grid, isinstance(one, Uniform)))
                measured.append(blocks[-1].measured(self.canvases[name], self._draws(digests, begin)))
            found[name] = OrderCosts(one, self.length, grid, *map(_mean, zip(*measured, strict=True)))
            self._halves[name].append(_mean([block.halves for block in blocks]))
            if name == "uniform":
                paths = _mean([block.path for block in blocks])
        return Measurement(
            self.length,
            self.predictor.vocab_size,
            self.predictor.mask_token_id,
            self.model,
            self.settings,
            digests,
            documents,
            found.pop("uniform"),
            paths,
            found,
        )

    def allocate(self, pilot: Measurement) -> None:
        """Measure further texts with as many canvases in each interval as pay, after a pilot with two in each."""
        for name in self.grids:
            self.canvases[name] = allocated(pilot.costs_of(name), np.concatenate(self._halves[name]))

    def _draws(self, digests: tuple[str, ...], begin: int) -> list[np.random.Generator]:
        """What is random inside intervals, of each text: the same whatever shares its batch."""
        return [np.random.default_rng([self.seed, begin, int(digest, 16), 1]) for digest in digests]

    def _ranks(
        self, one: Order, known: BoolArray, digests: tuple[str, ...], counts: IntArray, begin: int, end: int
    ) -> Tensor:
        """(N, length) place of every position in the text's reveal order, GIVEN or LATER where it has none.

        Inside each interval the order of the positions is drawn anew.
        """
        ranks = np.full(known.shape, GIVEN, dtype=np.int64)
        for row, digest in enumerate(digests):
            places = np.flatnonzero(~known[row])
            rng = np.random.default_rng([self.seed, begin, int(digest, 16)])
            order = np.array(one.draw(end - begin, rng))
            for start, stop in pairwise([*counts, end - begin]):
                if stop - start > 1:
                    order[start:stop] = rng.permutation(order[start:stop])
            ranks[row, places[end:]] = LATER
            ranks[row, places[begin:end][order]] = np.arange(end - begin)
        return torch.from_numpy(ranks)


class _OrderOfBlock:
    """One order in one block of some texts."""

    def __init__(self, reader: LossReader, tokens: Tensor, ranks: Tensor, counts: IntArray, is_uniform: bool) -> None:
        self.reader, self.tokens, self.ranks, self.counts, self.is_uniform = reader, tokens, ranks, counts, is_uniform
        self.length = int(((ranks[0] > GIVEN) & (ranks[0] < LATER)).sum())
        self.path = np.zeros(len(tokens))
        """(N,) nats of the very tokens of each interval where it begins."""
        self.halves = np.zeros((len(tokens), len(counts)))
        """(N, C) what the first of two canvases of an interval says less what the second does."""

    def measured(
        self, canvases: IntArray, rngs: Sequence[np.random.Generator]
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """costs, entropies, parallel and parallel_entropies, as in `OrderCosts`."""
        size = len(self.counts)
        widths = np.diff(np.append(self.counts, self.length))
        costs = np.zeros((2, len(self.tokens), size, size))
        parallel = np.zeros((2, len(self.tokens), size))
        levers = np.zeros((len(self.tokens), size))
        for row, pieces in enumerate(inside(self.counts, self.length, canvases)):
            start, width = int(self.counts[row]), int(widths[row])
            here = self.reader.at(self.tokens, self.ranks, start)
            self.path += here[0][:, :width].sum(axis=1)
            for kind, values in enumerate(here):
                costs[kind, :, row, row:] = self._of_intervals(values, self.counts[row:] - start)
            last = self.length if self.is_uniform else start + width
            for number, (low, high) in enumerate(pieces):
                shown = np.array([rng.integers(low, high) for rng in rngs])
                falls = cost_at_once(self.reader, self.tokens, self.ranks, start, last, shown, here)
                parallel[:, :, row] += (high - low) * np.array(falls)
                if len(pieces) == 2:
                    self.halves[:, row] += (-1) ** number * (high - low) * falls[0]
                levers[:, row] += lever(width, low, high, shown)
        if self.is_uniform:
            rows, following = np.arange(size - 1), np.arange(1, size)
            whole_falls = (costs[..., rows, following] - costs[..., following, following]) / widths[1:]
            parallel[..., :-1] += levers[:, :-1] * whole_falls
        return costs[0], costs[1], parallel[0], parallel[1]

    def _of_intervals(self, values: FloatArray, starts: IntArray) -> FloatArray:
        """(N, intervals) what the tokens of each interval cost, from (N, tokens) still masked."""
        sums = np.add.reduceat(values, starts, axis=1)
        if not self.is_uniform:
            return np.asarray(sums)
        ends = np.append(starts[1:], values.shape[1])
        still_masked: FloatArray = np.cumsum(sums[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(still_masked * ((ends - starts) / (values.shape[1] - starts)))


def _mean(blocks: Sequence[FloatArray]) -> FloatArray:
    """The mean over blocks, in the precision of a network and of the file: what is read back is what was kept."""
    return np.asarray(np.mean(blocks, axis=0).astype(np.float32), dtype=np.float64)

"""Texts on the way a plan would take them: which canvases the network is asked about, and what is read there.

Each text draws its own permutation from the plan, and one in uniform order for what it would cost one token at a time.
Where the plan is in uniform order itself the two are the same one, so that they differ in nothing but the steps.
Knows losses, not what they prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.certifying.mixed_samplers import draw_from
from unmask.errors import InputError
from unmask.measuring.losses import PAIRS_AT_ONCE, LossReader
from unmask.measuring.texts import block_ranges, known_positions
from unmask.theory.reveal_orders import IntArray, Uniform
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule

TokenArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class PlanReplay:
    """How texts of one length are revealed by a plan.

    Args:
        plan: a Plan, another `RevealPlan`, or a Schedule; of one block or of all.
        total: tokens of a text, the given ones included.
        given: leading tokens, or a mask (total,) of positions, that are always known.
        block: tokens of a block, from left to right, or None.
        seed: of the permutations.

    Attributes:
        length: L, tokens that are revealed.
        uniform: whether the plan is in uniform order.
    """

    def __init__(
        self, plan: Schedule | RevealPlan, total: int, given: npt.ArrayLike | int, block: int | None, seed: int
    ) -> None:
        known, _ = known_positions(given, np.zeros((1, total), dtype=np.int64))
        ranges = block_ranges(known, block)
        self._known, self._places = known[0], np.flatnonzero(~known[0])
        self.length = len(self._places)
        self._block = ranges[0][1] - ranges[0][0]
        if not isinstance(plan, Schedule | RevealPlan):
            raise InputError(f"plan is {plan!r}; expected a plan or a Schedule")
        if plan.length not in (self._block, self.length):
            wanted = f"{self._block}" if block is None else f"{self._block} (a block) or {self.length} (all of them)"
            raise InputError(f"plan is for {plan.length} tokens, but the texts have {wanted} to be revealed")
        self._plan, self._seed = plan, seed
        times, steps = self.length // plan.length, _steps(plan)
        self.uniform = plan.length == self._block and _is_uniform(plan)
        self.fewest_steps, self.most_steps = times * min(steps), times * max(steps)

    def draw(self, tokens: TokenArray, first: int) -> Iterator[tuple[IntArray, Group]]:
        """The texts (N, total) in groups of the same sizes: which rows, and what to read of them.

        Args:
            first: number of the first text among all; each text's permutation is drawn by its number.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        planned, single = np.empty((2, len(tokens), self.length), dtype=np.int64)
        rngs = [np.random.default_rng([self._seed, 2, first + row]) for row in range(len(tokens))]
        for row, rng in enumerate(rngs):
            order, sizes = self._drawn(self._plan, rng)
            planned[row] = self._places[order]
            one_by_one = order if self.uniform else self._drawn(Schedule([1] * self._block), rng)[0]
            single[row] = self._places[one_by_one]
            groups.setdefault(sizes, []).append(row)
        ends = (np.arange(self.length) // self._block + 1) * self._block
        for sizes, rows in groups.items():
            group = Group(
                torch.from_numpy(tokens[rows]), torch.from_numpy(np.tile(self._known, (len(rows), 1))),
                planned[rows], single[rows], Schedule(sizes), ends, self.uniform, [rngs[row] for row in rows],
            )  # fmt: skip
            yield np.array(rows), group

    def _drawn(self, plan: Any, rng: np.random.Generator) -> tuple[IntArray, tuple[int, ...]]:
        """A permutation of all that is revealed, block after block when the plan is that of a block, and the sizes."""
        drawn = [draw_from(plan, rng) for _ in range(self.length // plan.length)]
        order = np.concatenate([place * plan.length + one for place, (one, _) in enumerate(drawn)])
        return order, tuple(size for _, schedule in drawn for size in schedule.sizes)


@dataclass(frozen=True, eq=False)
class Group:
    """Texts that are revealed in steps of the same sizes.

    Attributes:
        tokens: (n, total) whole texts.
        known: (n, total) the given positions.
        planned: (n, L) positions in the order of the plan. single: (n, L) one at a time, in uniform order.
        schedule: the sizes.
        ends: (L,) where the block of each rank ends: until there all masked tokens are alike in uniform order.
        shared: whether both orders are the same.
        rngs: of each text, for what is sampled.
    """

    tokens: Tensor
    known: Tensor
    planned: IntArray
    single: IntArray
    schedule: Schedule
    ends: IntArray
    shared: bool
    rngs: list[np.random.Generator]

    def both(self, reader: LossReader) -> tuple[FloatArray, FloatArray]:
        """(n,) nats each: `-log p(x | order)` of the whole texts in the steps of the plan, and one token at a time."""
        planned, single = np.zeros((2, len(self.tokens)))
        read = set()
        for start, size in zip(self.schedule.revealed.tolist(), self.schedule.sizes, strict=True):
            losses = self._losses(reader, self.planned, start, start + size)
            planned += losses.sum(axis=1)
            if self.shared:
                single += losses[:, 0]
                read.add(start)
        for rank in range(self.schedule.length):
            if rank not in read:
                single += self._losses(reader, self.single, rank, rank + 1)[:, 0]
        return planned, single

    def sampled_price(self, reader: LossReader, reads: int) -> FloatArray:
        """(n,) nats: an unbiased estimate of what each text costs beyond one token at a time.

        In uniform order all masked tokens of a canvas are alike, so c_k is read from all of them, and the price is

            sum_t (s_t - 1) (c_{a_t} - mean of c_k over the other counts k of step t).

        Otherwise it is the cost of the steps less the sum of all c_k. About `reads` counts k stand for all of them, one
        drawn from each of as many equal strata.
        """
        price = np.zeros(len(self.tokens))
        for start, size in zip(self.schedule.revealed.tolist(), self.schedule.sizes, strict=True):
            if not self.shared:
                price += self._losses(reader, self.planned, start, start + size).sum(axis=1)
            elif size > 1:
                price += (size - 1) * self._mean_loss(reader, np.full(len(price), start))
        for low, high in strata(self.schedule, reads, self.shared):
            counts = np.array([rng.integers(low, high) for rng in self.rngs])
            price -= (high - low) * self._mean_loss(reader, counts)
        return price

    def _losses(self, reader: LossReader, columns: IntArray, start: int, end: int) -> FloatArray:
        """(n, end - start) losses of ranks start..end-1 when all ranks before are revealed."""
        known = self.known.scatter(1, torch.from_numpy(columns[:, :start]), True)
        return self._read(reader, known, torch.from_numpy(columns[:, start:end]))

    def _mean_loss(self, reader: LossReader, counts: IntArray) -> FloatArray:
        """(n,) mean loss of the masked tokens of each text (of its block) when counts (n,) of them are revealed."""
        ranks = counts[:, None] + np.arange(int((self.ends[counts] - counts).max()))
        asked = ranks < self.ends[counts][:, None]
        columns = np.take_along_axis(self.single, np.where(asked, ranks, counts[:, None]), axis=1)
        shown = torch.from_numpy(np.arange(self.schedule.length) < counts[:, None])
        known = self.known.scatter(1, torch.from_numpy(self.single), shown)
        losses = self._read(reader, known, torch.from_numpy(columns))
        return np.asarray((losses * asked).sum(axis=1) / asked.sum(axis=1))

    def _read(self, reader: LossReader, known: Tensor, columns: Tensor) -> FloatArray:
        at_once = max(1, PAIRS_AT_ONCE // (columns.shape[1] * reader.predictor.vocab_size))
        parts = [slice(start, start + at_once) for start in range(0, len(columns), at_once)]
        return np.concatenate([reader.of(self.tokens[rows], known[rows], columns[rows])[0] for rows in parts])


def strata(schedule: Schedule, reads: int, shared: bool) -> list[tuple[int, int]]:
    """Ranges that cover the counts 0..L-1, or, when shared, all but the first count of every step."""
    if not shared:
        return _split(0, schedule.length, reads)
    rest = schedule.length - schedule.steps
    found = []
    for start, size in zip(schedule.revealed.tolist(), schedule.sizes, strict=True):
        if size > 1:
            found += _split(start + 1, start + size, max(1, round(reads * (size - 1) / rest)))
    return found


def _split(start: int, end: int, parts: int) -> list[tuple[int, int]]:
    edges = np.linspace(start, end, min(parts, end - start) + 1).round().astype(int)
    return [(int(low), int(high)) for low, high in pairwise(edges)]


def _steps(plan: Any) -> list[int]:
    """The numbers of steps a plan may draw; all when it does not say."""
    if isinstance(plan, Schedule):
        return [plan.steps]
    parts = getattr(plan, "parts", None)
    return [part.schedule.steps for part in parts] if parts else [1, plan.length]


def _is_uniform(plan: Any) -> bool:
    parts = getattr(plan, "parts", ())
    return isinstance(plan, Schedule) or (bool(parts) and all(isinstance(part.order, Uniform) for part in parts))

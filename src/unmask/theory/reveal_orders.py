"""Reveal orders that do not look at the data: which position is revealed k-th.

Each order is a small frozen record with a `name` and `draw(length, seed)`, a permutation of 0..L-1 whose entry k is the
position revealed k-th. Any length works, not only powers of two. Orders without randomness ignore the seed. Spaced
orders (bit reversal, golden ratio, bisection, strides) keep the tokens of one step far apart, which on chains and on
text can matter far more than the sizes of the steps ([WLL] arXiv 2608.25505).

Knows nothing of schedules; an order is priced by its `OrderTable` (F11).

Examples:
    >>> unmask.orders.BitReversal(shift=False).draw(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    >>> unmask.orders.from_name("left_to_right").draw(4).tolist()
    [0, 1, 2, 3]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from unmask import spec
from unmask.errors import InputError
from unmask.theory.order_table import OrderTable
from unmask.theory.schedule_families import check_whole

__all__ = [
    "Bisection",
    "BitReversal",
    "Blocks",
    "Given",
    "GoldenRatio",
    "LeftToRight",
    "Order",
    "OrderTable",
    "RecursiveBitReversal",
    "Strided",
    "Uniform",
    "from_name",
    "names",
]

IntArray = npt.NDArray[np.int64]
Seed = int | np.random.Generator


@runtime_checkable
class Order(Protocol):
    """A reveal order that does not look at the data."""

    @property
    def name(self) -> str:
        """What `from_name` and the command line call it."""
        ...

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        """A permutation of 0..length-1, shape (L,): entry k is revealed k-th. The same seed draws the same one."""
        ...


@dataclass(frozen=True)
class Uniform:
    """Every permutation equally likely: the order of the theory of parallel sampling ([LC])."""

    name: str = field(default="uniform", init=False)

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        return np.asarray(np.random.default_rng(seed).permutation(length), dtype=np.int64)


@dataclass(frozen=True)
class LeftToRight:
    """0, 1, 2, ..: the order of autoregressive models. Neighbours revealed together make it the dearest on chains."""

    name: str = field(default="left_to_right", init=False)

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        return np.arange(length, dtype=np.int64)


@dataclass(frozen=True)
class BitReversal:
    """The van der Corput sequence: 0, L/2, L/4, 3L/4, ..; each new token falls in the middle of a gap.

    For lengths that are no power of two, the sequence of the next power of two without the positions beyond the end.

    Args:
        shift: add a uniformly drawn offset, modulo L, so that every position is first equally often.
    """

    shift: bool = True

    @property
    def name(self) -> str:
        return "bit_reversal" if self.shift else "bit_reversal:shift=false"

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        return _shifted(_van_der_corput(length), length, seed) if self.shift else _van_der_corput(length)


@dataclass(frozen=True)
class RecursiveBitReversal:
    """Bit reversal with every halving flipped by its own coin (nested scrambling, Owen 1995).

    As spread out as bit reversal, and as random as that allows: which half, quarter, eighth comes first is drawn anew
    at every node of the tree of halvings.
    """

    name: str = field(default="recursive_bit_reversal", init=False)

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        rng = np.random.default_rng(seed)
        bits = max(length - 1, 0).bit_length()
        ranks = np.zeros(1, dtype=np.int64)  # rank of each node of this depth among them, from left to right
        for depth in range(bits):
            coins = rng.integers(2, size=1 << depth)
            # the child whose coin side is 0 keeps the parent's rank, the other comes 2^depth ranks later
            side = np.stack([coins, 1 - coins], axis=1)
            ranks = (ranks[:, None] + (side << depth)).ravel()
        order = np.argsort(ranks)
        return np.asarray(order[order < length], dtype=np.int64)


@dataclass(frozen=True)
class GoldenRatio:
    """The golden-ratio (Kronecker) sequence: position i has the key `frac(i * 0.618.. + u)`, the smallest key is first.

    Whatever number of tokens is revealed, the gaps between them take at most three lengths (three-distance theorem),
    so the order suits steps of any size.

    Args:
        shift: draw u uniformly from [0, 1), so that positions are early nearly equally often; without it u = 0.
    """

    shift: bool = True

    @property
    def name(self) -> str:
        return "golden_ratio" if self.shift else "golden_ratio:shift=false"

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        offset = np.random.default_rng(seed).random() if self.shift else 0.0
        keys = (np.arange(length) * ((np.sqrt(5) - 1) / 2) + offset) % 1.0
        return np.asarray(np.argsort(keys, kind="stable"), dtype=np.int64)


@dataclass(frozen=True)
class Bisection:
    """The middle, then the middles of both halves, and so on.

    A Markov chain is sampled exactly with one step for each of the floor(log2 L) + 1 generations (`rounds`), since
    every gap is split by one token ([WLL]).
    """

    name: str = field(default="bisection", init=False)

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        return np.concatenate([*self._generations(length), np.empty(0, dtype=np.int64)])

    def rounds(self, length: int) -> tuple[int, ...]:
        """How many tokens each generation has."""
        return tuple(len(generation) for generation in self._generations(length))

    @staticmethod
    def _generations(length: int) -> list[IntArray]:
        check_whole("length", length, 0)
        gaps = [(0, length)] if length else []
        generations: list[IntArray] = []
        while gaps:
            middles = [(low + high) // 2 for low, high in gaps]
            generations.append(np.array(middles, dtype=np.int64))
            halves = [
                half for (low, high), cut in zip(gaps, middles, strict=True) for half in ((low, cut), (cut + 1, high))
            ]
            gaps = [(low, high) for low, high in halves if low < high]
        return generations


@dataclass(frozen=True)
class Strided:
    """Dilated unmasking (DUS, arXiv 2506.19037): every stride-th position, strides base^j, .., base, 1, left to right.

    Args:
        base: by what the stride shrinks from round to round, at least 2.
    """

    base: int = 2

    def __post_init__(self) -> None:
        check_whole("base", self.base, 2)

    @property
    def name(self) -> str:
        return "strided" if self.base == 2 else f"strided:base={self.base}"

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        positions = np.arange(length, dtype=np.int64)
        return positions[np.argsort(self._round_of(length), kind="stable")]

    def rounds(self, length: int) -> tuple[int, ...]:
        """How many tokens each stride reveals; DUS makes one step of each."""
        return tuple(int(count) for count in np.bincount(self._round_of(length)) if count)

    def _round_of(self, length: int) -> IntArray:
        """Shape (L,): the round in which each position is revealed."""
        check_whole("length", length, 0)
        strides = [1]
        while strides[-1] * self.base < length:
            strides.append(strides[-1] * self.base)
        divides = np.arange(length) % np.array(strides[::-1])[:, None] == 0  # (rounds, L)
        return np.asarray(np.argmax(divides, axis=0), dtype=np.int64)


@dataclass(frozen=True)
class Blocks:
    """Blocks from left to right, another order inside each (semi-autoregressive decoding, as LLaDA and BD3-LM do).

    Args:
        inner: the order inside a block; drawn anew for each.
        block_length: tokens in a block; the last one may be shorter.
    """

    inner: Order
    block_length: int

    def __post_init__(self) -> None:
        check_whole("block_length", self.block_length, 1)
        if not hasattr(self.inner, "draw"):
            raise InputError(f"inner is {self.inner!r}; expected an order, such as Uniform()")

    @property
    def name(self) -> str:
        return f"blocks:block_length={self.block_length},inner={self.inner.name}"

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        check_whole("length", length, 0)
        rng = np.random.default_rng(seed)
        starts = range(0, length, self.block_length)
        blocks = [start + self.inner.draw(min(self.block_length, length - start), rng) for start in starts]
        return np.concatenate([*blocks, np.empty(0, dtype=np.int64)])


@dataclass(frozen=True)
class Given:
    """A permutation of your own, for its length only."""

    permutation: tuple[int, ...]

    def __init__(self, permutation: Iterable[int]) -> None:
        given = np.asarray(list(permutation))
        whole = given.ndim == 1 and given.size and np.issubdtype(given.dtype, np.integer)
        if not whole or not np.array_equal(np.sort(given), np.arange(len(given))):
            raise InputError(f"permutation must hold each of 0..L-1 once, got {given.tolist()!r:.80}")
        object.__setattr__(self, "permutation", tuple(given.tolist()))

    @property
    def name(self) -> str:
        return "given"

    def draw(self, length: int, seed: Seed = 0) -> IntArray:
        if length != len(self.permutation):
            raise InputError(f"length is {length}, but the given permutation is for length {len(self.permutation)}")
        return np.array(self.permutation, dtype=np.int64)


_BY_NAME: dict[str, type[Any]] = {
    "uniform": Uniform,
    "left_to_right": LeftToRight,
    "bit_reversal": BitReversal,
    "recursive_bit_reversal": RecursiveBitReversal,
    "golden_ratio": GoldenRatio,
    "bisection": Bisection,
    "strided": Strided,
    "blocks": Blocks,
}


def names() -> tuple[str, ...]:
    """The names `from_name` knows."""
    return tuple(_BY_NAME)


def from_name(name: str) -> Order:
    """The order the command line calls so: `uniform`, `strided:base=3`, `blocks:block_length=32,inner=bit_reversal`."""
    order: Order = spec.call(name, _BY_NAME, "reveal order", readers={"inner": from_name})
    return order


def _van_der_corput(length: int) -> IntArray:
    """Positions 0..L-1 by the reversal of their bits."""
    bits = max(length - 1, 0).bit_length()
    reversed_bits = np.zeros(1 << bits, dtype=np.int64)
    for bit in range(bits):
        reversed_bits |= (np.arange(1 << bits) >> bit & 1) << (bits - 1 - bit)
    return reversed_bits[reversed_bits < length]


def _shifted(order: IntArray, length: int, seed: Seed) -> IntArray:
    return (order + np.random.default_rng(seed).integers(length)) % length if length else order

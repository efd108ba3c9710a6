"""What a law is: a distribution over token sequences, solved exactly, that can stand wherever a model stands.

A law can be sampled, can say the log-probability of a sequence, and can say the law of every masked position given any
set of revealed ones. That is all a perfect mask predictor does, so every sampler, score, price and plan of the project
is tested against laws. Floor 1: numpy and scipy only, never torch.

**Contexts of probability zero.** A parallel sampler can reach a canvas the law gives no probability (two equal tokens
in a permutation). The conditional law is then undefined; `conditionals` returns the uniform law on every masked
position of such a row, never NaN. Nothing exact depends on it: `log_prob` of whatever follows is -inf.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.enumeration import ENUMERABLE, curve_of_table
from unmask.theory.curve import FloatArray, InformationCurve

TokenArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Seed = int | np.random.Generator


class Law(ABC):
    """A distribution over sequences of `length` tokens from `0..vocab_size - 1`."""

    length: int
    vocab_size: int

    @abstractmethod
    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        """Draw `n` independent sequences, shape (n, L). The same seed gives the same sequences."""

    @abstractmethod
    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        """Log-probability of each row of x, shape (n, L) to (n,), nats; -inf where impossible."""

    @abstractmethod
    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        """Law of every position given the known ones, shape (n, L, V) probabilities.

        Args:
            x: tokens, shape (n, L). What stands at unknown positions is never read.
            known: booleans, shape (n, L): which positions are revealed. A known position gets its point mass.
        """

    def curve(self) -> InformationCurve:
        """The information curve h_k. Exact (`stderr` is None) where the law has a formula.

        Here, for laws without one: exact by enumeration when (V+1)^L is small, else measured with standard errors.
        """
        enumerated = self.enumerated_curve()
        return self.measured_curve() if enumerated is None else enumerated

    def enumerated_curve(self) -> InformationCurve | None:
        """The exact curve from the probabilities of all sequences, or None when (V+1)^L is above 2^22."""
        if (self.vocab_size + 1) ** self.length > ENUMERABLE:
            return None
        joint = np.exp(self.log_prob(self.support(ENUMERABLE)))
        return InformationCurve(curve_of_table(joint.reshape((self.vocab_size,) * self.length)))

    @property
    def entropy(self) -> float:
        """H(X) in nats: the sum of the curve, exact whenever the curve is; chains know it by the chain rule."""
        return self.curve().entropy

    def measured_curve(self, samples: int = 400, seed: Seed = 0) -> InformationCurve:
        """The curve measured with exact conditionals on drawn sequences.

        Every sequence gets one random order. At count k its first L-k positions in that order are masked, then the
        next L-k, and so on (at most 8 masks): so a count near L, where a mask has few positions, averages over about
        as many tokens as any other. Unbiased for every h_k; `stderr` is over the sequences, which are independent. The
        entropies, not the drawn tokens' log-probabilities, are averaged (same mean, less variance).
        """
        if samples < 2:
            raise InputError(f"samples is {samples}; a standard error needs at least 2")
        rng = np.random.default_rng(seed)
        x = self.sample(samples, rng)
        rank = rng.permuted(np.tile(np.arange(self.length), (samples, 1)), axis=1)
        sums = np.zeros((samples, self.length))
        for rows in row_chunks(samples, self.length * self.vocab_size):
            for k in range(self.length):
                turn = rank[rows] // (self.length - k)
                for mask in range(masks_at(self.length, k)):
                    masked = turn == mask
                    sums[rows, k] += (entropy(self.conditionals(x[rows], ~masked)) * masked).sum(axis=1)
        tokens = [(self.length - k) * masks_at(self.length, k) for k in range(self.length)]
        means = sums / np.array(tokens)
        return InformationCurve(means.mean(axis=0), means.std(axis=0, ddof=1) / np.sqrt(samples))

    def support(self, limit: int = 1 << 20) -> TokenArray:
        """Every sequence of V^L, shape (V^L, L), for enumeration; refused above `limit` sequences."""
        if self.vocab_size**self.length > limit:
            raise InputError(
                f"{self!r} has {self.vocab_size}^{self.length} sequences, more than the {limit} that are enumerated"
            )
        places = np.array([self.vocab_size**i for i in reversed(range(self.length))], dtype=np.int64)
        return np.arange(self.vocab_size**self.length)[:, None] // places % self.vocab_size

    def check_tokens(self, x: npt.ArrayLike, name: str = "x") -> TokenArray:
        """`x` as an (n, L) integer array, or an InputError that says what is wrong with it."""
        tokens = np.asarray(x)
        if tokens.ndim != 2 or tokens.shape[1] != self.length:
            raise InputError(f"{name} has shape {tokens.shape}; expected (n, {self.length})")
        if not np.issubdtype(tokens.dtype, np.integer):
            raise InputError(f"{name} has type {tokens.dtype}; tokens are whole numbers")
        if tokens.size and (tokens.min() < 0 or tokens.max() >= self.vocab_size):
            raise InputError(f"{name} has tokens {tokens.min()}..{tokens.max()}; allowed are 0..{self.vocab_size - 1}")
        return tokens.astype(np.int64, copy=False)

    def check_canvas(self, x: npt.ArrayLike, known: npt.ArrayLike) -> tuple[TokenArray, BoolArray]:
        """`x` and `known` as arrays of one shape; unknown entries of x are replaced by 0 so that none is ever read."""
        revealed = np.asarray(known)
        tokens = np.asarray(x)
        if revealed.dtype != np.bool_:
            raise InputError(f"known has type {revealed.dtype}; expected booleans")
        if revealed.shape != tokens.shape:
            raise InputError(f"known has shape {revealed.shape} and x has shape {tokens.shape}; they must match")
        return self.check_tokens(np.where(revealed, tokens, 0)), revealed

    def __repr__(self) -> str:
        return f"{type(self).__name__}(length={self.length}, vocab_size={self.vocab_size})"


def entropy(probabilities: FloatArray) -> FloatArray:
    """Shannon entropy in nats over the last axis; 0 log 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probabilities > 0, -probabilities * np.log(probabilities), 0.0)
    return np.asarray(terms.sum(axis=-1))


def cumulative(probabilities: FloatArray) -> FloatArray:
    """Running sums over the last axis, ending at exactly 1, for `draw`."""
    sums = np.cumsum(probabilities, axis=-1)
    return np.asarray(sums / sums[..., -1:])


def draw(sums: FloatArray, uniforms: FloatArray) -> TokenArray:
    """Tokens (n,) from running sums (n, V) or (V,) and uniforms (n,) in [0, 1).

    A token of probability zero is never drawn.
    """
    if sums.ndim == 1:
        return np.searchsorted(sums, uniforms, side="right")
    return np.asarray((sums <= uniforms[:, None]).sum(axis=1), dtype=np.int64)


def row_chunks(rows: int, entries_per_row: int, entries: int = 1 << 22) -> Iterator[slice]:
    """Slices that cover `rows` rows with at most about `entries` array entries (32 MB of float64) in each."""
    size = max(1, entries // max(1, entries_per_row))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def masks_at(length: int, known: int) -> int:
    """How many disjoint masks of L - k positions `measured_curve` uses at count k."""
    return min(8, length // (length - known))


def point_masses(conditionals: FloatArray, x: TokenArray, known: BoolArray) -> FloatArray:
    """Put the point mass of each known token into `conditionals` (n, L, V), in place; returns it."""
    rows, positions = np.nonzero(known)
    conditionals[rows, positions] = 0.0
    conditionals[rows, positions, x[rows, positions]] = 1.0
    return conditionals


def normalised_or_uniform(weights: FloatArray) -> FloatArray:
    """Non-negative weights (.., V) made to sum to 1 over the last axis; rows without mass become uniform."""
    totals = weights.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(totals > 0, weights / totals, 1.0 / weights.shape[-1]))

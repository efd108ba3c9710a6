"""Laws in which only the counts matter: every reordering of a sequence has the same probability.

Given any revealed tokens, all masked positions share one law, a function of how often each type was seen. Their curves
follow from the law of those counts. A permutation and a balanced row draw without replacement, an urn with
reinforcement, a repeated symbol hears one symbol L times through noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import BoolArray, Law, Seed, TokenArray, entropy, normalised_or_uniform, point_masses
from unmask.laws.checks import real_number, whole_number
from unmask.theory.curve import FloatArray, InformationCurve


class Permutation(Law):
    """A uniformly random permutation of 0..L-1 (V = L).

    Curve, exact: `h_k = log(L - k)`. Whatever the schedule and the order, a sample is a permutation with probability
    `exp(-KL)`, since the output law gives all valid sequences the same probability.
    """

    def __init__(self, length: int) -> None:
        self.length = self.vocab_size = whole_number("length", length, 1)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        rows = np.tile(np.arange(self.length, dtype=np.int64), (n, 1))
        return np.random.default_rng(seed).permuted(rows, axis=1)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        valid = np.all(np.sort(self.check_tokens(x), axis=1) == np.arange(self.length), axis=1)
        return np.where(valid, -math.lgamma(self.length + 1), -np.inf)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        seen = counts(tokens, revealed, self.vocab_size)
        unused = np.where(np.any(seen > 1, axis=1, keepdims=True), 0.0, seen == 0)
        return _share(normalised_or_uniform(unused), tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact: log(L - k)."""
        return InformationCurve(np.log(self.length - np.arange(self.length)))

    def __repr__(self) -> str:
        return f"Permutation(length={self.length})"


class Balanced(Law):
    """Uniform over the binary rows with exactly `ones` ones; with `ones` = 1 the one-hot rows.

    Curve, exact: `h_k = sum_j Hypergeometric(j; L, ones, k) h_b((ones - j) / (L - k))`. One-hot rows sampled in one
    step are valid with probability `(1 - 1/L)^(L-1)`, about 1/e.
    """

    def __init__(self, length: int, ones: int | None = None) -> None:
        self.length = whole_number("length", length, 1)
        self.ones = self.length // 2 if ones is None else whole_number("ones", ones, 0, self.length)
        self.vocab_size = 2

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        rows = np.tile((np.arange(self.length) < self.ones).astype(np.int64), (n, 1))
        return np.random.default_rng(seed).permuted(rows, axis=1)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        valid = self.check_tokens(x).sum(axis=1) == self.ones
        choices = math.lgamma(self.length + 1) - math.lgamma(self.ones + 1) - math.lgamma(self.length - self.ones + 1)
        return np.where(valid, -choices, -np.inf)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        seen = counts(tokens, revealed, 2)
        left = np.array([self.length - self.ones, self.ones]) - seen
        possible = np.all(left >= 0, axis=1, keepdims=True)
        return _share(normalised_or_uniform(np.where(possible, left, 0.0)), tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact, O(L^2): the mean binary entropy of the ones left among the places left."""
        means = []
        for k, (drawn, mass) in enumerate(_seen_counts(self.length, lambda n, k: (self.ones - n) / (self.length - k))):
            share = np.clip((self.ones - drawn) / (self.length - k), 0.0, 1.0)
            means.append(mass @ entropy(np.stack([share, 1 - share], axis=-1)))
        return InformationCurve(np.array(means))

    def __repr__(self) -> str:
        return f"Balanced(length={self.length}, ones={self.ones})"


class PolyaUrn(Law):
    """Pólya's urn: the next token is of type v with probability `(n_v + alpha) / (k + V alpha)` after k draws.

    Dirichlet-multinomial with `concentration` alpha per type; a small alpha gives long repetition, and with it a
    heavy-tailed curve. Curve, exact: `h_k = V E[-q log q]`, `q = (n + alpha) / (k + V alpha)`,
    n ~ BetaBinomial(k, alpha, (V - 1) alpha).
    """

    def __init__(self, length: int, vocab_size: int = 2, concentration: float = 1.0) -> None:
        self.length = whole_number("length", length, 1)
        self.vocab_size = whole_number("vocab_size", vocab_size, 1)
        self.concentration = real_number("concentration", concentration)
        if self.concentration <= 0:
            raise InputError(f"concentration is {concentration}; expected a number above 0")

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, 2, self.length))
        x: TokenArray = (uniforms[:, 0] * self.vocab_size).astype(np.int64)
        rows = np.arange(n)
        for k in range(1, self.length):  # copy one of the k tokens drawn before, or keep the fresh one
            place = (uniforms[:, 1, k] * (k + self.vocab_size * self.concentration)).astype(np.int64)
            x[:, k] = np.where(place < k, x[rows, np.minimum(place, k - 1)], x[:, k])
        return x

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        steps = np.arange(self.length)
        of_type = np.concatenate(([0.0], np.cumsum(np.log(self.concentration + steps))))  # log of rising factorials
        of_all = np.log(self.vocab_size * self.concentration + steps).sum()
        seen = counts(tokens, np.ones(tokens.shape, dtype=np.bool_), self.vocab_size)
        return np.asarray(of_type[seen].sum(axis=1) - of_all)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        seen = counts(tokens, revealed, self.vocab_size) + self.concentration
        return _share(seen / seen.sum(axis=1, keepdims=True), tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact, O(L^2) and stable at any length: the beta-binomial law of one type's count, by running the urn."""
        alpha, everything = self.concentration, self.vocab_size * self.concentration
        means = []
        for k, (drawn, mass) in enumerate(_seen_counts(self.length, lambda n, k: (n + alpha) / (k + everything))):
            share = np.minimum((drawn + alpha) / (k + everything), 1.0)
            means.append(-self.vocab_size * (mass @ (share * np.log(share))))
        return InformationCurve(np.array(means))

    def __repr__(self) -> str:
        sizes = f"length={self.length}, vocab_size={self.vocab_size}"
        return f"PolyaUrn({sizes}, concentration={self.concentration:g})"


class Repeated(Law):
    """One uniform symbol repeated L times; each copy is replaced by a uniform symbol with probability `noise`.

    Without noise `h_k = log V * 1[k = 0]`: the schedule (1, L - 1) is exact, any other costs `(s_1 - 1) log V`, and the
    bound of [LC] Thm 1 is attained. With noise the curve is exact too, summed over the ways the k seen tokens can split
    into counts; where there are more than `SPLITS` of these (V and L both large) it is measured instead.
    """

    SPLITS = 50_000

    def __init__(self, length: int, vocab_size: int = 2, noise: float = 0.0) -> None:
        self.length = whole_number("length", length, 1)
        self.vocab_size = whole_number("vocab_size", vocab_size, 2)
        self.noise = real_number("noise", noise)
        if not 0 <= self.noise <= 1:
            raise InputError(f"noise is {noise}; expected a probability in 0..1")
        # Probability that a copy shows the symbol itself, and that it shows one given other symbol.
        self._hit = 1 - self.noise + self.noise / self.vocab_size
        self._miss = self.noise / self.vocab_size

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, 1 + 2 * self.length))
        tokens = (uniforms * self.vocab_size).astype(np.int64)
        replaced = uniforms[:, 1 : self.length + 1] < self.noise
        return np.where(replaced, tokens[:, self.length + 1 :], tokens[:, :1])

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        seen = counts(tokens, np.ones(tokens.shape, dtype=np.bool_), self.vocab_size)
        return log_sum_exp(self._log_likelihood(seen)) - math.log(self.vocab_size)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        return _share(self._next(counts(tokens, revealed, self.vocab_size)), tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact, unless there are more than `SPLITS` ways to split into counts: then measured, with standard errors."""
        if self.noise == 0:
            return InformationCurve(np.where(np.arange(self.length) == 0, math.log(self.vocab_size), 0.0))
        if _number_of_splits(self.length - 1, self.vocab_size, self.SPLITS) > self.SPLITS:
            return self.measured_curve()
        return InformationCurve(np.array([self._mean_entropy(k) for k in range(self.length)]))

    def _mean_entropy(self, revealed: int) -> float:
        """h_k: over every split of k into counts, its probability times the entropy of the next token."""
        splits = np.array(list(_splits(revealed, self.vocab_size, revealed)), dtype=np.int64)
        log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, max(revealed, self.vocab_size) + 1)))))
        same = (splits[:, :, None] == np.arange(revealed + 1)).sum(axis=1)  # how many types share each count
        sequences = log_factorial[revealed] - log_factorial[splits].sum(axis=1)
        labellings = log_factorial[self.vocab_size] - log_factorial[same].sum(axis=1)
        one_sequence = log_sum_exp(self._log_likelihood(splits)) - math.log(self.vocab_size)
        return float(np.exp(sequences + labellings + one_sequence) @ entropy(self._next(splits)))

    def _log_likelihood(self, seen: npt.NDArray[np.int64]) -> FloatArray:
        """Log-probability of the seen counts (n, V) for each possible symbol, (n, V)."""
        others = seen.sum(axis=1, keepdims=True) - seen
        with np.errstate(divide="ignore", invalid="ignore"):
            misses = np.where(others > 0, others * np.log(self._miss), 0.0)
        return np.asarray(seen * math.log(self._hit) + misses)

    def _next(self, seen: npt.NDArray[np.int64]) -> FloatArray:
        """Law of the next token given the counts, (n, V); uniform where the counts are impossible."""
        log_likelihood = self._log_likelihood(seen)
        best = log_likelihood.max(axis=1, keepdims=True)
        weights = np.exp(log_likelihood - np.where(np.isneginf(best), 0.0, best))
        posterior = normalised_or_uniform(weights)
        return np.asarray(posterior * self._hit + (1 - posterior) * self._miss)

    def __repr__(self) -> str:
        return f"Repeated(length={self.length}, vocab_size={self.vocab_size}, noise={self.noise:g})"


def counts(x: TokenArray, known: BoolArray, vocab_size: int) -> npt.NDArray[np.int64]:
    """How often each type stands at a known position, (n, L) to (n, V)."""
    rows = np.nonzero(known)[0]
    flat = np.bincount(rows * vocab_size + x[known], minlength=len(x) * vocab_size)
    return flat.reshape(len(x), vocab_size)


def log_sum_exp(values: FloatArray) -> FloatArray:
    """`log sum exp` over the last axis; -inf where every entry is."""
    best = values.max(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - np.where(np.isneginf(best), 0.0, best)).sum(axis=-1)) + best[..., 0])


def _share(following: FloatArray, x: TokenArray, known: BoolArray) -> FloatArray:
    """One law (n, V) per row for every masked position of that row, point masses at the known ones, (n, L, V)."""
    return point_masses(np.repeat(following[:, None, :], x.shape[1], axis=1), x, known)


def _seen_counts(
    length: int, chance: Callable[[FloatArray, int], FloatArray]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """For k = 0..L-1: the possible counts 0..k of one type among k tokens, and their probabilities.

    Runs the exchangeable draw itself: `chance(n, k)` is the probability that the next token is of that type when n of k
    were. Only products and sums of non-negative numbers, so no cancellation at any length.
    """
    drawn, mass = np.zeros(1), np.ones(1)
    for k in range(length):
        yield drawn, mass
        hit = np.clip(chance(drawn, k), 0.0, 1.0)
        mass = np.append(mass * (1 - hit), 0.0) + np.append(0.0, mass * hit)
        drawn = np.arange(k + 2, dtype=np.float64)


def _splits(total: int, parts: int, largest: int) -> Iterator[list[int]]:
    """Every way to write `total` as `parts` non-increasing counts of at most `largest`, zeros included."""
    if parts == 0 or total == 0:
        if total == 0:
            yield [0] * parts
        return
    for first in range(min(total, largest), (total - 1) // parts, -1):
        for rest in _splits(total - first, parts - 1, first):
            yield [first, *rest]


def _number_of_splits(total: int, parts: int, enough: int) -> int:
    """How many `_splits` there are for 0..total together; stops counting above `enough`."""
    ways = [1] + [0] * total  # by conjugation: counts of at most `parts`, added one part size at a time
    for part in range(1, min(parts, total) + 1):
        for amount in range(part, total + 1):
            ways[amount] += ways[amount - part]
        if sum(ways) > enough:
            break
    return sum(ways)

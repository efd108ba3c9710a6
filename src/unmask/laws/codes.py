"""Laws of codewords: every token is fair, and the dependence is all or nothing.

A uniform codeword of an MDS code [L, K]_q looks like fair coin tosses until K tokens are known; from then on nothing is
left to choose. Its information curve is a single step, so these laws attain the sharp bounds (F8, F10), and sums of
them (`Staircase`) realise every staircase. Parity is the case K = L - 1 (over any alphabet), the repeated symbol (see
`exchangeable.Repeated`) the case K = 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import BoolArray, Law, Seed, TokenArray, point_masses
from unmask.laws.checks import whole_number
from unmask.theory.curve import FloatArray, InformationCurve


class Parity(Law):
    """Uniform over the sequences whose tokens sum to 0 modulo V: any L - 1 tokens are independent, the last follows.

    Curve, exact: `h_k = log V` for k < L - 1, then 0. The schedule (L - 1, 1) is exact; a last step of two or more
    tokens costs log V.
    """

    def __init__(self, length: int, vocab_size: int = 2) -> None:
        self.length = whole_number("length", length, 1)
        self.vocab_size = whole_number("vocab_size", vocab_size, 2)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        x = np.random.default_rng(seed).integers(self.vocab_size, size=(n, self.length))
        x[:, -1] = -x[:, :-1].sum(axis=1) % self.vocab_size
        return x

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        holds = self.check_tokens(x).sum(axis=1) % self.vocab_size == 0
        return np.where(holds, -(self.length - 1) * math.log(self.vocab_size), -np.inf)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        out = np.full((*tokens.shape, self.vocab_size), 1.0 / self.vocab_size)
        forced = np.flatnonzero(revealed.sum(axis=1) == self.length - 1)
        last = revealed[forced].argmin(axis=1)  # the one position still masked
        out[forced, last] = 0.0
        out[forced, last, -tokens[forced].sum(axis=1) % self.vocab_size] = 1.0  # masked tokens read as 0
        return point_masses(out, tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact: log V until one token is left, then 0."""
        return InformationCurve(np.append(np.full(self.length - 1, math.log(self.vocab_size)), 0.0))


class MDSCode(Law):
    """Uniform over the codewords of the Reed–Solomon code [L, K]_q, q = V prime and at least L.

    A codeword is a polynomial of degree below K over the integers modulo q, evaluated at 0..L-1: any K tokens are
    independent and fair, and determine the rest. Curve, exact: `h_k = log q` for k < K, then 0; the schedule (K, L - K)
    is exact. Attains F8 and F10.
    """

    def __init__(self, length: int, dimension: int, vocab_size: int) -> None:
        self.length = whole_number("length", length, 1)
        self.dimension = whole_number("dimension", dimension, 1, self.length)
        self.vocab_size = whole_number("vocab_size", vocab_size, 2, 1 << 31)
        check_field("vocab_size", self.vocab_size, self.length)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        x = np.zeros((n, self.length), dtype=np.int64)
        x[:, : self.dimension] = np.random.default_rng(seed).integers(self.vocab_size, size=(n, self.dimension))
        return self._interpolate(x, np.arange(self.length) < np.full((n, 1), self.dimension))

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        codewords = self._interpolate(tokens, np.ones(tokens.shape, dtype=np.bool_))
        valid = np.all(codewords == tokens, axis=1)
        return np.where(valid, -self.dimension * math.log(self.vocab_size), -np.inf)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        codewords, determined, _ = self.completion(tokens, revealed)
        out = np.full((*tokens.shape, self.vocab_size), 1.0 / self.vocab_size)
        return point_masses(out, np.where(revealed, tokens, codewords), revealed | determined[:, None])

    def completion(self, tokens: TokenArray, known: BoolArray) -> tuple[TokenArray, BoolArray, BoolArray]:
        """What the known tokens say about each row of (n, L).

        Returns:
            codewords: (n, L), the one codeword that fits, in the rows where `determined`.
            determined: (n,), at least K tokens are known and some codeword has them.
            possible: (n,), some codeword has the known tokens.
        """
        codewords = self._interpolate(tokens, known)
        enough = known.sum(axis=1) >= self.dimension
        agrees = np.all((codewords == tokens) | ~known, axis=1)
        return codewords, enough & agrees, ~enough | agrees

    def curve(self) -> InformationCurve:
        """Exact: log q while fewer than K tokens are known, then 0."""
        return InformationCurve(np.where(np.arange(self.length) < self.dimension, math.log(self.vocab_size), 0.0))

    def _interpolate(self, tokens: TokenArray, known: BoolArray) -> TokenArray:
        """The polynomial of degree below K through the first K known tokens of each row, at all L points, (n, L).

        Newton's divided differences modulo q, then Horner: O(K (K + L)) per row, vectorised over rows. Rows with fewer
        than K known tokens give some codeword that nobody should read.
        """
        field = self.vocab_size
        points = np.argsort(~known, axis=1, kind="stable")[:, : self.dimension].astype(np.int64)  # (n, K)
        inverse = np.array([0] + [pow(d, -1, field) for d in range(1, self.length)], dtype=np.int64)
        slopes = np.take_along_axis(tokens, points, axis=1) % field  # (n, K), becomes the Newton coefficients
        for order in range(1, self.dimension):
            gap = points[:, order:] - points[:, :-order]
            inverse_gap = np.where(gap > 0, inverse[np.abs(gap)], -inverse[np.abs(gap)] % field)
            slopes[:, order:] = (slopes[:, order:] - slopes[:, order - 1 : -1]) % field * inverse_gap % field
        x = np.arange(self.length)
        values = np.repeat(slopes[:, -1:], self.length, axis=1)
        for k in range(self.dimension - 2, -1, -1):
            values = (values * ((x - points[:, k : k + 1]) % field) + slopes[:, k : k + 1]) % field
        return np.asarray(values)

    def __repr__(self) -> str:
        return f"MDSCode(length={self.length}, dimension={self.dimension}, vocab_size={self.vocab_size})"


class Staircase(Law):
    """Each token is a tuple of symbols, one of each of several independent MDS codes `(K_j, q_j)`.

    The tuple is written as one number in mixed radix, the first code being the most significant digit; V is the product
    of the q_j. Curve, exact: `h_k = sum_j log q_j * 1[k < K_j]`: any staircase whose heights are logs of primes.
    """

    def __init__(self, length: int, codes: Sequence[tuple[int, int]]) -> None:
        self.length = whole_number("length", length, 1)
        self.codes = [_code(self.length, j, code) for j, code in enumerate(codes)]
        if not self.codes:
            raise InputError("codes is empty; expected at least one pair (dimension, field)")
        self._fields = [code.vocab_size for code in self.codes]
        self.vocab_size = math.prod(self._fields)
        if self.vocab_size > 1 << 20:
            raise InputError(f"codes have {self.vocab_size} tuples; their fields may multiply to at most {1 << 20}")

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        streams = np.random.default_rng(seed).spawn(len(self.codes))
        return self._join([code.sample(n, stream) for code, stream in zip(self.codes, streams, strict=True)])

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        digits = self._split(self.check_tokens(x))
        return np.asarray(np.sum([code.log_prob(d) for code, d in zip(self.codes, digits, strict=True)], axis=0))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        out = np.ones((*tokens.shape, 1))
        possible = np.ones(len(tokens), dtype=np.bool_)
        for code, digits in zip(self.codes, self._split(tokens), strict=True):
            tuples = out[..., None] * code.conditionals(digits, revealed)[..., None, :]
            out = tuples.reshape(*tokens.shape, out.shape[2] * code.vocab_size)
            possible &= code.completion(digits, revealed)[2]
        out[~possible] = 1.0 / self.vocab_size  # one impossible digit makes the whole context impossible
        return point_masses(out, tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact: the sum of the codes' curves."""
        return InformationCurve(np.sum([code.curve().values for code in self.codes], axis=0))

    def _split(self, tokens: TokenArray) -> list[TokenArray]:
        return [np.asarray(d, dtype=np.int64) for d in np.unravel_index(tokens, self._fields)]

    def _join(self, digits: list[TokenArray]) -> TokenArray:
        return np.asarray(np.ravel_multi_index(tuple(digits), self._fields), dtype=np.int64)

    def __repr__(self) -> str:
        return f"Staircase(length={self.length}, codes={[(code.dimension, code.vocab_size) for code in self.codes]})"


def check_field(name: str, field: int, length: int) -> None:
    """Raise InputError unless `field` is a prime of at least `length`; the message names the smallest that would do."""
    if field < length or not _is_prime(field):
        best = next(q for q in range(max(2, length), 2 * length + 2) if _is_prime(q))  # Bertrand's postulate
        raise InputError(
            f"{name} is {field}; a code of length {length} needs a prime of at least {length}, such as {best}"
        )


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def _code(length: int, index: int, code: tuple[int, int]) -> MDSCode:
    """The code of one pair of `Staircase`; what is wrong with it is said of `codes`, the argument a person gave."""
    try:
        dimension, field = code
    except (TypeError, ValueError):
        raise InputError(f"codes[{index}] is {code!r}; expected a pair (dimension, field)") from None
    try:
        return MDSCode(length, dimension, field)
    except InputError as error:
        raise InputError(f"codes[{index}] is {code!r}: {error}") from None

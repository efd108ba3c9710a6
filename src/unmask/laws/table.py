"""Laws given by listing probabilities: a joint table, independent positions, or a list of sequences with weights.

`Table` and `Listed` answer any question by adding up the listed sequences that agree with what is known. They are the
slow, obviously right laws every other one is compared with, and, with tens of thousands of sequences, small languages.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import (
    BoolArray,
    Law,
    Seed,
    TokenArray,
    cumulative,
    draw,
    entropy,
    point_masses,
    row_chunks,
)
from unmask.laws.checks import array_of_numbers, distributions, whole_number
from unmask.laws.enumeration import curve_of_list, curve_of_table, distinct_positions, order_table_of_list
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.order_table import OrderTable
from unmask.theory.reveal_orders import Given

LISTABLE = 1 << 27
"""Work 2^C (N + 1000) up to which the curve of N sequences with C classes of positions is enumerated: a few seconds.

A visit to one of the 2^C subsets costs as much as a thousand sequences, however few there are.
"""


class Product(Law):
    """Independent positions: one step reveals everything at no price.

    Args:
        marginals: probabilities, shape (L, V).

    Raises:
        InputError: when the marginals are not L rows of probabilities that sum to 1.
    """

    def __init__(self, marginals: npt.ArrayLike) -> None:
        self.marginals = distributions("marginals", marginals, ndim=2)
        self.length, self.vocab_size = self.marginals.shape
        with np.errstate(divide="ignore"):
            self._logs = np.log(self.marginals)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, self.length))
        sums = cumulative(self.marginals)
        return np.stack([draw(sums[i], uniforms[:, i]) for i in range(self.length)], axis=1)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        return np.asarray(self._logs[np.arange(self.length), tokens].sum(axis=1))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        answers = np.tile(self.marginals, (len(tokens), 1, 1))
        answers[self._logs_of_known(tokens, revealed) == -np.inf] = 1.0 / self.vocab_size
        return point_masses(answers, tokens, revealed)

    def _logs_of_known(self, tokens: TokenArray, known: BoolArray) -> FloatArray:
        return np.asarray(np.where(known, self._logs[np.arange(self.length), tokens], 0.0).sum(axis=1))

    def curve(self) -> InformationCurve:
        """Exact: constant, the mean entropy of a position."""
        return InformationCurve(np.full(self.length, entropy(self.marginals).mean()))


class Listed(Law):
    """A law over a listable support: sequences with weights.

    Tens of thousands of sequences are no trouble: a batch of conditionals is worked off in chunks, and rows that ask
    the same question are answered once.

    Args:
        sequences: tokens, shape (N, L). A sequence listed twice has its weights added.
        weights: shape (N,), non-negative, not all zero, divided by their sum; None for equal weights.
        vocab_size: V, when some tokens are never used; by default the largest token plus 1.

    Raises:
        InputError: when sequences or weights are not of that form.
    """

    def __init__(
        self, sequences: npt.ArrayLike, weights: npt.ArrayLike | None = None, vocab_size: int | None = None
    ) -> None:
        listed = np.asarray(sequences)
        if listed.ndim != 2 or listed.size == 0:
            raise InputError(
                f"sequences has shape {listed.shape}; expected (number of sequences, length), both at least 1"
            )
        self.length = listed.shape[1]
        self.vocab_size = int(listed.max()) + 1 if vocab_size is None else whole_number("vocab_size", vocab_size, 1)
        listed = self.check_tokens(listed, "sequences")
        masses = _masses(weights, len(listed))
        unique, group = np.unique(listed, axis=0, return_inverse=True)
        added: FloatArray = np.bincount(group.reshape(-1), weights=masses).astype(np.float64)
        self.sequences: TokenArray = unique[added > 0]
        self.probabilities: FloatArray = added[added > 0]
        # One contiguous row per position, in the smallest type that holds a token: comparisons run at memory speed.
        self._columns = np.ascontiguousarray(self.sequences.T.astype(np.min_scalar_type(self.vocab_size)))

    @functools.cached_property
    def _log_of(self) -> dict[bytes, float]:
        logs = np.log(self.probabilities).tolist()
        return {row.tobytes(): log for row, log in zip(self.sequences, logs, strict=True)}

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random(n)
        return np.asarray(self.sequences[draw(cumulative(self.probabilities), uniforms)])

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = np.ascontiguousarray(self.check_tokens(x))
        return np.array([self._log_of.get(row.tobytes(), -np.inf) for row in tokens], dtype=np.float64)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        if not len(tokens):
            return np.empty((0, self.length, self.vocab_size))
        contexts, answer_of = np.unique(np.where(revealed, tokens, -1), axis=0, return_inverse=True)
        answers = np.empty((len(contexts), self.length, self.vocab_size))
        for rows in row_chunks(len(contexts), len(self.sequences)):
            answers[rows] = self._given(contexts[rows])
        return point_masses(answers[answer_of.reshape(-1)], tokens, revealed)

    def _given(self, contexts: TokenArray) -> FloatArray:
        """Laws of all positions given contexts (n, L), where -1 marks an unknown token."""
        agrees = np.ones((len(contexts), len(self.sequences)), dtype=np.bool_)
        for column, wanted in zip(self._columns, contexts.T, strict=True):
            rows = np.flatnonzero(wanted >= 0)
            agrees[rows] &= column == wanted[rows, None].astype(column.dtype)
        rows, members = np.nonzero(agrees)
        masses = self.probabilities[members]
        totals = np.bincount(rows, weights=masses, minlength=len(contexts))
        shares = masses / totals[rows]
        answers = np.empty((len(contexts), self.length, self.vocab_size))
        for position, column in enumerate(self._columns):
            cells = rows * self.vocab_size + column[members]
            sums = np.bincount(cells, weights=shares, minlength=len(contexts) * self.vocab_size)
            answers[:, position] = sums.reshape(len(contexts), self.vocab_size)
        answers[totals == 0] = 1.0 / self.vocab_size
        return answers

    @functools.cached_property
    def _curve(self) -> InformationCurve:
        classes = distinct_positions(self.sequences)[1]
        if 2 ** len(classes) * (len(self.sequences) + 1000) <= LISTABLE:
            return InformationCurve(curve_of_list(self.sequences, self.probabilities))
        return self.measured_curve()

    def curve(self) -> InformationCurve:
        """Exact by enumeration when 2^C (N + 1000) is at most 2^26, else measured; computed once.

        N sequences, C classes of positions; positions that determine each other in all sequences are one class.
        """
        return self._curve

    def order_table(self, permutation: npt.ArrayLike) -> OrderTable:
        """`g(a, k) = H(X_{permutation(k)} | X_{permutation(<a)})` for one given order (F11), exact."""
        order = Given(np.ravel(permutation)).draw(self.length)  # says what is wrong with it
        return OrderTable(order_table_of_list(self.sequences, self.probabilities, order))

    @property
    def entropy(self) -> float:
        """H(X) in nats, exact."""
        return float(entropy(self.probabilities))


class Table(Law):
    """A joint table of probabilities.

    Args:
        probabilities: shape (V,)*L; entry [x_1, .., x_L] is the probability of that sequence. Zeros are welcome.

    Raises:
        InputError: when the axes differ in size or the entries are not probabilities that sum to 1.
    """

    def __init__(self, probabilities: npt.ArrayLike) -> None:
        given = array_of_numbers("probabilities", probabilities)
        if given.ndim == 0 or len(set(given.shape)) != 1:
            raise InputError(f"probabilities has shape {given.shape}; expected (V,)*L, the same size along every axis")
        self.length, self.vocab_size = given.ndim, len(given)
        self.probabilities = distributions("probabilities", given.reshape(-1), ndim=1).reshape(given.shape)
        support = np.argwhere(self.probabilities > 0)
        self._listed = Listed(support, self.probabilities[tuple(support.T)], self.vocab_size)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        return self._listed.sample(n, seed)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.probabilities[tuple(self.check_tokens(x).T)]))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        return self._listed.conditionals(x, known)

    @functools.cached_property
    def _curve(self) -> InformationCurve:
        return InformationCurve(curve_of_table(self.probabilities))

    def curve(self) -> InformationCurve:
        """Exact by enumeration of all 2^L subsets, O((V+1)^L) time; computed once."""
        return self._curve

    @property
    def entropy(self) -> float:
        """H(X) in nats, exact."""
        return self._listed.entropy


def _masses(weights: npt.ArrayLike | None, count: int) -> FloatArray:
    if weights is None:
        return np.full(count, 1.0 / count)
    masses = np.array(weights, dtype=np.float64)
    if masses.shape != (count,):
        raise InputError(f"weights has shape {masses.shape}; expected ({count},), one for each sequence")
    if not np.all(np.isfinite(masses)) or np.any(masses < 0) or masses.sum() == 0:
        raise InputError("weights must be finite, non-negative and not all zero")
    return np.asarray(masses / masses.sum())

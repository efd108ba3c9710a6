"""Markov chains of any order, given or fitted to text.

A chain of order 1 has everything exact: the curve by gaps, and, because a revealed token screens off what lies beyond
it, the order table and the price of any partition of the positions into steps. Higher orders have exact conditionals
(forward–backward with missing observations), an exact entropy and a measured curve.
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
    normalised_or_uniform,
    point_masses,
    row_chunks,
)
from unmask.laws.checks import array_of_numbers, distributions, real_number, whole_number
from unmask.laws.gaps import curve_from_gaps
from unmask.laws.messages import posterior_weights
from unmask.laws.neighbours import Neighbours
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.reveal_orders import Order, OrderTable
from unmask.theory.schedule import Schedule


class MarkovChain(Law):
    """A time-homogeneous Markov chain: each token depends on the `order` tokens before it.

    Args:
        initial: law of the first m = `order` tokens, shape (V,)*m.
        transition: law of the next token given the last m, oldest first, shape (V,)*m + (V,).
        length: L, at least m.

    Raises:
        InputError: when shapes disagree, probabilities are negative, not finite or do not sum to 1, or L is too small.
    """

    symbols: str | None = None
    """For a chain fitted to text: its characters, sorted; token i stands for `symbols[i]`."""

    def __init__(self, initial: npt.ArrayLike, transition: npt.ArrayLike, length: int) -> None:
        transition = array_of_numbers("transition", transition)
        initial = array_of_numbers("initial", initial)
        shape = transition.shape
        if len(shape) < 2 or len(set(shape)) != 1:
            raise InputError(f"transition has shape {shape}; expected (V, V), or (V,)*m + (V,) for a chain of order m")
        if initial.shape != shape[:-1]:
            raise InputError(f"initial has shape {initial.shape}; expected {shape[:-1]} to go with the transition")
        self.order = len(shape) - 1
        self.vocab_size = shape[-1]
        self.transition = distributions("transition", transition, ndim=self.order + 1)
        self.initial = distributions("initial", np.reshape(initial, -1), ndim=1).reshape(shape[:-1])
        self.length = whole_number("length", length, low=self.order)
        # States are the last m tokens, numbered with the oldest as the leading digit: V groups of `_tails` states.
        self._tails = self.vocab_size ** (self.order - 1)
        by_tail = self.transition.reshape(self.vocab_size, self._tails, self.vocab_size).transpose(1, 0, 2)
        self._by_tail = np.ascontiguousarray(by_tail)  # (tail, oldest, next)
        self._by_tail_back = np.ascontiguousarray(by_tail.transpose(0, 2, 1))

    @classmethod
    def stationary(cls, transition: npt.ArrayLike, length: int) -> MarkovChain:
        """The chain that starts from a stationary law of its transition (the one law, when it is irreducible)."""
        table = array_of_numbers("transition", transition)
        uniform = np.full(table.shape[:-1], 1.0 / max(1, int(np.prod(table.shape[:-1]))))
        draft = cls(uniform, table, max(1, table.ndim - 1))
        return cls(draft._stationary_law(), table, length)

    @classmethod
    def fit(cls, text: str, order: int = 1, length: int = 64, smoothing: float = 1.0) -> MarkovChain:
        """The chain of the characters of a text, as in Shannon's n-gram approximations; it starts stationary.

        Args:
            text: at least order + 1 characters. Its end is followed by its beginning, so that every context goes on.
            order: m, how many characters the next one depends on.
            length: L of the law, whatever the length of the text.
            smoothing: how many pseudo-counts each context gets, spread as the characters of the text are (a Dirichlet
                prior with that mean). With 0 the stationary law is the text's own law of m characters, and contexts
                that never occur in it go on as any character does.

        Returns:
            A chain with `symbols`, `encode` and `decode`.
        """
        whole_number("order", order, low=1)
        if real_number("smoothing", smoothing) < 0:
            raise InputError(f"smoothing is {smoothing}; expected a number of at least 0")
        if not isinstance(text, str):
            raise InputError(f"text is of type {type(text).__name__}; expected a string")
        if len(text) < order + 1:
            raise InputError(f"text has {len(text)} characters; a chain of order {order} needs at least {order + 1}")
        symbols = "".join(sorted(set(text)))
        size = len(symbols)
        tokens = _encode(text, symbols)
        contexts = np.zeros(len(tokens), dtype=np.int64)
        for back in range(order, 0, -1):
            contexts = contexts * size + np.roll(tokens, back)
        counts = np.bincount(contexts * size + tokens, minlength=size ** (order + 1)).reshape(-1, size).astype(float)
        frequencies = np.bincount(tokens, minlength=size) / len(tokens)
        counts[counts.sum(axis=1) == 0] = frequencies
        counts += smoothing * frequencies
        transition = (counts / counts.sum(axis=1, keepdims=True)).reshape((size,) * (order + 1))
        if smoothing > 0:
            chain = cls.stationary(transition, length)
        else:
            seen = np.bincount(contexts, minlength=size**order) / len(tokens)
            chain = cls(seen.reshape((size,) * order), transition, length)
        chain.symbols = symbols
        return chain

    def encode(self, text: str) -> TokenArray:
        """Tokens (n,) of a text written in the alphabet the chain was fitted to."""
        return _encode(text, self._alphabet())

    def decode(self, tokens: npt.ArrayLike) -> str:
        """The text of a row of tokens."""
        alphabet = self._alphabet()
        return "".join(alphabet[token] for token in np.asarray(tokens).tolist())

    def _alphabet(self) -> str:
        if self.symbols is None:
            raise InputError("symbols is None: only a chain made by MarkovChain.fit can encode and decode text")
        return self.symbols

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, self.length))
        x = np.empty((n, self.length), dtype=np.int64)
        state = draw(cumulative(self.initial.reshape(-1)), uniforms[:, 0])
        x[:, : self.order] = np.stack(np.unravel_index(state, self.initial.shape), axis=1)
        sums = cumulative(self.transition.reshape(-1, self.vocab_size))
        for i in range(self.order, self.length):
            x[:, i] = draw(sums[state], uniforms[:, i])
            state = (state % self._tails) * self.vocab_size + x[:, i]
        return x

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        columns = [tokens[:, j : self.length - self.order + j] for j in range(self.order + 1)]
        with np.errstate(divide="ignore"):
            begins = np.log(self.initial[tuple(tokens[:, : self.order].T)])
            return np.asarray(begins + np.log(self.transition[tuple(columns)]).sum(axis=1))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        answers = np.empty((*tokens.shape, self.vocab_size))
        for rows in row_chunks(len(tokens), self.length * self.initial.size):
            answers[rows] = normalised_or_uniform(self._weights(tokens[rows], revealed[rows]))
        return point_masses(answers, tokens, revealed)

    def _weights(self, tokens: TokenArray, known: BoolArray) -> FloatArray:
        """Weights (n, L, V) proportional to the law of every token given the known ones; forward–backward."""
        n, order, size = len(tokens), self.order, self.vocab_size
        possible = point_masses(np.ones((*tokens.shape, size)), tokens, known)

        def observe(t: int, message: FloatArray) -> FloatArray:
            """State t is tokens t .. t+m-1; the first state shows m tokens, every later one only its newest."""
            seen = message.reshape(n, -1, size) * possible[:, None, t + order - 1]
            if t == 0:
                for j in range(order - 1):
                    seen = seen.reshape(n, size**j, size, -1) * possible[:, None, j, :, None]
            return np.asarray(seen.reshape(n, -1))

        first = np.tile(self.initial.reshape(-1), (n, 1))
        weights = np.empty((n, self.length, size))
        for t, posterior in posterior_weights(first, self._forward, self._backward, observe, self.length - order + 1):
            weights[:, t + order - 1] = posterior.reshape(n, -1, size).sum(axis=1)
            if t == 0:
                for j in range(order - 1):
                    weights[:, j] = posterior.reshape(n, size**j, size, -1).sum(axis=(1, 3))
        return weights

    def _forward(self, message: FloatArray) -> FloatArray:
        """From states (n, V^m) to the next ones: forget the oldest token, add the next."""
        n, size = len(message), self.vocab_size
        by_tail = np.ascontiguousarray(message.reshape(n, size, -1).transpose(2, 0, 1)) @ self._by_tail
        return np.asarray(by_tail.transpose(1, 0, 2).reshape(n, -1))

    def _backward(self, message: FloatArray) -> FloatArray:
        """The transpose of `_forward`."""
        n, size = len(message), self.vocab_size
        by_tail = np.ascontiguousarray(message.reshape(n, -1, size).transpose(1, 0, 2)) @ self._by_tail_back
        return np.asarray(by_tail.transpose(1, 2, 0).reshape(n, -1))

    def _stationary_law(self) -> FloatArray:
        """A law of m tokens that the transition keeps: solved for up to 1,024 states, else by iteration."""
        states = self.initial.size
        law = np.full((1, states), 1.0 / states)
        if states <= 1024:
            balance = self._forward(np.eye(states)).T - np.eye(states)
            balance[-1] = 1.0
            with np.errstate(all="ignore"):
                try:
                    solved = np.linalg.solve(balance, np.eye(states)[-1])
                except np.linalg.LinAlgError:  # reducible: many stationary laws; the iteration finds one of them
                    solved = np.full(states, np.nan)
            if np.all(np.isfinite(solved)) and solved.min() > -1e-9:
                law = np.maximum(solved, 0.0)[None] / np.maximum(solved, 0.0).sum()
        for _ in range(100_000):  # lazy steps: averaging with "stay" converges for periodic chains too
            after = (law + self._forward(law)) / 2
            if np.abs(after - law).sum() < 1e-15:
                break
            law = after / after.sum()
        return law.reshape(self.initial.shape)

    @functools.cached_property
    def marginals(self) -> FloatArray:
        """Law of each token, shape (L, V)."""
        state = self.initial.reshape(1, -1)
        shape = self.initial.shape
        rows = [self.initial.sum(axis=tuple(a for a in range(self.order) if a != j)) for j in range(self.order)]
        for _ in range(self.order, self.length):
            state = self._forward(state)
            rows.append(state.reshape(shape).sum(axis=tuple(range(self.order - 1))))
        return np.stack(rows)

    @property
    def entropy(self) -> float:
        """H(X) in nats by the chain rule, exact for every order."""
        state = self.initial.reshape(1, -1)
        each = entropy(self.transition).reshape(-1)
        total = float(entropy(state[0]))
        for _ in range(self.order, self.length):
            total += float(state[0] @ each)
            state = self._forward(state)
        return total

    @functools.cached_property
    def _curve(self) -> InformationCurve:
        if self.order > 1:
            enumerated = self.enumerated_curve()
            return self.measured_curve(samples=200) if enumerated is None else enumerated
        # mean over i <= L-1-d of H(X_{i+d} | X_i), for every gap d
        starts = np.cumsum(self.marginals, axis=0)[::-1] / np.arange(self.length, 0, -1)[:, None]
        paired = np.einsum("dv,dv->d", starts, self._gap_entropies)
        return InformationCurve(curve_from_gaps(entropy(self.marginals), paired))

    def curve(self) -> InformationCurve:
        """The information curve, computed once.

        Order 1: exact by gaps, O(L V^3 + L^2), stationary or not. Higher orders: exact by enumeration when (V+1)^L is
        small, else measured with standard errors (order 2, V = 27, L = 64: about half a minute for 0.02 nats).
        """
        return self._curve

    @functools.cached_property
    def _gap_entropies(self) -> FloatArray:
        """`H(X_{i+d} | X_i = v)` at [d, v], shape (L, V), row 0 zero. Powers of the transition, many to a product."""
        size = self.vocab_size
        block = min(self.length, max(1, (1 << 15) // size**2))  # what fits a processor's cache
        powers = self.transition[None]  # transition to the powers 1 .. block, shape (block, V, V)
        while len(powers) < block:
            powers = np.concatenate((powers, (powers.reshape(-1, size) @ powers[-1]).reshape(powers.shape)))
        powers = powers[:block]
        stride = powers[-1]
        table = np.zeros((self.length, size))
        for gap in range(1, self.length, block):
            rows = table[gap : gap + block]
            rows[:] = entropy(powers[: len(rows)])
            powers = (powers.reshape(-1, size) @ stride).reshape(powers.shape)
        return table

    def partition_price(self, permutation: npt.ArrayLike, schedule: Schedule) -> float:
        """Exact `KL(p || p_{Y|M})` in nats of revealing the positions in this order, in steps of these sizes.

        For one partition, not an average over orders; order 1 only. O(T L V).
        """
        order = self._check_permutation(permutation)
        schedule.check_length(self.length)
        paid = 0.0
        for start, size in zip(schedule.revealed, schedule.sizes, strict=True):
            paid += float(self._neighbours.entropies(order[:start], order[start : start + size]).sum())
        return paid - self.entropy

    def order_table(self, order: Order | npt.ArrayLike, draws: int = 1, seed: int = 0) -> OrderTable:
        """`g(a, k) = H(X_{order(k)} | X_{order(<a)})`, order 1 only, O(L^2 V) for each permutation.

        Args:
            order: a permutation (L,), then the table is exact; or an order that draws them.
            draws: how many permutations to average over when `order` draws them (1 is exact for one that never varies).
            seed: permutation j is drawn with seed + j.

        Returns:
            The table, nats, with standard errors when `draws` > 1; entries k < a (already revealed) are 0.
        """
        if not isinstance(order, Order):
            return OrderTable(self._neighbours.table(self._check_permutation(order)))
        whole_number("draws", draws, low=1)
        mean, squares = np.zeros((2, self.length, self.length))
        for j in range(draws):
            table = self._neighbours.table(self._check_permutation(order.draw(self.length, seed + j)))
            change = table - mean
            mean += change / (j + 1)
            squares += change * (table - mean)
        return OrderTable(mean, None if draws == 1 else np.sqrt(squares / (draws * (draws - 1))))

    @property
    def _neighbours(self) -> Neighbours:
        if self.order != 1:
            raise InputError(f"order is {self.order}; the nearest known tokens screen off the rest only in order 1")
        return Neighbours(self.marginals, self._gap_entropies)

    def _check_permutation(self, permutation: npt.ArrayLike) -> TokenArray:
        order = np.asarray(permutation)
        if order.shape != (self.length,) or not np.array_equal(np.sort(order), np.arange(self.length)):
            raise InputError(f"permutation must hold each of the positions 0..{self.length - 1} once, got {order}")
        return order.astype(np.int64)

    def __repr__(self) -> str:
        return f"MarkovChain(length={self.length}, vocab_size={self.vocab_size}, order={self.order})"


def _encode(text: str, symbols: str) -> TokenArray:
    place = {symbol: token for token, symbol in enumerate(symbols)}
    try:
        return np.array([place[symbol] for symbol in text], dtype=np.int64)
    except KeyError as missing:
        raise InputError(f"text has the character {missing.args[0]!r}, which the chain was not fitted to") from None

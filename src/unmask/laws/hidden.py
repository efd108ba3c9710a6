"""Hidden Markov models: a Markov chain of states, seen only through the token each state emits."""

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
    normalised_or_uniform,
    point_masses,
    row_chunks,
)
from unmask.laws.chains import MarkovChain
from unmask.laws.checks import distributions
from unmask.laws.messages import evidence, posterior_weights
from unmask.theory.curve import FloatArray, InformationCurve


class HiddenMarkov(Law):
    """A hidden Markov model: a chain of states that is never seen, each emitting one token.

    Args:
        initial: law of the first state, shape (K,).
        transition: law of the next state, shape (K, K).
        emission: law of the token of each state, shape (K, V).
        length: L.

    Raises:
        InputError: when shapes disagree, probabilities are negative, not finite or do not sum to 1, or L < 1.
    """

    def __init__(self, initial: npt.ArrayLike, transition: npt.ArrayLike, emission: npt.ArrayLike, length: int) -> None:
        self._hidden = MarkovChain(initial, transition, length)
        if self._hidden.order != 1:
            raise InputError(f"transition has {self._hidden.order + 1} axes; a hidden chain takes (K, K)")
        self.initial, self.transition = self._hidden.initial, self._hidden.transition
        self.emission = distributions("emission", emission, ndim=2)
        self.states = len(self.initial)
        if len(self.emission) != self.states:
            raise InputError(
                f"emission has shape {self.emission.shape}; expected one row for each of {self.states} states"
            )
        self.length = self._hidden.length
        self.vocab_size = self.emission.shape[1]

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        rng = np.random.default_rng(seed)
        states = self._hidden.sample(n, rng)
        uniforms = rng.random((n, self.length))
        sums = cumulative(self.emission)
        return np.stack([draw(sums[states[:, i]], uniforms[:, i]) for i in range(self.length)], axis=1)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)

        def observe(t: int, message: FloatArray) -> FloatArray:
            return np.asarray(message * self.emission.T[tokens[:, t]])

        return evidence(np.tile(self.initial, (len(tokens), 1)), self._forward, observe, self.length)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        answers = np.empty((*tokens.shape, self.vocab_size))
        for rows in row_chunks(len(tokens), self.length * self.states):
            answers[rows] = normalised_or_uniform(self._weights(tokens[rows], revealed[rows]))
        return point_masses(answers, tokens, revealed)

    def _weights(self, tokens: TokenArray, known: BoolArray) -> FloatArray:
        """Weights (n, L, V) proportional to the law of every unknown token given the known ones."""

        def observe(t: int, message: FloatArray) -> FloatArray:
            return np.asarray(message * np.where(known[:, t, None], self.emission.T[tokens[:, t]], 1.0))

        first = np.tile(self.initial, (len(tokens), 1))
        weights = np.empty((*tokens.shape, self.vocab_size))
        for t, posterior in posterior_weights(first, self._forward, self._backward, observe, self.length):
            weights[:, t] = posterior @ self.emission
        return weights

    def _forward(self, message: FloatArray) -> FloatArray:
        return np.asarray(message @ self.transition)

    def _backward(self, message: FloatArray) -> FloatArray:
        return np.asarray(message @ self.transition.T)

    @functools.cached_property
    def _curve(self) -> InformationCurve:
        return super().curve()

    def curve(self) -> InformationCurve:
        """Exact by enumeration when (V+1)^L is small, else measured by nested permutations; computed once."""
        return self._curve

"""Mixtures of product laws: a hidden component is drawn, then all tokens independently. What is known matters only
through the posterior over components, so the dual total correlation is at most the log of their number."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import BoolArray, Law, Seed, TokenArray, cumulative, draw, entropy, point_masses
from unmask.laws.checks import distributions
from unmask.laws.exchangeable import log_sum_exp
from unmask.theory.curve import FloatArray, InformationCurve


class Mixture(Law):
    """A mixture of m product laws.

    Curve: exact where all positions of a component share one law and the counts of the seen tokens number at most
    `COUNTABLE`, summed over these counts; exact by enumeration where (V+1)^L is small; otherwise measured.

    Args:
        weights: (m,), probabilities of the components.
        components: (m, L, V), the law of each position in each component.

    Raises:
        InputError: when either does not hold probabilities, or their numbers of components differ.
    """

    COUNTABLE = 100_000

    def __init__(self, weights: npt.ArrayLike, components: npt.ArrayLike) -> None:
        self.weights = distributions("weights", weights, 1)
        self.components = distributions("components", components, 3)
        if len(self.components) != len(self.weights):
            raise InputError(
                f"components has {len(self.components)} components and weights {len(self.weights)}; they must match"
            )
        _, self.length, self.vocab_size = self.components.shape
        with np.errstate(divide="ignore"):
            self._log_weights, self._logs = np.log(self.weights), np.log(self.components)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, 1 + self.length))
        component = draw(cumulative(self.weights), uniforms[:, 0])
        below = cumulative(self.components)[component] <= uniforms[:, 1:, None]  # (n, L, V)
        return np.asarray(below.sum(axis=2), dtype=np.int64)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        return log_sum_exp(self._log_joint(tokens, np.ones(tokens.shape, dtype=np.bool_)))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        log_joint = self._log_joint(tokens, revealed)
        evidence = log_sum_exp(log_joint)
        possible = ~np.isneginf(evidence)
        out = np.full((*tokens.shape, self.vocab_size), 1.0 / self.vocab_size)
        posterior = np.exp(log_joint[possible] - evidence[possible, None])
        out[possible] = np.tensordot(posterior, self.components, axes=1)
        return point_masses(out, tokens, revealed)

    def curve(self) -> InformationCurve:
        """Exact where it can be summed over counts or enumerated, else measured (see the class)."""
        identical = bool(np.all(self.components == self.components[:, :1]))
        if identical and math.comb(self.length - 1 + self.vocab_size, self.vocab_size) <= self.COUNTABLE:
            return InformationCurve(np.array([self._mean_entropy(k) for k in range(self.length)]))
        return super().curve()

    def _log_joint(self, tokens: TokenArray, known: BoolArray) -> FloatArray:
        """Log-probability of each component together with the known tokens, (n, m)."""
        of_tokens = self._logs[:, np.arange(self.length), tokens]  # (m, n, L)
        return np.asarray(self._log_weights + np.where(known, of_tokens, 0.0).sum(axis=2).T)

    def _mean_entropy(self, revealed: int) -> float:
        """h_k when positions are alike: over every vector of counts with sum k, its probability times the entropy."""
        places, cuts = revealed + self.vocab_size - 1, self.vocab_size - 1
        bars = np.array(list(itertools.combinations(range(places), cuts)), dtype=np.int64).reshape(
            math.comb(places, cuts), cuts
        )
        counts = np.diff(bars, axis=1, prepend=-1, append=places) - 1  # stars between bars
        log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, revealed + 1)))))
        orderings = log_factorial[revealed] - log_factorial[counts].sum(axis=1)
        with np.errstate(invalid="ignore"):
            terms = np.where(counts[:, None] > 0, counts[:, None] * self._logs[:, 0], 0.0)  # (counts, m, V)
        log_joint = self._log_weights + terms.sum(axis=2)
        evidence = log_sum_exp(log_joint)
        possible = ~np.isneginf(evidence)
        posterior = np.exp(log_joint[possible] - evidence[possible, None])
        return float(np.exp(orderings + evidence)[possible] @ entropy(posterior @ self.components[:, 0]))

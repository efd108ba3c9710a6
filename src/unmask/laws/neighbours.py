"""A Markov chain seen from its revealed tokens: the nearest ones screen off all others.

With l the nearest revealed position to the left of i and r to the right, `H(X_i | X_S) = H(X_i | X_l, X_r)`, and by the
chain rule that is `eta(l, i) + eta(i, r) - eta(l, r)` with `eta(i, j) = H(X_j | X_i)`. So the price of any partition of
the positions into steps, and any order table, is exact without summing over outcomes [D].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unmask.laws.base import TokenArray, entropy
from unmask.theory.curve import FloatArray


@dataclass(frozen=True)
class Neighbours:
    """What is needed of an order-1 chain: nothing about its transitions but the entropies they leave over a gap."""

    marginals: FloatArray
    """Law of each token, shape (L, V)."""
    gap_entropies: FloatArray
    """`H(X_{i+d} | X_i = v)` at [d, v], nats, shape (L, V)."""

    def entropies(self, revealed: TokenArray, wanted: TokenArray) -> FloatArray:
        """`H(X_i | X_revealed)` for each wanted position i, shape (n,), nats. O((L + n) V)."""
        length = len(self.marginals)
        every = np.arange(length)
        is_known = np.zeros(length, dtype=np.bool_)
        is_known[revealed] = True
        left = np.maximum.accumulate(np.where(is_known, every, -1))[wanted]
        right = np.minimum.accumulate(np.where(is_known, every, length)[::-1])[::-1][wanted]
        entropies = self._eta(left, wanted) + self._eta(wanted, right) - self._eta(left, right)
        return np.maximum(entropies, 0.0)  # the last digits of a difference can dip below zero

    def table(self, permutation: TokenArray) -> FloatArray:
        """`g(a, k) = H(X_{permutation(k)} | X_{permutation(<a)})` for k >= a, else 0; shape (L, L), nats."""
        table = np.zeros((len(permutation), len(permutation)))
        for a in range(len(permutation)):
            table[a, a:] = self.entropies(permutation[:a], permutation[a:])
        return table

    def _eta(self, left: TokenArray, right: TokenArray) -> FloatArray:
        """`H(X_right | X_left)`, (n,). With left = -1 nothing is known: `H(X_right)`; right = L asks nothing: 0."""
        asked = right < len(self.marginals)
        start, end = np.maximum(left, 0), np.where(asked, right, 0)
        laws = self.marginals[start]
        after_gap = np.einsum("nv,nv->n", laws, self.gap_entropies[np.maximum(end - start, 0)])
        return np.where(asked, np.where(left < 0, entropy(self.marginals[end]), after_gap), 0.0)

"""Ising models: spins that prefer to agree with their neighbours, on a chain and on a small torus. Token 1 is spin up.

The chain has a closed form; the torus is the smallest law here with loops, solved by enumerating its 2^16 states and,
for the curve, its 2^16 subsets of positions.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import numpy.typing as npt

from unmask.laws.base import Law, Seed, TokenArray, entropy
from unmask.laws.chains import MarkovChain
from unmask.laws.checks import real_number, whole_number
from unmask.laws.gaps import curve_from_gaps
from unmask.laws.table import Table
from unmask.theory.curve import FloatArray, InformationCurve

SIDE = 4


class IsingChain(Law):
    """A free chain of spins, `p(x) = exp(J sum_i s_i s_{i+1}) / Z`, `s = 2x - 1`: a stationary two-state Markov chain.

    Args:
        length: L.
        coupling: J times the inverse temperature; any sign, 0 for independent spins.
    """

    def __init__(self, length: int, coupling: float) -> None:
        self.coupling = real_number("coupling", coupling)
        self.length = whole_number("length", length, low=1)
        self.vocab_size = 2
        # 1 / (1 + e^-2J) keeps every digit of the small one of the two probabilities, however strong the coupling.
        equal, unequal = 1.0 / (1.0 + _exp(-2 * self.coupling)), 1.0 / (1.0 + _exp(2 * self.coupling))
        self._chain = MarkovChain([0.5, 0.5], [[equal, unequal], [unequal, equal]], self.length)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        return self._chain.sample(n, seed)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        return self._chain.log_prob(x)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        return self._chain.conditionals(x, known)

    @property
    def gap_entropies(self) -> FloatArray:
        """`H(X_{i+d} | X_i) = h_b((1 - rho^d) / 2)` with `rho = tanh J`, nats, shape (L,), entry d for gap d."""
        agreement = np.tanh(self.coupling) ** np.arange(self.length)
        return entropy(np.stack([(1 + agreement) / 2, (1 - agreement) / 2], axis=-1))

    @functools.cached_property
    def _curve(self) -> InformationCurve:
        return InformationCurve(curve_from_gaps(np.full(self.length, np.log(2.0)), self.gap_entropies))

    def curve(self) -> InformationCurve:
        """Exact, by gaps, O(L^2)."""
        return self._curve

    @property
    def entropy(self) -> float:
        """H(X) = log 2 + (L-1) h_b((1 - tanh J) / 2), nats."""
        return self._chain.entropy


class IsingTorus(Law):
    """Spins on the 4x4 torus, `p(x) = exp(J sum_{edges} s_i s_j) / Z` over its 32 edges.

    Position 4r + c is row r, column c.

    Args:
        coupling: J times the inverse temperature; any sign, 0 for independent spins.
    """

    def __init__(self, coupling: float) -> None:
        self.coupling = real_number("coupling", coupling)
        self.length, self.vocab_size = SIDE * SIDE, 2
        states = np.array(list(itertools.product((0, 1), repeat=self.length)), dtype=np.int64)
        energies = self.coupling * _agreements(states)
        top = float(energies.max())
        self._log_partition = top + float(np.log(np.exp(energies - top).sum()))
        self._table = Table(np.exp(energies - self._log_partition).reshape((2,) * self.length))

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        return self._table.sample(n, seed)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        return np.asarray(self.coupling * _agreements(self.check_tokens(x)) - self._log_partition)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        return self._table.conditionals(x, known)

    def curve(self) -> InformationCurve:
        """Exact by enumeration of all 2^16 subsets, a second or two; computed once."""
        return self._table.curve()

    @property
    def entropy(self) -> float:
        """H(X) in nats, exact."""
        return self._table.entropy


def _agreements(x: TokenArray) -> FloatArray:
    """Sum of s_i s_j over the edges of the torus, (n, 16) to (n,)."""
    spins = (2 * x - 1).reshape(-1, SIDE, SIDE)
    right, down = np.roll(spins, -1, axis=2), np.roll(spins, -1, axis=1)
    return np.asarray((spins * (right + down)).sum(axis=(1, 2)), dtype=np.float64)


def _exp(exponent: float) -> float:
    """e^x, with infinity instead of a warning where it overflows."""
    with np.errstate(over="ignore"):
        return float(np.exp(exponent))

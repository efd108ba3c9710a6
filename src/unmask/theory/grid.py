"""Ancestral sampling: every masked token is revealed by its own coin, so the sizes of the steps are random.

MDLM and most diffusion samplers fix a grid `0 = r_0 < r_1 < .. < r_N = 1` of revealed fractions, not sizes: each
token picks step j with probability `r_{j+1} - r_j`, independently, so step j reveals a binomial number of tokens,
perhaps none (a cached sampler then makes no network call). Its cost is exact too (F14): with the Bernstein smoothing
of the curve `C(r) = sum_k binom(L-1, k) r^k (1-r)^{L-1-k} c_k`, the NELBO is `L sum_j (r_{j+1} - r_j) C(r_j)` and the
expected number of network calls `sum_j [1 - (1 - (r_{j+1} - r_j))^L]`.

Fixed sizes dominate: even at N = L steps the price of a grid does not vanish.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.schedule_families import check_whole


@dataclass(frozen=True, init=False)
class BinomialGrid:
    """Revealed fractions `0 = r_0 < r_1 < .. < r_N = 1` of ancestral sampling; N steps.

    Raises:
        InputError: when the levels do not increase strictly from 0 to 1.

    Examples:
        >>> grid = unmask.BinomialGrid([0, 0.5, 1])
        >>> grid.steps
        2
        >>> round(grid.expected_network_calls(8), 3)  # a step may reveal nothing
        1.992
    """

    levels: tuple[float, ...]

    def __init__(self, levels: Iterable[float]) -> None:
        given = tuple(float(level) for level in levels)
        if len(given) < 2 or given[0] != 0.0 or given[-1] != 1.0:
            raise InputError(f"levels must start at 0 and end at 1, got {list(given)!r:.80}")
        if not all(low < high for low, high in itertools.pairwise(given)):
            raise InputError(f"levels must increase strictly from 0 to 1, got {list(given)!r:.80}")
        object.__setattr__(self, "levels", given)

    @classmethod
    def uniform(cls, steps: int) -> BinomialGrid:
        """`r_j = j / N`, the linear schedule of MDLM and LLaDA."""
        check_whole("steps", steps, 1)
        return cls(np.linspace(0.0, 1.0, steps + 1))

    @classmethod
    def cosine(cls, steps: int) -> BinomialGrid:
        """`r_j = 1 - cos(pi j / 2N)` (MaskGIT): small steps first."""
        check_whole("steps", steps, 1)
        inside = 1 - np.cos(np.pi / 2 * np.arange(1, steps) / steps)
        return cls([0.0, *inside, 1.0])

    @classmethod
    def square_root_mass(cls, curve: InformationCurve, steps: int, resolution: int = 4096) -> BinomialGrid:
        """Equal mass of `sqrt(-C'(r))` in every step: the best grid when steps are many.

        In the clock of log-odds `lambda = log(r / (1-r))` of [W] this is equal mass of `sqrt(q)`,
        `q = r^2 (1-r)^2 (-L C'(r))`, because `d lambda = dr / (r (1-r))`. The mass is integrated on `resolution` cells,
        and a flat curve gets the uniform grid.
        """
        curve.require_monotone("square_root_mass")
        check_whole("steps", steps, 1)
        check_whole("resolution", resolution, 1)
        cells = np.linspace(0.0, 1.0, resolution + 1)
        # the mean slope of a cell needs no derivative: its smoothed curve at both ends
        falls = -np.diff(smoothed(curve, cells))
        falls[falls < 1e-13 * curve.values[0]] = 0.0  # rounding, which the root would make large
        mass = np.concatenate(([0.0], np.cumsum(np.sqrt(falls))))
        if mass[-1] == 0:
            return cls.uniform(steps)
        mass += cells * mass[-1] * 1e-9  # strictly increasing, so that no step is empty on a plateau
        inside = np.interp(np.arange(1, steps) / steps * mass[-1], mass, cells)
        return cls([0.0, *inside, 1.0])

    @property
    def steps(self) -> int:
        """N, the number of steps; network calls are fewer where a step may reveal nothing."""
        return len(self.levels) - 1

    @property
    def masses(self) -> FloatArray:
        """`r_{j+1} - r_j`, shape (N,): with what probability a token is revealed in each step."""
        return np.diff(self.levels)

    def nelbo(self, curve: InformationCurve) -> float:
        """`L sum_j (r_{j+1} - r_j) C(r_j)`, nats per sequence (F14)."""
        return float(curve.length * self.masses @ smoothed(curve, np.array(self.levels[:-1])))

    def price(self, curve: InformationCurve) -> float:
        """Nats per sequence beyond revealing one token at a time; for an exact curve `E KL(p || p_{Y|M})`."""
        return self.nelbo(curve) - curve.one_at_a_time

    def expected_network_calls(self, length: int) -> float:
        """How many steps reveal at least one of `length` tokens, on average (F14): calls of a sampler that caches."""
        check_whole("length", length, 1)
        with np.errstate(divide="ignore"):  # a grid of one step reveals everything: log 0
            return float(np.sum(-np.expm1(length * np.log1p(-self.masses))))

    def __repr__(self) -> str:
        shown = ", ".join(f"{level:.4g}" for level in (self.levels if self.steps <= 12 else self.levels[:10]))
        return f"BinomialGrid([{shown}{', …' if self.steps > 12 else ''}])  # N={self.steps}"


def smoothed(curve: InformationCurve, fractions: npt.ArrayLike) -> FloatArray:
    """`C(r) = E c_k`, k binomial(L-1, r): the mean curve when every other token is revealed with probability r."""
    levels = np.asarray(fractions, dtype=np.float64)
    return np.array([float(binomial_weights(curve.length - 1, level) @ curve.values) for level in levels.ravel()])


def binomial_weights(trials: int, chance: float) -> FloatArray:
    """The binomial law, shape (trials + 1,).

    From the mode outwards by the ratio of neighbours, then normalised: no logarithm of a factorial, so full precision
    for any number of trials; far tails underflow to 0.
    """
    weights = np.zeros(trials + 1)
    if chance in (0.0, 1.0):
        weights[int(chance) * trials] = 1.0
        return weights
    mode = min(int((trials + 1) * chance), trials)
    odds = chance / (1 - chance)
    weights[mode] = 1.0
    above = np.arange(mode, trials)
    below = np.arange(mode, 0, -1)
    weights[mode + 1 :] = np.cumprod((trials - above) / (above + 1) * odds)
    weights[:mode] = np.cumprod(below / (trials - below + 1) / odds)[::-1]
    return np.asarray(weights / weights.sum())

"""Curves of chains from gaps: the entropy of k random tokens of a chain is a sum over pairs of neighbours in the set.

For a Markov chain `H(X_S) = H(X_{i_1}) + sum H(X_{i_{m+1}} | X_{i_m})` over neighbours in S, so the mean over all sets
of size k needs only, for every gap d, the mean of `H(X_{i+d} | X_i)` over i, and how often a random set has neighbours
at distance d. Knows entropies only; nothing about transitions.
"""

from __future__ import annotations

import numpy as np

from unmask.theory.curve import FloatArray


def curve_from_gaps(single: FloatArray, paired: FloatArray) -> FloatArray:
    """The information curve of a chain, shape (L,), nats. Time O(L^2), memory O(L), no binomials.

    With `f_k(i) = C(L-1-i, k-1) / C(L, k)` the chance that i is the first position of a random set of size k, and
    `w_k(d) = (L-d) C(L-d-1, k-2) / C(L, k)` its expected number of neighbours at distance d,

        Hbar_k = sum_i f_k(i) single[i] + sum_d w_k(d) paired[d],    h_k = Hbar_{k+1} - Hbar_k.

    Both differences share `r_k(d) = prod_{j<d} (L-j-k+1) / (L-j)`, a product of factors at most 1:

        w_{k+1}(d) - w_k(d)     = r_k(d) k (2(L-k) - (k+1)(d-1)) / (L (L-k)),
        f_{k+1}(d-1) - f_k(d-1) = r_k(d)   ((L-k) - (k+1)(d-1)) / (L (L-k)).

    Their absolute sums over d are of order 1, so nothing cancels: h_k is good to about 1e-13 even at L = 4,096, where
    differences of Hbar with binomials by log-gamma are good to 1e-7 (benchmarks/chain_curve.py).

    Args:
        single: `H(X_i)`, i = 0..L-1, shape (L,).
        paired: mean over i of `H(X_{i+d} | X_i)`, shape (L,), entry d for gap d; entry 0 is not read.
    """
    length = len(single)
    revealed = np.arange(length, dtype=np.float64)  # k
    scale = 1.0 / (length * (length - revealed))
    reach = np.ones(length)  # r_k(d), for all k at once
    curve = np.zeros(length)
    for gap in range(1, length + 1):
        weight = (length - revealed) - (revealed + 1) * (gap - 1)
        term = weight * single[gap - 1]
        if gap < length:
            term += revealed * (weight + (length - revealed)) * paired[gap]
            curve += reach * term * scale
            # r_0 grows towards L / (L - d + 1) and stays finite; for k >= 1 the factor reaches 0 at gap L - k + 1.
            reach *= np.maximum(length - gap - revealed + 1, 0.0) / (length - gap)
        else:
            curve += reach * term * scale
    return curve

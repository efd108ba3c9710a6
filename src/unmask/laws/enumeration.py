"""Information curves by enumeration: every subset of positions of a joint table, or of a list of sequences.

`Hbar_k`, the mean entropy of k tokens over all C(L, k) sets of positions, gives `h_k = Hbar_{k+1} - Hbar_k`.
Knows arrays only; the laws call it.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ENUMERABLE = 1 << 22
"""Entries over all marginal tables, (V+1)^L, up to which a law without a formula is enumerated: well under a second."""

_VECTORISED = 1 << 20  # entries of all marginal tables that are held at once (8 MB)


def curve_of_table(joint: FloatArray) -> FloatArray:
    """The information curve, shape (L,), nats, of a joint table of shape (V,)*L. Time O((V+1)^L), memory O(V^L)."""
    return _curve_of_totals(_total_entropies(joint[None]))


def curve_of_list(sequences: IntArray, weights: FloatArray) -> FloatArray:
    """The information curve, shape (L,), nats, of sequences (N, L) with probabilities (N,).

    Walks the tree of "keep or drop position i". A node holds one row for each distinct pair (kept tokens so far, suffix
    still to come), so dropping positions makes the rest of the walk cheaper. Time at worst O(2^L N log N).
    """
    length = sequences.shape[1]
    # Suffixes are numbered: suffix s of depth i starts with token heads[i][s] and goes on as suffix tails[i][s].
    heads: list[IntArray] = [np.empty(0, dtype=np.int64)] * length
    tails: list[IntArray] = [np.empty(0, dtype=np.int64)] * length
    suffix = np.zeros(len(sequences), dtype=np.int64)
    span = int(sequences.max()) + 1
    for position in reversed(range(length)):
        keys, number = np.unique(suffix * span + sequences[:, position], return_inverse=True)
        heads[position], tails[position] = keys % span, keys // span
        suffix = number.reshape(-1).astype(np.int64)
    totals = np.zeros(length + 1)

    def visit(position: int, kept: int, label: IntArray, suffix: IntArray, mass: FloatArray) -> None:
        if position == length:
            totals[kept] += _entropy(mass)
            return
        rest = tails[position][suffix]
        visit(position + 1, kept, *_merge(label, rest, mass))
        visit(position + 1, kept + 1, *_merge(label * span + heads[position][suffix], rest, mass))

    visit(0, 0, np.zeros(len(sequences), dtype=np.int64), suffix, weights)
    return _curve_of_totals(totals)


def _merge(label: IntArray, suffix: IntArray, mass: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows with the same label and suffix added up; labels renumbered from 0 so that they stay small."""
    _, small = np.unique(label, return_inverse=True)
    width = int(suffix.max()) + 1
    keys, group = np.unique(small.reshape(-1) * width + suffix, return_inverse=True)
    added: FloatArray = np.bincount(group.reshape(-1), weights=mass).astype(np.float64)
    return keys // width, keys % width, added


def _curve_of_totals(totals: FloatArray) -> FloatArray:
    length = len(totals) - 1
    means = totals / np.array([float(comb(length, k)) for k in range(length + 1)])
    return np.diff(means)


def _total_entropies(table: FloatArray) -> FloatArray:
    """Sum of H(X_S) over all S of each size, for a table (kept outcomes, V, .., V) whose first axis is always kept.

    Small tables: every axis gets one more entry, its own sum ("dropped"), so that one array holds all marginals.
    Large ones: the next axis is kept in one half of the recursion and dropped in the other.
    """
    free = table.ndim - 1
    if free and len(table) * (table.shape[1] + 1) ** free > _VECTORISED:
        kept = _total_entropies(table.reshape(-1, *table.shape[2:]))
        dropped = _total_entropies(table.sum(axis=1))
        return np.concatenate(([0.0], kept)) + np.concatenate((dropped, [0.0]))
    sizes = np.zeros((1,) * free, dtype=np.int64)
    for axis in range(1, free + 1):
        vocabulary = table.shape[axis]
        table = np.concatenate((table, table.sum(axis=axis, keepdims=True)), axis=axis)
        is_kept = np.append(np.ones(vocabulary, dtype=np.int64), 0)
        sizes = sizes + is_kept.reshape((-1,) + (1,) * (free - axis))
    terms = _entropy_terms(table).sum(axis=0)
    return np.bincount(sizes.reshape(-1), weights=terms.reshape(-1), minlength=free + 1).astype(np.float64)


def _entropy_terms(probabilities: FloatArray) -> FloatArray:
    return np.asarray(-probabilities * np.log(np.where(probabilities > 0, probabilities, 1.0)))


def _entropy(probabilities: FloatArray) -> float:
    return float(_entropy_terms(probabilities).sum())

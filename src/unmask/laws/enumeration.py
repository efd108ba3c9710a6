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

_VECTORISED = 1 << 15  # entries of all marginal tables held at once: what fits a processor's cache


def curve_of_table(joint: FloatArray) -> FloatArray:
    """The information curve, shape (L,), nats, of a joint table of shape (V,)*L. Time O((V+1)^L), memory O(V^L)."""
    return _curve_of_totals(_total_entropies(joint[None]))


def curve_of_list(sequences: IntArray, weights: FloatArray) -> FloatArray:
    """The information curve, shape (L,), nats, of sequences (N, L) with probabilities (N,).

    Positions that determine each other (a repeated name, punctuation that follows from the form) hold the same
    information, so one of each such class is enough: the walk goes over the tree of "keep or drop class c" and counts
    the sets of positions behind each node. A node holds one row for each distinct pair (kept tokens so far, suffix
    still to come), so dropping classes makes the rest of the walk cheaper. Time at worst O(2^C N log N) for C classes.
    """
    length = sequences.shape[1]
    constant, classes = distinct_positions(sequences)
    sequences = sequences[:, [first for first, _ in classes]]
    # Suffixes are numbered: suffix s of depth i starts with token heads[i][s] and goes on as suffix tails[i][s].
    heads: list[IntArray] = [np.empty(0, dtype=np.int64)] * len(classes)
    tails: list[IntArray] = [np.empty(0, dtype=np.int64)] * len(classes)
    suffix = np.zeros(len(sequences), dtype=np.int64)
    span = int(sequences.max(initial=0)) + 1
    for depth in reversed(range(len(classes))):
        keys, number = np.unique(suffix * span + sequences[:, depth], return_inverse=True)
        heads[depth], tails[depth] = keys % span, keys // span
        suffix = number.reshape(-1).astype(np.int64)
    totals = np.zeros(length + 1)

    def visit(depth: int, sets: FloatArray, label: IntArray, suffix: IntArray, mass: FloatArray) -> None:
        """`sets[k]` sets of k positions keep what was kept so far."""
        if depth == len(classes):
            totals[: len(sets)] += sets * _entropy(mass)
            return
        rest = tails[depth][suffix]
        visit(depth + 1, sets, *_merge(label, rest, mass))
        at_least_one = _subset_counts(classes[depth][1])
        at_least_one[0] = 0.0
        visit(depth + 1, np.convolve(sets, at_least_one), *_merge(label * span + heads[depth][suffix], rest, mass))

    visit(0, _subset_counts(constant), np.zeros(len(sequences), dtype=np.int64), suffix, weights)
    return _curve_of_totals(totals)


def order_table_of_list(sequences: IntArray, weights: FloatArray, permutation: IntArray) -> FloatArray:
    """`g(a, k) = H(X_{p(k)} | X_{p(<a)})`, shape (L, L), nats, 0 for k < a, of sequences (N, L) and one order p (F11).

    Time O(L^2 N log N).
    """

    def refine(context: IntArray, column: IntArray) -> tuple[IntArray, float]:
        """Contexts numbered anew, now that they hold one more token; and their entropy."""
        _, number = np.unique(context * span + column, return_inverse=True)
        refined = number.reshape(-1).astype(np.int64)
        return refined, _entropy(np.bincount(refined, weights=weights).astype(np.float64))

    length, span = sequences.shape[1], int(sequences.max()) + 1
    columns = sequences[:, permutation].T
    table = np.zeros((length, length))
    context, known = np.zeros(len(sequences), dtype=np.int64), 0.0
    for a in range(length):
        following, more = refine(context, columns[a])
        table[a, a] = more - known
        for k in range(a + 1, length):
            table[a, k] = refine(context, columns[k])[1] - known
        context, known = following, more
    return np.maximum(table, 0.0)


def distinct_positions(sequences: IntArray) -> tuple[int, list[tuple[int, int]]]:
    """How many positions of (N, L) are constant, and for each class of positions that determine each other its first
    member and its size."""
    constant = 0
    classes: dict[bytes, list[int]] = {}
    for position, column in enumerate(sequences.T):
        _, first, token = np.unique(column, return_index=True, return_inverse=True)
        if len(first) == 1:
            constant += 1
        else:  # tokens renamed in the order in which they first appear
            classes.setdefault(first.argsort().argsort()[token.reshape(-1)].tobytes(), []).append(position)
    return constant, [(members[0], len(members)) for members in classes.values()]


def _subset_counts(size: int) -> FloatArray:
    """The number of subsets of each size 0..size."""
    return np.array([float(comb(size, k)) for k in range(size + 1)])


def _merge(label: IntArray, suffix: IntArray, mass: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows with the same label and suffix added up; labels renumbered from 0 so that they stay small."""
    width = int(suffix.max()) + 1
    keys = label * width + suffix
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    labels, suffixes = np.divmod(keys[starts], width)
    renumbered: IntArray = np.cumsum(np.diff(labels, prepend=labels[0]) > 0).astype(np.int64)
    return renumbered, suffixes, np.asarray(np.add.reduceat(mass[order], starts))


def _curve_of_totals(totals: FloatArray) -> FloatArray:
    length = len(totals) - 1
    means = totals / _subset_counts(length)
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

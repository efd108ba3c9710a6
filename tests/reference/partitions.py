"""Every partition of a small law into T steps, priced by enumeration: slow, and obviously right."""

import functools
import itertools

import numpy as np

from unmask.laws import Table

LENGTH = 12


@functools.cache
def law_of(name: str) -> Table:
    """Spins on a 3 x 4 grid, six hidden pairs along a weak chain, or a binary tree: 12 binary positions."""
    spins = np.indices((2,) * LENGTH) * 2 - 1
    grid = [(i, i + 1) for i in range(LENGTH) if i % 4 < 3] + [(i, i + 4) for i in range(LENGTH - 4)]
    places = np.random.default_rng(0).permutation(LENGTH)
    chain = [(i, i + 1) for i in range(LENGTH - 1)]
    bonds = {
        "grid": [(0.7, grid)],
        "pairs": [(1.5, list(zip(places[::2], places[1::2], strict=True))), (0.25, chain)],
        "tree": [(0.9, [(i, (i - 1) // 2) for i in range(1, LENGTH)])],
    }[name]
    energies = sum(strength * spins[i] * spins[j] for strength, edges in bonds for i, j in edges)
    weights = np.exp(energies - energies.max())
    return Table(weights / weights.sum())


@functools.cache
def subset_entropies(name: str) -> np.ndarray:
    """H(X_S) for every set S of positions, by its bits, nats."""
    joint = law_of(name).probabilities
    found = np.zeros(1 << LENGTH)
    for subset in range(1 << LENGTH):
        gone = tuple(i for i in range(LENGTH) if not subset >> i & 1)
        masses = joint.sum(axis=gone).ravel()
        found[subset] = -(masses * np.log(masses)).sum()
    return found


def prices_of(name: str, labels: np.ndarray) -> np.ndarray:
    """Price of partitions (K, 12), nats per sequence: sum over steps of H(X_i | earlier steps), less H(X)."""
    entropies, bits = subset_entropies(name), 1 << np.arange(LENGTH)
    total = np.zeros(len(labels))
    for step in range(labels.max() + 1):
        known = ((labels < step) * bits).sum(axis=1)
        for i in range(LENGTH):
            total += np.where(labels[:, i] == step, entropies[known | bits[i]] - entropies[known], 0.0)
    return total - entropies[-1]


@functools.cache
def least_price(name: str, steps: int) -> float:
    """Of all steps^12 partitions."""
    rows = itertools.product(range(steps), repeat=LENGTH)
    every = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int8).reshape(-1, LENGTH)
    return float(prices_of(name, every).min())

"""Everything the theory says, computed from a joint table by its definition: enumeration, no formula of ours.

A `joint` is an array of shape (V,)*L whose entry at x is p(x). Written to be obviously right, for L up to about 6.
A *predictor* is a function `(i, revealed) -> array of shape (V,)*L` whose entry at x is `p_hat_i(x_i | x_revealed)`.
Use from any test: `from reference import brute_force`.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

Predictor = Callable[[int, tuple[int, ...]], np.ndarray]


# Tables


def random_table(length: int, vocab_size: int, seed: int, zeros: float = 0.0) -> np.ndarray:
    """A random joint table; each outcome is impossible with probability `zeros` (one outcome always stays)."""
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(vocab_size,) * length) ** 2
    possible = rng.random(weights.shape) >= zeros
    possible[tuple(rng.integers(vocab_size, size=length))] = True
    weights = np.where(possible, weights, 0.0)
    return weights / weights.sum()


def table_of(log_prob: Callable[[np.ndarray], np.ndarray], length: int, vocab_size: int) -> np.ndarray:
    """The joint table of anything that gives log-probabilities for rows of tokens, shape (n, L) to (n,)."""
    outcomes = np.array(list(itertools.product(range(vocab_size), repeat=length)))
    return np.exp(log_prob(outcomes)).reshape((vocab_size,) * length)


# Entropies and informations


def marginal(joint: np.ndarray, positions: Sequence[int]) -> np.ndarray:
    """Law of X_positions, with every other axis summed out and kept with size 1."""
    others = tuple(i for i in range(joint.ndim) if i not in positions)
    return joint.sum(axis=others, keepdims=True)


def entropy(joint: np.ndarray, positions: Sequence[int]) -> float:
    """H(X_positions), nats."""
    return -sum(p * math.log(p) for p in marginal(joint, positions).ravel().tolist() if p > 0)


def conditional_entropy(joint: np.ndarray, i: int, given: Sequence[int]) -> float:
    """H(X_i | X_given), nats."""
    return entropy(joint, (*given, i)) - entropy(joint, given)


def information_curve(joint: np.ndarray) -> np.ndarray:
    """h_k: the mean of H(X_i | X_S) over every S of size k and every i outside it."""
    length = joint.ndim
    entropies = {
        subset: entropy(joint, subset)
        for size in range(length + 1)
        for subset in itertools.combinations(range(length), size)
    }
    curve = []
    for k in range(length):
        terms = [
            entropies[tuple(sorted((*subset, i)))] - entropies[subset]
            for subset in itertools.combinations(range(length), k)
            for i in range(length)
            if i not in subset
        ]
        curve.append(sum(terms) / len(terms))
    return np.array(curve)


def total_correlation(joint: np.ndarray) -> float:
    """Sum of the marginal entropies minus the joint entropy."""
    everything = range(joint.ndim)
    return sum(entropy(joint, (i,)) for i in everything) - entropy(joint, everything)


def dual_total_correlation(joint: np.ndarray) -> float:
    """Joint entropy minus the sum of the entropies of each token given all others."""
    everything = range(joint.ndim)
    return entropy(joint, everything) - sum(
        conditional_entropy(joint, i, [j for j in everything if j != i]) for i in everything
    )


def total_information(joint: np.ndarray) -> float:
    """sum_i I(X_i; X_-i)."""
    everything = range(joint.ndim)
    return sum(
        entropy(joint, (i,)) - conditional_entropy(joint, i, [j for j in everything if j != i]) for i in everything
    )


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p || q), nats; infinite when q misses an outcome of p."""
    total = 0.0
    for a, b in zip(p.ravel().tolist(), q.ravel().tolist(), strict=True):
        if a > 0:
            total += a * math.log(a / b) if b > 0 else math.inf
    return total


# Predictors


def perfect_predictor(joint: np.ndarray) -> Predictor:
    """The true conditionals; the uniform law in contexts of probability zero."""

    @cache
    def predict(i: int, revealed: tuple[int, ...]) -> np.ndarray:
        context = marginal(joint, revealed)
        with np.errstate(invalid="ignore", divide="ignore"):
            law = np.where(context > 0, marginal(joint, (*revealed, i)) / context, 1.0 / joint.shape[i])
        return np.broadcast_to(law, joint.shape)

    return predict


def random_predictor(length: int, vocab_size: int, seed: int) -> Predictor:
    """A wrong predictor: an unrelated random law for every context, positive everywhere, consistent with nothing."""

    @cache
    def predict(i: int, revealed: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng([seed, i, *sorted(revealed)])
        read = [vocab_size if j in revealed or j == i else 1 for j in range(length)]
        weights = rng.exponential(size=read) + 0.1
        return np.broadcast_to(weights / weights.sum(axis=i, keepdims=True), (vocab_size,) * length)

    return predict


def cross_entropy(joint: np.ndarray, predictor: Predictor, i: int, revealed: Sequence[int]) -> float:
    """E[-log p_hat_i(x_i | x_revealed)], nats."""
    law = predictor(i, tuple(sorted(revealed)))
    return sum(-p * math.log(q) for p, q in zip(joint.ravel().tolist(), law.ravel().tolist(), strict=True) if p > 0)


def cross_entropy_curve(joint: np.ndarray, predictor: Predictor) -> np.ndarray:
    """c_k: the mean cross-entropy over every revealed set of size k and every token outside it."""
    length = joint.ndim
    curve = []
    for k in range(length):
        terms = [
            cross_entropy(joint, predictor, i, subset)
            for subset in itertools.combinations(range(length), k)
            for i in range(length)
            if i not in subset
        ]
        curve.append(sum(terms) / len(terms))
    return np.array(curve)


def order_table(joint: np.ndarray, predictor: Predictor, permutation: Sequence[int]) -> np.ndarray:
    """g(a, k): cross-entropy of the token revealed k-th given those revealed before the a-th; 0 below the diagonal."""
    length = joint.ndim
    table = np.zeros((length, length))
    for a in range(length):
        for k in range(a, length):
            table[a, k] = cross_entropy(joint, predictor, permutation[k], permutation[:a])
    return table


# Schedules and what parallel sampling draws


def compositions(length: int, steps: int | None = None) -> Iterator[tuple[int, ...]]:
    """Every way to write `length` as an ordered sum of positive sizes (of exactly `steps` of them)."""
    if length == 0:
        if steps in (None, 0):
            yield ()
        return
    for first in range(1, length + 1):
        for rest in compositions(length - first, None if steps is None else steps - 1):
            yield (first, *rest)


def ordered_partitions(length: int, sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Every way to put positions 0..length-1 into steps of these sizes; each is equally likely in uniform order."""

    def split(positions: tuple[int, ...], left: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
        if not left:
            yield ()
            return
        for block in itertools.combinations(positions, left[0]):
            rest = tuple(i for i in positions if i not in block)
            for tail in split(rest, left[1:]):
                yield (block, *tail)

    yield from split(tuple(range(length)), tuple(sizes))


def blocks_of(permutation: Sequence[int], sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The steps of a given reveal order cut into these sizes."""
    ends = np.cumsum([0, *sizes])
    return tuple(tuple(permutation[a:b]) for a, b in itertools.pairwise(ends.tolist()))


def output_law(shape: tuple[int, ...], predictor: Predictor, blocks: Sequence[Sequence[int]]) -> np.ndarray:
    """p_{Y|M}: the law of what is drawn when each block is drawn in parallel given the blocks before it."""
    law = np.ones(shape)
    revealed: tuple[int, ...] = ()
    for block in blocks:
        for i in block:
            law = law * predictor(i, revealed)
        revealed = tuple(sorted((*revealed, *block)))
    return law


def expected_divergence(joint: np.ndarray, sizes: Sequence[int], predictor: Predictor | None = None) -> float:
    """E_M KL(p || p_{Y|M}), the KL given the reveal order, averaged over uniform reveal orders."""
    predictor = predictor or perfect_predictor(joint)
    kls = [
        divergence(joint, output_law(joint.shape, predictor, blocks))
        for blocks in ordered_partitions(joint.ndim, sizes)
    ]
    return sum(kls) / len(kls)


def expected_divergence_of_infilling(
    joint: np.ndarray, known: int, sizes: Sequence[int], predictor: Predictor | None = None
) -> float:
    """The same when `known` tokens at uniformly drawn positions are given and the rest is drawn in these sizes."""
    predictor = predictor or perfect_predictor(joint)
    kls = []
    for given, *blocks in ordered_partitions(joint.ndim, (known, *sizes)):
        law = np.broadcast_to(marginal(joint, given), joint.shape)
        revealed = given
        for block in blocks:
            for i in block:
                law = law * predictor(i, revealed)
            revealed = tuple(sorted((*revealed, *block)))
        kls.append(divergence(joint, law))
    return sum(kls) / len(kls)


def divergence_of_output(joint: np.ndarray, sizes: Sequence[int], predictor: Predictor | None = None) -> float:
    """KL(p || p_Y), with p_Y = E_M p_{Y|M}: the KL of the law that is actually drawn."""
    predictor = predictor or perfect_predictor(joint)
    laws = [output_law(joint.shape, predictor, blocks) for blocks in ordered_partitions(joint.ndim, sizes)]
    return divergence(joint, sum(laws) / len(laws))


def expected_divergence_on_grid(joint: np.ndarray, grid: Sequence[float], predictor: Predictor) -> float:
    """The same when each position independently picks its step: step j with probability grid[j+1] - grid[j]."""
    masses = np.diff(grid)
    total = 0.0
    for step_of in itertools.product(range(len(masses)), repeat=joint.ndim):
        chance = math.prod(masses[j] for j in step_of)
        blocks = [[i for i in range(joint.ndim) if step_of[i] == j] for j in range(len(masses))]
        total += chance * divergence(joint, output_law(joint.shape, predictor, blocks))
    return total

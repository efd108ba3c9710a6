"""The exact information curve of a Markov chain, against the three plain ways to get it.

    python benchmarks/chain_curve.py [length] [vocab_size]

1. The formula as it is printed: one matrix product for each gap, binomials by log-gamma, a difference of two sums of
   size L for each count. It takes about as long (the matrix products are the same) and loses digits where the sums
   nearly cancel; it holds for stationary chains only.
2. The double sum over pairs i < j, which holds for any chain (a sample of pairs is timed, the rest extrapolated).
3. Measuring: exact conditionals on drawn sequences at a few counts, time extrapolated to all counts and 400 sequences.
"""

import sys
import time
import tracemalloc

import numpy as np
from scipy.special import gammaln

from unmask.laws import MarkovChain
from unmask.laws.base import entropy


def timed(function):
    start = time.perf_counter()
    value = function()
    return value, time.perf_counter() - start


def formula_as_printed(chain):
    """`h_k = Hbar_{k+1} - Hbar_k`, `Hbar_k = H(X_1) + sum_d (L-d) C(L-d-1, k-2) / C(L, k) eta(d)`."""
    length, law = chain.length, chain.initial
    power, eta = np.eye(chain.vocab_size), np.zeros(length)
    for gap in range(1, length):
        power = power @ chain.transition
        eta[gap] = law @ entropy(power)

    def log_choose(n, k):
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    means = np.zeros(length + 1)
    means[1] = entropy(law)
    for k in range(2, length + 1):
        gaps = np.arange(1, length - k + 2)
        weights = (length - gaps) * np.exp(log_choose(length - gaps - 1, k - 2) - log_choose(length, k))
        means[k] = means[1] + weights @ eta[gaps]
    return np.diff(means)


def seconds_pair_by_pair(chain, timed_pairs=200):
    """Time for `H(X_j | X_i)` of every pair i < j from the law of X_i and the power of the transition."""
    power = chain.transition @ chain.transition
    start = time.perf_counter()
    for i in range(timed_pairs):
        chain.marginals[i % chain.length] @ entropy(power)
    return (time.perf_counter() - start) / timed_pairs * chain.length * (chain.length - 1) / 2


def seconds_to_measure(chain, sequences=2, counts=4, full=400):
    x = chain.sample(sequences, seed=0)
    rank = np.random.default_rng(0).permuted(np.tile(np.arange(chain.length), (sequences, 1)), axis=1)
    start = time.perf_counter()
    for k in np.linspace(0, chain.length - 1, counts).astype(int):
        entropy(chain.conditionals(x, rank < k))
    return (time.perf_counter() - start) / (sequences * counts) * full * chain.length


def last_value(chain):
    """h_{L-1} by the neighbour form, with nothing that cancels."""
    one = chain.initial @ entropy(chain.transition)
    two = chain.initial @ entropy(chain.transition @ chain.transition)
    return ((chain.length - 2) * (2 * one - two) + 2 * one) / chain.length


def main(length=1024, vocab_size=64):
    rows = np.random.default_rng(0).exponential(size=(vocab_size, vocab_size)) ** 3
    chain = MarkovChain.stationary(rows / rows.sum(axis=1, keepdims=True), length)
    fresh = MarkovChain(chain.initial, chain.transition, length)
    curve, ours = timed(fresh.curve)
    printed, plain = timed(lambda: formula_as_printed(chain))
    pairs = seconds_pair_by_pair(chain)
    measured = seconds_to_measure(chain)
    tracemalloc.start()
    MarkovChain(chain.initial, chain.transition, length).curve()
    peak = tracemalloc.get_traced_memory()[1]
    exact = last_value(chain)
    print(f"Markov chain, L = {length}, V = {vocab_size}: exact curve in {ours:.2f} s, peak {peak / 1e6:.0f} MB")
    print(f"  formula as printed    {plain:8.2f} s   {plain / ours:8.1f} times as long")
    print(f"  pair by pair          {pairs:8.1f} s   {pairs / ours:8.1f} times as long (extrapolated)")
    print(f"  measured, 400 samples {measured:8.0f} s   {measured / ours:8.0f} times as long (extrapolated), not exact")
    print(
        f"  error of h_(L-1)      {abs(curve.values[-1] - exact):.1e} here, {abs(printed[-1] - exact):.1e} as printed"
    )
    print(f"  sum of the curve - H  {curve.entropy - chain.entropy:.1e}")
    print(f"  worst difference of the two curves {np.abs(curve.values - printed).max():.1e}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

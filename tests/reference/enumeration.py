"""What a law must say, from its joint table alone: conditionals by slicing, and a chi-square test of its samples."""

import numpy as np


def joint_of(law) -> np.ndarray:
    """The joint table, shape (V,)*L, from `log_prob` of every sequence."""
    return np.exp(law.log_prob(law.support())).reshape((law.vocab_size,) * law.length)


def conditionals(joint: np.ndarray, x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Law of every position given the known ones, (n, L, V); uniform where the context has probability zero."""
    length, vocab_size = joint.ndim, len(joint)
    answers = np.zeros((len(x), length, vocab_size))
    for row in range(len(x)):
        slots = tuple(
            slice(int(x[row, i]), int(x[row, i]) + 1) if known[row, i] else slice(None) for i in range(length)
        )
        agreeing = joint[slots]
        for i in range(length):
            if known[row, i]:
                answers[row, i, x[row, i]] = 1.0
            elif agreeing.sum() == 0:
                answers[row, i] = 1.0 / vocab_size
            else:
                others = tuple(j for j in range(length) if j != i)
                answers[row, i] = agreeing.sum(axis=others) / agreeing.sum()
    return answers


def random_canvases(length: int, vocab_size: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Any tokens and any known sets, from none known to all; the tokens need not be possible together."""
    rng = np.random.default_rng(seed)
    return rng.integers(vocab_size, size=(n, length)), rng.random((n, length)) < rng.random((n, 1)) * 1.2


def chi_square_p_value(law, n: int, seed: int) -> float:
    """P-value of the counts of n samples against the law; 0 when something impossible was drawn."""
    from scipy.stats import chi2

    probabilities = joint_of(law).ravel()
    x = law.sample(n, seed)
    counts = np.bincount(np.ravel_multi_index(tuple(x.T), (law.vocab_size,) * law.length), minlength=len(probabilities))
    if counts[probabilities == 0].any():
        return 0.0
    rare = probabilities * n < 5  # pooled, as the chi-square law needs a few draws in every cell
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(probabilities[~rare], probabilities[rare].sum()) * n
    observed, expected = observed[expected > 0], expected[expected > 0]
    return float(chi2.sf(((observed - expected) ** 2 / expected).sum(), len(expected) - 1))

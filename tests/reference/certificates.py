"""What a text costs under a plan and one token at a time, for every permutation: loops over a law's conditionals."""

import itertools
import math

import numpy as np


def log_probability(law, text, order, sizes, epsilon=0.0):
    """log p(text | order) when the law, mixed with epsilon of the uniform one, predicts steps of these sizes."""
    known = np.zeros(law.length, dtype=bool)
    total, start = 0.0, 0
    for size in sizes:
        laws = law.conditionals(np.array([text]), known[None])[0]
        for position in order[start : start + size]:
            total += math.log((1 - epsilon) * laws[position, text[position]] + epsilon / law.vocab_size)
        known[list(order[start : start + size])] = True
        start += size
    return total


def uniform_costs(law, sizes, epsilon=0.0):
    """(texts, permutations): nats of each text in the steps of a plan in uniform order, and one token at a time."""
    texts = list(itertools.product(range(law.vocab_size), repeat=law.length))
    orders = list(itertools.permutations(range(law.length)))
    singly = [1] * law.length
    planned = [[-log_probability(law, text, order, sizes, epsilon) for order in orders] for text in texts]
    one = [[-log_probability(law, text, order, singly, epsilon) for order in orders] for text in texts]
    return np.array(texts), np.array(planned), np.array(one)


def given_costs(law, order, sizes, epsilon=0.0):
    """(texts, 1): nats of each text in the steps of a plan in one given order."""
    texts = list(itertools.product(range(law.vocab_size), repeat=law.length))
    return np.array([[-log_probability(law, text, order, sizes, epsilon)] for text in texts])


def with_fallback(planned, one, cap):
    """Nats beyond one at a time when a share exp(-cap) of the rows goes one at a time; arrays broadcast."""
    share = math.exp(-cap)
    return -np.log((1 - share) * np.exp(-planned) + share * np.exp(-one)) - one

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


def along_costs(law, order, sizes, epsilon=0.0):
    """(texts, refinements): nats of each text in the steps of a plan in one given order, and one at a time along it."""
    texts = list(itertools.product(range(law.vocab_size), repeat=law.length))
    cuts = np.cumsum([0, *sizes])
    inside = [list(itertools.permutations(order[a:b])) for a, b in itertools.pairwise(cuts)]
    ways = [tuple(itertools.chain(*parts)) for parts in itertools.product(*inside)]
    singly = [1] * law.length
    one = [[-log_probability(law, text, way, singly, epsilon) for way in ways] for text in texts]
    return given_costs(law, order, sizes, epsilon), np.array(one)


def threshold_costs(law, threshold):
    """(texts, 1), (texts, ways): nats under "reveal all whose largest probability exceeds the threshold, at least one".

    And one at a time along the same path, for every order inside the steps; nan where a text has fewer ways.
    """
    texts = list(itertools.product(range(law.vocab_size), repeat=law.length))
    together, singly = [], []
    for text in texts:
        path, known = [], []
        while len(known) < law.length:
            shown = np.isin(np.arange(law.length), known)
            laws = law.conditionals(np.array([text]), shown[None])[0].max(axis=1)
            left = [i for i in range(law.length) if i not in known]
            step = [i for i in left if laws[i] > threshold] or [max(left, key=lambda i: (laws[i], -i))]
            path.append(step)
            known += step
        sizes = [len(step) for step in path]
        together.append([-log_probability(law, text, list(itertools.chain(*path)), sizes)])
        ways = [list(itertools.chain(*w)) for w in itertools.product(*(itertools.permutations(s) for s in path))]
        singly.append([-log_probability(law, text, way, [1] * law.length) for way in ways])
    most = max(map(len, singly))
    return np.array(together), np.array([row + [math.nan] * (most - len(row)) for row in singly])


def given_costs(law, order, sizes, epsilon=0.0):
    """(texts, 1): nats of each text in the steps of a plan in one given order."""
    texts = list(itertools.product(range(law.vocab_size), repeat=law.length))
    return np.array([[-log_probability(law, text, order, sizes, epsilon)] for text in texts])


def with_fallback(planned, one, cap):
    """Nats beyond one at a time when a share exp(-cap) of the rows goes one at a time; arrays broadcast."""
    share = math.exp(-cap)
    return -np.log((1 - share) * np.exp(-planned) + share * np.exp(-one)) - one

"""The exact law of a sampler's output, by walking every outcome: slow, and written to be obviously right.

Rules are restated here from their papers in plain numpy, on purpose without a line of the library's sampling code. A
rule says, for one canvas, which sets of positions may be revealed next and with what probability; `output_law`
multiplies.
"""

import itertools
import math

import numpy as np


def conditional(law, text, known):
    """Laws of all positions given the known ones, (L, V)."""
    return law.conditionals(np.array([text]), np.array([known]))[0]


def output_law(law, rule, text=None, known=None, step=0):
    """{text: probability} of a rule `(laws, masked, step) -> [(probability, positions)]`, blind to draws."""
    text = [0] * law.length if text is None else list(text)
    known = [False] * law.length if known is None else list(known)
    masked = [i for i in range(law.length) if not known[i]]
    if not masked:
        return {tuple(text): 1.0}
    laws = conditional(law, text, known)
    result = {}
    for chance, positions in rule(laws, masked, step):
        for tokens in itertools.product(range(law.vocab_size), repeat=len(positions)):
            probability = chance * math.prod(laws[i, v] for i, v in zip(positions, tokens, strict=True))
            if probability == 0:
                continue
            for i, v in zip(positions, tokens, strict=True):
                text[i], known[i] = v, True
            for whole, rest in output_law(law, rule, text, known, step + 1).items():
                result[whole] = result.get(whole, 0.0) + probability * rest
            for i in positions:
                known[i] = False
    return result


def output_law_of_drawing_rule(law, rule, text=None, known=None, step=0):
    """The same for a rule `(laws, masked, step, drawn) -> [(probability, positions)]` that reads a draw everywhere."""
    text = [0] * law.length if text is None else list(text)
    known = [False] * law.length if known is None else list(known)
    masked = [i for i in range(law.length) if not known[i]]
    if not masked:
        return {tuple(text): 1.0}
    laws = conditional(law, text, known)
    result = {}
    for tokens in itertools.product(range(law.vocab_size), repeat=len(masked)):
        drawn = dict(zip(masked, tokens, strict=True))
        probability = math.prod(laws[i, v] for i, v in drawn.items())
        if probability == 0:
            continue
        for chance, positions in rule(laws, masked, step, drawn):
            for i in positions:
                text[i], known[i] = drawn[i], True
            for whole, rest in output_law_of_drawing_rule(law, rule, text, known, step + 1).items():
                result[whole] = result.get(whole, 0.0) + probability * chance * rest
            for i in positions:
                known[i] = False
    return result


def mixture(laws):
    """The even mixture of several output laws."""
    laws = list(laws)
    result = {}
    for law in laws:
        for text, probability in law.items():
            result[text] = result.get(text, 0.0) + probability / len(laws)
    return result


def over_orders(law, rule_of):
    """Output law of a rule that follows a random permutation drawn once: `rule_of(permutation)` is the rule."""
    permutations = list(itertools.permutations(range(law.length)))
    return mixture(output_law(law, rule_of(permutation)) for permutation in permutations)


# -- the rules --


def take(ranked, count):
    return [(1.0, ranked[:count])]


def entropy(p):
    return -sum(x * math.log(x) for x in p if x > 0)


def best_first(scores):
    """Positions by score, highest first, ties to the left; `scores` is {position: score}."""
    return sorted(scores, key=lambda i: (-scores[i], i))


def sizes_in_order(sizes, permutation):
    """A plan: so many positions a step, in the order of a permutation."""
    return lambda laws, masked, step: take([i for i in permutation if i in masked], sizes[step])


def equal_sizes(length, steps, score):
    """Equal sizes (larger first), positions of highest `score(p)` first."""
    sizes = [length // steps + (t < length % steps) for t in range(steps)]
    return lambda laws, masked, step: take(best_first({i: score(laws[i]) for i in masked}), sizes[step])


def margin(p):
    high = sorted(p)[::-1]
    return high[0] - high[1]


def threshold(tau):
    def rule(laws, masked, step):
        sure = [i for i in masked if max(laws[i]) > tau]
        return [(1.0, sure or best_first({i: max(laws[i]) for i in masked})[:1])]

    return rule


def factor(f):
    def rule(laws, masked, step):
        ranked = best_first({i: max(laws[i]) for i in masked})
        counts = [n for n in range(1, len(ranked) + 1) if (n + 1) * (1 - max(laws[ranked[n - 1]])) < f]
        return take(ranked, max(counts, default=1))

    return rule


def entropy_bound(gamma, permutation=None):
    def rule(laws, masked, step):
        h = {i: entropy(laws[i]) for i in masked}
        ranked = (
            best_first({i: -h[i] for i in masked}) if permutation is None else [i for i in permutation if i in masked]
        )
        count = 1
        for n in range(1, len(ranked) + 1):
            values = [h[i] for i in ranked[:n]]
            if sum(values) - max(values) <= gamma:
                count = max(count, n)
        return take(ranked, count)

    return rule


def entropy_sum(eta, permutation):
    def rule(laws, masked, step):
        ranked = [i for i in permutation if i in masked]
        fits = [n for n in range(1, len(ranked) + 1) if sum(entropy(laws[i]) for i in ranked[:n]) <= eta]
        return take(ranked, max(fits, default=1))

    return rule


def blocks(rule, block_length):
    """Any rule, restricted to the leftmost block with a mask."""

    def inside(laws, masked, step):
        block = min(masked) // block_length
        return rule(laws, [i for i in masked if i // block_length == block], step)

    return inside


def ranked_by_gumbel(weights, count):
    """[(probability, positions)]: `count` positions drawn one after another, proportionally to the weights that are
    left.
    """
    outcomes = {}
    for chosen in itertools.permutations(weights, min(count, len(weights))):
        probability, left = 1.0, dict(weights)
        for i in chosen:
            probability *= left[i] / sum(left.values())
            del left[i]
        key = tuple(sorted(chosen))
        outcomes[key] = outcomes.get(key, 0.0) + probability
    return [(probability, list(positions)) for positions, probability in outcomes.items()]


def llada(sizes):
    """Draw everywhere, keep the draws of highest probability."""
    return lambda laws, masked, step, drawn: take(best_first({i: laws[i][drawn[i]] for i in masked}), sizes[step])


def maskgit(sizes, temperature):
    """`log p(drawn) + a Gumbel`, a annealed: drawing without replacement, proportionally to p(drawn)^(1/a)."""

    def rule(laws, masked, step, drawn):
        a = temperature * (1 - (step + 1) / len(sizes))
        if a == 0:
            return [(1.0, masked)]
        return ranked_by_gumbel({i: laws[i][drawn[i]] ** (1 / a) for i in masked}, sizes[step])

    return rule


def moment(sizes, temperature):
    """Positions without replacement, proportionally to sum p^beta."""

    def rule(laws, masked, step):
        a = temperature * (1 - (step + 1) / len(sizes))
        if a == 0:
            return [(1.0, masked)]
        return ranked_by_gumbel({i: sum(x ** (1 + 1 / a) for x in laws[i]) for i in masked}, sizes[step])

    return rule


def ancestral(steps):
    """Each masked position is revealed with probability 1/(steps - step)."""

    def rule(laws, masked, step):
        q = 1 / (steps - step)
        outcomes = []
        for count in range(len(masked) + 1):
            for positions in itertools.combinations(masked, count):
                chance = q**count * (1 - q) ** (len(masked) - count)
                if chance > 0:
                    outcomes.append((chance, list(positions)))
        return outcomes

    return rule

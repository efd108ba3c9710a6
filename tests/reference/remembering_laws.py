"""Exact output laws of rules that remember, probe or take back, by walking every outcome: slow, obviously right.

Restated from the papers in plain numpy, without a line of the library's sampling code. A rule is a function

    rule(ask, text, known, drawn, laws, memory) -> (positions to reveal, memory)

where `ask(text, known)` are the law's conditionals of any canvas and `drawn` is a draw at every masked position; an
optional `revise(ask, text, known, revealed) -> positions` says what is masked again after the reveal.
"""

import itertools
import math

import numpy as np

from reference.output_laws import best_first, conditional


def output_law(law, rule, revise=None):
    """{text: probability}."""

    def ask(text, known):
        return conditional(law, text, known)

    def walk(text, known, memory):
        masked = [i for i in range(law.length) if not known[i]]
        if not masked:
            return {tuple(text): 1.0}
        laws, result = ask(text, known), {}
        for tokens in itertools.product(range(law.vocab_size), repeat=len(masked)):
            probability = math.prod(laws[i, v] for i, v in zip(masked, tokens, strict=True))
            if probability == 0:
                continue
            drawn = dict(zip(masked, tokens, strict=True))
            positions, remembered = rule(ask, text, known, drawn, laws, memory)
            after, shown = list(text), list(known)
            for i in positions:
                after[i], shown[i] = drawn[i], True
            for i in revise(ask, text, known, positions) if revise else ():
                shown[i] = False
            for whole, rest in walk(after, shown, remembered).items():
                result[whole] = result.get(whole, 0.0) + probability * rest
        return result

    return walk([0] * law.length, [False] * law.length, None)


def divergence(p, q):
    """KL(p || q), nats."""
    with np.errstate(divide="ignore"):
        return sum(x * math.log(x / y) if y > 0 else math.inf for x, y in zip(p, q, strict=True) if x > 0)


def surest(laws, masked):
    return best_first({i: max(laws[i]) for i in masked})


def klass(tau, epsilon, history):
    """memory: the laws of the step before, and how often in a row each has moved by less than epsilon."""

    def rule(ask, text, known, drawn, laws, memory):
        masked = sorted(drawn)
        before, streak = memory if memory else (None, {})
        now = {
            i: streak.get(i, 0) + 1 if before is not None and divergence(laws[i], before[i]) < epsilon else 0
            for i in masked
        }
        found = [i for i in masked if max(laws[i]) > tau and now[i] >= history]
        return found or surest(laws, masked)[:1], (laws, now)

    return rule


def punt(epsilon):
    def rule(ask, text, known, drawn, laws, memory):
        ranked = surest(laws, drawn)
        left = set(range(len(ranked)))
        for bit in reversed(range((len(ranked) - 1).bit_length())):
            anchors = {r for r in left if not r >> bit & 1}
            tested = left - anchors
            if not tested:
                continue
            shown_text, shown = list(text), list(known)
            for r in anchors:
                shown_text[ranked[r]], shown[ranked[r]] = drawn[ranked[r]], True
            after = ask(shown_text, shown)
            left -= {r for r in tested if divergence(laws[ranked[r]], after[ranked[r]]) > epsilon}
        return [ranked[r] for r in left], None

    return rule


def wino_draft(tau, least):
    def rule(ask, text, known, drawn, laws, memory):
        sure = [i for i in drawn if max(laws[i]) > tau]
        cap = max(least, int(0.7 * len(drawn)))
        return surest(laws, drawn)[: max(1, min(len(sure), cap))], None

    return rule


def wino_verify(tau):
    """Of the tokens known before the draft, the least likely given all others known then; fewer than were drafted."""

    def revise(ask, text, known, positions):
        support = {}
        for i in range(len(text)):
            if known[i]:
                others = [k and j != i for j, k in enumerate(known)]
                support[i] = ask(text, others)[i, text[i]]
        weak = sorted((i for i in support if support[i] < tau), key=lambda i: (support[i], i))
        return weak[: len(positions) - 1]

    return revise

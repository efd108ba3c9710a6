"""Which positions the dependence rule reveals, step by step, by plain loops over a law; for one text."""

import numpy as np


def chosen(law, text, profile, gamma):
    """The positions of each step, sorted, when the text is revealed with lowest entropy (or bit reversal) first."""
    length = len(text)
    known = np.zeros(length, dtype=bool)
    ranks = {position: rank for rank, position in enumerate(_bit_reversal(length))}
    steps = []
    while not known.all():
        laws = law.conditionals(np.where(known, text, 0)[None], known[None])[0]
        entropy = [float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in laws]
        hidden = [i for i in range(length) if not known[i]]
        wish = (lambda i: (entropy[i], i)) if profile.pairs is not None else (lambda i: ranks[i])  # noqa: B023
        hidden.sort(key=wish)
        taken, spent = [hidden[0]], 0.0
        told = dict.fromkeys(hidden, 0.0)
        while True:
            new = taken[-1]
            for i in hidden:
                share = _share(profile, new, i, (known.sum() + len(taken) - 1) / length)
                told[i] += share * min(entropy[i], entropy[new])
            able = [i for i in hidden if i not in taken and spent + min(told[i], entropy[i]) <= gamma]
            if not able:
                break
            best = min(able, key=lambda i: (round(min(told[i], entropy[i]) / entropy[i], 6), hidden.index(i)))
            spent += min(told[best], entropy[best])
            taken.append(best)
        known[taken] = True
        steps.append(sorted(taken))
    return steps


def _share(profile, i, j, known):
    """Interpolated between the numbers of known positions; 0 beyond the distances that are there."""
    if profile.pairs is not None:
        values = profile.pairs[:, i, j]
    else:
        away = abs(i - j)
        if away >= profile.by_distance.shape[1]:
            return 0.0
        values = profile.by_distance[:, away]
    return float(np.interp(known, profile.known, values))


def _bit_reversal(length):
    """Positions in the order of their bits read backwards."""
    bits = max(1, (length - 1).bit_length())
    return sorted(range(length), key=lambda i: int(f"{i:0{bits}b}"[::-1], 2))

"""The G test of sampled texts against a law that is listed text by text."""

import numpy as np
from scipy.stats import chi2


def g_test(tokens, law):
    """p-value of the G test of rows against {text: probability}; rare texts are put together until 8 are expected."""
    n = len(tokens)
    seen = {}
    for row in map(tuple, tokens.tolist()):
        seen[row] = seen.get(row, 0) + 1
    assert set(seen) <= {text for text, p in law.items() if p > 0}, "a text of probability zero was sampled"
    cells, rare = [], [0, 0.0]
    for text, p in sorted(law.items(), key=lambda item: item[1]):
        if rare[1] < 8 or p * n < 8:
            rare = [rare[0] + seen.get(text, 0), rare[1] + p * n]
        else:
            cells.append((seen.get(text, 0), p * n))
    cells.append(tuple(rare))
    g = 2 * sum(o * np.log(o / e) for o, e in cells if o)
    return chi2.sf(g, len(cells) - 1)

"""Whether a network can be sampled from with nearly everything masked, said in words from its cross-entropy curve.

A perfect model's cross-entropy with k tokens known, c_k, is at most what any guess that ignores the known tokens pays:
guessing evenly among the tokens that may be drawn costs log V, counting how often each token stands at each position
costs what a table of frequencies costs on texts it has not counted. Networks trained with few tokens masked pay more
than either where much is masked; one whose head is not alive pays more even where one token is. Knows nothing about
networks: it is given numbers.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MARGIN = 0.05
SHARE = 0.1
"""A network is called worse than a table when it pays so many nats per token and this share of the table's more: the
table is counted on texts of the very same source, which no network has seen, and gains a little by that."""


@dataclass(frozen=True)
class Usability:
    """What a curve says about a network.

    Attributes:
        usable_from: tokens known from which on the network is no worse than guessing from frequencies, at every
            measured count; None when it is worse even with most known.
        length: tokens of a text.
        uniform: nats per token of guessing evenly among the tokens that may be drawn.
        frequencies: nats per token of the better table of frequencies: of each position, or of all positions together.
        sentences: what a person should know; the first is the verdict.
    """

    usable_from: int | None
    length: int
    uniform: float
    frequencies: float
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "usable_from": self.usable_from,
            "length": self.length,
            "nats_per_token_guessing_evenly": self.uniform,
            "nats_per_token_of_frequencies": self.frequencies,
            "says": list(self.sentences),
        }


def usability(
    counts: npt.ArrayLike,
    losses: npt.ArrayLike,
    entropies: npt.ArrayLike,
    choices: int,
    texts: npt.NDArray[np.int64],
) -> Usability:
    """Judge a network by its curve.

    Args:
        counts: (C,) tokens known, ascending, 0 the first.
        losses: (C,) nats per token: cross-entropy of the masked ones (`Measurement.losses.mean(axis=0)`).
        entropies: (C,) nats per token: the network's own entropy there.
        choices: how many tokens may be drawn, V without the forbidden ids.
        texts: (N, L) the texts it was measured on.

    Example:
        >>> import numpy as np
        >>> texts = np.tile([[0, 1], [1, 0]], (10, 1))
        >>> usability([0, 1], [0.69, 0.0], [0.69, 0.0], 2, texts).usable_from
        0
    """
    counts, losses, entropies = np.asarray(counts), np.asarray(losses, float), np.asarray(entropies, float)
    length, uniform = texts.shape[1], math.log(choices)
    frequencies = min(uniform, frequency_loss(texts, choices), frequency_loss(texts.reshape(-1, 1), choices))
    worse = losses > (1 + SHARE) * frequencies + MARGIN
    first, own, most = losses[0], entropies[0], losses[-1]
    guesses = f"guessing evenly costs {uniform:.2f}, from frequencies {frequencies:.2f} nats/token"
    if worse[-1]:
        verdict = (
            f"dead or foreign: even with {counts[-1]} of {length} tokens known it pays {most:.2f} nats/token where "
            f"{guesses}; its head does not work, or it does not know such text"
        )
        return Usability(None, length, uniform, frequencies, (verdict,))
    if not worse.any():
        verdict = f"usable with everything masked: {first:.2f} nats/token with nothing known, where {guesses}"
        return Usability(0, length, uniform, frequencies, (verdict,))
    start = int(counts[int(np.flatnonzero(worse)[-1]) + 1])
    verdict = (
        f"not usable with nearly everything masked: {first:.2f} nats/token with nothing known, where {guesses}; "
        f"usable from about {start} of {length} known tokens on"
    )
    if own > 0.75 * uniform:
        why = (
            f"with nothing known it answers as one that guesses (own entropy {own:.2f}): "
            "it may never have seen the mask, or never so many"
        )
    else:
        why = (
            f"with nothing known it is sure and wrong (own entropy {own:.2f}, {first - own:.2f} less than it pays): "
            "it was trained with few tokens masked"
        )
    advice = (
        "sample from partly known sequences, or fine-tune it at all masking rates; the prices of early steps hold this "
        "error, which is the model's and no lost information"
    )
    return Usability(start, length, uniform, frequencies, (verdict, why, advice))


def frequency_loss(texts: npt.NDArray[np.int64], choices: int) -> float:
    """Nats per token of a table of token frequencies at each position, each text priced by the others.

    Half a count is added for each of the `choices` tokens (Krichevsky and Trofimov, 1981).
    """
    total = 0.0
    rows = len(texts)
    for column in texts.T:
        _, place, seen = np.unique(column, return_inverse=True, return_counts=True)
        total -= float(np.log((seen[place] - 1 + 0.5) / (rows - 1 + 0.5 * choices)).mean())
    return float(total / texts.shape[1])

"""Dependence: by how much revealing one position lowers the loss of another, measured pair by pair and by distance.

For a perfect model and nothing else revealed the mean drop of the model's entropy, `H(X_i) - H(X_i | X_j)`, is the
mutual information of the pair, in nats. Where positions mean something (proteins, tables, forms) the table of pairs
says which should not be revealed together; in text only the distance counts, and is known far better.

One network call with a single position more revealed gives the drops at all others. Knows nothing of orders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.texts import block_ranges, check_texts, known_positions
from unmask.models.predictor import Predictor
from unmask.order_search.masked_losses import MaskedLosses
from unmask.theory.curve import FloatArray

IntArray = npt.NDArray[np.int64]

FORMAT = "unmask.dependence/1"
ARRAYS = {"seen": 2, "drops": 2, "errors": 2, "loss_drops": 2, "loss_errors": 2, "entropies": 1}
PROFILES = ("distance_drops", "distance_errors", "distance_loss_drops", "distance_loss_errors")


@dataclass(frozen=True, eq=False)
class Dependence:
    """How much each position tells of each other one. Entry [j, i]: j is revealed, i is looked at.

    Errors are standard errors over texts. An entry that was not measured, the diagonal included, is 0 with `seen` 0.

    Attributes:
        seen: (n, n) how many texts a pair was measured on.
        drops: (n, n) nats by which the model's entropy at i falls when j is revealed, mean over texts; `errors` of it.
        loss_drops: (n, n) the same for the loss of the true token: right for miscalibrated models too, but noisier.
        entropies: (n,) nats, mean entropy of each position before.
        distance_drops: (n,) the mean over all pairs |i - j| = d, entry 0 unused; `distance_errors` of it.
        distance_loss_drops: (n,) the same for the losses; `distance_loss_errors` of it.
        revealed: how many random positions were known before.
        texts: M. network_calls: spent. seed: of what was revealed.
    """

    seen: IntArray
    drops: FloatArray
    errors: FloatArray
    loss_drops: FloatArray
    loss_errors: FloatArray
    entropies: FloatArray
    distance_drops: FloatArray
    distance_errors: FloatArray
    distance_loss_drops: FloatArray
    distance_loss_errors: FloatArray
    revealed: int
    texts: int
    network_calls: int
    seed: int

    @property
    def size(self) -> int:
        """n, positions that were measured."""
        return len(self.entropies)

    def relative(self) -> FloatArray:
        """(n, n) drops as a share of the smaller of both entropies, `I(i; j) / min(H_i, H_j)`; 0 where that is 0."""
        smaller = np.minimum(self.entropies[:, None], self.entropies)
        return np.asarray(np.divide(self.drops, smaller, out=np.zeros_like(self.drops), where=smaller > 0))

    def pairs(self) -> FloatArray:
        """(n, n) symmetric nats, the best estimate of every pair: its own drops, drawn towards those of its distance.

        With `v` the variance of pairs about their distance's mean beyond what sampling explains, a pair of standard
        error s keeps `v / (v + s^2)` of its own deviation (empirical Bayes). Pairs that were not measured are given
        the mean of their distance.
        """
        counts = self.seen + self.seen.T
        both = np.divide(self.seen * self.drops + (self.seen * self.drops).T, counts, out=np.zeros_like(self.drops),
                         where=counts > 0)  # fmt: skip
        weighted = (self.seen * self.errors) ** 2
        squared = np.divide(weighted + weighted.T, counts.astype(float) ** 2, out=np.zeros_like(both), where=counts > 0)
        away = np.abs(np.subtract.outer(np.arange(self.size), np.arange(self.size)))
        prior = self.distance_drops[away]
        known = (np.minimum(self.seen, self.seen.T) > 1) & (away > 0)
        beyond = max(0.0, float(((both - prior) ** 2 - squared)[known].mean())) if known.any() else 0.0
        kept = np.divide(beyond, beyond + squared, out=np.zeros_like(both), where=known & (beyond + squared > 0))
        found = np.clip(prior + kept * (both - prior), 0.0, np.minimum(self.entropies[:, None], self.entropies))
        np.fill_diagonal(found, 0.0)
        return np.asarray(found)

    # -- files -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        numbers = {name: getattr(self, name) for name in ("revealed", "texts", "network_calls", "seed")}
        return {"format": FORMAT, **numbers, **{name: getattr(self, name).tolist() for name in (*ARRAYS, *PROFILES)}}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Dependence:
        """The inverse; InputError where something is missing or has another shape."""
        whole = {name: value.get(name) for name in ("revealed", "texts", "network_calls", "seed")}
        wrong = [name for name, number in whole.items() if isinstance(number, bool) or not isinstance(number, int)]
        if wrong:
            raise InputError(f"{wrong[0]} is {whole[wrong[0]]!r}; expected a whole number")
        try:
            arrays = {name: np.array(value.get(name), dtype=np.float64) for name in (*ARRAYS, *PROFILES)}
        except (TypeError, ValueError):
            raise InputError("an array of the dependence table holds something that is not a number") from None
        size = arrays["entropies"].size
        for name, array in arrays.items():
            expected = (size,) * ARRAYS.get(name, 1)
            if array.shape != expected or not size or not np.all(np.isfinite(array)):
                raise InputError(f"{name} has shape {array.shape}; expected finite numbers of shape {expected}")
        values: dict[str, Any] = {**arrays, "seen": arrays["seen"].astype(np.int64), **whole}
        return cls(**values)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the table as JSON, whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Dependence:
        """Read what `save` wrote; InputError, naming the file, when it is missing or not such a table."""
        value = read_json(path, FORMAT)
        try:
            return cls.from_dict(value)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def __repr__(self) -> str:
        return f"Dependence({self.size} positions, texts={self.texts}, network_calls={self.network_calls})"


def measure_dependence(
    predictor: Predictor,
    texts: npt.ArrayLike | Tensor,
    calls: int | None = None,
    seed: int = 0,
    *,
    revealed: int = 0,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
) -> Dependence:
    """Measure how much revealing one position tells of another.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        texts: (N, length) held-out texts.
        calls: network calls to spend at most; by default every position of every text is revealed once, N (n + 1).
            With fewer, positions take turns, as often each as possible.
        revealed: how many other positions, drawn anew for every text, are known before: dependence given some context.
        given, block_length: as for `measure`.

    Raises:
        InputError: on texts the model cannot be measured on, `revealed` outside 0..n-2, or calls for less than 2 texts.

    >>> law = unmask.laws.IsingChain(6, 1.0)
    >>> found = measure_dependence(unmask.oracle(law), law.sample(50, 0))
    >>> found.drops[2, 3]           # nats that one spin tells of the next: log 2 - h_b((1 - tanh 1) / 2)
    0.327...
    """
    tokens = check_texts(predictor, texts)
    known, _ = known_positions(given, tokens)
    field = MaskedLosses(predictor, tokens, known, block_ranges(known, block_length))
    each = predictor.calls_per_query
    return dependence_of(field, None if calls is None else calls // each, seed, revealed, calls_per_query=each)


def dependence_of(
    field: MaskedLosses, canvases: int | None = None, seed: int = 0, revealed: int = 0, calls_per_query: int = 1
) -> Dependence:
    """As `measure_dependence`, of texts that are ready to be asked about, for at most so many canvases."""
    size = field.size
    if isinstance(revealed, bool) or not 0 <= revealed <= size - 2:
        raise InputError(f"revealed is {revealed}; expected a whole number from 0 to n - 2 = {size - 2}")
    canvases = field.texts * (size - revealed + 1) if canvases is None else canvases
    texts = min(field.texts, canvases // 2)
    if texts < 2:
        raise InputError(f"{canvases} canvases of {field.texts} texts are too few; a standard error needs 2 texts")
    turns = min(size - revealed, canvases // texts - 1)  # positions revealed in turn in each text
    rng = np.random.default_rng([seed, 5])
    queue = np.concatenate([rng.permutation(size) for _ in range(2 + texts * turns // size)])
    sums = np.zeros((4, size, size))  # of the drops of entropies and losses, and of their squares
    seen = np.zeros((size, size), dtype=np.int64)
    by_distance = np.zeros((2, texts, size))
    away = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    entropies, spent = np.zeros((2, size)), 0
    for text, number in enumerate(rng.permutation(field.texts)[:texts]):
        before = np.zeros(size, dtype=np.bool_)
        before[rng.permutation(size)[:revealed]] = True
        singles = _next(queue, text * turns, turns, before)
        shown = np.repeat(before[None], len(singles) + 1, axis=0)
        shown[np.arange(1, len(shown)), singles] = True
        losses, own = field.read_rows(shown, np.full(len(shown), number))
        spent += len(shown)
        looked = ~shown[1:]  # (turns, n)
        drops = np.where(looked, np.stack([own[0] - own[1:], losses[0] - losses[1:]]), 0.0)
        sums[:2, singles] += drops
        sums[2:, singles] += drops**2
        seen[singles] += looked
        entropies += np.stack([own[0], ~before])
        pairs = np.maximum(np.bincount(away[singles][looked], minlength=size), 1)
        for kind in range(2):
            by_distance[kind, text] = np.bincount(away[singles][looked], drops[kind][looked], size) / pairs
    means = sums[:2] / np.maximum(seen, 1)
    spread = np.maximum(sums[2:] - np.maximum(seen, 1) * means**2, 0.0) / np.maximum(seen - 1, 1)
    errors = np.sqrt(spread / np.maximum(seen, 1))
    profile, profile_errors = by_distance.mean(axis=1), by_distance.std(axis=1, ddof=1) / np.sqrt(texts)
    return Dependence(
        seen, means[0], errors[0], means[1], errors[1], entropies[0] / np.maximum(entropies[1], 1),
        profile[0], profile_errors[0], profile[1], profile_errors[1],
        revealed, texts, spent * calls_per_query, seed,
    )  # fmt: skip


def _next(queue: IntArray, start: int, count: int, taken: npt.NDArray[np.bool_]) -> IntArray:
    """The next `count` positions of the queue from `start` on that differ and are not taken."""
    ahead = queue[start:]
    _, first = np.unique(ahead, return_index=True)
    ahead = ahead[np.sort(first)]
    return np.asarray(ahead[~taken[ahead]][:count])

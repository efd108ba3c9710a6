"""Measures a dependence profile: how much of a token's uncertainty goes when another token is shown.

Of every text some positions are shown, at several counts; then one position more, and the model's entropies are read
again at all that are hidden. One network call so gives the drops at all of them. Mean drops are divided by the mean of
the smaller entropy of both, over texts, for every pair of positions and for every distance.

A single share is noisy and a mean of many is not: shares of distances are drawn towards 0, and those of pairs towards
that of their distance, by as much as their standard errors say (empirical Bayes). What was hardly ever seen counts as
dependent: a quarter of a nat of complete dependence is added to all that was measured, so that no share is 0. Whether
pairs say more than distances is decided by prediction: what is learnt on half of the texts is tried on the other half.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.measuring.losses import PAIRS_AT_ONCE, LossReader
from unmask.measuring.model_identity import describe_model
from unmask.measuring.texts import BoolArray, block_ranges, check_texts, identify, known_positions
from unmask.models.predictor import Predictor
from unmask.theory.curve import FloatArray
from unmask.theory.dependence_profile import DependenceProfile

LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Shares of the positions that are known; two at least stay hidden."""
SHOWN = 16
"""Positions shown one by one at each level of a text, unless told otherwise."""
BETTER = 1.05
"""Pairs are kept when they explain so many times what distances do: these serve every length, and are known better."""
DOUBT = 0.25
"""Nats of complete dependence that are added to what was seen."""
MOST_PAIRS = 256
"""Of texts of more positions only distances are kept."""


def measure_dependence_profile(
    predictor: Predictor,
    texts: npt.ArrayLike | Tensor,
    seed: int = 0,
    *,
    calls: int | None = None,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    pairs: bool | None = None,
    batch_size: int = 64,
    source: str = "",
    progress: Callable[[int, int], object] | None = None,
) -> DependenceProfile:
    """Measure which share of a token's uncertainty other tokens take away.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        texts: (N, length) held-out texts, at least 2.
        seed: of the positions that are shown; those of a text depend on the seed and its tokens, not on its place.
        calls: network calls to spend at most; by default 17 for each text at each of five counts of known positions,
            fewer where a text has fewer positions.
        given, block_length: as for `measure`.
        pairs: whether to keep shares for pairs of positions or for distances alone; by default what predicts better.
        batch_size: canvases a network call holds.
        source: as in `measure`.
        progress: told (texts done, texts in all).

    Raises:
        InputError: on texts the model cannot be measured on, fewer than two, or calls that do not reach for two.

    Examples:
        >>> law = unmask.laws.Repeated(4, 3)  # all tokens are the same one
        >>> unmask.measure_dependence(unmask.oracle(law), law.sample(8, 0)).by_distance[0, 1:].round(3).tolist()
        [1.0, 1.0, 1.0]
    """
    tokens = check_texts(predictor, texts)
    known, _ = known_positions(given, tokens)
    ranges = block_ranges(known, block_length)
    size = ranges[0][1] - ranges[0][0]
    if len(tokens) < 2 or size < 2:
        raise InputError(f"{len(tokens)} texts of {size} positions to reveal were given; dependence needs 2 of 2")
    counts = sorted({min(round(share * size), size - 2) for share in LEVELS})
    canvases = None if calls is None else calls // predictor.calls_per_query
    shown, most = _spending(canvases, len(tokens), len(ranges), counts, size)
    order = np.argsort(identify(tokens, source))[:most]  # by digest: the order of the texts does not matter
    sums = _Sums(
        len(counts), tokens.shape[1], len(order), keep_pairs=tokens.shape[1] <= MOST_PAIRS and pairs is not False
    )
    reader = LossReader(predictor)
    digests = identify(tokens, source)
    for number, row in enumerate(order):
        rng = np.random.default_rng([seed, 3, int(digests[row], 16)])
        free = np.flatnonzero(~known[row])
        for begin, end in ranges:
            for level, count in enumerate(counts):
                before = known[row].copy()
                before[free[:begin]] = True
                places = free[begin:end]
                before[rng.permutation(places)[:count]] = True
                hidden = places[~before[places]]
                singles = rng.permutation(hidden)[:shown]
                own, after = _entropies(reader, tokens[row], before, hidden, singles, batch_size)
                sums.add(number, level, hidden, singles, own, after)
        if progress is not None:
            progress(number + 1, len(order))
    by_distance = sums.by_distance()
    table = sums.doubted_pairs() if sums.keep_pairs and (pairs or sums.pairs_predict_better()) else None
    return DependenceProfile(
        np.array(counts) / size, by_distance, table, texts=len(order), network_calls=reader.calls, seed=seed,
        model=describe_model(predictor),
    )  # fmt: skip


def _spending(canvases: int | None, texts: int, blocks: int, counts: list[int], size: int) -> tuple[int, int]:
    """How many positions are shown one by one at each level, and of how many texts, for so many canvases."""
    most = sum(1 + min(SHOWN, size - count) for count in counts) * blocks
    least = 2 * len(counts) * blocks
    if canvases is None or canvases >= most * texts:
        return SHOWN, texts
    if canvases < 2 * least:
        raise InputError(f"calls allow {canvases} canvases; two texts need {2 * least}")
    number = min(texts, canvases // least)
    shown = max(1, canvases // (number * len(counts) * blocks) - 1)
    return min(SHOWN, shown), number


def _entropies(
    reader: LossReader, tokens: npt.NDArray[np.int64], before: BoolArray, hidden: npt.NDArray[np.int64],
    singles: npt.NDArray[np.int64], batch_size: int,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Entropies of the hidden positions (h,), and with each single one shown besides (s, h), 0 where it is shown."""
    text = torch.from_numpy(tokens)[None]
    _, own = reader.of(text, torch.from_numpy(before)[None], torch.from_numpy(hidden)[None])
    known = np.repeat(before[None], len(singles), axis=0)
    known[np.arange(len(singles)), singles] = True
    still = hidden[None] != singles[:, None]  # (s, h)
    columns = np.broadcast_to(hidden, still.shape)[still].reshape(len(singles), -1)
    found = np.zeros(still.shape)
    rows_at_once = max(1, min(batch_size, PAIRS_AT_ONCE // max(1, columns.shape[1] * reader.predictor.vocab_size)))
    for start in range(0, len(singles), rows_at_once):
        rows = slice(start, start + rows_at_once)
        read = reader.of(
            text.expand(len(columns[rows]), -1), torch.from_numpy(known[rows]), torch.from_numpy(columns[rows])
        )
        found[rows][still[rows]] = read[1].ravel()
    return own[0], found


class _Sums:
    """Drops D and smaller entropies M, added up: for pairs in two halves of the texts, for distances text by text.

    A share is sum D / sum M; its squared standard error sum (D - r M)^2 / (sum M)^2, to which end D D, D M, M M are
    added up too.
    """

    def __init__(self, levels: int, length: int, texts: int, keep_pairs: bool) -> None:
        self.keep_pairs, self.length = keep_pairs, length
        self.away = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        self.pairs = np.zeros((2, 5, levels, length, length) if keep_pairs else (2, 5, levels, 0, 0))
        self.distances = np.zeros((2, levels, texts, length))

    def add(
        self, text: int, level: int, hidden: npt.NDArray[np.int64], singles: npt.NDArray[np.int64],
        own: FloatArray, after: FloatArray,
    ) -> None:  # fmt: skip
        """What one text showed at one level."""
        place = np.searchsorted(hidden, singles)
        smaller = np.minimum(own[None], own[place][:, None])
        looked = hidden[None] != singles[:, None]
        drop = np.where(looked, own[None] - after, 0.0)
        smaller = np.where(looked, smaller, 0.0)
        away = self.away[singles[:, None], hidden[None]]
        for kind, values in enumerate((drop, smaller)):
            self.distances[kind, level, text] += np.bincount(away.ravel(), values.ravel(), self.length)
        if self.keep_pairs:
            squares = (drop, smaller, drop * drop, drop * smaller, smaller * smaller)
            for kind, values in enumerate(squares):
                table = self.pairs[text % 2, kind, level]
                table[singles[:, None], hidden[None]] += values
                table[hidden[:, None], singles[None]] += values.T

    def by_distance(self) -> FloatArray:
        """(K, L) shares, drawn towards 0 by as much as they are uncertain."""
        drops, smaller = self.distances  # (K, N, L)
        total = smaller.sum(1)
        share = _ratio(drops.sum(1), total)
        squared = _ratio(((drops - share[:, None] * smaller) ** 2).sum(1), total**2)
        kept = np.clip(1 - _ratio(squared, share**2), 0.0, 1.0)
        share = _doubted(np.clip(share * kept, 0.0, 1.0), total)
        share[:, 0] = 0.0
        return share

    def of_pairs(self, halves: slice = slice(None)) -> FloatArray:
        """(K, L, L) shares of pairs, each drawn towards that of its distance."""
        drops, smaller, dd, dm, mm = self.pairs[halves].sum(0)
        found = np.zeros_like(drops)
        for level in range(len(drops)):
            total = np.bincount(self.away.ravel(), smaller[level].ravel(), self.length)
            mean = _ratio(np.bincount(self.away.ravel(), drops[level].ravel(), self.length), total)[self.away]
            share = _ratio(drops[level], smaller[level])
            residual = dd[level] - 2 * mean * dm[level] + mean**2 * mm[level]  # about the prior: right for few texts
            squared = _ratio(np.maximum(residual, 0.0), smaller[level] ** 2)
            weight = smaller[level]
            beyond = max(0.0, float(_ratio((weight * ((share - mean) ** 2 - squared)).sum(), weight.sum())))
            kept = _ratio(np.full_like(squared, beyond), beyond + squared)
            found[level] = np.clip(mean + np.where(weight > 0, kept, 0.0) * (share - mean), 0.0, 1.0)
        return np.asarray((found + found.transpose(0, 2, 1)) / 2)

    def doubted_pairs(self) -> FloatArray:
        """The same, of all texts, with the doubt of what was hardly seen; 0 on the diagonal."""
        found = _doubted(self.of_pairs(), self.pairs[:, 1].sum(0))
        found[:, np.arange(self.length), np.arange(self.length)] = 0.0
        return found

    def pairs_predict_better(self) -> bool:
        """Whether shares of pairs learnt on half of the texts predict the other half's drops better than distances."""
        loss = np.zeros(2)
        for half in range(2):
            learnt = self.of_pairs(slice(half, half + 1))
            dm, mm = self.pairs[1 - half, 3:]
            theirs, total = self.pairs[half, 0], self.pairs[half, 1]
            for level in range(len(learnt)):
                sums = [
                    np.bincount(self.away.ravel(), values[level].ravel(), self.length) for values in (theirs, total)
                ]
                for kind, guess in enumerate((_ratio(sums[0], sums[1])[self.away], learnt[level])):
                    loss[kind] += float((guess**2 * mm[level] - 2 * guess * dm[level]).sum())  # (D - r M)^2 less D^2
        return bool(loss[1] < BETTER * loss[0])  # both are negative: what is explained


def _doubted(share: FloatArray, weight: FloatArray) -> FloatArray:
    """A mean of `share`, of so many nats of entropy, and complete dependence."""
    return np.asarray((share * weight + DOUBT) / (weight + DOUBT))


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> FloatArray:
    """above / below, 0 where below is 0."""
    return np.asarray(np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0))

"""Learning an order by asking the model: which positions to reveal in which of T steps, by local search.

A partition gives every position the number of its step. Its cost is the T-step NELBO on the texts that are searched on:
`sum_t sum_{i in step t} -log p_i(x_i | tokens of earlier steps)`. Moving a position to the next step, or the one
before, changes a single canvas, so one evaluation of the network gives its exact gain on every text. Moves are made
when the gain is larger than chance explains: with a few dozen texts a search would otherwise learn them by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.order_search.masked_losses import MaskedLosses
from unmask.theory.curve import FloatArray
from unmask.theory.reveal_orders import BitReversal, Given
from unmask.theory.schedule import Schedule

IntArray = npt.NDArray[np.int64]

SURE = 2.0
"""A move is made when its mean gain is this many standard errors above zero."""
SWAPS = 12  # exchanges tried at each boundary, the most promising ones
KICK = 3  # positions that are moved at random to leave a local optimum


@dataclass(frozen=True)
class Partition:
    """The step of each position, and the losses of each text at the canvas of every step.

    Attributes:
        labels: (n,) step of each position, 0..T-1, none empty.
        losses: (T, M, n) nats with the earlier steps revealed.
    """

    labels: IntArray
    losses: FloatArray

    @classmethod
    def of(cls, labels: IntArray, field: MaskedLosses) -> Partition:
        return cls(labels, np.concatenate([field.losses([labels < step]) for step in range(labels.max() + 1)]))

    @property
    def steps(self) -> int:
        return len(self.losses)

    @property
    def costs(self) -> FloatArray:
        """NELBO of each text, (M,) nats."""
        return np.asarray(self.losses[self.labels, :, np.arange(len(self.labels))].sum(axis=0))

    @property
    def schedule(self) -> Schedule:
        return Schedule(np.bincount(self.labels).tolist())

    @property
    def order(self) -> Given:
        """Step after step; spaced out inside a step, so that finer steps fare well too."""
        spaced = np.argsort(BitReversal(shift=False).draw(len(self.labels)))
        return Given(np.lexsort((spaced, self.labels)).tolist())

    def moved(self, labels: IntArray, field: MaskedLosses) -> Partition:
        """With other labels; only canvases that change are asked for."""
        losses = self.losses.copy()
        for step in range(1, self.steps):
            if np.any((labels < step) != (self.labels < step)):
                losses[step] = field.losses([labels < step])[0]
        return Partition(labels, losses)


def labels_of(permutation: IntArray, schedule: Schedule) -> IntArray:
    """The step of each position, for an order and its sizes."""
    labels = np.empty(len(permutation), dtype=np.int64)
    labels[permutation] = np.repeat(np.arange(schedule.steps), schedule.sizes)
    return labels


def improve(start: Partition, field: MaskedLosses, calls: int, seed: int = 0) -> Partition:
    """Local search from a partition, with random kicks, until about `calls` network calls are spent."""
    rng = np.random.default_rng(seed)
    limit = field.calls + calls
    best = _descend(start, field, limit, rng)
    spent_without_gain = 0
    while field.calls < limit and best.steps > 1 and spent_without_gain < 6:
        found = _descend(_kicked(best, field, rng), field, limit, rng)
        if _is_gain(best.costs - found.costs):
            best, spent_without_gain = found, 0
        else:
            spent_without_gain += 1
    return best


def _descend(partition: Partition, field: MaskedLosses, limit: int, rng: np.random.Generator) -> Partition:
    """Moves and exchanges across the boundaries between steps, until none helps."""
    moving = True
    while moving and field.calls < limit:
        moving = False
        for step in rng.permutation(np.arange(1, partition.steps)):
            if field.calls >= limit:
                break
            better = _across(partition, int(step), field)
            if better is not None:
                partition, moving = better, True
    return partition


def _across(partition: Partition, step: int, field: MaskedLosses) -> Partition | None:
    """The best of the moves between step - 1 and step that is a gain, or None."""
    labels = partition.labels
    earlier, later = np.flatnonzero(labels == step), np.flatnonzero(labels == step - 1)
    gains, moves = [], []  # (M,) nats of each move, and what it moves
    for positions, revealed in ((earlier, True), (later, False)):
        if len(positions) == 1:  # its step would be empty
            continue
        canvases = np.repeat((labels < step)[None], len(positions), axis=0)
        canvases[np.arange(len(positions)), positions] = revealed
        for position, losses in zip(positions, field.losses(canvases), strict=True):
            gains.append(_gain(partition, step, [int(position)], losses))
            moves.append([int(position)])
    means = np.array([gain.mean() for gain in gains])
    tried = _joint(moves, gains, means) + _exchanges(labels, step, moves, means)
    for move in tried:
        other = labels.copy()
        other[move] = 2 * step - 1 - labels[move]
        if min(np.bincount(other, minlength=partition.steps)) == 0:
            continue
        losses = field.losses([other < step])[0]
        gains.append(_gain(partition, step, move, losses))
        moves.append(move)
    if not gains:
        return None
    best = int(np.argmax([gain.mean() for gain in gains]))
    if not _is_gain(gains[best]):
        return None
    other = labels.copy()
    other[moves[best]] = 2 * step - 1 - labels[moves[best]]
    return partition.moved(other, field)


def _gain(partition: Partition, step: int, move: list[int], losses: FloatArray) -> FloatArray:
    """(M,) nats each text gains when the positions of `move` change sides and canvas `step` has these losses."""
    labels = partition.labels
    other = labels.copy()
    other[move] = 2 * step - 1 - labels[move]
    touched = np.flatnonzero((labels == step) | (labels == step - 1))
    before = partition.losses[labels[touched], :, touched]  # (touched, M)
    after = np.where((other[touched] == step)[:, None], losses.T[touched], partition.losses[step - 1].T[touched])
    return np.asarray((before - after).sum(axis=0))


def _joint(moves: list[list[int]], gains: list[FloatArray], means: FloatArray) -> list[list[int]]:
    """All moves that gain by themselves, and half and a quarter of them, the best first, made together."""
    order = [int(place) for place in np.argsort(-means) if _is_gain(gains[place])]
    counts = dict.fromkeys(count for count in (len(order), len(order) // 2, len(order) // 4) if count > 1)
    return [[position for place in order[:count] for position in moves[place]] for count in counts]


def _exchanges(labels: IntArray, step: int, moves: list[list[int]], means: FloatArray) -> list[list[int]]:
    """One position from each side, the pairs whose own gains add up to most."""
    up = [place for place, move in enumerate(moves) if labels[move[0]] == step]
    down = [place for place, move in enumerate(moves) if labels[move[0]] == step - 1]
    if not up or not down:
        return []
    sums = means[up][:, None] + means[down]
    chosen = np.argsort(-sums, axis=None)[:SWAPS]
    return [[moves[up[a]][0], moves[down[b]][0]] for a, b in zip(*np.unravel_index(chosen, sums.shape), strict=True)]


def _kicked(partition: Partition, field: MaskedLosses, rng: np.random.Generator) -> Partition:
    """A few positions in other steps."""
    while True:
        labels = partition.labels.copy()
        chosen = rng.choice(len(labels), size=min(KICK, len(labels)), replace=False)
        labels[chosen] = rng.integers(partition.steps, size=len(chosen))
        if min(np.bincount(labels, minlength=partition.steps)) > 0:
            return partition.moved(labels, field)


def _is_gain(gain: FloatArray) -> bool:
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return bool(gain.mean() > 1e-6 + SURE * error)

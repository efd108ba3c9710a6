"""Learning an order by asking the model: which positions to reveal in which of T steps, by local search.

A partition gives every position the number of its step. Its cost is the T-step NELBO to expect on the texts that are
searched on: `sum_t sum_{i in step t} E[-log p_i | tokens of earlier steps]`. Moving a position to the next step, or the
one before, changes a single canvas, so one evaluation of the network gives its gain on every text. Of all moves looked
at together the best on one half of the texts is made when the other half confirms it: with a few dozen texts a search
would otherwise learn them by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from unmask.order_search.calibration import ExpectedLosses, adjusted
from unmask.theory.curve import FloatArray
from unmask.theory.reveal_orders import BitReversal, Given
from unmask.theory.schedule import Schedule

IntArray = npt.NDArray[np.int64]

ERROR_RATE = 0.05
"""How often, where nothing is to be gained, the best of the moves that are looked at together is made."""
SWAPS = 12  # exchanges tried at each boundary, the most promising ones
CHOOSING, CONFIRMING = slice(0, None, 2), slice(1, None, 2)  # texts


@dataclass(frozen=True)
class Partition:
    """The step of each position, and what each text is expected to cost at the canvas of every step.

    Attributes:
        labels: (n,) step of each position, 0..T-1, none empty.
        parts: (T, 2, M, n) nats, expected and surprise (see `ExpectedLosses`), with the earlier steps revealed.
    """

    labels: IntArray
    parts: FloatArray

    @classmethod
    def of(cls, labels: IntArray, field: ExpectedLosses) -> Partition:
        return cls(labels, field.read(labels < np.arange(labels.max() + 1)[:, None]))

    @property
    def steps(self) -> int:
        return len(self.parts)

    @property
    def costs(self) -> FloatArray:
        """NELBO of each text, expected and surprise, (2, M) nats."""
        return np.asarray(self.parts[self.labels, :, :, np.arange(len(self.labels))].sum(axis=0))

    @property
    def schedule(self) -> Schedule:
        return Schedule(np.bincount(self.labels).tolist())

    @property
    def order(self) -> Given:
        """Step after step; spaced out inside a step, so that finer steps fare well too."""
        spaced = np.argsort(BitReversal(shift=False).draw(len(self.labels)))
        return Given(np.lexsort((spaced, self.labels)).tolist())

    def moved(self, labels: IntArray, field: ExpectedLosses) -> Partition:
        """With other labels; only canvases that change are asked for."""
        parts = self.parts.copy()
        for step in range(1, self.steps):
            if np.any((labels < step) != (self.labels < step)):
                parts[step] = field.read([labels < step])[0]
        return Partition(labels, parts)


def improve(partition: Partition, field: ExpectedLosses, calls: int, seed: int = 0) -> Partition:
    """Moves and exchanges across the boundaries between steps, until none helps or about `calls` calls are spent."""
    rng, limit = np.random.default_rng(seed), field.calls + calls
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


def _across(partition: Partition, step: int, field: ExpectedLosses) -> Partition | None:
    """The best of the moves between step - 1 and step that is a gain, or None."""
    labels = partition.labels
    earlier, later = np.flatnonzero(labels == step), np.flatnonzero(labels == step - 1)
    gains, moves = [], []  # (2, M) nats of each move, and what it moves
    for positions, revealed in ((earlier, True), (later, False)):
        if len(positions) == 1:  # its step would be empty
            continue
        canvases = np.repeat((labels < step)[None], len(positions), axis=0)
        canvases[np.arange(len(positions)), positions] = revealed
        for position, parts in zip(positions, field.read(canvases), strict=True):
            gains.append(_gain(partition, step, [int(position)], parts))
            moves.append([int(position)])
    means = np.array([_mean(gain) for gain in gains])
    tried = _joint(moves, means) + _exchanges(labels, step, moves, means)
    for move in tried:
        other = labels.copy()
        other[move] = 2 * step - 1 - labels[move]
        if min(np.bincount(other, minlength=partition.steps)) == 0:
            continue
        gains.append(_gain(partition, step, move, field.read([other < step])[0]))
        moves.append(move)
    if not gains:
        return None
    best = int(np.argmax([_mean(gain) for gain in gains]))
    if not is_gain(gains[best][:, CONFIRMING]):
        return None
    other = labels.copy()
    other[moves[best]] = 2 * step - 1 - labels[moves[best]]
    return partition.moved(other, field)


def _gain(partition: Partition, step: int, move: list[int], parts: FloatArray) -> FloatArray:
    """(2, M) nats each text gains when the positions of `move` change sides and canvas `step` then costs `parts`."""
    labels = partition.labels
    other = labels.copy()
    other[move] = 2 * step - 1 - labels[move]
    touched = np.flatnonzero((labels == step) | (labels == step - 1))
    before = partition.parts[labels[touched], :, :, touched]  # (touched, 2, M)
    stays = np.moveaxis(partition.parts[step - 1][:, :, touched], 2, 0)
    after = np.where((other[touched] == step)[:, None, None], np.moveaxis(parts[:, :, touched], 2, 0), stays)
    return np.asarray((before - after).sum(axis=0))


def _mean(gain: FloatArray) -> float:
    """Mean gain on the texts that moves are chosen on."""
    return float(adjusted(gain[:, CHOOSING]).mean())


def _joint(moves: list[list[int]], means: FloatArray) -> list[list[int]]:
    """All moves that gain by themselves, and half and a quarter of them, the best first, made together."""
    order = [int(place) for place in np.argsort(-means) if means[place] > 0]
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


def is_gain(gain: FloatArray, error_rate: float = ERROR_RATE) -> bool:
    """Whether the mean of gains, (2, M) nats, is above zero: Student's one-sided t-test of the adjusted gains.

    Args:
        gain: of a change that was chosen on other texts.
        error_rate: how often a change that gains nothing may pass.
    """
    texts = gain.shape[1]
    if texts < 3:
        return False
    each = adjusted(gain)
    error = float(each.std(ddof=2)) / texts**0.5  # two numbers were fitted
    return bool(each.mean() > 1e-6 + special.stdtrit(texts - 2, 1 - error_rate) * error)

"""The losses of a set of texts at any choice of revealed positions: what learning an order asks of a model.

Every canvas gives two numbers for each masked position: the loss of the true token, and the model's own entropy there,
which is the loss it expects. The mean loss is right for every model; the entropy has a fraction of its variance.

Positions are numbered among those to be revealed (those that are given do not count), 0..n-1. With blocks, every block
of every text counts as a text of its own, given all before it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmask.measuring.losses import FloatArray, LossReader
from unmask.measuring.texts import BoolArray, TokenArray
from unmask.models.predictor import Predictor


class MaskedLosses:
    """Texts and the model that is asked about them.

    Attributes:
        size: n, positions to be revealed.
        texts: M, how many texts (or blocks of texts) a loss is read for.
        calls: network calls so far. calls_per_query: those of one canvas.
    """

    def __init__(
        self,
        predictor: Predictor,
        tokens: TokenArray,
        known: BoolArray,
        ranges: Sequence[tuple[int, int]],
        rows_at_once: int = 256,
    ) -> None:
        self._reader = LossReader(predictor)
        self._rows_at_once = rows_at_once
        self.calls_per_query = predictor.calls_per_query
        self.size = ranges[0][1] - ranges[0][0]
        rows, shown, places = [], [], []
        for row, given in enumerate(known):
            free = np.flatnonzero(~given)
            for begin, end in ranges:
                before = given.copy()
                before[free[:begin]] = True
                rows.append(row)
                shown.append(before)
                places.append(free[begin:end])
        self._tokens = torch.from_numpy(tokens[rows])  # (M, L)
        self._known = np.array(shown)  # (M, L)
        self._places = np.array(places)  # (M, n)
        self.texts = len(rows)

    @property
    def calls(self) -> int:
        return self._reader.calls

    def losses(self, revealed: npt.ArrayLike) -> FloatArray:
        """Nats of every masked position of every text, (K, M, n); 0 where revealed. `read` without the entropies."""
        return self.read(revealed)[0]

    def read(self, revealed: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Losses and entropies of every masked position of every text, two (K, M, n) arrays, nats; 0 where revealed.

        Args:
            revealed: (K, n) booleans; the same positions are revealed in every text.
        """
        sets = np.asarray(revealed, dtype=np.bool_)
        rows = np.repeat(sets, self.texts, axis=0), np.tile(np.arange(self.texts), len(sets))
        losses, entropies = self.read_rows(*rows)
        shape = (len(sets), self.texts, self.size)
        return losses.reshape(shape), entropies.reshape(shape)

    def read_rows(self, revealed: npt.ArrayLike, texts: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Losses and entropies, two (R, n) arrays, of the texts numbered `texts`, (R,), with `revealed`, (R, n)."""
        sets, numbers = np.asarray(revealed, dtype=np.bool_), np.asarray(texts)
        found = np.zeros((2, *sets.shape))
        masked = (~sets).sum(axis=1)
        for count in np.unique(masked[masked > 0]):  # one call holds as many masked positions in every row
            rows = np.flatnonzero(masked == count)
            for start in range(0, len(rows), self._rows_at_once):
                part = rows[start : start + self._rows_at_once]
                self._ask(sets[part], numbers[part], int(count), part, found)
        return found[0], found[1]

    def _ask(
        self, sets: BoolArray, texts: npt.NDArray[Any], count: int, rows: npt.NDArray[Any], found: FloatArray
    ) -> None:
        hidden = np.argsort(sets, axis=1, kind="stable")[:, :count]  # masked positions, ascending
        known = self._known[texts]
        np.put_along_axis(known, self._places[texts], sets, axis=1)
        columns = np.take_along_axis(self._places[texts], hidden, axis=1)
        read = self._reader.of(self._tokens[texts], torch.from_numpy(known), torch.from_numpy(columns))
        for kind, values in enumerate(read):
            found[kind, rows[:, None], hidden] = values

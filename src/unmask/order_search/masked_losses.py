"""The losses of a set of texts at any choice of revealed positions: what learning an order asks of a model.

Positions are numbered among those to be revealed (those that are given do not count), 0..n-1. With blocks, every block
of every text counts as a text of its own, given all before it.
"""

from collections.abc import Sequence

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
        calls: network calls so far.
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
        """Nats of every masked position of every text, (K, M, n); 0 where revealed.

        Args:
            revealed: (K, n) booleans, as many True in every row; the same positions are revealed in every text.
        """
        sets = np.asarray(revealed, dtype=np.bool_)
        return self._ask(np.repeat(sets, self.texts, axis=0), np.tile(np.arange(self.texts), len(sets))).reshape(
            len(sets), self.texts, self.size
        )

    def losses_of_each(self, revealed: npt.ArrayLike) -> FloatArray:
        """The same with positions of its own for every text: (M, n) booleans to (M, n) nats."""
        return self._ask(np.asarray(revealed, dtype=np.bool_), np.arange(self.texts))

    def _ask(self, sets: BoolArray, texts: npt.NDArray[np.int64]) -> FloatArray:
        found = np.zeros(sets.shape)
        hidden = np.argsort(sets, axis=1, kind="stable")[:, : int((~sets[0]).sum())]  # masked positions, ascending
        for start in range(0, len(sets), self._rows_at_once):
            part = slice(start, start + self._rows_at_once)
            names = texts[part]
            known = self._known[names]
            np.put_along_axis(known, self._places[names], sets[part], axis=1)
            columns = np.take_along_axis(self._places[names], hidden[part], axis=1)
            losses, _ = self._reader.of(self._tokens[names], torch.from_numpy(known), torch.from_numpy(columns))
            np.put_along_axis(found[part], hidden[part], losses, axis=1)
        return found

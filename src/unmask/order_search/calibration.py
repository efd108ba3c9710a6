"""Expected losses with little noise: the model's own entropies, corrected for how wrong they are on the whole.

Where a model is calibrated its entropy at a masked position is the loss to expect there, without the luck of the true
token, and a search on entropies needs a fraction of the texts. Networks are often too sure, most so when little is
revealed; then entropies rank partitions wrongly. So the mean of loss minus entropy is fitted, on random canvases, by a
plane in entropy and share revealed, and added where it is surely there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from unmask.order_search.masked_losses import MaskedLosses
from unmask.theory.curve import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
TERMS = 4
UNSURE = 1e-4  # the clustered covariance is too small with few texts: with 25, 7 of 80 calibrated cases still pass
REMEMBERED = 1 << 24  # numbers, 128 MB


@dataclass(frozen=True)
class RandomCanvases:
    """What the model says at random canvases: as many random positions revealed as each count says, text by text.

    Attributes:
        revealed: (C, M, n) booleans, nested in every text. losses, entropies: (C, M, n) nats, 0 where revealed.
    """

    revealed: BoolArray
    losses: FloatArray
    entropies: FloatArray

    @classmethod
    def read(cls, field: MaskedLosses, counts: IntArray, texts: int | None = None, seed: int = 0) -> RandomCanvases:
        """One network call for each count and each of the first `texts` texts (all of them by default)."""
        rng = np.random.default_rng([seed, 3])
        number = field.texts if texts is None else texts
        ranks = rng.permuted(np.tile(np.arange(field.size), (number, 1)), axis=1)
        revealed = ranks < np.asarray(counts)[:, None, None]
        read = field.read_rows(revealed.reshape(-1, field.size), np.tile(np.arange(number), len(counts)))
        return cls(revealed, *(values.reshape(revealed.shape) for values in read))


@dataclass(frozen=True)
class Calibration:
    """What is added to an entropy e with a share r revealed: `(1, r, e, r e) @ coefficients`, nats."""

    coefficients: tuple[float, ...] = (0.0,) * TERMS

    @classmethod
    def of(cls, canvases: RandomCanvases) -> Calibration:
        """Least squares over all masked positions, where it is sure that the model is wrong at all.

        Sure is a Wald test at `UNSURE` with the covariance of the coefficients clustered by text (the positions of a
        text are wrong together), by Hotelling's F with as many texts as there are. Where it fails nothing is added: a
        calibrated model would only be given noise. A network's statistic runs into hundreds.
        """
        grams = np.zeros((canvases.losses.shape[1], TERMS, TERMS))
        sides = np.zeros((canvases.losses.shape[1], TERMS))
        for text in range(len(grams)):
            masked = ~canvases.revealed[:, text]  # (C, n)
            own = canvases.entropies[:, text]
            shares = np.broadcast_to(canvases.revealed[:, text].mean(axis=1, keepdims=True), own.shape)
            terms = _terms(own[masked], shares[masked])
            grams[text] = terms.T @ terms
            sides[text] = terms.T @ (canvases.losses[:, text] - own)[masked]
        inverse = np.linalg.pinv(grams.sum(axis=0), hermitian=True)
        found = inverse @ sides.sum(axis=0)
        scores = sides - grams @ found
        covariance = inverse @ (scores.T @ scores) @ inverse
        wald = float(found @ np.linalg.pinv(covariance, hermitian=True) @ found)
        texts = len(grams)
        if texts <= TERMS or special.fdtrc(TERMS, texts - TERMS, wald * (texts - TERMS) / TERMS / texts) > UNSURE:
            return cls()
        return cls(tuple(found.tolist()))

    def expected(self, entropies: FloatArray, revealed: BoolArray) -> FloatArray:
        """Nats to expect at every masked position, 0 where revealed; `revealed`, (.., n), broadcasts to `entropies`."""
        shown = np.broadcast_to(revealed, entropies.shape)
        shares = np.broadcast_to(shown.mean(axis=-1, keepdims=True), entropies.shape)
        corrected = entropies + _terms(entropies, shares) @ np.array(self.coefficients)
        return np.where(shown, 0.0, np.maximum(corrected, 0.0))


class ExpectedLosses:
    """The texts and the model, asked what every canvas is expected to cost; what was asked is remembered.

    Answers come in two parts, nats: what is expected, and the surprise, the loss less that. The mean surprise is about
    zero, but it goes with what is expected text by text, so that `adjusted` makes comparisons several times as precise.
    """

    def __init__(self, field: MaskedLosses, calibration: Calibration | None = None) -> None:
        self.field, self.calibration = field, calibration or Calibration()
        self._answers: dict[bytes, FloatArray] = {}

    @property
    def size(self) -> int:
        """n, positions to be revealed."""
        return self.field.size

    @property
    def texts(self) -> int:
        """M."""
        return self.field.texts

    @property
    def calls(self) -> int:
        """Network calls so far."""
        return self.field.calls

    def read(self, revealed: npt.ArrayLike) -> FloatArray:
        """Both parts at every masked position of every text, (K, 2, M, n), with positions (K, n) revealed."""
        sets = np.asarray(revealed, dtype=np.bool_)
        keys = [shown.tobytes() for shown in sets]
        new = list({key: row for row, key in enumerate(keys) if key not in self._answers}.values())
        if (len(self._answers) + len(new)) * 2 * self.texts * self.size > REMEMBERED:
            self._answers.clear()
            new = list({key: row for row, key in enumerate(keys)}.values())
        if new:
            answers = self._parts(*self.field.read(sets[new]), sets[new][:, None])
            self._answers |= {keys[row]: answer for row, answer in zip(new, answers.swapaxes(0, 1), strict=True)}
        return np.stack([self._answers[key] for key in keys])

    def costs(self, labels: IntArray) -> FloatArray:
        """Both parts of the NELBO of each text, (2, M), whose positions are revealed in the steps `labels`, (M, n)."""
        steps = np.arange(labels.max() + 1)
        revealed = labels < steps[:, None, None]  # (T, M, n)
        read = self.field.read_rows(revealed.reshape(-1, self.size), np.tile(np.arange(self.texts), len(steps)))
        parts = self._parts(read[0].reshape(revealed.shape), read[1].reshape(revealed.shape), revealed)
        return np.asarray(np.where(labels == steps[:, None, None], parts, 0.0).sum(axis=(1, 3)))

    def _parts(self, losses: FloatArray, entropies: FloatArray, revealed: BoolArray) -> FloatArray:
        expected = self.calibration.expected(entropies, revealed)
        return np.stack([expected, losses - expected])


def adjusted(difference: FloatArray) -> FloatArray:
    """The differences of two costs, text by text, with the least spread: (2, M) nats to (M,).

    `expected + b * surprise` has the same mean whatever b is, the mean surprise being zero; b is the one, from 0 (the
    model's own word) to 1 (the losses), at which it varies least (a control variate).
    """
    expected, surprise = difference
    varies = float(((surprise - surprise.mean()) ** 2).sum())
    together = float(((expected - expected.mean()) * (surprise - surprise.mean())).sum())
    share = min(max(-together / varies, 0.0), 1.0) if varies > 0 else 0.0
    return np.asarray(expected + share * surprise)


def _terms(entropies: FloatArray, shares: FloatArray) -> FloatArray:
    return np.stack([np.ones_like(entropies), shares, entropies, shares * entropies], axis=-1)

"""What a network in training is worth on held-out windows: its NELBO and its cross-entropy curve, estimated.

Every held-out row is asked at one count of revealed tokens, the counts spread evenly over the rows, so the mean over
the rows estimates `(1/L) sum_k c_k`. The same rows, counts and positions are used at every look: figures of two steps
or two networks are paired. Draws nothing from torch's generators and leaves training untouched.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unmask.laws.base import Law
from unmask.theory.curve import FloatArray
from unmask.training.objective import HiddenLogits, corrupt, revealed, token_losses
from unmask.training.text_windows import Windows

BINS = 8


@dataclass(frozen=True)
class HeldOut:
    """Held-out figures of a network."""

    nelbo: float
    """Nats per token: `(1/L) sum_k c_k`."""
    stderr: float
    """Standard error of `nelbo` over the rows (0 when there is a single one)."""
    fractions: list[float]
    """Share of tokens revealed, the middle of each bin of counts."""
    curve: list[float]
    """Cross-entropy of a hidden token at those shares, nats."""
    bits_per_character: float | None
    """The NELBO in bits per character of the held-out text; None for data that is no text."""
    rows: int
    """Held-out windows that were asked."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "nelbo_per_token": self.nelbo,
            "stderr": self.stderr,
            "bits_per_character": self.bits_per_character,
            "revealed": self.fractions,
            "cross_entropy": self.curve,
            "rows": self.rows,
        }


class Exam:
    """A fixed set of questions: held-out windows, each with its count and its set of revealed tokens.

    Of a law, what the law itself would answer is known. Its answers are subtracted row by row and its exact curve is
    added back: the same expectation, and a standard error that is only that of the difference.

    Args:
        rows: windows to ask about (fewer when there are fewer; each once).
        characters_per_token: of the held-out text, or None for a law.
        law: the law the windows are drawn from, when its curve is exact.
    """

    def __init__(
        self,
        windows: Windows,
        mask_token_id: int,
        rows: int,
        characters_per_token: float | None = None,
        law: Law | None = None,
        seed: int = 0,
    ) -> None:
        self._rows = min(rows, windows.count)
        self._mask_token_id = mask_token_id
        self._characters_per_token = characters_per_token
        chosen = np.random.default_rng((seed, 3)).permutation(windows.count)[: self._rows]
        self._counts = ((np.arange(self._rows) + 0.5) / self._rows * windows.length).astype(np.int64)
        self._tokens = windows.rows(0, chosen)
        self._known = revealed(self._counts, windows.length, seed, np.zeros_like(chosen), chosen)
        self._answers = np.zeros(self._rows) if law is None else self._of_law(law)
        self._curve = np.zeros(windows.length) if law is None else law.curve().values

    def ask(self, network: HiddenLogits, batch_size: int = 64) -> HeldOut:
        """Held-out figures of a network, on its own device."""
        excess = self._losses(network, batch_size) - self._answers
        losses = excess + self._curve[self._counts]
        edges = np.linspace(0, self._rows, min(BINS, self._rows) + 1).astype(int)
        nelbo = float(excess.mean() + self._curve.mean())
        return HeldOut(
            nelbo=nelbo,
            stderr=float(excess.std(ddof=1) / math.sqrt(self._rows)) if self._rows > 1 else 0.0,
            fractions=[float(self._counts[a:b].mean() / self._tokens.shape[1]) for a, b in itertools.pairwise(edges)],
            curve=[float(losses[a:b].mean()) for a, b in itertools.pairwise(edges)],
            bits_per_character=self._characters_per_token and nelbo / self._characters_per_token / math.log(2),
            rows=self._rows,
        )

    @torch.no_grad()
    def _losses(self, network: HiddenLogits, batch_size: int) -> FloatArray:
        """Mean loss over the hidden tokens of each row."""
        device = next(network.parameters()).device
        was_training = network.training
        network.eval()
        means = []
        for start in range(0, self._rows, batch_size):
            part = slice(start, start + batch_size)
            batch = corrupt(self._tokens[part], self._known[part], self._mask_token_id)
            losses = token_losses(network(batch.inputs.to(device), batch.hidden.to(device)), batch.targets.to(device))
            row_of = (batch.hidden // self._tokens.shape[1]).numpy()
            means.append(np.bincount(row_of, losses.cpu().double().numpy() * batch.weights.numpy()))
        network.train(was_training)
        return np.concatenate(means)

    def _of_law(self, law: Law, rows: int = 128) -> FloatArray:
        """What the law itself answers: its mean loss over the hidden tokens of each row."""
        means = []
        for start in range(0, self._rows, rows):
            tokens, known = self._tokens[start : start + rows], self._known[start : start + rows]
            of_tokens = np.take_along_axis(law.conditionals(tokens, known), tokens[..., None], axis=2)[..., 0]
            means.append(-(np.log(of_tokens) * ~known).sum(axis=1) / (~known).sum(axis=1))
        return np.concatenate(means)

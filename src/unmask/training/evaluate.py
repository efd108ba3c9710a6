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

from unmask.training.objective import HiddenLogits, corrupt, revealed, token_losses
from unmask.training.windows import Windows

BINS = 8


@dataclass(frozen=True)
class HeldOut:
    """Held-out figures of a network."""

    nelbo: float
    """Nats per token: `(1/L) sum_k c_k`."""
    stderr: float
    """Standard error of `nelbo` over the rows."""
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


@torch.no_grad()
def held_out(
    network: HiddenLogits,
    windows: Windows,
    mask_token_id: int,
    rows: int,
    characters_per_token: float | None = None,
    batch_size: int = 64,
    seed: int = 0,
) -> HeldOut:
    """Held-out figures from `rows` windows (fewer when there are fewer; each once), on the network's own device."""
    rows = min(rows, windows.count)
    length = windows.length
    chosen = np.random.default_rng((seed, 3)).permutation(windows.count)[:rows]
    counts = ((np.arange(rows) + 0.5) / rows * length).astype(np.int64)
    tokens = windows.rows(0, chosen)
    known = revealed(counts, length, seed, np.zeros_like(chosen), chosen)
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    means = np.empty(rows)
    for start in range(0, rows, batch_size):
        part = slice(start, start + batch_size)
        batch = corrupt(tokens[part], known[part], mask_token_id)
        losses = token_losses(network(batch.inputs.to(device), batch.hidden.to(device)), batch.targets.to(device)).cpu()
        row_of = (batch.hidden // length).numpy()
        means[part] = np.bincount(row_of, losses.numpy() * batch.weights.numpy(), minlength=len(tokens[part]))
    network.train(was_training)
    edges = np.linspace(0, rows, min(BINS, rows) + 1).astype(int)
    nelbo = float(means.mean())
    return HeldOut(
        nelbo=nelbo,
        stderr=float(means.std(ddof=1) / math.sqrt(rows)) if rows > 1 else math.nan,
        fractions=[float(counts[a:b].mean() / length) for a, b in itertools.pairwise(edges)],
        curve=[float(means[a:b].mean()) for a, b in itertools.pairwise(edges)],
        bits_per_character=None if characters_per_token is None else nelbo / characters_per_token / math.log(2),
        rows=rows,
    )

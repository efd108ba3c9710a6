"""How far one law is from another: for rules that compare predictions."""

import torch
from torch import Tensor

from unmask.sampling.slices import slices


def divergence(laws: Tensor, others: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """`KL(laws[here] || others[there])` in nats: two (.., V) arrays of log-probabilities, two (M,) indices, to (M,)."""
    size = max(1, len(slices(laws)[0])) if len(laws) else 1
    pairs = zip(torch.split(here, size), torch.split(there, size), strict=True)
    parts = [_divergence(laws[a], others[b]) for a, b in pairs]
    return torch.cat(parts).clamp(min=0.0)  # rounding alone can make it negative


def _divergence(laws: Tensor, others: Tensor) -> Tensor:
    probabilities = laws.exp()
    return torch.where(probabilities > 0, probabilities * (laws - others), 0.0).sum(-1)

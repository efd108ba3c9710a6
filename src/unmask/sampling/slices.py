"""Large arrays of laws in slices that stay in the processor's cache."""

import torch
from torch import Tensor


def slices(log_probs: Tensor) -> tuple[Tensor, ...]:
    """(N, V) laws in slices small enough that what is computed from one stays in the processor's cache."""
    numbers = 1 << 20 if log_probs.device.type == "cpu" else 1 << 26
    return torch.split(log_probs, max(1, numbers // max(1, log_probs.shape[-1])))

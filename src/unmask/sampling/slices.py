"""Large arrays of laws in slices that stay in the processor's cache."""

import torch
from torch import Tensor

ON_A_CPU, ELSEWHERE = 1 << 20, 1 << 26
"""Numbers of a slice."""


def slices(log_probs: Tensor) -> tuple[Tensor, ...]:
    """(N, V) laws in slices small enough that what is computed from one stays in the processor's cache."""
    numbers = ON_A_CPU if log_probs.device.type == "cpu" else ELSEWHERE
    return torch.split(log_probs, max(1, numbers // max(1, log_probs.shape[-1])))

"""Muon (Jordan, 2024): momentum, made orthogonal matrix by matrix, scaled as AdamW's updates are (Liu et al., 2025).

The same update as `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, whose state it shares. torch's own works
through the matrices one after the other in bfloat16, which a processor without bfloat16 instructions emulates at a
fifth of the speed of training as a whole; here matrices of one shape go together, in float32 on a processor.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration: Jordan's, for the steepest slope at zero, not to converge to singular values of 1."""
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay, for matrices only."""

    def __init__(
        self, matrices: Iterable[Tensor], lr: float = 0.0, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # it is never given a closure
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            of_shape: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    of_shape.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in of_shape.items():
                ahead = [self._momentum(one, one.grad, group["momentum"]) for one in matrices if one.grad is not None]
                updates = orthogonalised(torch.stack(ahead))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.to(matrix.dtype), alpha=-scale)

    def _momentum(self, matrix: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov's look ahead from the running mean of the gradients."""
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        return gradient.lerp(buffer, momentum)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Each matrix (n, A, B) with its singular values brought near 1 (between about 0.7 and 1.2), its vectors kept."""
    a, b, c = COEFFICIENTS
    kind = torch.float32 if matrices.device.type == "cpu" else torch.bfloat16
    x = matrices.to(kind)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x

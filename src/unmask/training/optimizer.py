"""AdamW, or Muon for the hidden matrices with AdamW for the rest, as one object with one learning rate.

Muon's updates are scaled so that one learning rate serves both. The state is kept as named tensors, so that checkpoints
need no pickle.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unmask.training.muon import Muon


class Optimizer:
    """One or two torch optimisers stepped together at one learning rate."""

    def __init__(self, network: Any, name: str, weight_decay: float) -> None:
        vectors, embeddings, matrices = _kinds(network)
        groups = [
            {"params": vectors + embeddings, "weight_decay": 0.0},
            {"params": [] if name == "muon" else matrices, "weight_decay": weight_decay},
        ]
        # The fused kernel is several times faster than the loop over tensors for small networks.
        parts: list[Any] = [
            torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=(0.9, 0.98), fused=True)
        ]
        if name == "muon":
            parts.append(Muon(matrices, weight_decay=weight_decay))
        self._parts = parts

    def step(self, learning_rate: float) -> None:
        """One update at this learning rate; gradients are dropped after it."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = learning_rate
            part.step()
            part.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Every state tensor by name, `part.parameter.entry`."""
        return {
            f"{number}.{index}.{entry}": value.detach().cpu().contiguous()
            for number, part in enumerate(self._parts)
            for index, entries in part.state_dict()["state"].items()
            for entry, value in entries.items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `state` returned, for the same network and the same optimiser."""
        for number, part in enumerate(self._parts):
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                owner, index, entry = name.split(".")
                if int(owner) == number:
                    state.setdefault(int(index), {})[entry] = value
            part.load_state_dict({"state": state, "param_groups": part.state_dict()["param_groups"]})


def _kinds(network: Any) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Parameters as (vectors, input and output embeddings, hidden matrices)."""
    outer = {
        id(layer.weight)
        for layer in (network.get_input_embeddings(), network.get_output_embeddings())
        if layer is not None
    }
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    vectors = [parameter for parameter in trained if parameter.ndim != 2]
    embeddings = [parameter for parameter in trained if parameter.ndim == 2 and id(parameter) in outer]
    matrices = [parameter for parameter in trained if parameter.ndim == 2 and id(parameter) not in outer]
    return vectors, embeddings, matrices

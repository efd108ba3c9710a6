"""A few samples of a network in training, one token at a time in a uniformly random order: its law at its best."""

from __future__ import annotations

import numpy as np
import torch

from unmask.training.objective import HiddenLogits


@torch.no_grad()
def one_by_one(network: HiddenLogits, length: int, mask_token_id: int, n: int, seed: int) -> list[list[int]]:
    """`n` sequences of `length` tokens drawn from the network's own law; the same seed gives the same ones."""
    device = next(network.parameters()).device
    rng = np.random.default_rng((seed, 4))
    order = rng.permuted(np.tile(np.arange(length), (n, 1)), axis=1)
    canvas = np.full((n, length), mask_token_id)
    was_training = network.training
    network.eval()
    for positions in order.T:
        flat = torch.from_numpy(np.arange(n) * length + positions)
        logits = network(torch.from_numpy(canvas).to(device), flat.to(device)).double().cpu().numpy()
        logits[:, mask_token_id] = -np.inf
        canvas[np.arange(n), positions] = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    network.train(was_training)
    return [list(map(int, row)) for row in canvas]

"""The training objective of the paper: hide a uniform number of tokens, predict each hidden one, weight L / #hidden.

For a row x of L tokens, draw k uniform on 0..L-1, reveal a uniform set S of k positions, and charge

    (1/L) * (L / (L-k)) * sum_{i not in S} -log p_i(x_i | x_S)  =  the mean of -log p_i over the hidden positions.

Its expectation is `(1/L) sum_k c_k`, the NELBO per token of revealing one token at a time ([LC]'s weight `L / |M|`;
F4). Counts are stratified over a batch and everything random is a function of (seed, epoch, example): rank and history
have no part in it, so a resumed or a distributed run sees the same corruption.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unmask.laws.base import BoolArray, TokenArray


class Corrupted(NamedTuple):
    """A batch with tokens hidden, and what is asked about it: N hidden positions over all rows."""

    inputs: Tensor  # (rows, L) int64, the mask token where hidden
    hidden: Tensor  # (N,) int64, hidden positions as indices into the flattened (rows * L)
    targets: Tensor  # (N,) int64, the tokens that stood there
    weights: Tensor  # (N,) float32, 1 / (number of hidden tokens of that row); they sum to the number of rows


def stratified_counts(length: int, rows: int, seed: int, step: int) -> TokenArray:
    """How many tokens each row of a batch reveals: each is uniform on 0..L-1, together they are spread evenly.

    One uniform number u for the batch, then `floor(L ((u + b/rows) mod 1))` for row b (MD4's antithetic times).
    """
    u = np.random.default_rng((seed, step, 2)).random()
    return np.asarray(np.floor(((u + np.arange(rows) / rows) % 1.0) * length), dtype=np.int64)


def revealed(counts: TokenArray, length: int, seed: int, epochs: TokenArray, examples: TokenArray) -> BoolArray:
    """For each row a uniform set of `counts[row]` positions out of `length`, shape (rows, L).

    The set of a row depends on (seed, its epoch, its example, its count) alone, and grows with the count.
    """
    row_keys = _mix(
        _mix(_mix(np.full(len(counts), seed, dtype=np.uint64)) ^ epochs.astype(np.uint64)) ^ examples.astype(np.uint64)
    )
    keys = _mix(row_keys[:, None] + np.arange(1, length + 1, dtype=np.uint64) * _GOLDEN)
    ranks = keys.argsort(axis=1).argsort(axis=1)  # a uniform random order of the positions of each row
    return np.asarray(ranks < counts[:, None])


def corrupt(tokens: TokenArray, known: BoolArray, mask_token_id: int) -> Corrupted:
    """Hide the tokens that are not `known`; every row must hide at least one."""
    hidden_per_row = (~known).sum(axis=1)
    rows, columns = np.nonzero(~known)
    return Corrupted(
        inputs=torch.from_numpy(np.where(known, tokens, mask_token_id)),
        hidden=torch.from_numpy(rows * tokens.shape[1] + columns),
        targets=torch.from_numpy(tokens[rows, columns]),
        weights=torch.from_numpy((1.0 / hidden_per_row)[rows].astype(np.float32)),
    )


class HiddenLogits(nn.Module):
    """A transformers masked language model that computes logits at the hidden positions alone.

    The head costs as much as a layer for a small vocabulary and most of a small network for a large one; a hook on the
    backbone hands the head the N hidden positions instead of all rows * L.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self._hidden: Tensor | None = None
        network.base_model.register_forward_hook(self._keep_hidden)

    def forward(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """Logits (N, V) at the positions `hidden` of the flattened `inputs` (rows, L)."""
        self._hidden = hidden
        try:
            logits: Tensor = self.network(input_ids=inputs).logits
            return logits[0]
        finally:
            self._hidden = None

    def _keep_hidden(self, module: nn.Module, arguments: Any, output: Any) -> Any:
        if self._hidden is not None:
            output.last_hidden_state = output.last_hidden_state.flatten(0, 1)[self._hidden][None]
        return output


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p of each target, shape (N,), nats, in float32 whatever the logits are."""
    return nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def objective(logits: Tensor, batch: Corrupted, rows: int) -> Tensor:
    """Mean over the rows of each row's mean loss over its hidden tokens: nats per token, on average the NELBO / L."""
    return (token_losses(logits, batch.targets) * batch.weights).sum() / rows


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(values: Any) -> Any:
    """The finaliser of SplitMix64 (Steele, Lea & Flood, 2014): well-spread 64-bit words from consecutive ones."""
    z = values + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

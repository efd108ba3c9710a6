"""The weights of a network by the names of its file, and the two layers everything here is made of.

The plain networks are functions of their weights, not `torch.nn.Module`s: nothing is allocated or initialised only to
be overwritten, and no code of torch beyond the operators themselves is imported, which is what makes loading fast.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

KeyValues = list[tuple[Tensor, Tensor]]
"""Keys and values of some columns, one pair a layer, each (rows, heads, columns, head width)."""


class Weights:
    """Weights by name.

    Args:
        tensors: what the file holds.
        names: what the network needs, without the biases that may be absent.
        tied: names that, where absent, are those of other weights.

    Raises:
        KeyError: a needed weight is absent.
    """

    def __init__(self, tensors: Mapping[str, Tensor], names: Iterable[str], tied: Mapping[str, str]):
        self.tensors = dict(tensors)
        for name, same in tied.items():
            if name not in self.tensors and same in self.tensors:
                self.tensors[name] = self.tensors[same]
        absent = sorted(set(names) - self.tensors.keys())
        if absent:
            raise KeyError(f"weights are missing, first {absent[0]}")

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def parameters(self) -> Iterable[Tensor]:
        """Every tensor, tied ones once."""
        return {tensor.data_ptr(): tensor for tensor in self.tensors.values()}.values()

    def linear(self, hidden: Tensor, name: str) -> Tensor:
        return functional.linear(hidden, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"))

    def norm(self, hidden: Tensor, name: str, epsilon: float) -> Tensor:
        scale = self.tensors[f"{name}.weight"]
        return functional.layer_norm(hidden, scale.shape, scale, self.tensors.get(f"{name}.bias"), epsilon)


def require_vocabulary(weight: Tensor, stated: int) -> None:
    """Raise RuntimeError unless a table of words has as many rows as the config states."""
    if len(weight) != stated:
        raise RuntimeError(f"config.json says vocab_size {stated}, the weights have {len(weight)} words")


def readable(attend: Tensor | None, places: Tensor, total: int, window: int | None = None) -> Tensor | None:
    """Which columns each of the columns `places` may read, (rows or 1, 1, width, all columns) bool; None when all.

    Args:
        attend: (rows, all columns) bool, False at columns nobody may read; None for none.
        places: (width,) the columns that read, the last ones of all.
        total: how many columns there are in all.
        window: how far they look to each side; None for everywhere.
    """
    columns = torch.arange(total, device=places.device)
    allowed = None
    if window is not None and total > window + 1:
        allowed = ((places[:, None] - columns[None, :]).abs() <= window)[None, None]
    if attend is None:
        return allowed
    seen = attend[:, None, None, :]
    # A padded column still reads itself: a softmax over nothing is not a number.
    return (seen if allowed is None else seen & allowed) | (places[:, None] == columns[None, :])


def attention(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """(rows, heads, width, head width) queries to (rows, width, hidden)."""
    return functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)


def extended(past: tuple[Tensor, Tensor] | None, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values behind those of the columns before."""
    return (key, value) if past is None else (torch.cat([past[0], key], 2), torch.cat([past[1], value], 2))

"""Networks behind one interface: token ids in, logits of chosen columns out, with or without stored keys and values.

Two kinds: transformers models of any architecture, and our plain ModernBERT and BERT. The interface knows nothing about
masks, shifts or special tokens; `unmask.models.adapter` puts those around it. The language-model head runs only at the
columns that are asked for wherever the architecture lets it: a hook picks those columns out of the body's hidden states
before the head sees them, and a probe at loading compares that with the full computation and falls back to it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unmask.errors import InputError
from unmask.models.bert import Bert
from unmask.models.families import Family, Query
from unmask.models.modernbert import ModernBert
from unmask.models.weights import KeyValues

_HOOKED = threading.Lock()


class Network(Protocol):
    """Logits of chosen columns. `rows` and `columns`, (N,) each, name the columns of `query.ids` that are read."""

    vocab_size: int
    device: torch.device
    dtype: torch.dtype
    wanted_only: bool
    """Whether the head runs only at the columns asked for."""

    def logits(self, query: Query, rows: Tensor, columns: Tensor) -> Tensor:
        """(N, V) logits."""
        ...

    def continued(
        self, query: Query, past: KeyValues | None, rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, KeyValues]:
        """(N, V) logits, and the keys and values of `query.ids`, whose columns follow those held in `past`."""
        ...


@dataclass
class Plain:
    """A network of our own: ModernBERT or BERT."""

    network: ModernBert | Bert
    wanted_only: bool = True

    def __post_init__(self) -> None:
        # Old checkpoints hold position ids, whole numbers, beside the weights.
        weight = next(weight for weight in self.network.weights.parameters() if weight.is_floating_point())
        self.vocab_size, self.device, self.dtype = self.network.vocab_size, weight.device, weight.dtype

    @torch.no_grad()
    def logits(self, query: Query, rows: Tensor, columns: Tensor) -> Tensor:
        hidden, _ = self.network(query.ids, attend=query.attend)
        return self.network.logits(hidden[rows, columns])

    @torch.no_grad()
    def continued(
        self, query: Query, past: KeyValues | None, rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, KeyValues]:
        hidden, fresh = self.network(query.ids, query.start, past, query.attend)
        return self.network.logits(hidden[rows, columns]), fresh


class Transformers:
    """A transformers model, called as its family's record says."""

    def __init__(self, model: nn.Module, family: Family, block_size: int | None):
        self.model = model.eval().requires_grad_(False)
        self.family = family
        parameter = next(model.parameters())
        self.device, self.dtype = parameter.device, parameter.dtype
        self.vocab_size, self.wanted_only = self._probe(block_size)

    @torch.no_grad()
    def logits(self, query: Query, rows: Tensor, columns: Tensor) -> Tensor:
        return self._run(query.ids, self.family.arguments(query), rows, columns)

    @torch.no_grad()
    def continued(
        self, query: Query, past: KeyValues | None, rows: Tensor, columns: Tensor
    ) -> tuple[Tensor, KeyValues]:
        from transformers import DynamicCache

        held = DynamicCache()
        for layer, (keys, values) in enumerate(past or []):
            held.update(keys, values, layer)
        arguments = self.family.cache_arguments(query) | {"past_key_values": held}
        try:
            logits = self._run(query.ids, arguments, rows, columns)
        except TypeError as error:
            raise InputError(f"{type(self.model).__name__} takes no stored keys and values ({error})") from error
        start, end = query.start, query.start + query.ids.shape[1]
        if held.get_seq_length() != end:
            raise InputError(f"{type(self.model).__name__} does not keep the keys and values it is given")
        layers: list[Any] = list(held.layers)  # of attention alone: no other kind is loaded
        return logits, [(layer.keys[:, :, start:end], layer.values[:, :, start:end]) for layer in layers]

    def _run(self, ids: Tensor, arguments: dict[str, Any], rows: Tensor, columns: Tensor) -> Tensor:
        if not self.wanted_only:
            return _logits_of(self.model(input_ids=ids, **arguments))[rows, columns]
        trunk: Any = self.model.base_model
        with _HOOKED:  # a hook is the model's: another thread's query would be cut by it too
            hook = trunk.register_forward_hook(_pick(rows, columns))
            try:
                return _logits_of(self.model(input_ids=ids, **arguments))[0]
            finally:
                hook.remove()

    @torch.no_grad()
    def _probe(self, block_size: int | None) -> tuple[int, bool]:
        """The head's width, and whether picking columns before the head gives what picking them after it gives."""
        tokens = int(getattr(self.model.config, "vocab_size", 9))  # a toy vocabulary may have fewer than nine
        ids = torch.arange(1, 9, device=self.device).view(2, 4) % tokens
        query = Query(ids, torch.zeros_like(ids, dtype=torch.bool), None, block_size)
        rows, columns = torch.tensor([1, 0, 1], device=self.device), torch.tensor([0, 3, 2], device=self.device)
        arguments = self.family.arguments(query)
        self.wanted_only = False
        full = self._run(ids, arguments, rows, columns)
        width = full.shape[-1]
        if getattr(self.model, "base_model", self.model) is self.model:
            return width, False
        self.wanted_only = True
        try:
            picked = self._run(ids, arguments, rows, columns)
        except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
            return width, False
        tolerance = 1e-4 if self.dtype == torch.float32 else 5e-2
        return width, picked.shape == full.shape and torch.allclose(picked, full, rtol=tolerance, atol=tolerance)


def _pick(rows: Tensor, columns: Tensor) -> Callable[[nn.Module, Any, Any], Any]:
    """A hook that leaves, of a body's hidden states (rows, width, hidden), the chosen columns as (1, N, hidden)."""

    def hook(module: nn.Module, arguments: Any, output: Any) -> Any:
        if isinstance(output, Tensor):
            return output[rows, columns][None]
        if isinstance(output, tuple):
            return (output[0][rows, columns][None], *output[1:])
        first = next(iter(output.keys()))
        output[first] = output[first][rows, columns][None]
        return output

    return hook


def _logits_of(output: Any) -> Tensor:
    """The logits in whatever a model returned: a tensor, a tuple that begins with it, or an object that has it."""
    found = output if isinstance(output, Tensor) else getattr(output, "logits", None)
    if found is None:
        found = output[0]
    if not isinstance(found, Tensor) or found.ndim != 3:
        raise InputError("the network returned no logits of shape (rows, length, vocabulary): it has no language head")
    return found

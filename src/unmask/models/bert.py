"""BERT's masked language model in plain PyTorch: the network behind our own checkpoints with learned positions.

Computes what transformers' `BertForMaskedLM` computes from the same folder (tests compare the two), without importing
transformers' modelling code, and with keys and values that can be handed in. Inference only.

Source of the architecture: Devlin et al., "BERT" (arXiv 1810.04805).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unmask.models.modernbert import KeyValues


class Bert:
    """The network of one BERT checkpoint: its weights, by the names of its file.

    Raises KeyError when weights are missing.
    """

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Tensor]):
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config.get("layer_norm_eps", 1e-12)
        names = set(_names(self.layers))
        weights = {"cls.predictions.decoder.weight": weights["bert.embeddings.word_embeddings.weight"], **weights}
        weights = {"cls.predictions.decoder.bias": weights["cls.predictions.bias"], **weights}
        absent = sorted(names - weights.keys())
        if absent:
            raise KeyError(f"weights are missing, first {absent[0]}")
        self.weights = {name: weights[name] for name in names}
        self.vocab_size: int = len(self.weights["cls.predictions.decoder.weight"])
        sizes = (config["vocab_size"], len(self.weights["bert.embeddings.word_embeddings.weight"]))
        if {self.vocab_size} != set(sizes):
            raise RuntimeError(f"config.json says vocab_size {sizes[0]}, the weights have {sizes[1]} words")

    def parameters(self) -> Iterable[Tensor]:
        """Its weights, tied ones once."""
        return {tensor.data_ptr(): tensor for tensor in self.weights.values()}.values()

    def __call__(
        self, ids: Tensor, start: int = 0, past: KeyValues | None = None, attend: Tensor | None = None
    ) -> tuple[Tensor, KeyValues]:
        """Hidden states and keys and values of columns `start`, `start + 1`, …; as `ModernBert.forward`."""
        places = torch.arange(start, start + ids.shape[1], device=ids.device)
        embeddings = "bert.embeddings"
        hidden = (
            self.weights[f"{embeddings}.word_embeddings.weight"][ids]
            + self.weights[f"{embeddings}.position_embeddings.weight"][places]
            + self.weights[f"{embeddings}.token_type_embeddings.weight"][0]
        )
        hidden = self._norm(hidden, f"{embeddings}.LayerNorm")
        mask = None
        if attend is not None:
            columns = torch.arange(attend.shape[1], device=ids.device)
            # A padded column still reads itself: a softmax over nothing is not a number.
            mask = attend[:, None, None, :] | (places[:, None] == columns[None, :])
        fresh: KeyValues = []
        for number in range(self.layers):
            layer = f"bert.encoder.layer.{number}"
            query, key, value = (
                self._linear(hidden, f"{layer}.attention.self.{part}").unflatten(-1, (self.heads, -1)).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            fresh.append((key, value))
            if past is not None:
                key, value = torch.cat([past[number][0], key], 2), torch.cat([past[number][1], value], 2)
            read = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            read = self._linear(read.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
            hidden = self._norm(hidden + read, f"{layer}.attention.output.LayerNorm")
            inner = functional.gelu(self._linear(hidden, f"{layer}.intermediate.dense"))
            hidden = self._norm(hidden + self._linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return hidden, fresh

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, hidden) -> (…, vocabulary)."""
        head = "cls.predictions"
        hidden = self._norm(
            functional.gelu(self._linear(hidden, f"{head}.transform.dense")), f"{head}.transform.LayerNorm"
        )
        return self._linear(hidden, f"{head}.decoder")

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return functional.linear(hidden, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        scale, offset = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(hidden, scale.shape, scale, offset, self.epsilon)


def supports(config: Mapping[str, Any]) -> bool:
    """Whether this file computes the network of `config`."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
    )


def _names(layers: int) -> Iterable[str]:
    """The names of all weights."""
    for name in ("word", "position", "token_type"):
        yield f"bert.embeddings.{name}_embeddings.weight"
    modules = ["bert.embeddings.LayerNorm"]
    for number in range(layers):
        parts = (
            *(f"attention.self.{part}" for part in ("query", "key", "value")),
            *("attention.output.dense", "attention.output.LayerNorm"),
            *("intermediate.dense", "output.dense", "output.LayerNorm"),
        )
        modules += [f"bert.encoder.layer.{number}.{part}" for part in parts]
    modules += [f"cls.predictions.{part}" for part in ("transform.dense", "transform.LayerNorm", "decoder")]
    for module in modules:
        yield f"{module}.weight"
        yield f"{module}.bias"

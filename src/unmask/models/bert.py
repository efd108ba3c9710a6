"""BERT's masked language model in plain PyTorch: the network behind our own checkpoints with learned positions.

Computes what transformers' `BertForMaskedLM` computes from the same folder (tests compare the two), for the reasons
that `unmask.models.modernbert` gives. Inference only.

Source of the architecture: Devlin et al., "BERT" (arXiv 1810.04805).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unmask.models.weights import KeyValues, Weights, attention, extended, readable, require_vocabulary

WORDS = "bert.embeddings.word_embeddings.weight"
HEAD = "cls.predictions"


class Bert:
    """The network of one BERT checkpoint.

    Raises KeyError when weights are missing, RuntimeError when the vocabulary has another size.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, Tensor]):
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config.get("layer_norm_eps", 1e-12)
        tied = {f"{HEAD}.decoder.weight": WORDS, f"{HEAD}.decoder.bias": f"{HEAD}.bias"}
        self.weights = Weights(tensors, _names(self.layers), tied)
        self.vocab_size = len(self.weights[f"{HEAD}.decoder.weight"])
        require_vocabulary(self.weights[WORDS], config["vocab_size"])

    def __call__(
        self, ids: Tensor, start: int = 0, past: KeyValues | None = None, attend: Tensor | None = None
    ) -> tuple[Tensor, KeyValues]:
        """Hidden states, keys and values of columns `start`, `start + 1`, …; as `ModernBert.__call__`."""
        weights = self.weights
        places = torch.arange(start, start + ids.shape[1], device=ids.device)
        hidden = weights[WORDS][ids] + weights["bert.embeddings.position_embeddings.weight"][places]
        hidden = self._norm(
            hidden + weights["bert.embeddings.token_type_embeddings.weight"][0], "bert.embeddings.LayerNorm"
        )
        mask = readable(attend, places, start + ids.shape[1])
        fresh: KeyValues = []
        for number in range(self.layers):
            layer = f"bert.encoder.layer.{number}"
            query, key, value = (
                weights.linear(hidden, f"{layer}.attention.self.{part}").unflatten(-1, (self.heads, -1)).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            fresh.append((key, value))
            read = attention(query, *extended(past[number] if past else None, key, value), mask)
            read = weights.linear(read, f"{layer}.attention.output.dense")
            hidden = self._norm(hidden + read, f"{layer}.attention.output.LayerNorm")
            inner = functional.gelu(weights.linear(hidden, f"{layer}.intermediate.dense"))
            hidden = self._norm(hidden + weights.linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        return hidden, fresh

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, hidden) -> (…, vocabulary)."""
        inner = functional.gelu(self.weights.linear(hidden, f"{HEAD}.transform.dense"))
        return self.weights.linear(self._norm(inner, f"{HEAD}.transform.LayerNorm"), f"{HEAD}.decoder")

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        return self.weights.norm(hidden, name, self.epsilon)


def supports(config: Mapping[str, Any]) -> bool:
    """Whether this file computes the network of `config`."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
    )


def _names(layers: int) -> Iterable[str]:
    """The names of all weights. All layers have biases; decoder.bias may be called cls.predictions.bias in the file."""
    for kind in ("word", "position", "token_type"):
        yield f"bert.embeddings.{kind}_embeddings.weight"
    modules = ["bert.embeddings.LayerNorm", f"{HEAD}.transform.dense", f"{HEAD}.transform.LayerNorm", f"{HEAD}.decoder"]
    for number in range(layers):
        parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
        parts += ["attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense"]
        modules += [f"bert.encoder.layer.{number}.{part}" for part in [*parts, "output.LayerNorm"]]
    for module in modules:
        yield f"{module}.weight"
        yield f"{module}.bias"

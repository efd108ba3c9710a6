"""ModernBERT's masked language model in plain PyTorch: the network behind our own checkpoints.

Computes what transformers' `ModernBertForMaskedLM` computes from the same folder (tests compare the two). It exists for
two reasons: importing transformers' modelling code costs more than importing torch, and a network whose keys and values
can be handed in is what a prefix cache needs. Inference only; training uses transformers.

Source of the architecture: Warner et al., "Smarter, Better, Faster, Longer" (arXiv 2412.13663).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unmask.models.weights import KeyValues, Weights, attention, extended, readable, require_vocabulary

WORDS = "model.embeddings.tok_embeddings.weight"


class ModernBert:
    """The network of one ModernBERT checkpoint.

    Raises KeyError when weights are missing, RuntimeError when the vocabulary has another size.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, Tensor]):
        kinds = _kinds(config)
        bases, window = _rope_bases(config), config.get("local_attention", 128) // 2
        self.layers = [(bases[kind], window if kind == "sliding_attention" else None) for kind in kinds]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config.get("norm_eps", 1e-5)
        self.weights = Weights(tensors, _names(len(kinds)), tied={"decoder.weight": WORDS})
        self.vocab_size = len(self.weights["decoder.weight"])
        require_vocabulary(self.weights[WORDS], config["vocab_size"])

    def __call__(
        self, ids: Tensor, start: int = 0, past: KeyValues | None = None, attend: Tensor | None = None
    ) -> tuple[Tensor, KeyValues]:
        """Hidden states of columns `start`, `start + 1`, … given keys and values of the columns before.

        Args:
            ids: (rows, width) token ids.
            start: How many columns come before.
            past: Their keys and values; None when `start` is 0.
            attend: (rows, start + width) bool, False at columns nobody may read; None for none.

        Returns:
            Hidden states (rows, width, hidden), and the keys and values of these columns.
        """
        weights = self.weights
        places = torch.arange(start, start + ids.shape[1], device=ids.device)
        hidden = self._norm(weights[WORDS][ids], "model.embeddings.norm")
        total = start + ids.shape[1]
        masks = {window: readable(attend, places, total, window) for _, window in set(self.layers)}
        turns = {base: self._turn(places, base, hidden) for base, _ in set(self.layers)}
        fresh: KeyValues = []
        for number, (base, window) in enumerate(self.layers):
            layer = f"model.layers.{number}"
            normed = hidden if number == 0 else self._norm(hidden, f"{layer}.attn_norm")
            mixed = weights.linear(normed, f"{layer}.attn.Wqkv").unflatten(-1, (3, self.heads, -1))
            query, key, value = mixed.permute(2, 0, 3, 1, 4)  # (rows, heads, width, head width) each
            query, key = _rotate(query, turns[base]), _rotate(key, turns[base])
            fresh.append((key, value))
            read = attention(query, *extended(past[number] if past else None, key, value), masks[window])
            hidden = hidden + weights.linear(read, f"{layer}.attn.Wo")
            inner, gate = weights.linear(self._norm(hidden, f"{layer}.mlp_norm"), f"{layer}.mlp.Wi").chunk(2, dim=-1)
            hidden = hidden + weights.linear(functional.gelu(inner) * gate, f"{layer}.mlp.Wo")
        return self._norm(hidden, "model.final_norm"), fresh

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, hidden) -> (…, vocabulary)."""
        inner = functional.gelu(self.weights.linear(hidden, "head.dense"))
        return self.weights.linear(self._norm(inner, "head.norm"), "decoder")

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        return self.weights.norm(hidden, name, self.epsilon)

    def _turn(self, places: Tensor, base: float, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotary angles of some columns, (width, head width)."""
        size = hidden.shape[-1] // self.heads
        frequencies = base ** (-torch.arange(0, size, 2, device=places.device) / size)
        angles = (places[:, None] * frequencies).repeat(1, 2)
        return angles.cos().to(hidden.dtype), angles.sin().to(hidden.dtype)


def supports(config: Mapping[str, Any]) -> bool:
    """Whether this file computes the network of `config` (its own activation and rotary embedding, nothing exotic)."""
    ropes = (config.get("rope_parameters") or {}).values()
    return (
        config.get("model_type") == "modernbert"
        and config.get("hidden_activation", "gelu") == config.get("classifier_activation", "gelu") == "gelu"
        and not config.get("rope_scaling")
        and all((rope or {}).get("rope_type", "default") == "default" for rope in ropes)
    )


def _kinds(config: Mapping[str, Any]) -> list[str]:
    """The kind of attention of each layer, stated one by one or by how often a global one comes."""
    every = config.get("global_attn_every_n_layers", 3)
    return config.get("layer_types") or [
        "sliding_attention" if layer % every else "full_attention" for layer in range(config["num_hidden_layers"])
    ]


def _rope_bases(config: Mapping[str, Any]) -> dict[str, float]:
    """The base of the rotary angles of each kind of layer, in today's spelling of the config or the first one."""
    ropes = config.get("rope_parameters") or {}
    old = {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"}
    usual = {"full_attention": 160_000.0, "sliding_attention": 10_000.0}
    return {
        kind: float((ropes.get(kind) or {}).get("rope_theta") or config.get(old[kind]) or usual[kind]) for kind in usual
    }


def _names(layers: int) -> Iterable[str]:
    """The names of all weights but biases, which a config may leave out."""
    modules = ["model.embeddings.tok_embeddings", "model.embeddings.norm", "model.final_norm"]
    modules += ["head.dense", "head.norm", "decoder"]
    for number in range(layers):
        parts = ["attn.Wqkv", "attn.Wo", "mlp_norm", "mlp.Wi", "mlp.Wo"] + ["attn_norm"] * (number > 0)
        modules += [f"model.layers.{number}.{part}" for part in parts]
    return (f"{module}.weight" for module in modules)


def _rotate(states: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    first, second = states.float().chunk(2, dim=-1)
    cos, sin = turn
    return (states.float() * cos + torch.cat((-second, first), dim=-1) * sin).to(states.dtype)

"""ModernBERT's masked language model in plain PyTorch: the network behind our own checkpoints.

Computes what transformers' `ModernBertForMaskedLM` computes from the same folder (tests compare the two). It exists for
two reasons: importing transformers' modelling code costs more than importing torch, and a network whose keys and values
can be handed in is what a prefix cache needs. Inference only; training uses transformers.

Source of the architecture: Warner et al., "Smarter, Better, Faster, Longer" (arXiv 2412.13663).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

KeyValues = list[tuple[Tensor, Tensor]]
"""Keys and values of some columns, one pair a layer, each (rows, heads, columns, head width)."""

_DEFAULTS = {
    "norm_eps": 1e-5,
    "norm_bias": False,
    "attention_bias": False,
    "mlp_bias": False,
    "decoder_bias": True,
    "classifier_bias": False,
    "local_attention": 128,
    "hidden_activation": "gelu",
    "classifier_activation": "gelu",
    "global_attn_every_n_layers": 3,
}


class ModernBert(nn.Module):
    """The network of one ModernBERT checkpoint; parameter names are those of its file."""

    def __init__(self, config: Mapping[str, Any]):
        super().__init__()
        config = _DEFAULTS | config
        width, layers = config["hidden_size"], config["num_hidden_layers"]
        kinds = config.get("layer_types") or [
            "sliding_attention" if layer % config["global_attn_every_n_layers"] else "full_attention"
            for layer in range(layers)
        ]
        self.vocab_size: int = config["vocab_size"]
        self.heads: int = config["num_attention_heads"]
        self.windows = [config["local_attention"] // 2 if kind == "sliding_attention" else None for kind in kinds]
        self.bases = [_rope_bases(config)[kind] for kind in kinds]
        body = nn.Module()
        body.embeddings = nn.Module()
        body.embeddings.tok_embeddings = nn.Embedding(self.vocab_size, width)
        body.embeddings.norm = _norm(config)
        body.layers = nn.ModuleList(_layer(config, first=layer == 0) for layer in range(layers))
        body.final_norm = _norm(config)
        self.model = body
        self.head = nn.Module()
        self.head.dense = nn.Linear(width, width, bias=config["classifier_bias"])
        self.head.norm = _norm(config)
        self.decoder = nn.Linear(width, self.vocab_size, bias=config["decoder_bias"])

    def forward(
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
        hidden = self.model.embeddings.norm(self.model.embeddings.tok_embeddings(ids))
        columns = torch.arange(start + ids.shape[1], device=ids.device)
        masks = {window: _allowed(columns, start, window, attend) for window in set(self.windows)}
        turns = {base: self._turn(columns[start:], base, hidden) for base in set(self.bases)}
        fresh: KeyValues = []
        for number, layer in enumerate(self.model.layers):
            held = past[number] if past is not None else None
            attended, pair = self._attend(layer, hidden, turns[self.bases[number]], masks[self.windows[number]], held)
            hidden = hidden + attended
            inner, gate = layer.mlp.Wi(layer.mlp_norm(hidden)).chunk(2, dim=-1)
            hidden = hidden + layer.mlp.Wo(functional.gelu(inner) * gate)
            fresh.append(pair)
        return self.model.final_norm(hidden), fresh

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, hidden) -> (…, vocabulary)."""
        return self.decoder(self.head.norm(functional.gelu(self.head.dense(hidden))))

    def _attend(
        self,
        layer: nn.Module,
        hidden: Tensor,
        turn: tuple[Tensor, Tensor],
        mask: Tensor | None,
        past: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        rows, width, size = hidden.shape
        mixed = layer.attn.Wqkv(layer.attn_norm(hidden)).view(rows, width, 3, self.heads, size // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # (rows, heads, width, head width) each
        query, key = _rotate(query, turn), _rotate(key, turn)
        keys, values = (key, value) if past is None else (torch.cat([past[0], key], 2), torch.cat([past[1], value], 2))
        out = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return layer.attn.Wo(out.transpose(1, 2).reshape(rows, width, size)), (key, value)

    def _turn(self, positions: Tensor, base: float, hidden: Tensor) -> tuple[Tensor, Tensor]:
        size = hidden.shape[-1] // self.heads
        frequencies = base ** (-torch.arange(0, size, 2, device=positions.device) / size)
        angles = (positions[:, None] * frequencies).repeat(1, 2)  # (width, head width)
        return angles.cos().to(hidden.dtype), angles.sin().to(hidden.dtype)


def supports(config: Mapping[str, Any]) -> bool:
    """Whether this file computes the network of `config` (its own activation and rotary embedding, nothing exotic)."""
    config = _DEFAULTS | config
    ropes = (config.get("rope_parameters") or {}).values()
    return (
        config.get("model_type") == "modernbert"
        and config["hidden_activation"] == config["classifier_activation"] == "gelu"
        and not config.get("rope_scaling")
        and all((rope or {}).get("rope_type", "default") == "default" for rope in ropes)
    )


def with_weights(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> ModernBert:
    """The network of `config` with the weights of its file, which are used as they are, without a copy.

    Raises KeyError when weights are missing, RuntimeError when one has the wrong shape.
    """
    with torch.device("meta"):  # no memory is spent on values that are about to be replaced
        network = ModernBert(config)
    weights = {"decoder.weight": weights["model.embeddings.tok_embeddings.weight"], **weights}
    expected = network.state_dict().keys()
    absent = sorted(expected - weights.keys())
    if absent:
        raise KeyError(f"weights are missing, first {absent[0]}")
    network.load_state_dict({name: weights[name] for name in expected}, assign=True)
    return network.eval().requires_grad_(False)


def _rope_bases(config: Mapping[str, Any]) -> dict[str, float]:
    """The base of the rotary angles of each kind of layer, in today's spelling of the config or the first one."""
    ropes = config.get("rope_parameters") or {}
    return {
        "full_attention": float(
            (ropes.get("full_attention") or {}).get("rope_theta") or config.get("global_rope_theta") or 160_000.0
        ),
        "sliding_attention": float(
            (ropes.get("sliding_attention") or {}).get("rope_theta") or config.get("local_rope_theta") or 10_000.0
        ),
    }


def _norm(config: Mapping[str, Any]) -> nn.LayerNorm:
    return nn.LayerNorm(config["hidden_size"], eps=config["norm_eps"], bias=config["norm_bias"])


def _layer(config: Mapping[str, Any], first: bool) -> nn.Module:
    width, inner = config["hidden_size"], config["intermediate_size"]
    layer = nn.Module()
    layer.attn_norm = nn.Identity() if first else _norm(config)
    layer.attn = nn.Module()
    layer.attn.Wqkv = nn.Linear(width, 3 * width, bias=config["attention_bias"])
    layer.attn.Wo = nn.Linear(width, width, bias=config["attention_bias"])
    layer.mlp_norm = _norm(config)
    layer.mlp = nn.Module()
    layer.mlp.Wi = nn.Linear(width, 2 * inner, bias=config["mlp_bias"])
    layer.mlp.Wo = nn.Linear(inner, width, bias=config["mlp_bias"])
    return layer


def _allowed(columns: Tensor, start: int, window: int | None, attend: Tensor | None) -> Tensor | None:
    """Which columns (last axis) each column from `start` on may read; None when all."""
    allowed = None
    if window is not None and columns.numel() > window + 1:
        allowed = ((columns[start:, None] - columns[None, :]).abs() <= window)[None, None]
    if attend is not None:
        readable = attend[:, None, None, :]
        # A padded column still reads itself: a softmax over nothing is not a number.
        itself = columns[start:, None] == columns[None, :]
        allowed = (readable if allowed is None else readable & allowed) | itself
    return allowed


def _rotate(states: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    first, second = states.float().chunk(2, dim=-1)
    cos, sin = turn
    return (states.float() * cos + torch.cat((-second, first), dim=-1) * sin).to(states.dtype)

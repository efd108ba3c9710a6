"""Causal networks with stored keys and values: transformers models, and a plain Llama for small ones.

The plain Llama computes what transformers' `LlamaForCausalLM` computes (`cached` compares the two and falls back), but
without its cost per call, which at batch 1 is most of a small network's time. Our masked networks are plain for the
same reason, so speeds are compared fairly. Inference only; knows nothing about sampling or texts.

Source of the architecture: Touvron et al., "LLaMA" (arXiv 2302.13971).
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

LARGEST = 300_000_000
"""Parameters up to which a Llama runs plain: above, the cost per call is small and joined matrices are a second copy."""


class Cached(Protocol):
    """A causal network that keeps the keys and values of the columns it has seen."""

    def empty(self, rows: int, length: int) -> Any:
        """Room for the keys and values of `length` columns."""
        ...

    def logits(self, ids: Tensor, held: Any, last: bool = False) -> Tensor:
        """(rows, width, W) logits of the tokens behind `ids`, whose columns follow those held; they are held after.

        Several columns at once only where none is held. With `last`, the last column's alone: (rows, 1, W).
        """
        ...


class Transformers:
    """Any causal model of transformers, with its own cache."""

    def __init__(self, model: Any):
        self.model = model

    def empty(self, rows: int, length: int) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def logits(self, ids: Tensor, held: Any, last: bool = False) -> Tensor:
        kept = {"logits_to_keep": 1} if last else {}
        found: Tensor = self.model(input_ids=ids, past_key_values=held, use_cache=True, **kept).logits
        return found


class PlainLlama:
    """`LlamaForCausalLM` as a function of its weights: matrices that read the same input are joined, nothing else.

    Raises AttributeError when the model is built otherwise.
    """

    def __init__(self, model: Any):
        body, config = model.model, model.config
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon, self.words = config.rms_norm_eps, body.embed_tokens.weight
        self.out, self.norm = model.lm_head.weight, body.norm.weight
        self.layers = [
            (
                layer.input_layernorm.weight,
                torch.cat([getattr(layer.self_attn, f"{part}_proj").weight for part in "qkv"]),
                layer.self_attn.o_proj.weight,
                layer.post_attention_layernorm.weight,
                torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight]),
                layer.mlp.down_proj.weight,
            )
            for layer in body.layers
        ]
        self.rates = body.rotary_emb.inv_freq.float()

    def empty(self, rows: int, length: int) -> dict[str, Any]:
        """Keys and values, (layers, rows, groups, length, head size) each, and the rotation of every column."""
        room = self.words.new_empty(2, len(self.layers), rows, self.groups, length, self.size)
        angles = torch.arange(length, device=room.device)[:, None] * self.rates.repeat(2)
        turn = angles.cos().to(room.dtype), angles.sin().to(room.dtype)
        return {"keys": room[0], "values": room[1], "turn": turn, "columns": 0}

    def logits(self, ids: Tensor, held: dict[str, Any], last: bool = False) -> Tensor:
        begin, end = held["columns"], held["columns"] + ids.shape[1]
        cosine, sine = (part[begin:end] for part in held["turn"])
        split = [self.heads + self.groups, self.groups]
        hidden = self.words[ids]  # (rows, width, hidden)
        for number, (norm, qkv, out, second_norm, gate_up, down) in enumerate(self.layers):
            mixed = functional.linear(self._norm(hidden, norm), qkv).unflatten(-1, (-1, self.size)).transpose(1, 2)
            turned, value = mixed.split(split, dim=1)
            left, right = turned.chunk(2, dim=-1)
            turned = turned * cosine + torch.cat([-right, left], dim=-1) * sine
            held["keys"][number, :, :, begin:end] = turned[:, self.heads :]
            held["values"][number, :, :, begin:end] = value
            read = functional.scaled_dot_product_attention(
                turned[:, : self.heads],
                held["keys"][number, :, :, :end],
                held["values"][number, :, :, :end],
                is_causal=ids.shape[1] > 1,
                enable_gqa=self.groups != self.heads,
            )
            hidden = hidden + functional.linear(read.transpose(1, 2).flatten(2), out)
            gate, up = functional.linear(self._norm(hidden, second_norm), gate_up).chunk(2, dim=-1)
            hidden = hidden + functional.linear(functional.silu(gate) * up, down)
        held["columns"] = end
        return functional.linear(self._norm(hidden[:, -1:] if last else hidden, self.norm), self.out)

    def _norm(self, hidden: Tensor, scale: Tensor) -> Tensor:
        return functional.rms_norm(hidden, scale.shape, scale, self.epsilon)


@torch.no_grad()
def cached(model: Any) -> Cached:
    """The plain network if it is a small Llama and computes the same, else transformers' own."""
    own = Transformers(model)
    rope = getattr(getattr(model.base_model, "rotary_emb", None), "rope_type", None)
    if model.config.model_type != "llama" or rope not in ("default", "linear", "llama3") or parameters(model) > LARGEST:
        return own
    plain = PlainLlama(model)
    ids = torch.arange(4, device=model.device)[None] % len(plain.words)
    tolerance = 1e-4 if plain.words.dtype == torch.float32 else 5e-2
    same = torch.allclose(
        plain.logits(ids, plain.empty(1, 4)), own.logits(ids, own.empty(1, 4)), rtol=tolerance, atol=tolerance
    )
    return plain if same else own


def parameters(model: Any) -> int:
    """Parameters of a transformers model, tied ones counted once."""
    return sum(parameter.numel() for parameter in model.parameters())

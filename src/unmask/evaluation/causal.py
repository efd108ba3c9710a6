"""Causal networks with stored keys and values: transformers models, and a plain Llama for small ones.

The plain Llama computes what transformers' `LlamaForCausalLM` computes (`cached` compares the two and falls back), but
without its cost per call, which at batch 1 is most of a small network's time. Our masked networks are plain for the
same reason, so speeds are compared fairly. Inference only; knows nothing about sampling or texts.

Source of the architecture: Touvron et al., "LLaMA" (arXiv 2302.13971).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from unmask.errors import InputError

LARGEST = 300_000_000
"""Parameters up to which a Llama runs plain: above, a call's own cost is small and joined weights are a second copy."""

_SHAPE = {
    "width": ("hidden_size", "d_model", "n_embd"),
    "layers": ("num_hidden_layers", "n_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_heads", "n_head"),
}
"""What configs call the numbers of a network's shape."""


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


class CausalTransformers:
    """Any causal model of transformers, with its own cache."""

    def __init__(self, model: Any):
        self.model = model
        # transformers 5.2x renames the argument and warns about the old name.
        self.argument = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"

    def empty(self, rows: int, length: int) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def logits(self, ids: Tensor, held: Any, last: bool = False) -> Tensor:
        found: Tensor = self.model(input_ids=ids, use_cache=True, **{self.argument: held}).logits
        return found[:, -1:] if last else found


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
        return {"keys": room[0].unbind(), "values": room[1].unbind(), "turn": turn, "columns": 0}

    def logits(self, ids: Tensor, held: dict[str, Any], last: bool = False) -> Tensor:
        begin, end = held["columns"], held["columns"] + ids.shape[1]
        cosine, sine = (part[begin:end] for part in held["turn"])
        split = [self.heads + self.groups, self.groups]
        hidden = self.words[ids]  # (rows, width, hidden)
        stored = zip(self.layers, held["keys"], held["values"], strict=True)
        for (norm, qkv, out, second_norm, gate_up, down), keys, values in stored:
            mixed = functional.linear(self._norm(hidden, norm), qkv).unflatten(-1, (-1, self.size)).transpose(1, 2)
            turned, value = mixed.split(split, dim=1)
            left, right = turned.chunk(2, dim=-1)
            turned = turned * cosine + torch.cat([-right, left], dim=-1) * sine
            keys[:, :, begin:end] = turned[:, self.heads :]
            values[:, :, begin:end] = value
            read = functional.scaled_dot_product_attention(
                turned[:, : self.heads],
                keys[:, :, :end],
                values[:, :, :end],
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
    own = CausalTransformers(model)
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


def llama_like(
    stated: Mapping[str, Any], vocab_size: int, length: int, wanted: int, dtype: torch.dtype | None = None
) -> Any:
    """A Llama with random weights of the width, layers and heads that a config states, and `wanted` parameters.

    The units of its MLPs are as many as make it so (rounded to eight), whatever kind of MLP, positions and head the
    other network spends its own parameters on.

    Raises:
        InputError: the config does not state its shape.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    width, layers, heads = (_stated(stated, names) for names in _SHAPE.values())
    groups = stated.get("num_key_value_heads") or heads
    tied = bool(stated.get("tie_word_embeddings", True))
    words = vocab_size * width * (1 if tied else 2)
    attention = 2 * width * width * (heads + groups) // heads
    inner = (wanted - words - layers * (attention + 2 * width) - width) / (3 * width * layers)
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=max(8, 8 * round(inner / 8)),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        max_position_embeddings=length,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM._from_config(config, dtype=dtype)


def _stated(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    found = next((config[name] for name in names if isinstance(config.get(name), int)), None)
    if found is None:
        raise InputError(f"the model's config.json states no {' or '.join(names)}: no model of its size can be made")
    return int(found)

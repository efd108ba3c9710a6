"""The network: a from-scratch ModernBERT (or BERT) of a named size, or an existing masked language model.

A standard architecture of transformers, so that `AutoModelForMaskedLM` loads what we train. Knows nothing about data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM, ModernBertConfig, ModernBertForMaskedLM

from unmask.errors import InputError
from unmask.models import checkpoint_folder


@dataclass(frozen=True)
class Size:
    """Shape of a network: `layers` blocks of `width`, `heads` attention heads, gated MLPs of `inner` units."""

    layers: int
    width: int
    heads: int
    inner: int

    @property
    def initial(self) -> float:
        """Standard deviation of the random weights: narrow networks need more than the 0.02 made for width 768."""
        return min(0.5 / math.sqrt(self.width), 0.05)


SIZES = {
    "nano": Size(layers=3, width=96, heads=3, inner=128),
    "micro": Size(layers=4, width=128, heads=4, inner=192),
    "mini": Size(layers=5, width=160, heads=5, inner=240),
    "tiny": Size(layers=6, width=192, heads=6, inner=288),
    "small": Size(layers=8, width=256, heads=4, inner=384),
    "light": Size(layers=8, width=384, heads=6, inner=576),
    "medium": Size(layers=12, width=512, heads=8, inner=768),
    "base": Size(layers=22, width=768, heads=12, inner=1152),
}


NEIGHBOURS = 4


def from_scratch(size: str, vocab_size: int, length: int, seed: int, positions: str = "rotary") -> Any:
    """A network with random weights for windows of `length` tokens, none of them padding. Same seed, same weights.

    Args:
        positions: `rotary` makes a ModernBERT, whose attention knows distances alone: right for windows cut anywhere
            from a text. With every token hidden all its positions look the same, so where position 3 differs from
            position 4 (sentences of a grammar) choose `learned`: a BERT with one learned vector a position.
    """
    if size not in SIZES:
        raise InputError(f"size is {size!r}; choose one of {', '.join(SIZES)}")
    if positions not in POSITIONS:
        raise InputError(f"positions is {positions!r}; choose one of {', '.join(POSITIONS)}")
    torch.manual_seed(seed)
    return POSITIONS[positions](SIZES[size], vocab_size, length)


def _modernbert(shape: Size, vocab_size: int, length: int) -> Any:
    # Neighbours first: every other layer looks NEIGHBOURS tokens to each side, and the rotation is slow enough to tell
    # the distances of one window apart, no slower. Both shorten the long start at the unigram loss.
    rope = {"rope_type": "default", "rope_theta": max(100.0, 2.0 * length)}
    config = ModernBertConfig(
        vocab_size=vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=length,
        layer_types=[("sliding_attention", "full_attention")[layer % 2] for layer in range(shape.layers)],
        local_attention=2 * NEIGHBOURS,
        rope_parameters={"full_attention": dict(rope), "sliding_attention": dict(rope)},
        initializer_range=shape.initial,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        cls_token_id=None,
        sep_token_id=None,
        attn_implementation="sdpa",  # type: ignore[call-arg]  # known to the base class alone
    )
    return ModernBertForMaskedLM(config)


def _bert(shape: Size, vocab_size: int, length: int) -> Any:
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=shape.width,
        intermediate_size=2 * shape.inner,  # not gated
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=length,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=shape.initial,
        pad_token_id=None,
        attn_implementation="sdpa",  # type: ignore[call-arg]  # known to the base class alone
    )
    return BertForMaskedLM(config)


POSITIONS = {"rotary": _modernbert, "learned": _bert}


def continue_from(path: str | Path) -> Any:
    """An existing masked language model of transformers, from safetensors, in float32, ready to be trained further."""
    try:
        folder = checkpoint_folder.folder_of(path)
        checkpoint_folder.require_safetensors(folder)
        return AutoModelForMaskedLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # of as many kinds as there are architectures
        raise InputError(
            f"no masked language model can be loaded from {path}: {checkpoint_folder.first_line(error)}"
        ) from error


def parameters(network: Any) -> int:
    """Number of trained parameters, tied ones counted once."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)

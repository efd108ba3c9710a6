"""What differs between public families of masked models: one small record of facts each, and nothing else.

A record says what a checkpoint's own files do not: which id is the mask, whether logits are shifted, how attention
runs, what must be passed to the network besides token ids. Facts were read in the families' public code and model
cards; what was run of each is said in docs/models.md. Whatever a record says can be overridden by hand:
`unmask.load(path, shift=1, mask_token_id=5)`.

Knows nothing about loading or about sampling. Adding a family is adding an entry to `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from unmask.errors import InputError

if TYPE_CHECKING:  # a record is plain facts: it can be read without torch
    from torch import Tensor


class Query(NamedTuple):
    """What a network may need to know about the token ids it is given, (rows, width) each."""

    ids: Tensor
    masked: Tensor
    """True where the text is hidden."""
    attend: Tensor | None
    """False at padding; None when there is none."""
    block_size: int | None
    start: int = 0
    """How many columns before these are held as keys and values."""


Arguments = Callable[[Query], dict[str, Any]]


def padding_mask(query: Query) -> dict[str, Any]:
    """Plain bidirectional attention; a two-dimensional mask hides padding."""
    return {} if query.attend is None else {"attention_mask": query.attend.long()}


def square_mask(query: Query) -> dict[str, Any]:
    """A boolean attention mask (rows or 1, 1, width, start + width): block-causal with blocks, else everything."""
    import torch

    width = query.ids.shape[1]
    columns = torch.arange(query.start + width, device=query.ids.device)
    block = columns // (query.block_size or columns.numel())
    allowed = (block[query.start :, None] >= block[None, :])[None, None]
    if query.attend is not None:
        # A padded column still attends to itself: a softmax over nothing is not a number.
        allowed = (allowed & query.attend[:, None, None, :]) | torch.eye(width, dtype=torch.bool, device=columns.device)
    return {"attention_mask": allowed, "use_cache": False}


def square_padding_mask(query: Query) -> dict[str, Any]:
    """Plain bidirectional attention, in networks that take only masks of queries by keys."""
    return {} if query.attend is None else square_mask(query)


def own_blocks(query: Query) -> dict[str, Any]:
    """The network makes its own block-causal mask from a block size."""
    return {"block_size": query.block_size, "use_cache": False}


def noise_level(query: Query) -> dict[str, Any]:
    """The noise level of each row, read from the fraction of it that is masked (log-linear noise, floor 1e-3)."""
    fraction = query.masked.float().mean(1)
    return {"timesteps": -(1 - (1 - 1e-3) * fraction).log()}


def noise_level_in_blocks(query: Query) -> dict[str, Any]:
    """As `noise_level`, with the network's own block-causal mask of sampling."""
    return noise_level(query) | {"sample_mode": True}


def cached_square_mask(query: Query) -> dict[str, Any]:
    """`square_mask` for columns that continue stored keys and values."""
    import torch

    rows, width = query.ids.shape
    positions = torch.arange(query.start, query.start + width, device=query.ids.device)
    return square_mask(query) | {"use_cache": True, "position_ids": positions.expand(rows, width)}


def cached_and_stored(query: Query) -> dict[str, Any]:
    """As `cached_square_mask`, for networks that keep keys and values only when told to."""
    return cached_square_mask(query) | {"store_kv": True}


def cached_own_blocks(query: Query) -> dict[str, Any]:
    """The network's own mask, keeping keys and values."""
    return {"block_size": query.block_size, "use_cache": True, "update_past_key_values": True}


@dataclass(frozen=True)
class Family:
    """The facts about one family. `None` means: ask the checkpoint's own config and tokenizer."""

    name: str
    model_types: tuple[str, ...] = ()
    """`model_type` of config.json, compared without regard to case."""
    named: str = ""
    """Where model types are shared: a part of the path or hub id that tells this family apart."""
    alphabet: str = ""
    """Letters that its texts are made of, where its vocabulary has more: `--alphabet record` draws no others."""
    mask_token_id: int | None = None
    """Id of the mask, unless the checkpoint's config states one; -1 is the last row of the vocabulary."""
    shift: int = 0
    """1 when the logits of token i-1 predict token i (networks adapted from autoregressive ones)."""
    block_size: int | None = None
    """None: attention is bidirectional. Else it is causal between blocks of this size and bidirectional inside one."""
    arguments: Arguments = padding_mask
    """What the network is called with besides token ids."""
    cache_arguments: Arguments = cached_square_mask
    """The same when keys and values are kept."""
    add_special_tokens: bool = False
    """Whether the tokenizer's special tokens ([CLS] … [SEP]) stand around the text."""
    forbidden_ids: tuple[int, ...] = ()
    """Ids that must never be drawn, besides the mask, special tokens around the text and padded vocabulary."""
    end_of_text_id: int | None = None
    pads_with_end_of_text: bool = False
    """Trained with end-of-text as padding: long canvases fill up with it, which is no sign of a short answer."""
    chat: bool = False
    """Whether instructions must go through the tokenizer's chat template."""
    chat_template: str | None = None
    """A Jinja template, for tokenizers that carry none."""
    remote_code: bool = False
    """Whether the network's code comes with the checkpoint (needs trust_remote_code=True)."""
    auto_classes: tuple[str, ...] = ("AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModel")
    """transformers' doors, tried in this order against the checkpoint's auto_map."""
    time_conditioned: bool = False
    """Whether a noise level is passed to the network (off its training distribution when a model chooses the order)."""
    masked_state: bool = True
    """False for processes that replace tokens by random ones instead of masking them."""
    example: str = "The quick brown fox jumps over the lazy dog, and the cat sat on the mat."
    """A text the family is likely to know, for the self-test."""
    note: str = ""

    def matches(self, model_type: str, name: str) -> bool:
        return model_type.lower() in self.model_types and self.named.lower() in name.lower()


_LLADA2_TEMPLATE = (
    "{% for message in messages %}<role>{{ 'HUMAN' if message['role'] == 'user' else message['role'] | upper }}</role>"
    "{{ message['content'] }}<|role_end|>{% endfor %}{% if add_generation_prompt %}<role>ASSISTANT</role>{% endif %}"
)
_BLOCKS = "the theory of parallel sampling applies inside one block; blocks are revealed one after another"

FAMILIES = (
    Family(
        "esm",
        ("esm", "esmc"),
        mask_token_id=32,
        add_special_tokens=True,
        alphabet="ACDEFGHIKLMNPQRSTVWY",
        auto_classes=("AutoModelForMaskedLM",),
        example="MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG",
        note="proteins: ESM-2, ESM-C and DPLM, whose weights have the same shapes; the example is ubiquitin",
    ),
    Family(
        "llada",
        ("llada",),
        mask_token_id=126336,
        end_of_text_id=126081,
        pads_with_end_of_text=True,
        chat=True,
        remote_code=True,
        note="LLaDA, LLaDA-1.5, iLLaDA (whose config says its mask is 5), d3LLM on LLaDA",
    ),
    Family(
        "llada-moe",
        ("llada_moe", "lladamoe"),
        mask_token_id=156895,
        pads_with_end_of_text=True,
        chat=True,
        remote_code=True,
    ),
    Family(
        "llada2",
        ("llada2_moe", "llada2moe"),
        mask_token_id=156895,
        block_size=32,
        arguments=square_mask,
        chat=True,
        chat_template=_LLADA2_TEMPLATE,
        remote_code=True,
        auto_classes=("AutoModelForCausalLM", "AutoModel"),
        note=_BLOCKS,
    ),
    Family(
        "dream",
        ("dream",),
        mask_token_id=151666,
        shift=1,
        arguments=square_padding_mask,
        chat=True,
        remote_code=True,
        auto_classes=("AutoModel", "AutoModelForMaskedLM"),
        note="Dream, Dream-Coder, DiffuCoder, d3LLM on Dream",
    ),
    Family(
        "sdar",
        ("sdar", "sdar_moe"),
        mask_token_id=151669,
        block_size=4,
        arguments=square_mask,
        cache_arguments=cached_and_stored,
        chat=True,
        remote_code=True,
        auto_classes=("AutoModelForCausalLM", "AutoModel"),
        note=_BLOCKS + "; checkpoints named b8 … b64 have larger blocks: pass block_size=",
    ),
    Family(
        "fast-dllm-v2",
        ("fast_dllm_qwen", "fast_dllm_v2", "fast_dllm"),
        mask_token_id=151665,
        shift=1,
        block_size=32,
        arguments=own_blocks,
        cache_arguments=cached_own_blocks,
        chat=True,
        remote_code=True,
        auto_classes=("AutoModelForCausalLM", "AutoModel"),
        note=_BLOCKS + "; the first token of a block is predicted from the blocks before it alone",
    ),
    Family(
        "open-dcoder",
        ("qwen2",),
        named="dcoder",
        shift=1,
        arguments=square_mask,
        auto_classes=("AutoModelForCausalLM",),
        note="an ordinary Qwen2 network run with bidirectional attention",
    ),
    Family(
        "a2d-bd3lm",
        ("a2d-qwen2", "a2d-qwen3", "a2d-llama"),
        named="bd3lm",
        block_size=32,
        arguments=square_mask,
        chat=True,
        remote_code=True,
        note=_BLOCKS,
    ),
    Family("a2d", ("a2d-qwen2", "a2d-qwen3", "a2d-llama"), chat=True, remote_code=True, note="dllm-hub's adapted Qwen"),
    Family(
        "mdlm",
        ("mdlm",),
        mask_token_id=-1,
        arguments=noise_level,
        end_of_text_id=50256,
        remote_code=True,
        time_conditioned=True,
    ),
    Family(
        "bd3lm",
        ("bd3lm",),
        mask_token_id=-1,
        block_size=16,
        arguments=noise_level_in_blocks,
        end_of_text_id=50256,
        remote_code=True,
        time_conditioned=True,
        note=_BLOCKS,
    ),
    Family(
        "uniform-state",
        ("diffusion_gemma", "diffusiongemma", "duo", "udlm"),
        masked_state=False,
        note="tokens are replaced by random ones, not masked",
    ),
)

NATIVE = Family("masked language model", add_special_tokens=True, auto_classes=("AutoModelForMaskedLM",))
"""transformers' own masked language models: everything else is in the checkpoint's files."""

OURS = Family("unmask", auto_classes=("AutoModelForMaskedLM",))
"""Checkpoints of `unmask train`: nothing around the text, everything else in unmask.json."""

UNKNOWN = Family("unknown", remote_code=True, note="no record: assumed bidirectional and unshifted; check with inspect")


def find(model_type: str, name: str) -> Family | None:
    """The record of a checkpoint with this `model_type` and this path or hub id, or None."""
    return next((family for family in FAMILIES if family.matches(model_type, name)), None)


def by_name(name: str) -> Family:
    """The record called `name`, for checkpoints that do not say what they are."""
    records = {family.name: family for family in (*FAMILIES, NATIVE, OURS, UNKNOWN)}
    if name not in records:
        raise InputError(f"family {name!r} is not known; choose from {', '.join(records)}")
    return records[name]

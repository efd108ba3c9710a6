"""Code that comes with checkpoints, on the transformers that is installed here.

The modelling files of the public diffusion families were written for transformers 4.46 to 4.57 and are not kept up.
What later versions took away from them is given back here, and only while such a file is read, its network made and its
weights loaded: names that moved or went, the plain rotary frequencies, what the loader expects of a class. Nothing of
transformers stays changed afterwards, and networks of transformers itself never come this way.

Knows nothing about particular families: it mends what their code relies on, not their code.
"""

import copy
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypedDict
from unittest import mock

import torch
from torch import Tensor, nn

from unmask.errors import InputError


def load_with_its_code(folder: Path, door: str, reference: str, **arguments: Any) -> tuple[nn.Module, dict[str, Any]]:
    """A network whose class comes with its checkpoint, and transformers' report of what was missing.

    Args:
        folder: the checkpoint; its code is run, so whoever calls this was told to trust it.
        door: the key of config.json's auto_map, such as "AutoModel".
        reference: what auto_map has there: "file.Class", or "owner/name--file.Class".
        **arguments: for `PreTrainedModel.from_pretrained` (dtype=, device_map=, …).

    The class's own `from_pretrained` is passed by: the families that have one use it to attach what only their own
    sampling loop reads, and it fails when asked for the report.
    """
    from transformers import AutoConfig, PreTrainedModel
    from transformers.dynamic_module_utils import get_class_from_dynamic_module as fetch

    with _as_it_was():
        config = AutoConfig.from_pretrained(folder, trust_remote_code=True, local_files_only=True)
        kind = fetch(reference, folder, local_files_only=True)
        if not (isinstance(kind, type) and issubclass(kind, PreTrainedModel)):
            raise InputError(f"auto_map of {folder} names {reference} for {door}: it is no PreTrainedModel")
        for name, value in _DEFAULTS.items():
            if not hasattr(config, name):
                setattr(config, name, value)
        with _mended(kind) as untied:
            load: Callable[..., tuple[nn.Module, dict[str, Any]]] = PreTrainedModel.from_pretrained.__func__  # type: ignore[attr-defined]
            model, report = load(
                kind, folder, config=config, local_files_only=True, output_loading_info=True, **arguments
            )
            if untied and config.tie_word_embeddings and untied >= set(report["missing_keys"]):
                model.get_output_embeddings().weight = model.get_input_embeddings().weight  # type: ignore[operator]
                report["missing_keys"] = set()
            _recompute(model, kind, config)
    return model, report


@contextmanager
def _as_it_was() -> Iterator[None]:
    """While it is open, transformers has the modules and names that code written for version 4 imports from it."""
    from transformers import modeling_rope_utils

    with ExitStack() as until:
        for place, names in _GONE.items():
            try:
                module = importlib.import_module(place)
            except ModuleNotFoundError:
                module = sys.modules[place] = types.ModuleType(place)
                until.callback(sys.modules.pop, place)
            for name, value in names.items():
                if not hasattr(module, name):
                    until.enter_context(mock.patch.object(module, name, value, create=True))
        if "default" not in modeling_rope_utils.ROPE_INIT_FUNCTIONS:
            known = {"default": _plain_rotary_frequencies}
            until.enter_context(mock.patch.dict(modeling_rope_utils.ROPE_INIT_FUNCTIONS, known))
        yield


def _plain_rotary_frequencies(config: Any = None, device: Any = None, *_: Any, **given: Any) -> tuple[Tensor, float]:
    """theta^(-2i/d) for i = 0 … d/2 - 1, and no scaling of attention (RoFormer, arXiv:2104.09864, section 3.2.2)."""
    if config is None or {"base", "dim"} <= {name for name, value in given.items() if value is not None}:
        theta, width = given["base"], given["dim"]
    else:
        stated = getattr(config, "rope_parameters", None) or {}
        theta = getattr(config, "rope_theta", None) or stated.get("rope_theta") or 10000.0
        share = getattr(config, "partial_rotary_factor", None) or stated.get("partial_rotary_factor") or 1.0
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        width = int(head * share)
    return 1.0 / theta ** (torch.arange(0, width, 2, device=device).float() / width), 1.0


class _Nothing:
    """Stands where a class or function was that networks do not need: nothing is one of it, and calling it says so."""

    def __init__(self, *_: Any, **__: Any):
        raise InputError("the checkpoint's code calls a function that this transformers no longer has: try 4.57")


class _AttentionMaskConverter:
    """Two-dimensional masks of padding as four-dimensional ones that are added to attention scores."""

    def __init__(self, is_causal: bool = False, **_: Any):
        if is_causal:
            raise InputError("the checkpoint's code asks for causal attention in a masked model: try transformers 4.57")

    def to_4d(self, attention_mask_2d: Tensor, query_length: int, dtype: torch.dtype, **_: Any) -> Tensor:
        """(rows, width), 0 at padding, to (rows, 1, query_length, width), -inf (as `dtype` has it) at padding."""
        hidden = (attention_mask_2d == 0)[:, None, None, :].expand(-1, -1, query_length, -1)
        return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill(hidden, torch.finfo(dtype).min)

    @staticmethod
    def _ignore_causal_mask_sdpa(*_: Any, **__: Any) -> bool:
        return False  # a mask that was given is used


class _LossKwargs(TypedDict, total=False):
    """What a loss may be told; code of the families inherits from it."""

    num_items_in_batch: Tensor | None


_GONE: dict[str, dict[str, Any]] = {
    "transformers.modeling_attn_mask_utils": {
        "AttentionMaskConverter": _AttentionMaskConverter,
        "_prepare_4d_attention_mask": _Nothing,
        "_prepare_4d_attention_mask_for_sdpa": _Nothing,
        "_prepare_4d_causal_attention_mask": _Nothing,
        "_prepare_4d_causal_attention_mask_for_sdpa": _Nothing,
    },
    "transformers.utils": {
        "LossKwargs": _LossKwargs,
        "is_torch_fx_available": lambda: False,
    },
    "transformers.utils.import_utils": {"is_torch_fx_available": lambda: False},
    "transformers.cache_utils": {"SlidingWindowCache": _Nothing, "HybridCache": _Nothing, "SinkCache": _Nothing},
    "transformers.pytorch_utils": {
        "ALL_LAYERNORM_LAYERS": [],
        "is_torch_greater_or_equal_than_1_13": True,
        "is_torch_greater_or_equal_than_2_3": True,
    },
}
"""What code of the families imports and a supported transformers may lack, by module. What is there stays as it is."""


_DEFAULTS = {"use_cache": False, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None}
"""What every configuration had until transformers 5, and code reads that never sets it."""


@contextmanager
def _mended(kind: type) -> Iterator[set[str]]:
    """While it is open, a class has what the loader of transformers 5 relies on.

    Yields the weights that a loader of version 4 would have tied to the input embeddings and this one will not: a list
    of names, where version 5 wants to be told what each is tied to.
    """
    untied: set[str] = set()
    with ExitStack() as until:
        listed = getattr(kind, "_tied_weights_keys", None)
        if isinstance(listed, list) and hasattr(kind, "get_expanded_tied_weights_keys"):
            untied |= set(listed)
            until.enter_context(mock.patch.object(kind, "_tied_weights_keys", None))
        if not hasattr(kind, "all_tied_weights_keys"):  # set by post_init, which some classes never call
            until.enter_context(mock.patch.object(kind, "all_tied_weights_keys", {}, create=True))
        tie = kind.tie_weights  # type: ignore[attr-defined]
        if len(inspect.signature(tie).parameters) == 1:
            until.enter_context(mock.patch.object(kind, "tie_weights", lambda self, *_, **__: tie(self)))
        yield untied


def _recompute(model: nn.Module, kind: type, config: Any) -> None:
    """Give tensors that are not weights of the checkpoint, such as rotary frequencies, the values they are made with.

    transformers 5 makes a network on the meta device, where nothing has a value, and fills its non-persistent buffers
    with uninitialised memory: its own classes compute them again in `_init_weights`, those of checkpoints do not.
    Tensors that are plain attributes stay without a value. A twin without weights knows both.
    """
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False), torch.device("cpu"):
        twin = dict(kind(copy.deepcopy(config)).named_modules())
    for path, module in model.named_modules():
        fresh = twin.get(path)
        if fresh is None:
            continue
        for name in module._non_persistent_buffers_set:
            computed, held = fresh._buffers.get(name), module._buffers.get(name)
            if computed is not None and held is not None:
                module._buffers[name] = computed.to(held.device, held.dtype)
        for name, held in vars(module).items():
            if isinstance(held, Tensor) and isinstance(vars(fresh).get(name), Tensor):
                setattr(module, name, vars(fresh)[name].to(held.dtype))

"""Checkpoints as predictors: `unmask.load("path, shipped name or hub id")`.

Loads transformers' own masked language models, the checkpoints of `unmask train`, and the public diffusion families
(whose code comes with the checkpoint and runs only with `trust_remote_code=True`). What differs between families is a
record in `unmask.models.families`; what they share is in `unmask.models.adapter`. Here a checkpoint's record, mask
token, dtype and network are settled from the record, the checkpoint's own files and what the caller says.

Importing this costs torch; transformers is imported only for checkpoints whose network is not one of our own.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from unmask.errors import InputError
from unmask.files import read_json
from unmask.models import bert, checkpoint_folder, compatibility, families, modernbert
from unmask.models.adapter import Pretrained
from unmask.models.bert import Bert
from unmask.models.devices import device_of
from unmask.models.families import Family
from unmask.models.modernbert import ModernBert
from unmask.models.network import Network, Plain, Transformers
from unmask.models.text import Text


def load(
    path_or_id: str | os.PathLike[str],
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    trust_remote_code: bool = False,
    **overrides: Any,
) -> Pretrained:
    """Load a checkpoint as a predictor.

    Args:
        path_or_id: a model folder, the name of a shipped model ("toy", "manual"), or a hub id.
        device: None takes the first CUDA device, else the CPU.
        dtype: None takes the checkpoint's own (float32 instead of float16 on a CPU, where float16 is hundreds of times
            slower). Log-probabilities are float32 always.
        trust_remote_code: whether code that comes with the checkpoint may be run here. It can do anything you can.
        **overrides: any field of `families.Family` (mask_token_id=, shift=, block_size=, add_special_tokens=, …), and
            family= (a record or its name), prefix_ids=, suffix_ids= (what stands around the text), length= (the canvas
            length to insist on, or None), max_length= (how long a text may be; beyond what it was trained on only
            where positions are rotary), revision= (of a hub id), device_map= (how a network is spread over devices, as
            transformers takes it; "auto").

    Raises:
        InputError: the model cannot be found or read, its weights are not safetensors, it needs trust_remote_code=True,
            no mask token is known, it is not a masked model, or an override does not exist.

    Examples:
        >>> model = unmask.load("toy")
        >>> model.length, model.vocab_size
        (17, 46)
    """
    folder = checkpoint_folder.folder_of(path_or_id, trust_remote_code, overrides.pop("revision", None))
    device_map = overrides.pop("device_map", None)
    checkpoint_folder.refuse_adapter(folder)
    config = checkpoint_folder.read_config(folder)
    ours = (
        read_json(folder / "unmask.json", checkpoint_folder.OUR_FORMAT) if (folder / "unmask.json").is_file() else None
    )
    text = Text(folder, trust_remote_code)
    if ours is None and not config.get("model_type") and not config.get("auto_map"):
        raise InputError(
            f"config.json of {folder} has no model_type: say there which architecture it is"
            + checkpoint_folder.architecture_hint(folder)
        )
    family = _family(str(path_or_id), config, ours, text, overrides)
    if not family.masked_state:
        raise InputError(
            f"{path_or_id} ({config.get('model_type')}) replaces tokens by random ones instead of masking them: "
            "the price of masked sampling does not apply to it, and it is not loaded"
        )
    _check_trust(str(path_or_id), config, family, trust_remote_code)
    checkpoint_folder.require_safetensors(folder)
    checkpoint_folder.require_whole(folder, ours or {})
    place = device_of(device)
    with checkpoint_folder.one_line(folder):
        kind = _dtype(checkpoint_folder.stored_dtype(folder, config), dtype, place)
        network = _network(folder, config, family, place, kind, device_map)
    family = _with_mask(folder, family, text, network.vocab_size)
    around = _around(family, config, text, overrides)
    return Pretrained(
        str(path_or_id),
        network,
        family,
        text,
        around,
        overrides["length"] if "length" in overrides else (ours or {}).get("length"),
        _allowed_length(str(path_or_id), config, around, overrides),
        config.get("pad_token_id"),
        _notices(family, config, text, overrides),
    )


_OTHER_OVERRIDES = ("family", "prefix_ids", "suffix_ids", "length", "max_length", "revision", "device_map")


def _family(
    name: str, config: dict[str, Any], ours: dict[str, Any] | None, text: Text, overrides: dict[str, Any]
) -> Family:
    """The record to run a checkpoint by: the one named by hand, ours, a public family's, or what its config allows."""
    fields = {field.name for field in dataclasses.fields(Family)}
    unknown = sorted(overrides.keys() - fields - set(_OTHER_OVERRIDES))
    if unknown:
        allowed = ", ".join(sorted(fields | set(_OTHER_OVERRIDES)))
        raise InputError(f"load has no override {unknown[0]!r}; there are {allowed}")
    given = overrides.get("family")
    model_type = str(config.get("model_type", ""))
    if given is not None:
        family = families.by_name(given) if isinstance(given, str) else given
    elif ours is not None:
        family = families.OURS
    else:
        family = families.find(model_type, name) or (families.UNKNOWN if config.get("auto_map") else families.NATIVE)
    stated: dict[str, Any] = {}
    if family.block_size is not None:
        sizes = (config.get(key) for key in ("block_size", "bd_size", "block_length"))
        stated["block_size"] = next((size for size in sizes if isinstance(size, int)), family.block_size)
    for key in ("mask_token_id", "end_of_text_id", "shift", "example") if ours else ("mask_token_id",):
        if (ours or config).get(key) is not None:
            stated[key] = (ours or config)[key]
    if "mask_token_id" not in stated and family.mask_token_id != -1:  # a tokenizer knows better than a record
        own = text.special_id("mask_token")
        stated |= {} if own is None else {"mask_token_id": own}
    stated["forbidden_ids"] = tuple((ours or {}).get("forbidden_ids") or family.forbidden_ids)
    family = dataclasses.replace(family, **stated | {key: overrides[key] for key in overrides.keys() & fields})
    if family.block_size and family.arguments is families.padding_mask:  # blocks were asked for by hand
        family = dataclasses.replace(family, arguments=families.square_mask)
    return family


def _check_trust(name: str, config: dict[str, Any], family: Family, trust_remote_code: bool) -> None:
    if family.remote_code and config.get("auto_map") and not trust_remote_code:
        raise InputError(
            f"{name} ({config.get('model_type')}) runs code that comes with the checkpoint; "
            "read it, then pass trust_remote_code=True (--trust-remote-code)"
        )
    if family.remote_code and not config.get("auto_map"):
        raise InputError(
            f"{name} ({config.get('model_type')}) needs its own code, and its config.json names none (auto_map)"
        )


def _dtype(stored: str | None, dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype | None:
    """The dtype to load in; None as stored."""
    wanted = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if dtype is not None and wanted not in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        raise InputError(f"dtype is {dtype!r}; choose from float32, bfloat16, float16, float64")
    if device.type == "cpu" and wanted == torch.float16:
        raise InputError("dtype float16 is hundreds of times slower than bfloat16 on a CPU; pass bfloat16 or float32")
    if wanted is None and device.type == "cpu" and stored == "float16":
        return torch.float32
    return wanted


_PLAIN: tuple[tuple[Callable[..., bool], Callable[..., ModernBert | Bert]], ...] = (
    (modernbert.supports, ModernBert),
    (bert.supports, Bert),
)
"""Networks of our own: which configs each computes, and how it is made from config and weights."""


def _network(
    folder: Path,
    config: dict[str, Any],
    family: Family,
    device: torch.device,
    dtype: torch.dtype | None,
    device_map: Any,
) -> Network:
    plain = next((make for supports, make in _PLAIN if supports(config)), None)
    file = folder / "model.safetensors"
    theirs = config.get("auto_map") or config.get("quantization_config") or device_map is not None
    if plain is not None and file.is_file() and not theirs:
        from safetensors.torch import load_file

        weights = load_file(file, device=str(device))
        with contextlib.suppress(KeyError):  # weights are missing or called otherwise: transformers knows what to do
            return Plain(plain(config, {name: weight.to(dtype or weight.dtype) for name, weight in weights.items()}))
    return _transformers_network(folder, config, family, device, dtype, device_map)


def _transformers_network(
    folder: Path,
    config: dict[str, Any],
    family: Family,
    device: torch.device,
    dtype: torch.dtype | None,
    device_map: Any,
) -> Transformers:
    import transformers

    offered = (
        [name for name in config.get("auto_map") or () if name.startswith("AutoModel")] if family.remote_code else []
    )
    door = next((name for name in family.auto_classes if name in offered), (offered or family.auto_classes)[0])
    model_class = getattr(transformers, door)
    if not offered:
        kinds = {kind.model_type for kind in model_class._model_mapping}
        if config.get("model_type") not in kinds:
            raise InputError(
                f"{folder} has model_type {config.get('model_type')!r}, no masked language model of transformers; "
                "if it was adapted to masked diffusion, say how: family=, or trust_remote_code=True with its own code"
            )
    verbosity = transformers.logging.get_verbosity()
    shows_bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        arguments: dict[str, Any] = {"dtype": dtype or "auto", "use_safetensors": True, "device_map": device_map}
        if config.get("token_dropout"):  # such a network counts its masks itself
            arguments["mask_token_id"] = family.mask_token_id
        if offered:
            model, report = compatibility.load_with_its_code(folder, door, config["auto_map"][door], **arguments)
        else:
            model, report = model_class.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, **arguments
            )
        if report["missing_keys"]:
            absent = sorted(report["missing_keys"])
            raise InputError(
                f"{folder} lacks weights, first {absent[0]} ({len(absent)} in all): no whole masked language model"
            )
        placed = device_map is not None or config.get("quantization_config")
        return Transformers(model if placed else model.to(device), family, family.block_size)
    finally:
        transformers.logging.set_verbosity(verbosity)
        if shows_bars:
            transformers.logging.enable_progress_bar()


def _with_mask(folder: Path, family: Family, text: Text, vocab_size: int) -> Family:
    """The record with its mask settled: from what was said by hand, the config, the tokenizer, and last the record."""
    mask = family.mask_token_id
    if mask is None:
        mask = text.special_id("mask_token")
    if mask is None:
        raise InputError(f"no mask token is known for {folder}; pass mask_token_id= (--mask-token-id)")
    if mask == -1:
        mask = vocab_size - 1
    if not 0 <= mask < vocab_size:
        raise InputError(f"mask_token_id is {mask}; the network's vocabulary is 0 … {vocab_size - 1}")
    return dataclasses.replace(family, mask_token_id=mask)


def _around(
    family: Family, config: dict[str, Any], text: Text, overrides: dict[str, Any]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What stands before and after the text."""
    before, after = text.around if family.add_special_tokens else ((), ())
    if family.shift and not family.block_size and overrides.get("add_special_tokens", True) and not before:
        begin = text.special_id("bos_token")
        begin = config.get("bos_token_id") if begin is None else begin
        before = () if begin is None else (int(begin),)
    return tuple(overrides.get("prefix_ids", before)), tuple(overrides.get("suffix_ids", after))


def _max_length(config: dict[str, Any], around: tuple[tuple[int, ...], tuple[int, ...]]) -> int | None:
    """How long a text the network has positions for. RoBERTa's descendants count positions from the padding id + 1."""
    places = config.get("max_position_embeddings") or config.get("model_length") or config.get("max_sequence_length")
    if not isinstance(places, int) or places < 1:
        return None
    offset = (config.get("pad_token_id") or 0) + 1 if str(config.get("model_type")) in _OFFSET_POSITIONS else 0
    return places - offset - len(around[0]) - len(around[1])


def _allowed_length(
    name: str, config: dict[str, Any], around: tuple[tuple[int, ...], tuple[int, ...]], overrides: dict[str, Any]
) -> int | None:
    """How long a text may be: what the network has positions for, or what was said by hand."""
    own = _max_length(config, around)
    wanted = overrides.get("max_length", own)
    if own is not None and (wanted is None or wanted > own) and not _rotary(config):
        raise InputError(f"max_length is {wanted}; {name} has a table of positions for {own} and none beyond")
    return wanted


def _rotary(config: dict[str, Any]) -> bool:
    """Whether positions are angles, which go on for ever, rather than rows of a table."""
    return config.get("position_embedding_type") == "rotary" or any("rope" in key or "rotary" in key for key in config)


_OFFSET_POSITIONS = (
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "xmod",
    "esm",
)


def _notices(family: Family, config: dict[str, Any], text: Text, overrides: dict[str, Any]) -> list[str]:
    notices = [fault] if (fault := text.fault()) else []
    own = text.special_id("mask_token")
    if own is not None and own != family.mask_token_id:
        notices.append(
            f"mask token {family.mask_token_id} is used, the tokenizer says {own}; "
            "mask_token_id= (--mask-token-id) decides"
        )
    if "max_length" in overrides:
        notices.append(
            f"texts up to {overrides['max_length']} tokens were asked for; beyond what it was trained on, "
            f"{config.get('max_position_embeddings')} positions, a rotary network extrapolates"
        )
    if family.block_size:
        notices.append(
            f"attention is causal between blocks of {family.block_size}: "
            "prices hold inside a block, given the blocks before it"
        )
    if family.time_conditioned and config.get("time_conditioning"):
        notices.append(
            "the network is told a noise level; orders that the model chooses are off its training distribution"
        )
    if family.name == families.UNKNOWN.name:
        notices.append(f"model_type {config.get('model_type')!r} has no record: bidirectional and unshifted is a guess")
    return notices

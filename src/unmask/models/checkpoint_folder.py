"""Checkpoint folders: finding them, reading their config, and turning what is wrong with them into one line.

A model is a folder (a path), one of the models shipped in the package (a bare name), or a hub id, which is a folder too
once it is downloaded. Weights are read from safetensors only; nothing is ever unpickled.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.files import read_bytes, reason

OUR_FORMAT = "unmask.model/1"
FILES = "files"
"""Of our card: the SHA-256 of every other file of the model, by name."""
LONGEST_LINE = 200
"""Characters of another library's message that are repeated."""


def folder_of(name: str | os.PathLike[str], trust_remote_code: bool = False, revision: str | None = None) -> Path:
    """The folder of a path, of a shipped model or of a hub id (downloaded, or found in the cache when offline)."""
    path = Path(name)
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{path} is a file; expected a model folder with config.json and model.safetensors")
    shipped = _shipped()
    if str(name) in shipped:
        return shipped[str(name)]
    places = f"no such folder, not shipped ({', '.join(shipped) or 'nothing is'})"
    if str(name).count("/") > 1 or str(name).startswith((".", "/", "~")):
        raise InputError(f"cannot find model {str(name)!r}: {places}")
    try:
        return _download(str(name), trust_remote_code, revision)
    except Exception as error:  # hub, network and validation errors of many kinds
        raise InputError(f"cannot find model {str(name)!r}: {places}, not on the hub: {first_line(error)}") from error


def _shipped() -> dict[str, Path]:
    """The models inside the package, by name."""
    data = Path(str(files("unmask"))) / "data"
    return {folder.name: folder for folder in sorted(data.glob("*")) if (folder / "config.json").is_file()}


def _download(name: str, trust_remote_code: bool, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"] + ["*.py"] * trust_remote_code
    return Path(snapshot_download(name, revision=revision, allow_patterns=patterns, ignore_patterns=["*/*"]))


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a checkpoint folder."""
    file = folder / "config.json"
    try:
        content = read_bytes(file)
    except InputError as error:
        raise InputError(
            f"{folder} is not a model folder: cannot read config.json ({reason(error.__cause__ or error)})"
        ) from error
    try:
        config = json.loads(content)  # as transformers reads it, which takes what strict JSON does not
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not a JSON file ({first_line(error)[:120]})") from error
    if not isinstance(config, dict):
        raise InputError(f"{file} is not a JSON object")
    return config


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_whole(folder: Path, card: dict[str, Any]) -> None:
    """Raise InputError when a file is not the one our card describes: `unmask train` died while it published them."""
    for name, written in card.get(FILES, {}).items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or digest(path) != written:
            raise InputError(
                f"{folder} is no whole model: {name} is not the file that unmask.json describes; if training was cut "
                f'off, go on with unmask train --out {folder} --resume; if you changed the file, remove "{FILES}" from '
                "unmask.json"
            )


def require_safetensors(folder: Path) -> None:
    """Raise InputError unless the weights are safetensors and each file is whole."""
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        pickled = [name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for name in sorted(folder.glob(pattern))]
        beside = f"; {pickled[0].name} is a pickle and is never loaded: convert it" if pickled else ""
        raise InputError(f"{folder} has no safetensors weights (model.safetensors){beside}")
    from safetensors import SafetensorError, safe_open

    for file in found:
        try:
            with safe_open(file, framework="numpy"):  # reads the header and compares it with the file's length
                pass
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{file} is damaged or cut short ({first_line(error)}); copy or download it again"
            ) from error


def refuse_adapter(folder: Path) -> None:
    """Raise InputError where a folder holds an adapter: loading the weights beside it would leave it out silently."""
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            f"{folder} holds an adapter (adapter_config.json), which is not loaded: merge it into its model with peft "
            "(merge_and_unload) and save that, or take adapter_config.json away to load the model without it"
        )


def architecture_hint(folder: Path) -> str:
    """What the names of the weights say of their architecture, as the end of a sentence."""
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            roots = {name.partition(".")[0] for name in weights.keys()}  # noqa: SIM118
        if found := sorted(roots & {"bert", "roberta", "albert", "electra", "distilbert", "esm"}):
            return f', such as "model_type": "{found[0]}", as its weights are called'
    return ', such as "model_type": "bert"'


def stored_dtype(folder: Path, config: dict[str, Any]) -> str | None:
    """The dtype a checkpoint is stored in: as its config says, else that of its first weights; "float16", …."""
    stated = config.get("dtype") or config.get("torch_dtype")
    if isinstance(stated, str):
        return stated.removeprefix("torch.")
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            kinds = [weights.get_slice(name).get_dtype() for name in weights.keys()]  # noqa: SIM118
        found = next((_DTYPES[kind] for kind in kinds if kind in _DTYPES), None)
        if found is not None:
            return found
    return None


_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


@contextmanager
def one_line(folder: Path) -> Iterator[None]:
    """Turn whatever goes wrong while a network is made into one line that names the checkpoint."""
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"cannot load {folder}: its code needs a package that is not here ({first_line(error)})"
        ) from error
    except Exception as error:  # as many kinds as there are libraries and families that read a checkpoint
        raise InputError(f"cannot load {folder}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind when it has none."""
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = message.strip().splitlines()
    line = lines[0].strip() if lines else type(error).__name__
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"

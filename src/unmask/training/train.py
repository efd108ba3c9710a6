"""`unmask train` from its options to a model folder: new or resumed, in one process or several."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from unmask.errors import InputError
from unmask.files import make_folder, only_writer, read_json, reason, write_json, write_text
from unmask.training import architecture, saved_steps, tokenizer
from unmask.training.data import Data, prepare
from unmask.training.monitor import Monitor
from unmask.training.options import TrainingOptions
from unmask.training.trainer import MODEL_FORMAT, Trainer

RUN_FORMAT = "unmask.run/2"
HELD_OUT = "held_out.txt"

# What a run leaves in its folder.
OURS = (
    *("unmask.json", "config.json", "model.safetensors", "training", "tokenizer.json", "tokenizer_config.json"),
    HELD_OUT,
)


def train(
    options: TrainingOptions, out: str | Path, force: bool = False, bar: bool = True, anew: bool = False
) -> dict[str, Any]:
    """Train a network and leave it in `out` as a Hugging Face folder; returns what `unmask.json` says of it.

    Held-out text is kept in `out` too, where `unmask measure` finds it. `anew`: whether the run was to be resumed, but
    nothing is there to go on with; it is said then.

    Raises InputError when `out` holds something already, unless `force` says to replace what a run left there.

    Examples:
        >>> card = train(TrainingOptions(data=("notes/",), minutes=30), "my-model")  # doctest: +SKIP
    """
    out = Path(out)
    accelerator = _accelerator(options)
    with contextlib.ExitStack() as held:
        if accelerator.is_main_process:
            _require_room(out, force)
            data = prepare(options)
            network = _network(options, data)
            # Nothing is removed or written before everything that can be wrong with the options has been looked at.
            make_folder(out)
            held.enter_context(only_writer(out))
            _make_room(out)
            run = {"format": RUN_FORMAT, "options": options.to_dict(), "data_sha256": data.digest}
            write_json(out / "training" / "run.json", run)  # first: from here on the run can be resumed
            _write_texts(data, out)
        accelerator.wait_for_everyone()
        if not accelerator.is_main_process:
            data = prepare(options, made=tokenizer.existing(out))
            network = _network(options, data)
        return _run(options, data, network, accelerator, out, bar, resumed=False, anew=anew)


def resume(out: str | Path, bar: bool = True) -> dict[str, Any]:
    """Go on with the run in `out` from its newest undamaged checkpoint, with the options and the text it began with.

    A run that died before its first checkpoint begins anew, tokenizer included.
    """
    out = Path(out)
    options, digest = saved(out)
    accelerator = _accelerator(options)
    with contextlib.ExitStack() as held:
        if accelerator.is_main_process:
            held.enter_context(only_writer(out))
        return _resume(out, options, digest, accelerator, bar)


def _resume(out: Path, options: TrainingOptions, digest: str, accelerator: Accelerator, bar: bool) -> dict[str, Any]:
    begun = bool(saved_steps.folders(out / "training"))
    data = prepare(options, made=tokenizer.existing(out) if begun else None)
    if not begun and accelerator.is_main_process:
        _write_texts(data, out)
    if data.digest != digest:
        raise InputError(
            f"data {' '.join(options.data)} is not the text {out} was started on; put it back, or start with `force`"
        )
    return _run(options, data, _network(options, data), accelerator, out, bar, resumed=True)


def saved(out: Path) -> tuple[TrainingOptions, str]:
    """(options, digest of the data) the run in `out` was started with."""
    path = out / "training" / "run.json"
    if not path.exists():
        raise InputError(f"{out} holds no run to resume; start one without `resume`")
    run = read_json(path, RUN_FORMAT)
    return TrainingOptions.from_dict(run["options"]), str(run["data_sha256"])


def is_empty(out: Path) -> bool:
    """Whether a run that died before it wrote its options, or none at all, has been in `out`: nothing to go on with."""
    if not out.is_dir():
        return not out.exists()
    training = out / "training"
    begun = [path for path in training.glob("*") if not path.name.startswith(".")]
    return not begun and all(path == training for path in out.iterdir())


def _write_texts(data: Data, out: Path) -> None:
    """The tokenizer, and the text that is held out."""
    if data.held_out_text is not None:
        write_text(out / HELD_OUT, data.held_out_text)
    try:
        data.tokenizer.save_pretrained(out)
    except Exception as error:  # the library behind it raises bare Exception on a full disk
        raise InputError(f"{out} cannot be written: {reason(error)}; go on with `resume`") from error


def _run(
    options: TrainingOptions,
    data: Data,
    network: Any,
    accelerator: Accelerator,
    out: Path,
    bar: bool,
    resumed: bool,
    anew: bool = False,
) -> dict[str, Any]:
    transformers.utils.logging.disable_progress_bar()  # one bar is enough
    silent = not accelerator.is_main_process
    with Monitor(out / "training", silent, bar=bar, tensorboard=options.tensorboard) as monitor:
        trainer = Trainer(options, data, network, accelerator, out, monitor)
        if anew:
            monitor.say(f"{out} holds no run yet: starting at the beginning")
        if resumed:
            trainer.resume()
        monitor.say(
            "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in data.summary.items())
            + f"; windows of {data.length} tokens; {architecture.parameters(network):,} parameters"
        )
        trainer.run()
    return read_json(out / "unmask.json", MODEL_FORMAT)


def _accelerator(options: TrainingOptions) -> Accelerator:
    mixed = "bf16" if options.dtype == "bfloat16" else "no"
    AcceleratorState._reset_state()  # a process may train twice, at two precisions
    accelerator = Accelerator(mixed_precision=mixed, cpu=not torch.cuda.is_available())
    parts = accelerator.num_processes * options.accumulate
    if options.batch_size % parts:
        raise InputError(
            f"batch_size is {options.batch_size}; it must be a multiple of {parts}: "
            f"{accelerator.num_processes} process(es) times `accumulate` {options.accumulate}"
        )
    if options.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise InputError("tensorboard needs the package tensorboard; install it, or read OUT/training/log.jsonl")
    return accelerator


def _network(options: TrainingOptions, data: Data) -> Any:
    if options.init_from is None:
        positions = options.positions or ("rotary" if data.characters_per_token is not None else "learned")
        return architecture.from_scratch(options.size, len(data.tokenizer), data.length, options.seed, positions)
    network = architecture.continue_from(options.init_from)
    longest = getattr(network.config, "max_position_embeddings", data.length)
    if data.length > longest:
        raise InputError(f"length is {data.length}, but {options.init_from} reads at most {longest} tokens")
    return network


def _require_room(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"out {out} is a file; choose a folder")
    if not is_empty(out) and not force:
        raise InputError(
            f"out {out} is not empty; go on with `resume`, replace it with `force`, or choose another folder"
        )


def _make_room(out: Path) -> None:
    """A folder without what an earlier run left in it; anything else in it is never removed."""
    try:
        for name in OURS:
            path = out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        (out / "training").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out {out} cannot be made ready: {error.strerror}") from error

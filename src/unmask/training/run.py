"""`unmask train` from its options to a model folder: new or resumed, in one process or several."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import Accelerator

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.training import network as networks
from unmask.training import tokenizer
from unmask.training.data import prepare
from unmask.training.monitor import Monitor
from unmask.training.options import TrainingOptions
from unmask.training.trainer import Trainer

RUN_FORMAT = "unmask.run/1"


def train(options: TrainingOptions, out: str | Path, force: bool = False, bar: bool = True) -> dict[str, Any]:
    """Train a network and leave it in `out` as a Hugging Face folder; returns what `unmask.json` says of it.

    Raises InputError when `out` holds something already, unless `force` says to replace what a run left there.
    """
    out = Path(out)
    accelerator = _accelerator(options)
    if accelerator.is_main_process:
        _make_room(out, force)
        data = prepare(options)
        data.tokenizer.save_pretrained(out)
        write_json(
            out / "training" / "run.json",
            {"format": RUN_FORMAT, "options": options.to_dict(), "data_sha256": data.digest},
        )
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        data = prepare(options, made=tokenizer.existing(out))
    return _run(options, data, accelerator, out, bar, resumed=False)


def resume(out: str | Path, bar: bool = True) -> dict[str, Any]:
    """Go on with the run in `out` from its newest undamaged checkpoint, with the options and the text it began with."""
    out = Path(out)
    options, digest = saved(out)
    accelerator = _accelerator(options)
    data = prepare(options, made=tokenizer.existing(out))
    if data.digest != digest:
        raise InputError(
            f"--data {' '.join(options.data)} is not the text {out} was started on; put it back, or start with --force"
        )
    return _run(options, data, accelerator, out, bar, resumed=True)


def saved(out: Path) -> tuple[TrainingOptions, str]:
    """(options, digest of the data) the run in `out` was started with."""
    path = out / "training" / "run.json"
    if not path.exists():
        raise InputError(f"{out} holds no run to resume; start one without --resume")
    run = read_json(path, RUN_FORMAT)
    return TrainingOptions.from_dict(run["options"]), str(run["data_sha256"])


def _run(
    options: TrainingOptions, data: Any, accelerator: Accelerator, out: Path, bar: bool, resumed: bool
) -> dict[str, Any]:
    transformers.utils.logging.disable_progress_bar()  # one bar is enough
    with Monitor(
        out / "training", silent=not accelerator.is_main_process, bar=bar, tensorboard=options.tensorboard
    ) as monitor:
        network = _network(options, data)
        trainer = Trainer(options, data, network, accelerator, out, monitor)
        monitor.say(
            "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in data.summary.items())
            + f"; windows of {data.length} tokens; {networks.parameters(network):,} parameters"
        )
        if resumed:
            trainer.resume()
        trainer.run()
    return read_json(out / "unmask.json", "unmask.model/1")


def _accelerator(options: TrainingOptions) -> Accelerator:
    mixed = "bf16" if options.precision == "bfloat16" else "no"
    return Accelerator(mixed_precision=mixed, cpu=not torch.cuda.is_available())


def _network(options: TrainingOptions, data: Any) -> Any:
    if options.init_from is None:
        positions = options.positions or ("rotary" if data.characters_per_token is not None else "learned")
        return networks.from_scratch(options.size, len(data.tokenizer), data.length, options.seed, positions)
    network = networks.continue_from(options.init_from)
    longest = getattr(network.config, "max_position_embeddings", data.length)
    if data.length > longest:
        raise InputError(f"--length is {data.length}, but {options.init_from} reads at most {longest} tokens")
    return network


def _make_room(out: Path, force: bool) -> None:
    """An empty folder; what an earlier run left there is removed under `force`, anything else is never removed."""
    ours = ("training", "config.json", "model.safetensors", "unmask.json", "tokenizer.json", "tokenizer_config.json")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; choose a folder")
    if out.is_dir() and any(out.iterdir()):
        if not force:
            raise InputError(
                f"--out {out} is not empty; go on with --resume, replace it with --force, or choose another folder"
            )
        for name in ours:
            path = out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    try:
        (out / "training").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror}") from error

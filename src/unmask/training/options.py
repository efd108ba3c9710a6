"""What a training run is told, all of it, saved beside its result."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from unmask.errors import InputError

OPTIMIZERS = ("muon", "adamw")

POSITIVE = (
    *("vocab_size", "length", "optimizer_steps", "minutes", "learning_rate", "clip", "batch_size", "accumulate"),
    *("evaluate_every", "log_every", "held_out_rows"),
)


@dataclass(frozen=True)
class TrainingOptions:
    """What `train` is told; every field is an option of `unmask train`.

    Examples:
        >>> TrainingOptions(data=("notes.txt",), optimizer_steps=500).batch_size
        32
    """

    data: tuple[str, ...]
    """Text files, folders, data-set folders, `python-manual`, or one `law:NAME`."""
    tokenizer: str = "bpe"
    """`characters`, `bpe`, `words`, or a folder or hub id with a tokenizer; a law has words of its own."""
    vocab_size: int = 1024
    """Tokens of a tokenizer that is made here (BPE and words), the mask token included."""
    length: int = 64
    """L, tokens of a window. A law brings its own."""
    size: str = "tiny"
    """Named size of a from-scratch network."""
    positions: str | None = None
    """`rotary` (ModernBERT, for windows of a text) or `learned` (BERT, where each position has a meaning of its own);
    default learned for a law and rotary for text."""
    init_from: str | None = None
    """A masked language model to continue from, with its tokenizer."""
    optimizer: str = "muon"
    """`muon` or `adamw`."""
    learning_rate: float = 4e-3
    """Peak learning rate; it falls linearly to zero over the run."""
    weight_decay: float = 0.05
    """Decoupled weight decay of the hidden matrices."""
    warmup: int = 50
    """Optimiser steps over which the learning rate rises to its peak."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    batch_size: int = 32
    """Windows in a step, over all processes."""
    accumulate: int = 1
    """Parts a step's batch is cut into, to fit in memory."""
    optimizer_steps: int | None = None
    """Length of the run in steps of the optimiser."""
    minutes: float | None = None
    """Length of the run in minutes of training; such a run cannot be repeated to the last digit."""
    evaluate_every: int | None = None
    """Steps between looks at held-out text, each with a checkpoint; default a twentieth of the run."""
    log_every: int = 10
    """Steps between lines of the log."""
    held_out: float = 0.05
    """Share of the text held out, in whole documents."""
    held_out_rows: int = 512
    """Held-out windows asked at each look."""
    samples: int = 2
    """Samples shown at each look."""
    dtype: str = "float32"
    """`float32`, or `bfloat16` for automatic mixed precision (pays from width 192 on a CPU)."""
    seed: int = 0
    """Seed of weights, windows, corruption and samples."""
    tensorboard: bool = False
    """Also log to TensorBoard files, in OUT/training/tensorboard."""

    def __post_init__(self) -> None:
        if (self.optimizer_steps is None) == (self.minutes is None):
            raise InputError("give the length of the run as either `optimizer_steps` or `minutes`")
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value}; it must be above 0")
        for name in ("weight_decay", "warmup", "samples", "seed"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must not be negative")
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer is {self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
        if self.dtype not in ("float32", "bfloat16"):
            raise InputError(f"dtype is {self.dtype!r}; choose float32 or bfloat16")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingOptions:
        """Options as they were saved."""
        known = {field.name for field in fields(cls)}
        if not set(values) <= known or not isinstance(values.get("data"), list):
            raise InputError(
                "the saved options of the run are of another version and cannot be resumed; start with `force`"
            )
        return cls(**{**values, "data": tuple(values["data"])})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "data": list(self.data)}

"""What a person sees of a run, and its log file: a progress bar with time left, figures on held-out text, samples.

Everything a person reads goes to standard error, so that standard output stays free for `--json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from unmask.errors import InputError
from unmask.files import write_text
from unmask.schemas import strict_json
from unmask.visible import visible


class Monitor:
    """Writes `log.jsonl` (and TensorBoard files) and shows a bar; a silent one, of a further process, does nothing."""

    def __init__(self, folder: Path, silent: bool, bar: bool, tensorboard: bool = False) -> None:
        self._log = folder / "log.jsonl"
        self._silent = silent
        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("step {task.fields[step]}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False, compact=False),
            console=self._console,
            disable=silent or not bar or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, step=0, figures="")
        self._board = _board(folder / "tensorboard") if tensorboard and not silent else None

    def __enter__(self) -> Monitor:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()
        if self._board is not None:
            self._board.close()

    def say(self, line: str) -> None:
        """One line for a person."""
        if not self._silent:
            self._console.print(visible(line), markup=False, soft_wrap=True)

    def cut_log(self, step: int) -> None:
        """Forget log lines after `step`: the run goes on from there."""
        if self._silent or not self._log.exists():
            return
        kept = []
        for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = strict_json.parse(line)
            except ValueError:  # the line that was being written when the process was killed
                continue
            if isinstance(entry, dict) and isinstance(entry.get("step"), int) and entry["step"] <= step:
                kept.append(line + "\n")
        write_text(self._log, "".join(kept))

    def step(self, step: int, progress: float, **figures: float) -> None:
        """One line of the log: loss in nats per token, learning rate, tokens per second."""
        if self._silent:
            return
        self._write({"step": step, **figures})
        shown = f"loss {figures['loss']:.3f} nats/token, {figures['tokens_per_second']:,.0f} tokens/s"
        self._bar.update(self._task, completed=progress, step=step, figures=shown)

    def looked(self, step: int, figures: dict[str, Any], headline: str) -> None:
        """Held-out figures of a step."""
        if self._silent:
            return
        self._write({"step": step, "held_out": figures})
        self.say(f"step {step}: {headline}")

    def sampled(self, step: int, samples: list[str]) -> None:
        """Texts drawn at a step."""
        if self._silent:
            return
        self._write({"step": step, "samples": samples})
        for sample in samples:
            self.say(f"    | {' '.join(sample.split())}")

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise InputError(f"{self._log} cannot be written: {error.strerror}; go on with --resume") from error
        if self._board is not None:
            flat = {**entry, **entry.get("held_out", {})}
            for name, value in flat.items():
                if isinstance(value, int | float) and name != "step":
                    self._board.add_scalar(name, value, entry["step"])


def _board(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # an optional package, asked for by --tensorboard

    return SummaryWriter(str(folder))

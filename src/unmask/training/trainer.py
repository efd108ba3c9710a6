"""The training loop: batches in, checkpoints out, to the same losses however often it is stopped and resumed.

Why accelerate and not transformers' Trainer: counts are stratified over the global batch, two optimisers are stepped
together, checkpoints are atomic and unpickled, and a batch is a function of its number, so nothing is fast-forwarded.
accelerate carries devices, processes, mixed precision and clipping; the loop itself is short enough to read.
"""

from __future__ import annotations

import functools
import math
import platform
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file

from unmask import __version__, load, recipes, sample
from unmask.errors import InputError
from unmask.files import write_json
from unmask.training import saved_steps
from unmask.training.architecture import parameters
from unmask.training.data import Data
from unmask.training.evaluate import Exam, HeldOut
from unmask.training.monitor import Monitor
from unmask.training.objective import Corrupted, HiddenLogits, corrupt, objective, revealed, stratified_counts
from unmask.training.optimizer import Optimizer
from unmask.training.options import TrainingOptions
from unmask.training.text_windows import Batches

MODEL_FORMAT = "unmask.model/1"
OBJECTIVE = "uniform count of revealed tokens, mean cross-entropy of the hidden ones (NELBO per token)"
LOOKS = 20


@dataclass
class Position:
    """Where a run stands: all it needs, with weights and optimiser state, to go on."""

    step: int = 0
    seconds: float = 0.0
    """Seconds of training before the present call of `run`."""
    best: float | None = None
    """Lowest held-out NELBO so far."""
    next_look: float = 0.0
    """Progress (0 to 1) at which held-out text is looked at next, when looks are spaced by progress."""


class Trainer:
    """One run in one process (of one or several)."""

    def __init__(
        self, options: TrainingOptions, data: Data, network: Any, accelerator: Accelerator, out: Path, monitor: Monitor
    ) -> None:
        self.options, self.data, self.network, self.accelerator = options, data, network, accelerator
        self.out, self.monitor = out, monitor
        self.logits = HiddenLogits(network)
        self.model = accelerator.prepare(self.logits)
        self.optimizer = Optimizer(network, options.optimizer, options.weight_decay)
        self.batches = Batches(data.train, options.batch_size, options.seed)
        self.mask_token_id = int(data.tokenizer.mask_token_id)
        self.position = Position(next_look=1 / LOOKS)
        self.last_look: HeldOut | None = None
        self._stop = False
        self._began = time.perf_counter()

    def resume(self) -> None:
        """Take up the newest undamaged checkpoint; a run that was killed before its first one starts over."""
        if not saved_steps.folders(self.checkpoints):
            self.monitor.cut_log(0)
            self.monitor.say(f"{self.out} has no checkpoint yet: starting at the beginning")
            return
        found = saved_steps.newest(self.checkpoints, self.monitor.say)
        weights = load_file(found.folder / "model.safetensors")
        self.network.load_state_dict(weights, strict=False)  # tied weights are saved once
        self.network.tie_weights()
        self.optimizer.load_state(load_file(found.folder / "optimizer.safetensors"))
        self.position = Position(**found.state["position"])
        self.monitor.cut_log(self.position.step)
        self.monitor.say(f"resuming {self.out} at step {self.position.step}")

    def run(self, until: int | None = None) -> None:
        """Train to the end, to step `until` or until asked to stop, looking at held-out text on the way."""
        self.model.train()
        self._began = time.perf_counter()
        waiting = torch.zeros((), device=self.accelerator.device)  # losses since the last line of the log
        waiting_steps, waiting_since = 0, self._began
        with _asked_to_stop(self):
            progress, stop = self._agree()
            while progress < 1 and not stop and self.position.step != until:
                rate = self._learning_rate(progress)
                waiting += self._update(rate)
                self.position.step += 1
                waiting_steps += 1
                progress, stop = self._agree()
                look = stop or self._is_look(progress)
                if look or self.position.step % self.options.log_every == 0:
                    now = time.perf_counter()
                    tokens = waiting_steps * self.options.batch_size * self.data.length
                    mean = float(self.accelerator.reduce(waiting, "mean")) / waiting_steps
                    self._require_finite(mean)
                    self.monitor.step(
                        self.position.step,
                        progress,
                        loss=mean,
                        learning_rate=rate,
                        tokens_per_second=tokens / (now - waiting_since),
                    )
                    waiting.zero_()
                    waiting_steps = 0
                    if look:
                        self._look(progress)
                    waiting_since = time.perf_counter()
        self.position.seconds, self._began = self.seconds, time.perf_counter()
        if stop and progress < 1:
            self.monitor.say(f"stopped at step {self.position.step}; resume it to go on")

    @property
    def checkpoints(self) -> Path:
        """The folder of the run's checkpoints."""
        return self.out / "training"

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all processes that took the run up."""
        return self.position.seconds + time.perf_counter() - self._began

    def batch(self, step: int) -> Corrupted:
        """This process's share of batch `step`, corrupted; a function of (seed, step) and the share alone."""
        options, length = self.options, self.data.length
        epochs, examples, tokens = self.batches[step]
        counts = stratified_counts(length, options.batch_size, options.seed, step)
        share = slice(self.accelerator.process_index, None, self.accelerator.num_processes)
        known = revealed(counts[share], length, options.seed, epochs[share], examples[share])
        return corrupt(tokens[share], known, self.mask_token_id)

    def _update(self, rate: float) -> torch.Tensor:
        """One step; returns this process's share of the loss, nats per token."""
        step = self.position.step
        torch.manual_seed(
            hash((self.options.seed, step, self.accelerator.process_index)) & 0x7FFFFFFF
        )  # dropout, if any
        batch, device = self.batch(step), self.accelerator.device
        rows = len(batch.inputs)
        total = torch.zeros((), device=device)
        parts = list(_parts(batch, self.options.accumulate))
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                part = Corrupted(*(tensor.to(device, non_blocking=True) for tensor in part))
                loss = objective(self.model(part.inputs, part.hidden), part, rows)
                self.accelerator.backward(loss)
            total += loss.detach()
        self.accelerator.clip_grad_norm_(self.network.parameters(), self.options.clip)
        self.optimizer.step(rate)
        return total

    def _learning_rate(self, progress: float) -> float:
        """A short rise, then a straight line to zero at the end of the run."""
        rise = min(1.0, (self.position.step + 1) / max(1, self.options.warmup))
        return self.options.learning_rate * rise * (1 - progress)

    def _agree(self) -> tuple[float, bool]:
        """(share of the run that is done, whether to stop), the same in every process."""
        if self.options.optimizer_steps is not None:
            progress = self.position.step / self.options.optimizer_steps
        else:
            progress = self.seconds / (60 * float(self.options.minutes or 0))
        if self.accelerator.num_processes == 1:
            return progress, self._stop
        told = torch.tensor([progress, float(self._stop)], dtype=torch.float64)
        torch.distributed.broadcast(told, src=0)
        return float(told[0]), bool(told[1])

    def _is_look(self, progress: float) -> bool:
        if self.options.evaluate_every is not None:
            return progress >= 1 or self.position.step % self.options.evaluate_every == 0
        if progress < min(1.0, self.position.next_look):
            return False
        self.position.next_look = (int(progress * LOOKS + 1e-9) + 1) / LOOKS
        return True

    def _require_finite(self, loss: float) -> None:
        """Stop before a network that is no longer one is looked at, saved or trained further."""
        if math.isfinite(loss) and all(bool(torch.isfinite(p).all()) for p in self.network.parameters()):
            return
        kept = saved_steps.folders(self.checkpoints)
        good = f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint was written before it"
        raise InputError(
            f"the loss is no longer a finite number at step {self.position.step}; {good}; "
            f"lower `learning_rate` (now {self.options.learning_rate:g}) and start again with `init_from` or `force`"
        )

    def _look(self, progress: float) -> None:
        """Held-out figures, a checkpoint and samples; the best network so far becomes the result."""
        if self.accelerator.is_main_process:
            options = self.options
            look = self._exam.ask(self.logits)
            self._require_finite(look.nelbo)
            self.last_look = look
            self.monitor.looked(self.position.step, look.to_dict(), self._headline(look))
            is_best = self.position.best is None or look.nelbo <= self.position.best
            if is_best:
                self.position.best = look.nelbo
            folder = saved_steps.save(
                self.checkpoints, self.position.step, self._write, {"position": self._here(), "progress": progress}
            )
            if is_best:
                self._publish(folder)
            if options.samples:
                self.monitor.sampled(self.position.step, self._samples(folder))
        self.accelerator.wait_for_everyone()

    @functools.cached_property
    def _exam(self) -> Exam:
        """The same questions at every look."""
        data = self.data
        return Exam(data.held_out, self.mask_token_id, self.options.held_out_rows, data.characters_per_token, data.law)

    def _samples(self, folder: Path) -> list[str]:
        """Texts drawn one token at a time from a checkpoint, as anyone who loads it would draw them."""
        predictor = load(str(folder), device=self.accelerator.device)
        drawn = sample(predictor, recipes.one_by_one(), n=self.options.samples, seed=self.options.seed)
        return [str(self.data.tokenizer.decode(row)) for row in drawn.tokens.tolist()]

    def _headline(self, look: HeldOut) -> str:
        text = f"held-out NELBO {look.nelbo:.4f} ± {look.stderr:.4f} nats/token"
        if look.bits_per_character is not None:
            text += f", {look.bits_per_character:.3f} bits/character"
        if self.data.exact_nelbo is not None:
            text += f" (the law's own: {self.data.exact_nelbo:.4f})"
        pairs = zip(look.fractions, look.curve, strict=True)
        return (
            text + "; cross-entropy by share revealed " + " ".join(f"{share:.0%}:{value:.2f}" for share, value in pairs)
        )

    def _here(self) -> dict[str, Any]:
        return {
            "step": self.position.step,
            "seconds": self.seconds,
            "best": self.position.best,
            "next_look": self.position.next_look,
        }

    def _write(self, folder: Path) -> None:
        """A standard model folder with the state of the optimiser beside it."""
        self.network.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            if (self.out / name).exists():
                shutil.copyfile(self.out / name, folder / name)
        save_file(self.optimizer.state(), folder / "optimizer.safetensors")
        write_json(folder / "unmask.json", self.card())

    def _publish(self, folder: Path) -> None:
        """Make a checkpoint the result: its model files take the place of those in the run's folder, each one whole."""
        try:
            for name in ("config.json", "model.safetensors", "unmask.json"):
                saved_steps.replace_file(folder / name, self.out / name)
        except OSError as error:
            raise InputError(
                f"{self.out} cannot be written: {error.strerror}; the network is in {folder}, go on with `resume`"
            ) from error

    def card(self) -> dict[str, Any]:
        """What `unmask.json` says of the network as it stands."""
        return {
            "format": MODEL_FORMAT,
            "length": self.data.length,
            "mask_token_id": self.mask_token_id,
            "objective": OBJECTIVE,
            "data": list(self.options.data),
            "data_sha256": self.data.digest,
            "data_summary": self.data.summary,
            "parameters": parameters(self.network),
            "step": self.position.step,
            "seconds": round(self.seconds, 1),
            "held_out": None if self.last_look is None else self.last_look.to_dict(),
            "exact_nelbo_per_token": self.data.exact_nelbo,
            "options": self.options.to_dict(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "unmask": __version__},
        }


def _parts(batch: Corrupted, number: int) -> Iterator[Corrupted]:
    """The batch cut into `number` equal groups of rows; weights stay those of the whole."""
    if number == 1:
        yield batch
        return
    rows, length = batch.inputs.shape
    size = rows // number
    row_of = batch.hidden // length
    for start in range(0, rows, size):
        inside = (row_of >= start) & (row_of < start + size)
        yield Corrupted(
            batch.inputs[start : start + size],
            batch.hidden[inside] - start * length,
            batch.targets[inside],
            batch.weights[inside],
        )


@contextmanager
def _asked_to_stop(trainer: Trainer) -> Iterator[None]:
    """Turn the first interrupt or termination signal into a checkpoint and an orderly end; a second ends at once."""

    def ask(number: int, frame: Any) -> None:
        trainer._stop = True
        for kind, handler in before.items():
            signal.signal(kind, handler)

    before: dict[Any, Any] = {}
    try:
        for kind in (signal.SIGINT, signal.SIGTERM):
            before[kind] = signal.signal(kind, ask)
    except ValueError:  # not the main thread: signals are somebody else's
        before = {}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)

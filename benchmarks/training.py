"""Training speed: tokens per second of `unmask train` against a plain PyTorch loop, and against the machine's peak.

    python benchmarks/training.py [--size micro] [--rounds 5] [--json]

Three loops over the same network, optimiser and batch size, taking turns so that a busy machine slows all alike:

- `unmask train`: the trainer as the command runs it, with its log, its own windows and corruption;
- plain, hidden logits: batches corrupted beforehand, forward, loss, backward, clip, step, and nothing else;
- plain, all logits: the same, but the head runs on every position, as a loop over `labels=` would.

The first over the second is what our loop costs (goal: at least 0.95). Times are processor seconds over the threads
used, which other work on the machine disturbs least; `--clock wall` takes the clock on the wall, for an accelerator.
Floating-point operations of a step are counted by torch's own counter; the peak is the best of a few large float32
matrix products with the same number of threads.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.flop_counter import FlopCounterMode

from unmask.training import architecture, tokenizer
from unmask.training.data import Data
from unmask.training.monitor import Monitor
from unmask.training.objective import HiddenLogits, corrupt, objective, revealed, stratified_counts
from unmask.training.optimizer import Optimizer
from unmask.training.options import TrainingOptions
from unmask.training.text_windows import FixedWindows, TextWindows
from unmask.training.trainer import Trainer

CLOCKS = {"processor": lambda: time.process_time() / torch.get_num_threads(), "wall": time.perf_counter}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--size", default="micro", choices=list(architecture.SIZES))
    arguments.add_argument("--optimizer", default="muon")
    arguments.add_argument("--length", type=int, default=64)
    arguments.add_argument("--batch-size", type=int, default=32)
    arguments.add_argument("--vocab-size", type=int, default=1024)
    arguments.add_argument("--steps", type=int, default=20, help="steps of a round")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--clock", choices=list(CLOCKS), default="processor")
    arguments.add_argument("--json", action="store_true")
    told = arguments.parse_args()
    torch.set_num_threads(told.threads)
    result = measure(told)
    if told.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{told.size}: {result['parameters']:,} parameters, {told.threads} thread(s), {told.rounds} rounds in turns")
    for name, speed in result["tokens_per_second"].items():
        print(f"  {name:24} {speed:10,.0f} tokens/s")
    spread = f"rounds {result['ratio_lowest']:.3f} to {result['ratio_highest']:.3f}"
    print(f"  ratio of unmask train to the plain loop {result['ratio']:.3f} ({spread})")
    of_peak = f"{result['gflops']:.0f} of {result['peak_gflops']:.0f} GFLOP/s"
    print(f"  {of_peak}: {result['share_of_peak']:.0%} of the matrix-multiply peak")


def measure(told: argparse.Namespace) -> dict[str, Any]:
    """Tokens per second of the three loops, the ratio of the first two, and the share of the peak."""
    tokens = np.random.default_rng(0).integers(0, told.vocab_size - 1, 400_000)
    clock = CLOCKS[told.clock]
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            "unmask train": _ours(told, tokens, Path(folder)),
            "plain, hidden logits": _plain(told, tokens, all_logits=False),
            "plain, all logits": _plain(told, tokens, all_logits=True),
        }
        for loop in loops.values():
            loop()  # memory and kernels are set up once
        rounds: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(told.rounds):
            for name, loop in loops.items():
                began = clock()
                loop()
                rounds[name].append(told.steps * told.batch_size * told.length / (clock() - began))
    ratios = [ours / plain for ours, plain in zip(rounds["unmask train"], rounds["plain, hidden logits"], strict=True)]
    speeds = {name: statistics.median(values) for name, values in rounds.items()}
    peak = _peak(clock)
    gflops = _flops_per_token(told, tokens) * speeds["unmask train"] / 1e9
    return {
        "options": vars(told),
        "parameters": architecture.parameters(architecture.from_scratch(told.size, told.vocab_size, told.length, 0)),
        "tokens_per_second": speeds,
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
        "gflops": gflops,
        "peak_gflops": peak,
        "share_of_peak": gflops / peak,
    }


def _ours(told: argparse.Namespace, tokens: np.ndarray, folder: Path) -> Any:
    """A round of the trainer's own loop, looks at held-out text left out."""
    options = TrainingOptions(
        data=("random",), size=told.size, optimizer=told.optimizer, length=told.length, batch_size=told.batch_size,
        optimizer_steps=10**9, evaluate_every=10**9, samples=0,
    )  # fmt: skip
    data = Data(
        tokenizer=tokenizer.words([str(token) for token in range(told.vocab_size - 1)]),
        train=TextWindows(tokens, told.length),
        held_out=FixedWindows(tokens[:10_000], told.length),
        characters_per_token=None,
        law=None,
        held_out_text=None,
        digest="",
        summary={},
    )
    network = architecture.from_scratch(told.size, told.vocab_size, told.length, 0)
    trainer = Trainer(options, data, network, Accelerator(cpu=True), folder, Monitor(folder, silent=False, bar=False))

    def loop() -> None:
        trainer.run(until=trainer.position.step + told.steps)

    return loop


def _plain(told: argparse.Namespace, tokens: np.ndarray, all_logits: bool) -> Any:
    """A round of the shortest loop that trains the same network on the same objective."""
    network = architecture.from_scratch(told.size, told.vocab_size, told.length, 0)
    model = HiddenLogits(network)
    optimizer = Optimizer(network, told.optimizer, 0.05)
    batches = [_batch(told, tokens, step) for step in range(told.steps)]

    def loop() -> None:
        for batch in batches:
            if all_logits:
                logits = network(input_ids=batch.inputs).logits.flatten(0, 1)[batch.hidden]
            else:
                logits = model(batch.inputs, batch.hidden)
            objective(logits, batch, told.batch_size).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step(1e-3)

    return loop


def _batch(told: argparse.Namespace, tokens: np.ndarray, step: int) -> Any:
    rows = np.arange(told.batch_size) + told.batch_size * step
    windows = tokens[rows[:, None] * told.length + np.arange(told.length)]
    counts = stratified_counts(told.length, told.batch_size, 0, step)
    return corrupt(windows, revealed(counts, told.length, 0, np.zeros_like(rows), rows), told.vocab_size - 1)


def _flops_per_token(told: argparse.Namespace, tokens: np.ndarray) -> float:
    """Forward and backward of a batch that hides half of its tokens on average; the optimiser's own are not counted."""
    network = architecture.from_scratch(told.size, told.vocab_size, told.length, 0)
    model = HiddenLogits(network)
    totals = []
    for step in range(4):
        batch = _batch(told, tokens, step)
        with FlopCounterMode(display=False) as counter:
            objective(model(batch.inputs, batch.hidden), batch, told.batch_size).backward()
        totals.append(counter.get_total_flops())
    return statistics.mean(totals) / (told.batch_size * told.length)


def _peak(clock: Callable[[], float], size: int = 1024, tries: int = 8) -> float:
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = 0.0
    for _ in range(tries):
        began = clock()
        a @ b
        best = max(best, 2 * size**3 / (clock() - began) / 1e9)
    return best


if __name__ == "__main__":
    main()

"""What the sampler costs beside the network's own forward passes, and against a straightforward loop.

    python benchmarks/sampling.py [--quick] [--device cuda] [--repeats 3]

1. Overhead: CPU seconds (or, on a GPU, seconds) outside the network over seconds inside, for planned samplers, with a
   random-weight transformer and with a network that costs nothing but its laws; the goal is at most 10 % at L = 1,024
   and V = 50,000. The exact predictor of a Markov chain for comparison.
2. Ratio: the same schedule by a straightforward loop that computes all L x V logits and draws at every position in
   every step (Gumbel noise in float64, as LLaDA's does), on the same network, at growing vocabularies; and the peak
   memory of both, each in a process of its own.
3. Rows that are finished: network calls against rows x steps of the longest row.

Medians over repeats. On a CPU one thread is used, and CPU time counted: other work on the machine matters less.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor, nn

import unmask
from unmask import laws, recipes
from unmask.models.predictor import Positions
from unmask.sampling import stopping


class Network(nn.Module):
    """A random-weight transformer with a real output head; a predictor that counts its own seconds."""

    forbidden_ids: tuple[int, ...] = ()
    end_of_text_id, calls_per_query, length = None, 1, None

    def __init__(self, vocab_size: int, width: int = 256, layers: int = 4, heads: int = 4, device: str = "cpu") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.vocab_size, self.mask_token_id, self.heads = vocab_size, vocab_size - 1, heads
        self.forbidden_ids = (self.mask_token_id,)
        self.embedding = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "attention": nn.Linear(width, 3 * width),
                    "out": nn.Linear(width, width),
                    "up": nn.Linear(width, 4 * width),
                    "down": nn.Linear(4 * width, width),
                    "first": nn.LayerNorm(width),
                    "second": nn.LayerNorm(width),
                }
            )
            for _ in range(layers)
        )
        self.head = nn.Linear(width, vocab_size)
        self.to(device)
        self.device = torch.device(device)
        self.seconds = 0.0
        self.forwards = 0

    def hidden(self, tokens: Tensor, known: Tensor) -> Tensor:
        x = self.embedding(torch.where(known, tokens, self.mask_token_id))
        for layer in self.layers:
            q, k, v = layer["attention"](layer["first"](x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + layer["out"](mixed)
            x = x + layer["down"](nn.functional.gelu(layer["up"](layer["second"](x))))
        return x

    @torch.no_grad()
    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        begin = now(self.device)
        laws_ = self.head(self.hidden(tokens, known)[wanted.rows, wanted.columns]).log_softmax(-1)
        self.seconds += now(self.device) - begin
        self.forwards += 1
        return laws_


class Free:
    """A network that costs only its answer: the same laws at every position."""

    forbidden_ids: tuple[int, ...] = ()
    mask_token_id, end_of_text_id, calls_per_query, length = None, None, 1, None

    def __init__(self, vocab_size: int, device: str = "cpu") -> None:
        self.vocab_size, self.device = vocab_size, torch.device(device)
        torch.manual_seed(0)
        self.table = torch.randn(64, vocab_size, device=device).log_softmax(-1)
        self.seconds = 0.0

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        begin = now(self.device)
        laws_ = self.table[wanted.columns % 64]
        self.seconds += now(self.device) - begin
        return laws_


class Timed:
    """Any predictor, its seconds counted."""

    def __init__(self, predictor) -> None:
        self.inner, self.seconds = predictor, 0.0

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        begin = now(self.inner.device)
        laws_ = self.inner.log_probs(tokens, known, wanted)
        self.seconds += now(self.inner.device) - begin
        return laws_


def now(device: torch.device) -> float:
    """CPU seconds of this process; on a GPU, wall seconds after everything that was asked of it is done."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def straightforward(network: Network, length: int, steps: int, rows: int) -> Tensor:
    """Equal sizes in random order, as most loops do it: all logits, softmax and Gumbel draw everywhere, every step."""
    device = network.device
    tokens = torch.full((rows, length), network.mask_token_id, device=device)
    sizes = list(unmask.Schedule.uniform(length, steps))
    for size in sizes:
        masked = tokens == network.mask_token_id
        with torch.no_grad():
            logits = network.head(network.hidden(tokens, ~masked))  # (rows, L, V)
        logits[..., network.mask_token_id] = -torch.inf
        noisy = logits.double().exp() / (-torch.log(torch.rand(logits.shape, dtype=torch.float64, device=device)))
        drawn = noisy.argmax(-1)
        confidence = torch.softmax(logits, -1).gather(-1, drawn[..., None]).squeeze(-1)
        wish = torch.where(masked, torch.rand_like(confidence), -1.0)
        chosen = wish.topk(size, dim=1).indices
        tokens.scatter_(1, chosen, drawn.gather(1, chosen))
    return tokens


def in_a_process(function: Callable[..., float], *arguments) -> tuple[float, float]:
    """What the function returns, and the mebibytes its process grew by at its peak."""
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)

    def work() -> None:
        before = resident()
        value = function(*arguments)
        sender.send((value, max(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)))

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    sender.close()
    answer = receiver.recv()
    child.join()
    return answer


def resident() -> float:
    """Mebibytes this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def overhead(predictor, sampler, length: int | None, repeats: int, rows: int = 1) -> tuple[float, float]:
    """Median seconds inside and outside the network."""
    inside, outside = [], []
    for repeat in range(repeats + 1):
        predictor.seconds = 0.0
        begin = now(predictor.device)
        unmask.sample(predictor, sampler, n=rows, length=length, seed=repeat)
        total = now(predictor.device) - begin
        if repeat:  # the first run warms up
            inside.append(predictor.seconds)
            outside.append(total - predictor.seconds)
    return statistics.median(inside), statistics.median(outside)


def overheads(length: int, vocab_size: int, repeats: int, device: str) -> None:
    print(f"\nOverhead beyond the network, L = {length:,}, V = {vocab_size:,}, one row")
    print(f"{'predictor':34} {'sampler':22} {'inside s':>9} {'outside s':>9} {'overhead':>9} {'ms/token':>9}")
    network, free = Network(vocab_size, device=device), Free(vocab_size, device)
    stay = np.full((64, 64), 0.1 / 63) + np.eye(64) * (0.9 - 0.1 / 63)
    chain = Timed(unmask.oracle(laws.MarkovChain.stationary(stay, length), device=device))
    plans = {f"planned, {steps} steps": recipes.planned(unmask.Schedule.uniform(length, steps)) for steps in (16, 32)}
    cases = [(f"transformer, {sum(p.numel() for p in network.parameters()) / 1e6:.0f} M", network, plans)]
    cases.append(("nothing but laws", free, plans))
    cases.append(("Markov chain, exact (V = 64)", chain, dict(list(plans.items())[:1])))
    for name, predictor, samplers in cases:
        for label, sampler in samplers.items():
            inside, outside = overhead(predictor, sampler, None if predictor is chain else length, repeats)
            share = f"{outside / inside:9.1%}" if predictor is not free else f"{'–':>9}"
            print(f"{name:34} {label:22} {inside:9.3f} {outside:9.3f} {share} {1e3 * outside / length:9.3f}")
    adaptive = recipes.entropy_bound(0.1, block_length=32)
    inside, outside = overhead(network, adaptive, length // 16, 1)
    label = f"entropy_bound, L={length // 16}"
    print(f"{'(reads the model)':34} {label:22} {inside:9.3f} {outside:9.3f} {outside / inside:9.1%}")


def ratios(length: int, steps: int, vocab_sizes: list[int], repeats: int, device: str) -> None:
    print(f"\nAgainst a straightforward loop: L = {length}, {steps} steps, one row; seconds, and MiB at the peak")
    print(f"{'V':>8} {'planned s':>10} {'loop s':>10} {'times':>7} {'planned MiB':>12} {'loop MiB':>10}")
    for vocab_size in vocab_sizes:
        network = Network(vocab_size, device=device)
        plan = recipes.planned(unmask.Schedule.uniform(length, steps))

        def ours(network: Network = network, plan=plan) -> float:
            unmask.sample(network, plan, length=length)  # warm
            taken = []
            for seed in range(repeats):
                begin = now(network.device)
                unmask.sample(network, plan, length=length, seed=seed)
                taken.append(now(network.device) - begin)
            return statistics.median(taken)

        def plain(network: Network = network) -> float:
            taken = []
            for _ in range(1 if network.vocab_size > 10_000 else repeats):
                begin = now(network.device)
                straightforward(network, length, steps, 1)
                taken.append(now(network.device) - begin)
            return statistics.median(taken)

        measured = []
        for function in (ours, plain):
            if device == "cpu":
                measured.append(in_a_process(function))
            else:
                torch.cuda.empty_cache()
                before = torch.cuda.memory_allocated()
                torch.cuda.reset_peak_memory_stats()
                seconds = function()
                measured.append((seconds, (torch.cuda.max_memory_allocated() - before) / 2**20))
        (fast, small), (slow, large) = measured
        print(f"{vocab_size:8,} {fast:10.3f} {slow:10.3f} {slow / fast:7.1f} {small:12.0f} {large:10.0f}")


def finished_rows(device: str) -> None:
    """Texts of very different lengths in one batch, each ending at its end of text."""
    network = Network(512, width=64, layers=1, device=device)
    network.end_of_text_id = 0
    with torch.no_grad():
        network.head.bias[0] = network.head.weight.abs().sum(1).max() * 0.5 + 1.0
    sampler = recipes.one_by_one(order=unmask.orders.LeftToRight()).ending(stopping.EndOfText())
    out = unmask.sample(network, sampler, n=64, length=128)
    calls = out.network_calls
    paid, stuck = int(calls.sum()), 64 * int(calls.max())
    print(f"\nRows that are finished: 64 texts of {int(calls.min())} to {int(calls.max())} tokens in one batch")
    print(f"  row calls {paid}; with every row kept to the end {stuck}, {stuck / paid:.1f} times as many")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    begin = time.perf_counter()
    length, vocab_size = (256, 8192) if arguments.quick else (1024, 50_000)
    vocab_sizes = [512, 8192] if arguments.quick else [512, 8192, 50_000, 126_000]
    ratios(128, 8, vocab_sizes, arguments.repeats, arguments.device)  # first: the processes it makes copy little
    overheads(length, vocab_size, arguments.repeats, arguments.device)
    finished_rows(arguments.device)
    print(f"\n{time.perf_counter() - begin:.0f} s in all")


if __name__ == "__main__":
    main()

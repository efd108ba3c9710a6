"""What it costs not to believe a predictor: CPU time in `Looks` over the CPU time of the whole run.

    python benchmarks/answers.py [--length 1024] [--vocab-size 50000] [--width 256] [--layers 4]

A random-weight transformer, by default a small one, so that the share is rather too large than too small; one row; a
plan of equal sizes, `confidence`, and measuring. One thread.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import unmask
from sampling import Network
from unmask import recipes
from unmask.measuring.losses import LossReader
from unmask.sampling.answers import Looks

spent, inside = 0.0, 0


def timed(method):
    def run(*given):
        global spent, inside
        inside += 1
        start = time.process_time()
        method(*given)
        inside -= 1
        if not inside:
            spent += time.process_time() - start

    return run


def share(name, work):
    global spent
    work()
    spent, start = 0.0, time.process_time()
    work()
    total = time.process_time() - start
    print(f"{name:28} {total:8.2f} s   of it looking at answers {spent:6.3f} s = {spent / total:.2%}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--length", type=int, default=1024)
    options.add_argument("--vocab-size", type=int, default=50_000)
    options.add_argument("--width", type=int, default=256)
    options.add_argument("--layers", type=int, default=4)
    said = options.parse_args()
    torch.set_num_threads(1)
    for name in ("sums_of_some", "used", "sums", "totals", "largest", "refuse"):
        setattr(Looks, name, timed(getattr(Looks, name)))
    network, length = Network(said.vocab_size, said.width, said.layers), said.length
    tokens, known = torch.zeros(1, length, dtype=torch.int64), torch.arange(length)[None] < length // 2
    columns, plan = torch.arange(length // 2, length)[None], unmask.Schedule.uniform(length, 4)
    for normalises in (True, False):
        network.suppresses_forbidden = not normalises
        print(f"mask token suppressed {'here' if normalises else 'by the predictor'}")
        share("  plan, 4 steps", lambda: unmask.sample(network, plan, n=1, length=length))
        share("  confidence, 4 steps", lambda: unmask.sample(network, recipes.confidence(4), n=1, length=length))
        share("  measuring, half revealed", lambda: LossReader(network).of(tokens, known, columns))


if __name__ == "__main__":
    main()

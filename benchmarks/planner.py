"""How fast the planners are, as ratios to the plain O(T L^2) programme, and how much memory they take.

    python benchmarks/planner.py [--quick]

Prints medians of CPU seconds over repeats (CPU, not wall: other work on the machine counts less), the ratio to the
plain alternative for the same answer (where the plain one would take minutes it is timed for 8 steps and scaled, its
time being linear in T), the worst difference between both answers, and the peak memory of each planner.
"""

import argparse
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from unmask.theory.curve import InformationCurve
from unmask.theory.grid import BinomialGrid
from unmask.theory.optimal import best_schedule, fewest_steps, frontier
from unmask.theory.price import price

CURVES = {
    "power law": lambda length: np.arange(1, length + 1.0) ** -0.5,
    "random": lambda length: np.sort(np.random.default_rng(0).random(length))[::-1],
    "linear": lambda length: np.linspace(1.0, 0.0, length),
}


def plain_layers(values: np.ndarray, steps: int) -> np.ndarray:
    """Least price of 1..steps steps by the textbook programme: an L x L array of costs, a minimum for every b."""
    length = len(values)
    counts = np.arange(length + 1)
    weights = np.where(counts[:-1, None] < counts, (counts - counts[:-1, None]) * values[:, None], np.inf)  # (a, b)
    reached = np.full(length + 1, np.inf)
    reached[0] = 0.0
    prices = []
    for _ in range(steps):
        reached = np.min(reached[:-1, None] + weights, axis=0)
        prices.append(reached[length] - values.sum())
    return np.array(prices)


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Median CPU seconds."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def peak_megabytes(call: Callable[[], object]) -> float:
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def row(name: str, taken: float, ratio: str = "", difference: str = "", memory: str = "") -> None:
    print(f"{name:<54}{taken:>9.3f} s {ratio:>12} {difference:>10} {memory:>9}", flush=True)


def frontiers(length: int, plain_steps: int, repeats: int) -> None:
    """Every T at once."""
    for name, make in CURVES.items():
        curve = InformationCurve(make(length))
        taken = seconds(lambda c=curve: frontier(c), repeats)
        plain = seconds(lambda c=curve: plain_layers(c.values, plain_steps), 1) * length / plain_steps
        difference = np.max(np.abs(plain_layers(curve.values, plain_steps) - frontier(curve).prices[:plain_steps]))
        memory = peak_megabytes(lambda c=curve: frontier(c))
        row(
            f"frontier, all T, L={length}, {name}",
            taken,
            f"{plain / taken:.0f}x",
            f"{difference:.0e}",
            f"{memory:.1f} MB",
        )


def single_plans(length: int, repeats: int) -> None:
    """One T, and a budget, of a long sequence; the plain programme would need an array of 34 GB."""
    for name, make in CURVES.items():
        curve = InformationCurve(make(length))
        for steps in (64, 1024, length // 2):
            taken = seconds(lambda c=curve, t=steps: best_schedule(c, t), repeats)
            memory = peak_megabytes(lambda c=curve, t=steps: best_schedule(c, t))
            row(f"best_schedule, T={steps}, L={length}, {name}", taken, memory=f"{memory:.1f} MB")
        taken = seconds(lambda c=curve: fewest_steps(c, 1.0 / c.length), repeats)
        row(f"fewest_steps, 1 nat, L={length}, {name}", taken)


def one_plan(length: int, steps: int, repeats: int) -> None:
    """One T against the plain programme."""
    for name, make in CURVES.items():
        curve = InformationCurve(make(length))
        taken = seconds(lambda c=curve: best_schedule(c, steps), repeats)
        plain = seconds(lambda c=curve: plain_layers(c.values, steps), 1)
        difference = abs(price(curve, best_schedule(curve, steps)) - plain_layers(curve.values, steps)[-1])
        row(f"best_schedule, T={steps}, L={length}, {name}", taken, f"{plain / taken:.0f}x", f"{difference:.0e}")


def scaling(repeats: int) -> None:
    """Seconds for each million of T L: about the same in every row when time is linear in T L."""
    for length, steps in [(2048, 512), (4096, 512), (4096, 2048), (8192, 512), (8192, 2048), (16384, 1024)]:
        curve = InformationCurve(CURVES["power law"](length))
        taken = seconds(lambda c=curve, t=steps: frontier(c, t), repeats)
        per_million = taken / (steps * length / 1e6)
        row(f"frontier, L={length}, T={steps}, s per million T L: {per_million:.3f}", taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short sequences only, a few seconds in all")
    quick = parser.parse_args().quick
    repeats = 1 if quick else 5
    print(f"{'':<54}{'CPU':>11} {'plain/ours':>12} {'difference':>10} {'peak':>9}")
    frontiers(512 if quick else 4096, 8, repeats)
    one_plan(256 if quick else 2048, 64, repeats)
    single_plans(4096 if quick else 65536, repeats)
    scaling(1 if quick else 3)
    length = 512 if quick else 4096
    curve = InformationCurve(CURVES["power law"](length))
    row(f"ancestral grid of 64 steps, L={length}", seconds(lambda: BinomialGrid.uniform(64).price(curve), repeats))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process, plain programme included: {peak:.0f} MB")


if __name__ == "__main__":
    main()

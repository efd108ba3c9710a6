"""Exact parallel sampling beside one token at a time and a plan: rounds, canvases, time, and what was foretold.

    python benchmarks/exact.py [--model manual] [--texts 40] [--rows 40] [--repeats 5] [--quick] [--out FILE.md]

1. Rounds and canvases a text, run on `rows` texts, beside what held-out texts foretold (95 % intervals over texts).
2. Time of one text and of eight, everything in turn in every repeat, medians. One thread, CPU time: on a CPU a batch of
   k canvases costs nearly k times one canvas, so rounds are not time there; the cost of a batch is measured first.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import unmask
from unmask import files, orders, recipes
from unmask.measuring.estimate import Estimate
from unmask.measuring.inputs import read_inputs
from unmask.measuring.overlaps import measure_overlaps
from unmask.models.predictor import Positions
from unmask.planning.exact_plan import plan_exact

ORDERS = ("bit_reversal", "uniform", "left_to_right")
LARGEST = 16


def table(columns, rows):
    lines = [f"| {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) - 1)}"]
    return "\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows])


def shown(estimate):
    half = (estimate.high - estimate.low) / 2
    return f"{estimate.value:.1f} ± {half:.1f}"


def foretold_and_run(model, overlaps, rows):
    """Every sampler's rounds and canvases, as foretold and as run."""
    lines, errors = [], []
    for verification, found in overlaps.items():
        plans = [(f"{name}, drafts of {k}", plan_exact(found, 0.03, name, draft=min(k, found.largest)))
                 for name in found.orders for k in ((4, 8, 16) if name == "bit_reversal" else (8,))]  # fmt: skip
        plans += [
            (f"{one.order.name}, planned at {price:g} rounds a canvas", one)
            for price, one in ((price, plan_exact(found, price, "bit_reversal")) for price in (0.0, 0.03, 0.3))
        ]
        for name, plan in plans:
            out = unmask.sample(model, plan.sampler(), n=rows, seed=3)
            rounds = Estimate.of_mean(out.network_calls.double().numpy())
            canvases = Estimate.of_mean(out.canvases.double().numpy())
            errors += [rounds.value / plan.rounds.value - 1, canvases.value / plan.canvases.value - 1]
            cells = [shown(one) for one in (plan.rounds, rounds, plan.canvases, canvases)]
            lines.append([f"{name}, by {verification}", *cells])
    columns = ["order and drafts", "rounds foretold", "rounds run", "canvases foretold", "canvases run"]
    worst = max(map(abs, errors))
    return table(columns, lines) + f"\n\nRun and foretold differ by {worst:.1%} at the most, {len(errors)} numbers."


def cost_of_a_batch(model, repeats):
    """Time of a batch of canvases over that of one canvas, at half of the tokens revealed."""
    length, device = model.length or 64, model.device
    known = (torch.arange(length, device=device) % 2 == 0)[None]
    seconds = {}
    for canvases in (1, 4, 8, 16):
        shape = (canvases, length)
        wanted = Positions(
            torch.arange(canvases, device=device), torch.ones(canvases, dtype=torch.int64, device=device)
        )
        taken = []
        for _ in range(repeats * 3):
            start = time.process_time()
            model.log_probs(torch.zeros(shape, dtype=torch.int64, device=device), known.expand(shape), wanted)
            taken.append(time.process_time() - start)
        seconds[canvases] = statistics.median(taken)
    return {canvases: taken / seconds[1] for canvases, taken in seconds.items()}


def times(model, samplers, repeats):
    taken = {(name, rows): [] for name in samplers for rows in (1, 8)}
    for number in range(repeats):
        for name, sampler in samplers.items():
            for rows in (1, 8):
                start = time.process_time()
                unmask.sample(model, sampler, n=rows, seed=number)
                taken[name, rows].append(time.process_time() - start)
    return {key: 1000 * statistics.median(values) for key, values in taken.items()}


def timed(model, overlaps, repeats):
    length = overlaps.length
    plan = plan_exact(overlaps, 0.3, "bit_reversal")
    samplers = {
        "one at a time, bit reversal": recipes.one_by_one(orders.BitReversal()),
        "exact, bit reversal, drafts of 8": recipes.exact("bit_reversal", 8),
        "exact, bit reversal, planned at 0.3": plan.sampler(),
        "not exact: 8 equal sizes, bit reversal": recipes.planned(
            unmask.Schedule.uniform(length, 8), order=orders.BitReversal()
        ),
    }
    found = times(model, samplers, repeats)
    rows = [[name, *(f"{found[name, n] / n:.0f}" for n in (1, 8))] for name in samplers]
    return table(["sampler", "ms a text, alone", "ms a text, eight together"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="manual")
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out")
    args = parser.parse_args()
    if args.quick:
        args.texts, args.rows, args.repeats = 8, 4, 1
    torch.set_num_threads(1)
    model = unmask.load(args.model)
    texts = read_inputs(model, args.model, texts=args.texts).rows
    overlaps = {
        "block": measure_overlaps(model, texts, ORDERS, largest=LARGEST),
        "token": measure_overlaps(model, texts, ORDERS[:1], largest=LARGEST, verification="token"),
    }
    batch = ", ".join(f"{k}: {ratio:.1f}" for k, ratio in cost_of_a_batch(model, args.repeats).items())
    parts = [
        f"### {args.model}: {overlaps['block'].length} tokens, {args.texts} texts measured, {args.rows} drawn",
        foretold_and_run(model, overlaps, args.rows),
        f"Time of a batch of canvases over that of one, this machine: {batch}.",
        timed(model, overlaps["block"], args.repeats),
    ]
    written = "\n\n".join(parts) + "\n"
    print(written)
    if args.out:
        files.write_text(args.out, written)


if __name__ == "__main__":
    main()

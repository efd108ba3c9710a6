"""How near the best of all partitions a searched order comes, on laws of 12 positions where all can be listed.

    python benchmarks/results/order_search.py [--texts 200,800] [--calls 5000,40000] [--seeds 3] [--out FILE]

A quarter of the texts is searched on, the others are measured and planned on, as `unmask measure --orders auto` does.
Prices are exact, of the plan that comes out, in nats per sequence; the least price is that of the best of all T^12
partitions.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import unmask
from reference import partitions
from unmask import files
from unmask.order_search.search import SearchOptions, search, share_for_search
from unmask.planning.planner import Planner

NAMES = ("grid", "pairs", "tree")
STEPS = (2, 3)
DRAWS = 20  # permutations of a plan whose order is random


def planned(name: str, texts: int, calls: int, seed: int) -> tuple[list[float], float]:
    """The exact price of the plans of 2 and of 3 steps, and CPU seconds of the search."""
    law = partitions.law_of(name)
    predictor, tokens = unmask.oracle(law), law.sample(texts, seed)
    rows = share_for_search(texts, seed)
    start = time.process_time()
    found = search(predictor, tokens[rows], options=SearchOptions(calls=calls, seed=seed))
    spent = time.process_time() - start
    measured = unmask.measure(
        predictor, np.delete(tokens, rows, 0), seed=seed, orders=found.orders, order_counts=found.counts,
        batch_size=256, source=f"{name} {seed}",
    )  # fmt: skip
    planner = Planner(measured)
    return [exact(name, planner.plan(steps)) for steps in STEPS], spent


def exact(name: str, plan: unmask.Plan) -> float:
    """Its price under the law, over the permutations of its order."""
    labels = np.empty((DRAWS, partitions.LENGTH), dtype=np.int64)
    for row in range(DRAWS):
        labels[row, plan.order.draw(partitions.LENGTH, row)] = np.repeat(np.arange(plan.steps), plan.schedule.sizes)
    return float(partitions.prices_of(name, labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--laws", default=",".join(NAMES), help="which, separated by commas")
    parser.add_argument("--texts", default="200,800", help="how many, several separated by commas")
    parser.add_argument("--calls", default="5000,40000", help="network calls a search may take")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--out", help="write the table here, as Markdown")
    options = parser.parse_args()
    lines = [
        "| law | T | texts | calls | least price | price of the plan, by seed | times the least | CPU s of a search |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- | ---: |",
    ]
    for name in options.laws.split(","):
        for texts in map(int, options.texts.split(",")):
            for calls in map(int, options.calls.split(",")):
                runs = [planned(name, texts, calls, seed) for seed in range(options.seeds)]
                for place, steps in enumerate(STEPS):
                    least, paid = partitions.least_price(name, steps), [prices[place] for prices, _ in runs]
                    shown = " ".join(f"{price:.3f}" for price in paid)
                    ratios = " ".join(f"{price / least:.2f}" for price in paid)
                    spent = np.mean([seconds for _, seconds in runs])
                    row = f"| {name} | {steps} | {texts} | {calls} | {least:.4f} | {shown} | {ratios} | {spent:.1f} |"
                    print(row, flush=True)
                    lines.append(row)
    if options.out:
        command = f"python benchmarks/results/order_search.py --texts {options.texts} --calls {options.calls}"
        words = (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2]
        text = (
            f"# Searched orders against all partitions\n\n    {command} --seeds {options.seeds} --out FILE\n\n{words}\n"
        )
        files.write_text(Path(options.out), text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

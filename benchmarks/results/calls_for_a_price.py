"""Network calls it takes to know a parallel price within 0.005 nats per token, with canvases inside intervals.

    python benchmarks/results/calls_for_a_price.py [--texts N] [--out docs/results/calls-for-a-price.md]

Prices of L/8 and L/16 equal steps, in uniform order and in bit reversal, on the shipped model `manual` and two laws.
The texts a 95 % interval of that half-width needs follow from how prices spread over texts; calls are those texts times
the calls each takes, the uniform order always being measured too.

- plain: every count, prices relative to one token at a time in uniform order, in each order (what `unmask` did before).
- every count: the same canvases, both losses of a difference from the same tokens, along the same order.
- default: the counts `unmask measure` takes by itself, with one canvas inside every interval.
- own counts: only where the T steps begin, with one canvas inside every interval.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import unmask
from unmask import files
from unmask.evaluation.result_table import Column, ResultTable
from unmask.laws import catalogue
from unmask.measuring.batches import Batches
from unmask.measuring.measure import choose_counts, halving_counts
from unmask.measuring.measurement import Measurement
from unmask.measuring.text_files import read_texts
from unmask.reports.tables import to_markdown
from unmask.theory.reveal_orders import BitReversal
from unmask.theory.schedule import Schedule

HALF_WIDTH = 0.005
SPACED = "bit_reversal:shift=false"
SUBJECTS = ("manual", "law:markov_chain:length=64", "law:hidden_markov:length=64")


def texts_of(name: str, count: int):
    """A predictor and its texts."""
    if name.startswith("law:"):
        law = catalogue.from_name(name.removeprefix("law:"))
        return unmask.oracle(law), law.sample(count, 1)
    predictor = unmask.load(name)
    return predictor, read_texts(predictor, predictor.text.folder / "held_out.txt")[:count]


def measured(predictor, texts, counts: list[int]) -> tuple[Measurement, dict[str, int]]:
    """Both orders at these counts, and the calls a text takes: of the uniform order alone, and of both."""
    orders = {SPACED: BitReversal(shift=False)}
    grid = np.array(sorted({*counts, texts.shape[1] - 1}))
    found = unmask.measure(
        predictor, texts, orders=orders, counts=grid, order_counts={SPACED: counts}, batch_size=64, source="draws"
    )
    calls = [
        Batches(predictor, 0, [(0, texts.shape[1])], grid, some, {name: np.array(counts) for name in some}, 1, {})
        for some in ({}, orders)
    ]
    return found, dict(zip(("uniform", SPACED), (batches.calls_per_text for batches in calls), strict=True))


def plain(found: Measurement, schedule: Schedule, order: str) -> np.ndarray:
    """(N,) the price beyond one token at a time in uniform order, measured at every count."""
    if order == "uniform":
        sizes = np.zeros(found.length)
        sizes[schedule.revealed] = schedule.sizes
        return found.losses @ (sizes - 1)
    return found.nelbos(schedule, order) - found.paths


def rows_of(name: str, count: int, say: Callable[[str], object]):
    """The table's rows of one model or law."""
    predictor, texts = texts_of(name, count)
    length = texts.shape[1]
    say(f"{name}: every count")
    whole, whole_calls = measured(predictor, texts, list(range(length)))
    say(f"{name}: default counts")
    usual, usual_calls = measured(predictor, texts, sorted({*choose_counts(None, length), *halving_counts(length)}))
    for part in (8, 16):
        schedule = Schedule.uniform(length, length // part)
        say(f"{name}: own counts of {schedule.steps} steps")
        own, own_calls = measured(predictor, texts, schedule.revealed.tolist())
        for order in ("uniform", SPACED):
            before = needed(plain(whole, schedule, order), length, whole_calls[order])
            ways = [
                needed(found.parallel_prices(schedule, order), length, calls[order])
                for found, calls in ((whole, whole_calls), (usual, usual_calls), (own, own_calls))
            ]
            price = own.estimate(own.parallel_prices(schedule, order) / length)
            yield [
                name, f"L/{part}", order.partition(":")[0], f"{price.value:.4f} ± {price.half_width:.4f}",
                round(before), *(round(calls) for calls in ways), *(round(before / calls, 1) for calls in ways),
            ]  # fmt: skip


def needed(prices: np.ndarray, length: int, calls: int) -> float:
    """Network calls for a 95 % interval of `HALF_WIDTH` on each side, nats per token; at least those of two texts."""
    return max((1.96 * prices.std(ddof=1) / length / HALF_WIDTH) ** 2, 2.0) * calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=390)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    ways = ("every count", "default", "own counts")
    columns = [
        Column("model"), Column("T"), Column("order"), Column("parallel price,<br>nats/token"), Column("plain"),
        *(Column(way) for way in ways), *(Column(f"plain /<br>{way}") for way in ways),
    ]  # fmt: skip
    rows = [row for name in SUBJECTS for row in rows_of(name, options.texts, lambda words: print(words, flush=True))]
    table = to_markdown(ResultTable(tuple(columns), tuple(tuple(row) for row in rows)))
    print(table)
    if options.out is not None:
        files.write_text(options.out, page(table, options.texts))


def page(table: str, texts: int) -> str:
    return f"""# Network calls for a price

    python benchmarks/results/calls_for_a_price.py --texts {texts} --out docs/results/calls-for-a-price.md

Calls for a 95 % interval of ± {HALF_WIDTH} nats per token around the parallel price of equal steps, from how prices
spread over {texts} texts. “Plain” measures every count and compares with one token at a time in uniform order; the
other columns compare with one token at a time along the same order: at every count, at the counts `unmask measure`
takes by itself with one canvas inside each interval, and at the counts where these very steps begin.

{table}
A law is a perfect predictor, whose cost one token at a time is `-log p(x)` in every order: its prices in other orders
were known as precisely before, and only the calls for counts where no step begins are saved.
"""


if __name__ == "__main__":
    main()

"""Where planning does not help: laws and rules on which it gains nothing, or loses, computed exactly.

    python benchmarks/results/where_it_does_not_help.py --out docs/results/where-it-does-not-help.md

Every number is exact: a law is its own perfect model, prices of orders come from its enumerated tables, and a rule that
reads the model is replayed on every sequence of the law, weighted by its probability.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

import unmask
from unmask import files, orders, recipes
from unmask.evaluation.result_table import Column, ResultTable
from unmask.laws import Listed, MarkovChain, catalogue
from unmask.reports.tables import to_markdown
from unmask.theory.optimal import frontier
from unmask.training import manual


def copies(half: int = 4) -> Listed:
    """Random bits, then the same bits again: every copy stands L/2 away."""
    bits = np.arange(2**half)[:, None] >> np.arange(half) & 1
    return Listed(np.concatenate([bits, bits], axis=1))


def listed(law) -> Listed:
    return law if isinstance(law, Listed) else law.listed


def replayed(law, sampler) -> tuple[float, float, float]:
    """(price in nats, mean network calls, share of right sequences at least) of a rule that is deterministic."""
    table = listed(law)
    found = unmask.score(unmask.oracle(law), sampler, table.sequences, batch_size=256)
    price = float(table.probabilities @ -found.log_prob.numpy()) - table.entropy
    return price, float(table.probabilities @ found.network_calls.numpy()), float(np.exp(found.log_prob.numpy()).sum())


def confidence_wins() -> Iterator[tuple]:
    """Laws whose dependences move with the values: which cells are forced depends on what stands already."""
    for name, length in (("sudoku", 16), ("latin_square", 16)):
        law = catalogue.from_name(name)
        curve = law.curve()
        for count in (4, 8, 12):
            equal = unmask.price(curve, unmask.Schedule.uniform(length, count))
            best = unmask.price(curve, unmask.best_schedule(curve, count))
            left = frontier(listed(law).order_table(np.arange(length)), count).prices[count - 1]
            sure, calls, right = replayed(law, recipes.confidence(count))
            yield name, count, equal, best, left, sure, right, calls
        adaptive = {
            "entropy bound 0.01": recipes.entropy_bound(0.01),
            "threshold 0.9": recipes.threshold(0.9),
            "entropy bound 1.5": recipes.entropy_bound(1.5),
        }
        for rule, sampler in adaptive.items():
            paid, calls, right = replayed(law, sampler)
            yield f"{name}, {rule}", None, None, None, None, paid, right, calls


def sizes_gain_nothing() -> Iterator[tuple]:
    """Curves that are almost straight, or flat: equal sizes are the best or next to it."""
    text = " ".join(text for _, text in manual.documents()).lower()
    laws = {
        "bigram chain of Python's prose, L = 256": MarkovChain.fit(text, length=256),
        "sticky chain, L = 64": catalogue.from_name("markov_chain:length=64"),
        "Pólya urn, L = 64": catalogue.from_name("polya_urn:length=64"),
        "independent tokens, L = 64": catalogue.from_name("product:length=64"),
        "for comparison: one symbol with noise, L = 64": catalogue.from_name("repeated:length=64,noise=0.2"),
        "for comparison: permutation, L = 64": catalogue.from_name("permutation:length=64"),
    }
    for name, law in laws.items():
        curve = law.curve()
        for part in (4, 16):
            count = law.length // part
            equal = unmask.price(curve, unmask.Schedule.uniform(law.length, count))
            best = unmask.price(curve, unmask.best_schedule(curve, count))
            cosine = unmask.price(curve, unmask.Schedule.cosine(law.length, count))
            yield name, count, equal, best, cosine, (equal - best) / equal if equal > 1e-9 else None


def spaced_orders_lose() -> Iterator[tuple]:
    """Copies far away: a spaced order reveals a token and its copy together."""
    laws = {
        "bits and their copies L/2 away, L = 8": copies(),
        "list_copy": catalogue.from_name("list_copy"),
        "recall": catalogue.from_name("recall"),
        "toy sentences": catalogue.from_name("toy"),
        "for comparison: sticky chain, L = 8": catalogue.from_name("markov_chain:length=8,vocab_size=2"),
    }
    for name, law in laws.items():
        length = law.length
        spaced = orders.BitReversal(shift=False).draw(length, 0)
        tables = [law.order_table(order) for order in (np.arange(length), spaced)]
        curve = law.curve()
        for count in (2, 3, 4):
            random = unmask.price(curve, unmask.best_schedule(curve, count))
            yield name, count, random, *(float(frontier(table, count).prices[count - 1]) for table in tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", help="write a Markdown document here")
    options = parser.parse_args()
    begun = time.perf_counter()
    number = lambda name: Column(name, name, ".3f")  # noqa: E731
    wins = ResultTable.of(
        [Column("law"), Column("T"), number("random order,<br>equal sizes"), number("random order,<br>best sizes"),
         number("left to right,<br>best sizes"), number("reads the model<br>(at T: confidence)"),
         number("right,<br>that rule"), Column("calls", "network calls", ".2f")],
        confidence_wins(),
    )  # fmt: skip
    sizes = ResultTable.of(
        [Column("law"), Column("T"), number("equal sizes"), number("best sizes"), number("cosine sizes"),
         Column("saved", "saved by the best", ".1%")],
        sizes_gain_nothing(),
    )  # fmt: skip
    spaced = ResultTable.of(
        [Column("law"), Column("T"), number("random order"), number("left to right"), number("bit reversal")],
        spaced_orders_lose(),
    )
    document = PAGE.format(wins=to_markdown(wins), sizes=to_markdown(sizes), spaced=to_markdown(spaced))
    if options.out:
        files.write_text(options.out, document)
    print(document)
    print(f"{time.perf_counter() - begun:.0f} seconds")


PAGE = """# Where the theory does not help

    python benchmarks/results/where_it_does_not_help.py --out docs/results/where-it-does-not-help.md

Prices in nats per sequence, all exact: a law is its own perfect model, and rules that read the model are replayed on
every sequence it has. A plan is worth what this page leaves of it.

## Rules that read the model can win

In a sudoku or a Latin square, which cells are forced depends on what stands already, and no order chosen beforehand can
know it. A rule that reveals whatever is forced, and else one cell (a tight entropy bound, a high threshold), makes no
mistake at all; in the Latin square no plan of about as many calls does that. Such rules have no price beforehand; they
are scored exactly by replay, on every square. The rows with a T are of the other kind that reads the model, the most
confident cells first in equal numbers: it is the most expensive of all, because cells that are equally uncertain are
then taken side by side. “Right”: the share of what the rule writes that is right.

{wins}
## Sizes can gain next to nothing

Where the curve is nearly straight, or flat, equal sizes are the best there are, and cosine sizes, widely used, can cost
more than equal ones.

{sizes}
## A spaced order can be the worst

Bit reversal wins on chains because neighbours are never revealed together. Where the copy of a token stands far away it
reveals just these two together, and left to right is free once the first half stands. Best sizes for each order:

{spaced}
## And outside the theory

- Prices are of drawing at temperature 1. Greedy decoding may be what a user wants, and nothing here prices it.
- A plan is fixed before the first token. On text the saving over equal sizes comes mostly from the order; see
  [the default model's frontier](compare-manual.md) for what that is on a small model of English.
- On a processor, and at large batches anywhere, a cached autoregressive model of the same size may simply be faster at
  the same quality; every comparison page shows where.
"""

if __name__ == "__main__":
    main()

"""How often intervals hold the exact price and budgets are kept, on laws whose prices are known.

    python benchmarks/results/coverage.py [--repetitions 400] [--state FILE] [--out docs/results/coverage.md]

Every repetition measures fresh texts of a law in uniform order and in two others, fits on one half and prices on the
other, as `unmask plan` does, and is then held against the exact price of the very plan that came out.

- intervals: how often the 95 % interval of the parallel price holds the exact one, plans of 3 and of 6 steps.
- budget: how often the plan of `--budget` costs more than the budget, of all repetitions; the budget is what 4 equal
  steps in uniform order cost. Refused: how often no number of steps was known to keep it, exit status 1.

Counts are kept in the state file after every 20 repetitions, and a run goes on from there.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

import unmask
from unmask import files
from unmask.laws import MDSCode, Mixture, catalogue
from unmask.laws.enumeration import order_table_of_list
from unmask.measuring.measure import measure
from unmask.measuring.measurement import Measurement
from unmask.planning.planner import BudgetNotKept, Planner
from unmask.theory.order_table import OrderTable
from unmask.theory.reveal_orders import BitReversal, LeftToRight, Order
from unmask.theory.schedule import Schedule

LENGTH = 12
SIZES = (30, 60, 200)
STEPS = (3, 6)
CHUNK = 20  # repetitions that are measured together
PER_DOCUMENT = 4
ROUNDING = 1e-5  # nats per token: laws answer in float32
ORDERS = {"bit_reversal:shift=false": BitReversal(shift=False), "left_to_right": LeftToRight()}


class Subject:
    """A law, how its texts are drawn, and what its plans cost exactly."""

    def __init__(self, name: str, law: unmask.laws.Law, per_document: int = 1) -> None:
        self.name, self.law, self.per_document = name, law, per_document
        self.predictor = unmask.oracle(law)
        self.curve = law.curve()
        self.is_exchangeable = isinstance(law, Mixture | MDSCode)
        self.tables = {} if self.is_exchangeable else {name: table_of(law, order) for name, order in ORDERS.items()}
        self.budget = self.exact("uniform", Schedule.uniform(law.length, 4))

    def exact(self, order: str, schedule: Schedule) -> float:
        """Nats per token."""
        costs = self.curve if order == "uniform" or self.is_exchangeable else self.tables[order]
        return unmask.price(costs, schedule) / schedule.length

    def texts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws; of a document, all from the component of the mixture that the document drew."""
        if self.per_document == 1:
            return self.law.sample(count, rng)
        weights, components = np.array(self.law.weights), np.array(self.law.components)
        drawn = rng.choice(len(weights), size=-(-count // self.per_document), p=weights)
        return np.stack(
            [
                rng.choice(components.shape[-1], size=self.law.length, p=components[drawn[row // self.per_document]][0])
                for row in range(count)
            ]
        )


def table_of(law: unmask.laws.Law, order: Order) -> OrderTable:
    """The exact table of an order; of every possible sequence where the law does not give it."""
    permutation = order.draw(LENGTH)
    if hasattr(law, "order_table"):
        return law.order_table(permutation)
    every = np.array(list(itertools.product(range(law.vocab_size), repeat=LENGTH)))
    weights = np.exp(law.log_prob(every))
    return OrderTable(order_table_of_list(every[weights > 0], weights[weights > 0], permutation))


def subjects() -> list[Subject]:
    even = np.full((1, LENGTH, 8), 1 / 8)
    constant = np.concatenate([np.full((1, LENGTH, 1), 0.93), np.full((1, LENGTH, 7), 0.01)], axis=2)
    topics = np.full((4, LENGTH, 8), 0.04)
    for topic in range(4):
        topics[topic, :, 2 * topic : 2 * topic + 2] = 0.38
    return [
        Subject("smooth: a Markov chain", catalogue.from_name(f"markov_chain:length={LENGTH}")),
        Subject("cliff: a Reed-Solomon code", catalogue.from_name(f"mds_code:length={LENGTH},dimension=5")),
        Subject("heavy tail: one text in 50 repeats a token", Mixture([0.98, 0.02], np.concatenate([even, constant]))),
        Subject("structured: balanced brackets", catalogue.from_name(f"brackets:length={LENGTH}")),
        Subject("documents: four topics, 4 texts of each", Mixture([0.25] * 4, topics), PER_DOCUMENT),
    ]


def chunk(subject: Subject, number: int) -> dict[str, list[int]]:
    """Counts of CHUNK repetitions: hits of each number of steps, budgets broken and refused, by number of texts."""
    rng = np.random.default_rng([number, len(subject.name)])
    most = max(SIZES)
    texts = np.concatenate([subject.texts(most, rng) for _ in range(CHUNK)])
    documents = np.arange(len(texts)) // subject.per_document
    whole = measure(
        subject.predictor, texts, seed=number, orders=ORDERS, batch_size=1000, source="draws",
        documents=documents if subject.per_document > 1 else None,
    )  # fmt: skip
    found = {str(size): [0] * (len(STEPS) + 2) for size in SIZES}
    for repetition in range(CHUNK):
        for size in SIZES:
            counts = outcome(subject, whole.take(np.arange(size) + repetition * most))
            found[str(size)] = [total + one for total, one in zip(found[str(size)], counts, strict=True)]
    return found


def outcome(subject: Subject, measured: Measurement) -> list[int]:
    """One repetition: whether each interval holds the exact price, whether the budget was broken, or refused."""
    planner = Planner(measured)
    hits = []
    for steps in STEPS:
        plan = planner.plan(steps)
        price = exact_of(subject, plan)
        hits.append(int(plan.parallel_price.low - ROUNDING <= price <= plan.parallel_price.high + ROUNDING))
    try:
        kept = planner.plan(budget=subject.budget)
    except BudgetNotKept:
        return [*hits, 0, 1]
    return [*hits, int(exact_of(subject, kept) > subject.budget + ROUNDING), 0]


def exact_of(subject: Subject, plan: unmask.Plan) -> float:
    return subject.exact(plan.order.name, plan.schedule)


def run(repetitions: int, state: Path) -> dict[str, dict[str, dict[str, list[int]]]]:
    """Counts by subject and chunk; what the state file holds is not run again."""
    done = json.loads(state.read_text()) if state.is_file() else {}
    everything = subjects()
    for number in range(-(-repetitions // CHUNK)):
        for subject in everything:
            counts = done.setdefault(subject.name, {})
            if str(number) not in counts:
                counts[str(number)] = chunk(subject, number)
                files.write_text(state, json.dumps(done))
                print(subject.name, number, counts[str(number)], flush=True)
    return done


def table(done: dict[str, dict[str, dict[str, list[int]]]]) -> str:
    lines = [
        "| law | texts | repetitions | T=3 intervals hold | T=6 intervals hold | budget broken | refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, chunks in done.items():
        for size in map(str, SIZES):
            counts = np.sum([one[size] for one in chunks.values()], axis=0)
            total = CHUNK * len(chunks)
            shares = " | ".join(f"{count / total:.1%}" for count in counts)
            lines.append(f"| {name} | {size} | {total} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--state", type=Path, default=Path("coverage.json"))
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    options = parser.parse_args()
    shown = table(run(options.repetitions, options.state))
    print(shown)
    if options.out is not None:
        words = (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2]
        files.write_text(options.out, f"# Coverage\n\n    python benchmarks/results/coverage.py\n\n{words}\n{shown}\n")


if __name__ == "__main__":
    main()

"""Prices of uniform, spaced and learnt orders at T = L/2 .. L/32, from a measurement of any model.

    unmask measure MODEL --data held_out.txt --orders auto --out m.curve.json
    python benchmarks/results/prices_of_orders.py m.curve.json

Sizes (and which learnt order) are fitted on one half of the measured texts, prices are those of the other half.
"""

import argparse
from pathlib import Path

import unmask
from unmask import files
from unmask.evaluation.result_table import Column, ResultTable
from unmask.measuring.measurement import Measurement
from unmask.planning.planner import Planner
from unmask.reports.tables import to_markdown


def shown(price) -> str:
    return f"{price.value + 0.0:.3f} ± {(price.high - price.low) / 2:.3f}"


def table(measured: Measurement) -> ResultTable:
    """A row for every number of steps, nats per token with half a 95 % interval."""
    length = measured.length
    held = measured.split()[1]
    planners = {"uniform": Planner(measured, "uniform")} | {name: Planner(measured, name) for name in measured.orders}
    rows = []
    for part in (2, 4, 8, 16, 32):
        steps = max(1, length // part)
        equal = held.interval(unmask.Schedule.uniform(length, steps)).scaled(1 / length)
        cells = [f"L/{part}", steps, shown(equal)]
        for planner in planners.values():
            fits = steps <= planner.max_steps
            cells.append(shown(planner.plan(steps).price_per_token) if fits else None)
        chosen = Planner(measured).plan(steps)
        rows.append([*cells, Planner(measured).name_of(chosen), shown(chosen.price_per_token)])
    names = (
        "uniform order,<br>equal sizes",
        "uniform,<br>best sizes",
        *(f"{name},<br>best sizes" for name in measured.orders),
    )
    columns = [Column("part", "steps"), Column("T"), *(Column(name) for name in names)]
    return ResultTable.of([*columns, Column("chosen", "chosen by the plan"), Column("price", "its price")], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("measurement", help="a *.curve.json file with orders")
    parser.add_argument("--out", help="write the table here, as Markdown")
    options = parser.parse_args()
    measured = Measurement.load(options.measurement)
    nelbo = measured.nelbo_per_token()
    text = (
        f"{len(measured.texts)} texts of {measured.length} tokens, NELBO one token at a time {shown(nelbo)} nats per "
        f"token. Prices in nats per token beyond that, ± 95 %:\n\n{to_markdown(table(measured))}"
    )
    if options.out:
        files.write_text(Path(options.out), text)
    print(text)


if __name__ == "__main__":
    main()

"""What `unmask demo` shows and writes: two tables and a few texts for the terminal, CSV, figures, and one page.

Everything comes from a finished `Demo`; nothing is computed here but differences and rounding. matplotlib and jinja2
are imported only when files are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unmask.evaluation.demo.grammar import Checked, GrammarDemo
from unmask.evaluation.demo.prose import BUDGET, ProseDemo
from unmask.evaluation.demo.run import Demo
from unmask.evaluation.demo.trial import EQUAL, SUREST, Trial
from unmask.evaluation.result_table import Column, ResultTable
from unmask.measuring.estimate import Estimate
from unmask.reports.tables import to_rich

if TYPE_CHECKING:
    from rich.console import Console

BASELINE = "0 (baseline)"
SENTENCES = 3
WIDTH = 100
"""Columns the tables need; what is not a terminal is given so many."""
NO_PRICE = (
    "Prices: nats beyond one token at a time, ± half a 95 % interval. A dash under “predicted”: the rule looks at the "
    "model to choose positions, so no price can be known beforehand; it is scored exactly by replay."
)

_PRICE_COLUMNS = [
    Column(name)
    for name in ("name", "kind", "setting", "calls", "predicted", "predicted_low", "predicted_high", "exact")
] + [Column(name) for name in ("scored", "scored_low", "scored_high", "scored_nats", "samples", "seconds")]


# -- tables --------------------------------------------------------------------------------------------------------


def grammar_table(demo: GrammarDemo) -> ResultTable:
    """The table of the toy half as a person reads it."""
    columns = [
        Column("way", "way to sample"),
        Column("calls", "network\ncalls", ".3g"),
        Column("predicted", "predicted\nprice"),
        Column("exact", "perfect\nmodel", ".2f"),
        Column("scored", "scored on\nfresh text"),
        Column("valid", "right\nsentences"),
        Column("distinct", "distinct", ".0%"),
    ]
    rows = []
    for checked in demo.shown:
        trial = checked.trial
        cells = (priced(trial.way.predicted, 2), trial.way.exact, priced(trial.scored, 2), shared(checked))
        rows.append((trial.way.name, trial.calls, *cells, checked.distinct))
    return ResultTable.of(columns, rows)


def prose_table(demo: ProseDemo) -> ResultTable:
    """The table of the English half as a person reads it: nats per token."""
    columns = [
        Column("way", "way to sample"),
        Column("calls", "network\ncalls", ".3g"),
        Column("predicted", "predicted price,\nnats/token"),
        Column("scored", "scored on fresh\ntext, nats/token"),
        Column("perplexity", "perplexity\ntimes", ".2f"),
        Column("seconds", f"seconds for\n{demo.sizes.samples} texts", ".2f"),
    ]
    per_token = 1 / demo.length
    rows = []
    for trial in demo.shown:
        grown = None if trial.scored is None else 2.718281828459045 ** (trial.scored.value * per_token)
        cells = (priced(trial.way.predicted, 3, per_token), priced(trial.scored, 3, per_token), grown, trial.seconds)
        rows.append((trial.way.name, trial.calls, *cells))
    return ResultTable.of(columns, rows)


def priced(price: Estimate | None, digits: int, factor: float = 1.0) -> str:
    """A price with half of its interval; of what is not predictable, a dash."""
    if price is None:
        return "–"
    if price.is_exact:
        return BASELINE
    scaled = price.scaled(factor)
    return f"{scaled.value + 0.0:.{digits}f} ± {(scaled.high - scaled.low) / 2:.{digits}f}"


def shared(checked: Checked) -> str:
    """A share of right sentences with its interval, in per cent."""
    valid = checked.valid
    return "–" if valid is None else f"{valid.value:.1%} ({100 * valid.low:.0f}–{100 * valid.high:.0f})"


def grammar_data(demo: GrammarDemo) -> ResultTable:
    """Everything that was tried on the toy model, as numbers."""
    more = [Column(name) for name in ("right", "drawn", "right_low", "right_high", "right_at_least", "distinct")]
    rows = []
    for checked in demo.lines:
        valid = checked.valid
        found = (None,) * 4 if valid is None else (valid.count, valid.total, valid.low, valid.high)
        rows.append((*_numbers(checked.trial), *found, checked.floor, checked.distinct))
    return ResultTable.of([*_PRICE_COLUMNS, *more], rows)


def prose_data(demo: ProseDemo) -> ResultTable:
    """Everything that was tried on the model of English, as numbers, nats per sequence."""
    return ResultTable.of(_PRICE_COLUMNS, map(_numbers, demo.lines))


def _numbers(trial: Trial) -> tuple[str | float | int | None, ...]:
    way = trial.way
    return (
        *(way.name, way.kind, way.setting, trial.calls, *_interval(way.predicted), way.exact),
        *(*_interval(trial.scored), trial.nats, len(trial.tokens), trial.seconds),
    )


def _interval(price: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if price is None else (price.value, price.low, price.high)


# -- sentences -----------------------------------------------------------------------------------------------------


def grammar_verdict(demo: GrammarDemo) -> str:
    """What the toy half came to, in two sentences."""
    plan, one = demo.planned, demo.one_at_a_time
    assert plan.valid is not None
    assert one.valid is not None
    gap, low, high = plan.valid.minus(one.valid)
    return (
        f"The plan makes {plan.valid.value:.1%} right sentences in {plan.trial.calls:.3g} network calls, "
        f"one token at a time {one.valid.value:.1%} in {one.trial.calls:.3g}: "
        f"{100 * gap:+.1f} points (95 %: {100 * low:+.1f} to {100 * high:+.1f})."
    )


def prose_verdict(demo: ProseDemo) -> str:
    """What the English half came to."""
    plan, per_token = demo.shown[0], 1 / demo.length
    return (
        f"The plan takes {plan.calls:.3g} network calls instead of {demo.length}: predicted to cost "
        f"{priced(plan.way.predicted, 3, per_token)} nats/token, scored at {priced(plan.scored, 3, per_token)} on text "
        "it never saw."
    )


def featured(demo: GrammarDemo) -> list[str]:
    """The ways whose sentences are shown: the plan, one at a time, equal sizes, the most confident first."""
    equal = next(checked for checked in demo.shown if checked.trial.way.kind == EQUAL)
    surest = [checked for checked in demo.shown if checked.trial.way.kind == SUREST][-1]
    return [checked.trial.label for checked in (demo.planned, demo.one_at_a_time, equal, surest)]


# -- the terminal --------------------------------------------------------------------------------------------------


def show(demo: Demo, console: Console) -> None:
    """Print both halves: a table, a few texts, and what it comes to."""
    _title(console, "1. Sentences that are right or wrong", demo.quick)
    _show_grammar(demo.grammar, console)
    if demo.prose is not None:
        _title(console, "2. English", demo.quick)
        _show_prose(demo.prose, console)


def _title(console: Console, words: str, quick: bool) -> None:
    more = " (a quick run: far too few texts to show anything)" if quick else ""
    console.print(f"\n{words}{more}", style="bold", markup=False, highlight=False)


def _say(console: Console, words: str, style: str = "") -> None:
    console.print(words, markup=False, highlight=False, style=style)


def _show_grammar(demo: GrammarDemo, console: Console) -> None:
    _say(
        console,
        f"Model {demo.model}: sums in {demo.measurement.length} words. {demo.sizes.searched} sentences to learn an "
        f"order from, {len(demo.measurement.texts)} to choose and price a plan, {demo.sizes.fresh} others to score on, "
        f"all drawn from the language itself; {demo.sizes.samples} sampled each way and checked by the grammar.",
    )
    console.print(to_rich(_fitting(grammar_table(demo), console, ("exact", "distinct"))))
    _say(console, NO_PRICE, "dim")
    for name in featured(demo):
        _say(console, f"\n{name}; the first ones drawn:")
        for sentence in demo.examples[name][:SENTENCES]:
            _show_sentence(console, sentence.words, sentence.wrong, sentence.fault)
    _say(console, f"\n{grammar_verdict(demo)}", "bold")


def _fitting(table: ResultTable, console: Console, spare: tuple[str, ...]) -> ResultTable:
    """The table, on a narrow terminal without the columns that can be spared (the page and the files have them)."""
    if console.width >= WIDTH:
        return table
    kept = [place for place, column in enumerate(table.columns) if column.name not in spare]
    return ResultTable.of(
        [table.columns[place] for place in kept], [[row[place] for place in kept] for row in table.rows]
    )


def _show_sentence(console: Console, words: Sequence[str], wrong: Sequence[bool], fault: str | None) -> None:
    from rich.text import Text

    line = Text("  right  " if fault is None else "  wrong  ", style="green" if fault is None else "red")
    for word, bad in zip(words, wrong, strict=True):
        line.append(word, style="bold red underline" if bad else "default")
        line.append(" ", style="default")
    console.print(line, highlight=False)
    if fault is not None:
        _say(console, f"         {fault}", "dim")


def _show_prose(demo: ProseDemo, console: Console) -> None:
    _say(
        console,
        f"Model {demo.model}: {demo.length} tokens of Python's manual. Measured on {len(demo.measurement.texts)} texts "
        f"of documents it was not trained on. Plan: the fewest calls within {BUDGET} nats/token at 95 % confidence, "
        f"fitted on half of them, priced on the other, scored on {demo.sizes.fresh} more.",
    )
    console.print(to_rich(_fitting(prose_table(demo), console, ("perplexity", "seconds"))))
    for trial in demo.shown[:4]:
        text = " ".join(demo.texts[trial.label][0].split())
        _say(console, f"{trial.label}; the first one drawn:")
        console.print(f"  {text}", markup=False, highlight=False, style="italic", soft_wrap=False)
    _say(console, f"\n{prose_verdict(demo)}", "bold")

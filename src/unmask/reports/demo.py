"""What `unmask demo` shows: two tables and a few texts for the terminal, and what it came to in sentences.

Tables and numbers are those of `unmask compare`; its own are the prices per sentence, for a perfect model too, and the
sentences with their wrong words marked. Everything comes from a finished `Demo`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.evaluation.compare.trial import Trial
from unmask.evaluation.demo.english import BUDGET
from unmask.evaluation.demo.half import Half
from unmask.evaluation.demo.sentences import Sentence, read
from unmask.evaluation.demo.whole import Demo
from unmask.evaluation.result_table import Column, ResultTable
from unmask.reports.compare import WIDTH, fitting, priced, right, say, scored_table
from unmask.reports.tables import to_rich

if TYPE_CHECKING:
    from rich.console import Console

SENTENCES = 3
TITLES = {
    "one_by_one": "one token at a time",
    "planned_left_to_right": "best sizes, left to right",
    "planned_uniform": "best sizes, random order",
    "equal_sizes": "equal sizes, random order",
    "confidence": "most confident first",
    "entropy_bound": "entropy bound",
}
"""Rule -> what the demo calls it, where that is not its name."""
NO_PRICE = (
    "Prices: nats beyond one token at a time, ± half a 95 % interval. A dash under “predicted”: the rule looks at the "
    "model to choose positions, so no price can be known beforehand; it is scored exactly by replay."
)


def title(trial: Trial) -> str:
    """What the demo calls a trial; its number of steps stands beside it, as calls."""
    setting = "" if trial.setting.startswith("T = ") else trial.setting
    return f"{TITLES.get(trial.rule, trial.rule)} {setting}".strip()


def label(trial: Trial) -> str:
    """Its title and its number of calls."""
    return f"{title(trial)}, {trial.mean_calls:.3g} calls"


# -- tables and sentences ------------------------------------------------------------------------------------------


def grammar_table(half: Half) -> ResultTable:
    """The table of the toy half as a person reads it: nats per sentence."""
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
    for trial in half.shown:
        assert trial.quality is not None
        cells = (priced(trial.predicted, 1, 2), trial.exact, priced(trial.scored, 1, 2), right(trial))
        rows.append((title(trial), trial.mean_calls, *cells, trial.quality.distinct_rows))
    return ResultTable.of(columns, rows)


def prose_table(half: Half) -> ResultTable:
    """The table of the English half: that of a comparison."""
    return scored_table(half.table, title)


def grammar_verdict(half: Half) -> str:
    """What the toy half came to, in two sentences."""
    plan, one = half.planned, half.one_at_a_time
    assert plan.valid is not None
    assert one.valid is not None
    gap, low, high = plan.valid.minus(one.valid)
    return (
        f"The plan makes {plan.valid.value:.1%} right sentences in {plan.mean_calls:.3g} network calls, "
        f"one token at a time {one.valid.value:.1%} in {one.mean_calls:.3g}: "
        f"{100 * gap:+.1f} points (95 %: {100 * low:+.1f} to {100 * high:+.1f})."
    )


def prose_verdict(half: Half) -> str:
    """What the English half came to."""
    length = half.comparison.length
    return (
        f"The plan takes {half.planned.mean_calls:.3g} network calls instead of {length}: predicted to cost "
        f"{priced(half.planned.predicted, length)} nats/token, scored at {priced(half.planned.scored, length)} on text "
        "it never saw."
    )


def promise(half: Half) -> str:
    """What the plan of the English half was chosen for, and whether it is known with 95 % confidence to keep that."""
    plan, price = half.plan, half.plan.parallel_price
    costs = f"{price.value:.3f} (95 %: {price.low:.3f} to {price.high:.3f}) nats/token"
    if half.budget_kept and plan.at_most <= BUDGET:
        return (
            f"Fitted on one half of the measured texts and tested on the other from many calls downwards, the plan "
            f"takes the fewest that are known to keep {BUDGET:g} nats/token: what revealing tokens together costs "
            f"there is {costs}; it is at most {plan.at_most:.3f} with 95 % confidence, so that the budget is kept."
        )
    return (
        f"Fitted on one half of the measured texts, the plan takes the fewest calls estimated to keep {BUDGET:g} "
        f"nats/token on the other half: what revealing tokens together costs there is {costs}. The texts are too few "
        f"to know it: it is at most {plan.at_most:.3f} with 95 % confidence, and the budget is not kept with that "
        "confidence."
    )


def featured(half: Half) -> list[Trial]:
    """The ways whose sentences are shown: the plan, one at a time, equal sizes, the most confident first."""
    equal = next(trial for trial in half.shown if trial.rule == "equal_sizes")
    surest = [trial for trial in half.shown if trial.rule == "confidence"][-1]
    return [half.planned, half.one_at_a_time, equal, surest]


# -- the terminal --------------------------------------------------------------------------------------------------


def show(demo: Demo, console: Console) -> None:
    """Print both halves: a table, a few texts, and what it comes to."""
    _title(console, "1. Sentences that are right or wrong", demo.quick)
    _show_grammar(demo.grammar, console)
    if demo.prose is not None:
        _title(console, "2. English", demo.quick)
        _show_prose(demo.prose, console)


def _title(console: Console, words: str, quick: bool) -> None:
    say(console, f"\n{words}{' (a quick run: far too few texts to show anything)' if quick else ''}", "bold")


def _show_grammar(half: Half, console: Console) -> None:
    found = half.comparison
    say(
        console,
        f"Model {half.name}: sums in {found.length} words. {half.sizes.searched} sentences to learn an order from, "
        f"{found.measured} to choose and price a plan, {found.texts} others to score on, all drawn from the language "
        f"itself; {found.samples} sampled each way and checked by the grammar.",
    )
    _show_table(grammar_table(half), console, ("exact", "distinct"))
    say(console, NO_PRICE, "dim")
    for trial in featured(half):
        say(console, f"\n{label(trial)}; the first ones drawn:")
        for sentence in read(trial.texts[:SENTENCES]):
            _show_sentence(console, sentence)
    say(console, f"\n{grammar_verdict(half)}", "bold")


def _show_table(table: ResultTable, console: Console, spare: tuple[str, ...] = ()) -> None:
    """The table, on a narrow terminal without the columns that can be spared (the page and the files have them)."""
    console.print(to_rich(fitting(table, min(console.width, WIDTH), spare)))


def _show_sentence(console: Console, sentence: Sentence) -> None:
    from rich.text import Text

    fault = sentence.fault
    line = Text("  right  " if fault is None else "  wrong  ", style="green" if fault is None else "red")
    for word, bad in zip(sentence.words, sentence.wrong, strict=True):
        line.append(word, style="bold red underline" if bad else "default")
        line.append(" ", style="default")
    console.print(line, highlight=False)
    if fault is not None:
        say(console, f"         {fault}", "dim")


def _show_prose(half: Half, console: Console) -> None:
    found = half.comparison
    say(
        console,
        f"Model {half.name}: {found.length} tokens of Python's manual. Measured on {found.measured} texts of documents "
        f"it was not trained on, scored on {found.texts} more. {promise(half)}",
    )
    _show_table(prose_table(half), console)
    for trial in half.shown[:4]:
        say(console, f"{label(trial)}; the first one drawn:")
        text = " ".join(trial.texts[0].split())
        console.print(f"  {text}", markup=False, highlight=False, style="italic", soft_wrap=False)
    say(console, f"\n{prose_verdict(half)}", "bold")

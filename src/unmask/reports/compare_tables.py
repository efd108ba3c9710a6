"""The tables of a comparison: for people, and as plain numbers for files; and which of many rules are shown closer.

Prices of a `Comparison` are nats per sequence; here they are nats per token, as everything that people read of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from unmask.evaluation.compare.trial import Comparison, Trial, undominated
from unmask.evaluation.table import Cell, Column, Table
from unmask.planning.estimate import Estimate
from unmask.reports.demo import priced

MEASURED_ONLY = "measured only: "
HEADINGS = {
    "unigram_entropy": "entropy of\nall tokens",
    "sequence_entropy": "entropy\nwithin a text",
    "distinct1": "distinct\ntokens",
    "distinct2": "distinct\npairs",
    "distinct3": "distinct\ntriples",
    "repeated2": "repeated\npairs",
    "repeated3": "repeated\ntriples",
    "repeated4": "repeated\nfours",
    "distinct_rows": "distinct\ntexts",
    "unigram_distance": "unigram\ndistance",
    "bigram_distance": "bigram\ndistance",
    "character_distance": "character\ndistance",
}
"""Statistics of text -> what a table calls them; any other is called by its own name."""


# -- for people ----------------------------------------------------------------------------------------------------


def scored_table(comparison: Comparison) -> Table:
    """The rules whose nats are exact, by network calls; columns that nobody has a number for are left out."""
    columns = [
        *(Column("best"), Column("rule", "rule"), Column("calls", "network\ncalls")),
        Column("tokens_per_call", "tokens\na call", ".1f"),
        *(Column("exact", "perfect\nmodel", ".3f"), Column("predicted", "predicted,\nnats/token")),
        *(Column("scored", "scored,\nnats/token"), Column("perplexity", "perplexity\ntimes", ".3f")),
        Column("latency", "ms for\n1 text", ".3g"),
        *(Column("throughput", _at_batch(comparison), ",.0f"), Column("valid", "right", ".1%")),
    ]
    kept = {trial.key for trial in undominated(comparison.scored)}
    rows = [_scored_row(trial, trial.key in kept, comparison.length) for trial in comparison.scored]
    return _without_empty(columns, rows, always=("best", "rule", "calls", "scored"))


def _scored_row(trial: Trial, kept: bool, length: int) -> list[Cell]:
    per_token = 1 / length
    exact = None if trial.exact is None else trial.exact * per_token
    predicted = None if trial.predicted is None else priced(trial.predicted, 3, per_token)
    more = None if trial.scored is None else math.exp(trial.scored.value * per_token)
    prices = (exact, predicted, priced(trial.scored, 3, per_token), more)
    return ["●" if kept else "", trial.name, calls(trial), trial.tokens_per_call, *prices, *_times(trial), right(trial)]


def measured_table(comparison: Comparison) -> Table:
    """The rules without an exact likelihood, the held-out text itself in the first row."""
    columns = [
        Column("rule", "rule"),
        Column("calls", "network\ncalls"),
        *(
            Column("sequence_entropy", HEADINGS["sequence_entropy"], ".2f"),
            Column("judge", "judge's\nperplexity", ".1f"),
        ),
        *(Column(name, HEADINGS[name], ".3f") for name in ("unigram_distance", "repeated3")),
        *(Column("valid", "right", ".1%"), Column("latency", "ms for\n1 text", ".3g")),
        Column("throughput", _at_batch(comparison), ",.0f"),
    ]
    rows: list[list[Cell]] = [
        ["held-out text", None, *_looks_of(comparison.real, comparison.real_judge), None, None, None]
    ]
    for trial in comparison.measured_only:
        rows.append([trial.name, calls(trial), *_looks_of(trial.quality, trial.judge), right(trial), *_times(trial)])
    return _without_empty(columns, rows, always=("rule", "calls", "sequence_entropy"))


def reasons(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Why rules are measured only, and which: every reason once."""
    found: dict[str, list[str]] = {}
    for trial in comparison.measured_only:
        found.setdefault(trial.how.removeprefix(MEASURED_ONLY) or "no reason was given", []).append(trial.name)
    return list(found.items())


def quality_table(comparison: Comparison) -> Table:
    """Statistics of the sampled texts of every rule, below those of held-out text."""
    trials = [trial for trial in (*comparison.scored, *comparison.measured_only) if trial.quality is not None]
    names = list(statistics(comparison.real))
    columns = [
        Column("rule", "texts of"),
        *(Column(name, HEADINGS.get(name, name.replace("_", "\n", 1).replace("_", " ")), ".3g") for name in names),
        *(Column("judge", "judge's nats\na token", ".3f"), Column("mauve", "MAUVE", ".3f")),
    ]
    sources: list[tuple[str, Any, dict[str, float] | None, float | None]] = [
        ("held-out text", comparison.real, comparison.real_judge, None),
        *((trial.name, trial.quality, trial.judge, trial.mauve) for trial in trials),
    ]
    rows = []
    for name, quality, judge, mauve in sources:
        values = statistics(quality)
        rows.append([name, *(values.get(column) for column in names), judged(judge, "nats_per_token"), mauve])
    return _without_empty(columns, rows, always=("rule", *names))


def calls(trial: Trial) -> str:
    """Network calls a text: the mean, and the fewest and the most among the sampled texts when they differ."""
    mean = trial.mean_calls
    if math.isnan(mean):
        return "–"
    shown = f"{mean:.0f}" if abs(mean - round(mean)) < 1e-9 else f"{mean:.1f}"
    varies = trial.calls is not None and trial.calls.least < trial.calls.most
    return f"{shown} ({trial.calls.least}–{trial.calls.most})" if varies and trial.calls else shown


def right(trial: Trial) -> float | None:
    """Share of the sampled texts that are right, where right is defined."""
    return None if trial.valid is None else trial.valid.value


def judged(judge: dict[str, float] | None, name: str) -> float | None:
    """One number of a judge model, where there is one."""
    return None if judge is None else judge.get(name)


def statistics(quality: Any) -> dict[str, float]:
    """The numbers of a `TextQuality` by name; what is grouped under one name gets the group's name before its own."""
    found: dict[str, float] = {}
    for name, value in ({} if quality is None else quality.to_dict()).items():
        for part, number in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(number, int | float) and not isinstance(number, bool):
                found[f"{name}{part}"] = number
    return found


def _looks_of(quality: Any, judge: dict[str, float] | None) -> list[Cell]:
    values = statistics(quality)
    first, *others = (values.get(name) for name in ("sequence_entropy", "unigram_distance", "repeated3"))
    return [first, judged(judge, "perplexity"), *others]


def _times(trial: Trial) -> tuple[float | None, float | None]:
    timing = trial.timing
    return (None, None) if timing is None else (1000 * timing.latency, timing.throughput)


def batch_of(comparison: Comparison) -> int | None:
    """How many texts were written together when tokens per second were taken."""
    if comparison.autoregressive is not None:
        return comparison.autoregressive.batch
    return next((trial.timing.batch for trial in comparison.trials if trial.timing is not None), None)


def _at_batch(comparison: Comparison) -> str:
    return f"tokens/s,\nbatch {batch_of(comparison) or '–'}"


def _without_empty(columns: list[Column], rows: list[list[Cell]], always: Iterable[str]) -> Table:
    """The table without the columns that have no number in any row."""
    wanted = set(always)
    full = [any(row[place] is not None for row in rows) for place in range(len(columns))]
    kept = [place for place, column in enumerate(columns) if full[place] or column.name in wanted]
    return Table.of([columns[place] for place in kept], [[row[place] for place in kept] for row in rows])


# -- for files -----------------------------------------------------------------------------------------------------


def trials_data(comparison: Comparison) -> Table:
    """Everything that was tried, as numbers, in the order it was asked for; prices in nats per sequence."""
    names = "key rule setting how undominated calls calls_least calls_most tokens_per_call predicted predicted_low"
    names += " predicted_high exact scored scored_low scored_high nats latency throughput batch right drawn error"
    kept = {trial.key for trial in undominated(comparison.scored)}
    rows = []
    for trial in comparison.trials:
        mean = None if math.isnan(trial.mean_calls) else trial.mean_calls
        spread = (None, None) if trial.calls is None else (trial.calls.least, trial.calls.most)
        timing = trial.timing
        times = (None,) * 3 if timing is None else (timing.latency, timing.throughput, timing.batch)
        share = (None, None) if trial.valid is None else (trial.valid.count, trial.valid.total)
        rows.append(
            [
                *(trial.key, trial.rule, trial.setting, trial.how, int(trial.key in kept), mean, *spread),
                *(
                    trial.tokens_per_call,
                    *_interval(trial.predicted),
                    trial.exact,
                    *_interval(trial.scored),
                    trial.nats,
                ),
                *(*times, *share, trial.error),
            ]
        )
    return Table.of(map(Column, names.split()), rows)


def quality_data(comparison: Comparison) -> Table:
    """`quality_table` under the names of its fields, all digits, with the rules' keys."""
    names = list(statistics(comparison.real))
    judges = ("nats_per_token", "nats_per_character", "perplexity")
    rows = [
        [
            "held-out text",
            *statistics(comparison.real).values(),
            *(judged(comparison.real_judge, j) for j in judges),
            None,
        ]
    ]
    for trial in comparison.trials:
        if trial.quality is not None:
            values = statistics(trial.quality)
            rows.append([trial.key, *map(values.get, names), *(judged(trial.judge, j) for j in judges), trial.mauve])
    return Table.of(map(Column, ("key", *names, *(f"judge_{name}" for name in judges), "mauve")), rows)


def _interval(price: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if price is None else (price.value, price.low, price.high)


# -- which rules are shown closer ----------------------------------------------------------------------------------


def aim(comparison: Comparison) -> float:
    """The number of calls at which rules are compared: an eighth of one token at a time."""
    return max(1.0, comparison.length / 8)


def shortlist(comparison: Comparison, trials: Iterable[Trial], most: int) -> list[Trial]:
    """One setting of every rule, the one nearest to `aim` in calls, undominated ones first; by calls."""
    kept = {trial.key for trial in undominated(comparison.scored)}
    wanted = math.log(aim(comparison))

    def place(trial: Trial) -> tuple[bool, float]:
        return trial.key not in kept, abs(math.log(max(trial.mean_calls, 1e-9)) - wanted)

    found: dict[str, Trial] = {}
    for trial in sorted((trial for trial in trials if not math.isnan(trial.mean_calls)), key=place):
        found.setdefault(trial.rule, trial)
    return sorted(list(found.values())[:most], key=lambda trial: trial.mean_calls)

"""What `unmask compare` shows: tables for the terminal, the page and the files, and what it comes to in sentences.

Everything comes from a finished `Comparison`; nothing is computed here but differences and rounding. Rules without an
exact likelihood never share a table or an axis of nats with those that have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unmask.evaluation.compare.leaderboards import LEVELS, accuracy_under_parallelism, most_tokens_per_call
from unmask.evaluation.compare.trial import Comparison, Trial, undominated
from unmask.evaluation.result_table import Cell, Column, ResultTable
from unmask.evaluation.text_quality import TextQuality
from unmask.measuring.estimate import Estimate
from unmask.reports.compare_headline import headline
from unmask.reports.tables import to_markdown, to_rich
from unmask.visible import in_markdown, visible

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Columns of what is no terminal."""
SPARE = ("own_nats", "canvases", "tokens_per_call", "perplexity", "tokens_per_second", "predicted", "latency")
OPTIONAL = ("canvases", "own_nats")
"""Columns that are left out where they say nothing."""
MEASURED_ONLY = (
    "Measured only: the choice of positions reads the token just drawn, tokens are taken back, or the draw is not from "
    "the model's own law. Such rules have no exact likelihood; what they write is all there is to go by."
)


def scored_table(found: Comparison, name: Callable[[Trial], str] = lambda trial: trial.name) -> ResultTable:
    """Exactly scored rules by network calls; ● marks those that no other beats in both calls and nats."""
    best = {trial.key for trial in undominated(found.scored)}
    columns = [
        Column("mark", ""),
        Column("rule", "rule"),
        Column("calls", "network\ncalls", ".3g"),
        Column("canvases", "canvases", ".3g"),
        Column("tokens_per_call", "tokens\na call", ".3g"),
        Column("predicted", "predicted,\nnats/token"),
        Column("price", "price,\nnats/token"),
        Column("perplexity", "perpl.\ntimes", ".2f"),
        Column("own_nats", "its texts,\nown nats", ".3f"),
        Column("latency", "ms, one\ntext", ".0f"),
        Column("tokens_per_second", "tokens/s,\nbatch", ".0f"),
    ]
    rows: list[list[Cell]] = []
    for trial in found.scored:
        assert trial.scored is not None
        price = trial.scored.scaled(1 / found.length)
        row: list[Cell] = ["●" if trial.key in best else "", name(trial), trial.mean_calls]
        row += [trial.mean_canvases, found.length / trial.mean_calls]
        row += [priced(trial.predicted, found.length), priced(trial.scored, found.length), math.exp(price.value)]
        rows.append([*row, trial.own_nats, *_times(trial)])
    return _filled(_with_task(found, columns, rows, found.scored))


def measured_table(found: Comparison) -> ResultTable:
    """Rules that have no exact likelihood, by network calls, with what they write; real text in the first row."""
    columns = [
        Column("rule", "rule"),
        Column("calls", "network\ncalls", ".3g"),
        Column("tokens_per_call", "tokens\na call", ".3g"),
        Column("own_nats", "own\nnats", ".3f"),
        Column("sequence_entropy", "sequence\nentropy", ".2f"),
        Column("unigram_distance", "token TV\ndistance", ".3f"),
        Column("repeated", "repeated\n3-grams", ".3f"),
        Column("latency", "ms, one\ntext", ".0f"),
    ]
    real = found.one_at_a_time.value / found.length
    rows: list[list[Cell]] = [["real text", None, None, real, *_brief(found.real), None]]
    for trial in found.measured_only:
        shares: list[Cell] = [trial.name, trial.mean_calls, trial.tokens_per_call, trial.own_nats]
        rows.append([*shares, *_brief(trial.quality), _times(trial)[0]])
    if found.judge:  # never without the entropy that stands beside it
        columns.append(Column("judge", "judge\nperplexity", ".1f"))
        judged = [found.real_judge, *(trial.judge for trial in found.measured_only)]
        rows = [[*row, _perplexity(one)] for row, one in zip(rows, judged, strict=True)]
    return _filled(_with_task(found, columns, rows, [None, *found.measured_only]))


def leaderboard(found: Comparison) -> ResultTable:
    """Each rule as leaderboards of right answers rank it; no rows where right is not defined.

    The most tokens per call at 80, 75 and 70 % right (ParallelBench), and AUP (d3LLM).
    """
    judged = [trial for trial in (*found.scored, *found.measured_only) if trial.valid is not None]
    points: dict[str, list[tuple[float, float]]] = {}
    for trial in judged:
        if trial.valid is not None:
            points.setdefault(trial.rule, []).append((found.length / trial.mean_calls, trial.valid.value))
    best = max((right for settings in points.values() for _, right in settings), default=0.0)
    columns = [Column("rule", "rule"), Column("settings", "settings")]
    columns += [Column(f"tokens_at_{level * 100:.0f}", f"tokens a call\nat ≥ {level:.0%}", ".3g") for level in LEVELS]
    columns += [Column("aup", "AUP", ".0f"), Column("right", "most\nright", ".1%")]
    rows: list[list[Cell]] = [
        [
            rule,
            len(settings),
            *(most_tokens_per_call(settings, level) for level in LEVELS),
            accuracy_under_parallelism(settings, best),
            max(right for _, right in settings),
        ]
        for rule, settings in points.items()
    ]
    return ResultTable.of(columns, sorted(rows, key=lambda row: -float(row[-2] or 0.0)))


def _filled(table: ResultTable) -> ResultTable:
    """The table without columns of `OPTIONAL` that hold nothing, or canvases that are as many as the calls."""

    def says_nothing(name: str) -> bool:
        if name not in OPTIONAL:
            return False
        pairs = zip(table.column(name), table.column("calls"), strict=True)
        return all(one is None or (name == "canvases" and one < 1.05 * calls) for one, calls in pairs)

    kept = [place for place, column in enumerate(table.columns) if not says_nothing(column.name)]
    return ResultTable.of([table.columns[place] for place in kept], [[row[p] for p in kept] for row in table.rows])


def quality_table(found: Comparison) -> ResultTable:
    """What every rule writes, beside as much real text."""
    columns = [Column("rule", "rule")]
    columns += [Column(name, name.replace("_", " "), ".3f") for name in ("unigram_entropy", "sequence_entropy")]
    columns += [Column(f"distinct_{n}", f"distinct {n}-grams", ".3f") for n in (1, 2, 3)]
    columns += [Column(f"repeated_{n}", f"repeated {n}-grams", ".3f") for n in (2, 3, 4)]
    names = ("unigram_distance", "bigram_distance", "character_distance", "word_length", "known_words")
    columns += [Column(name, name.replace("_", " "), ".3f") for name in names]
    columns += [Column(name, name.replace("_", " "), ".2f") for name in ("judge_perplexity", "mauve")]
    rows: list[list[Cell]] = [["real text", *_whole(found.real), _perplexity(found.real_judge), None]]
    for trial in [*found.scored, *found.measured_only]:
        rows.append([trial.name, *_whole(trial.quality), _perplexity(trial.judge), trial.mauve])
    shown = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    return ResultTable.of([columns[place] for place in shown], [[row[place] for place in shown] for row in rows])


def all_trials(found: Comparison) -> ResultTable:
    """Every trial as numbers, nats per sequence."""
    names = (
        "key",
        "rule",
        "setting",
        "how",
        "calls",
        "calls_least",
        "calls_most",
        "canvases",
        "tokens_per_call",
        "predicted",
    )
    names += ("predicted_low", "predicted_high", "exact", "price", "price_low", "price_high", "nats", "latency")
    names += ("tokens_per_second", "batch", "right", "drawn", "own_nats", "undominated", "error")
    best = {trial.key for trial in undominated(found.scored)}
    rows = []
    for trial in found.trials:
        calls, valid, timing = trial.calls, trial.valid, trial.timing
        row: list[Cell] = [trial.key, trial.rule, trial.setting, trial.how]
        row += [None if math.isnan(trial.mean_calls) else trial.mean_calls]
        row += [calls.least, calls.most] if calls else [None, None]
        row += [
            trial.canvases,
            trial.tokens_per_call,
            *_interval(trial.predicted),
            trial.exact,
            *_interval(trial.scored),
            trial.nats,
        ]
        row += [timing.latency, timing.throughput, timing.batch] if timing else [None] * 3
        row += [valid.count, valid.total] if valid else [None, None]
        rows.append([*row, trial.own_nats, int(trial.key in best), trial.error])
    return ResultTable.of([Column(name) for name in names], rows)


def priced(price: Estimate | None, length: int, digits: int = 3) -> str:
    """A price per token (per text where `length` is 1) with half of its interval; a dash where there is none."""
    if price is None:
        return "–"
    scaled = price.scaled(1 / length)
    if price.is_exact:
        return f"{scaled.value:.{digits}f}"
    return f"{scaled.value + 0.0:.{digits}f} ± {(scaled.high - scaled.low) / 2:.{digits}f}"


def verdict(found: Comparison) -> list[str]:
    """What the comparison came to, in sentences: what it costs where, and where an autoregressive model is faster."""
    return headline(found) + autoregressive_verdict(found)


def autoregressive_verdict(found: Comparison) -> list[str]:
    """From how many calls on the autoregressive model of the same size is faster, for one text and for a batch."""
    line = found.autoregressive
    timed = [trial for trial in found.scored if trial.timing is not None]
    if line is None or not timed:
        return []
    said = []
    for what, slower in (
        ("one text at a time", [t for t in timed if t.timing and t.timing.latency > line.latency]),
        (f"{line.batch} texts together", [t for t in timed if t.timing and t.timing.throughput < line.throughput]),
    ):
        if not slower:
            said.append(f"With {what} every scored rule was faster than the autoregressive model ({line.name}).")
        elif len(slower) == len(timed):
            said.append(f"With {what} the autoregressive model ({line.name}) was faster than every scored rule.")
        else:
            first = min(trial.mean_calls for trial in slower)
            said.append(
                f"With {what} the autoregressive model ({line.name}) was faster than {len(slower)} of {len(timed)} "
                f"scored rules, the first of them at {first:.3g} network calls."
            )
    return said


# -- the terminal --------------------------------------------------------------------------------------------------


def show(found: Comparison, console: Console) -> None:
    """Print what it comes to, both tables, and what failed."""
    for sentence in headline(found):
        say(console, sentence, "bold")
    say(
        console,
        f"{found.model['name']} on {found.data or 'given texts'}: {found.texts} held-out texts of {found.length} "
        f"tokens scored, {found.measured} measured for plans, {found.samples} drawn with every rule.",
    )
    table = fitting(scored_table(found), console.width)
    if table.rows:
        shown = to_rich(table)
        for row, cells in zip(shown.rows, table.rows, strict=True):
            row.style = "" if cells[0] else "dim"
        console.print(shown)
        say(
            console,
            "● no other rule scored is cheaper at as few calls. Prices: beyond one token at a time, ± 95 %.",
            "dim",
        )
    line = found.autoregressive
    if line is not None:
        price = "" if line.price is None else f", {priced(line.price, found.length)} nats/token"
        say(
            console,
            f"autoregressive, {line.name}, cached: {line.calls} calls{price}, {1000 * line.latency:.0f} ms for one "
            f"text, {line.throughput:.0f} tokens/s at {line.batch} texts",
        )
    if found.measured_only:
        say(console, f"\n{MEASURED_ONLY}")
        console.print(to_rich(fitting(measured_table(found), console.width)))
    for trial in found.failed:
        say(console, f"failed: {trial.name}: {trial.error}", "red")
    board = leaderboard(found)
    if board.rows:
        say(console, "\nAs leaderboards rank: the most tokens a call at so many right answers, and AUP.")
        console.print(to_rich(fitting(board, console.width, ("settings", "right", "tokens_at_75"))))
    for sentence in [*found.notes, *autoregressive_verdict(found)]:
        say(console, sentence)


def fitting(table: ResultTable, width: int, spare: tuple[str, ...] = ()) -> ResultTable:
    """The table without as many of the columns that can be spared as it takes to fit the terminal."""
    for name in (*(spare or SPARE), ""):
        words = [column.heading.split("\n") for column in table.columns]
        cells = [[column.show(row[place]) for row in table.rows] for place, column in enumerate(table.columns)]
        if sum(max(map(len, [*head, *body])) + 2 for head, body in zip(words, cells, strict=True)) <= width:
            break
        kept = [place for place, column in enumerate(table.columns) if column.name != name]
        table = ResultTable.of([table.columns[place] for place in kept], [[row[p] for p in kept] for row in table.rows])
    return table


def say(console: Console, words: str, style: str = "") -> None:
    console.print(words, markup=False, highlight=False, style=style)


# -- in files ------------------------------------------------------------------------------------------------------


def summary(found: Comparison, command: str) -> str:
    """The tables and sentences as Markdown."""
    parts = [f"    {visible(command)}\n", *(f"{in_markdown(sentence)}\n" for sentence in verdict(found))]
    parts += ["## Scored exactly\n", to_markdown(_one_line(scored_table(found)))]
    if found.measured_only:
        parts += ["## Measured only\n", f"{MEASURED_ONLY}\n", to_markdown(_one_line(measured_table(found)))]
    if (board := leaderboard(found)).rows:
        parts += ["## As leaderboards rank\n", to_markdown(_one_line(board))]
    parts += [f"Failed: {in_markdown(trial.name)}: {in_markdown(str(trial.error))}\n" for trial in found.failed]
    return "\n".join(parts)


def finite(value: Any) -> Any:
    """JSON has no infinities and no NaN: both become null."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _one_line(table: ResultTable) -> ResultTable:
    columns = [Column(c.name, c.heading.replace("\n", " "), c.format) for c in table.columns]
    return ResultTable.of(columns, table.rows)


def _with_task(found: Comparison, columns: list[Column], rows: list[list[Cell]], trials: list[Any]) -> ResultTable:
    """The table with a column of right shares, where right is defined."""
    if found.task:
        columns = [*columns, Column("right", "right")]
        rows = [[*row, right(trial)] for row, trial in zip(rows, trials, strict=True)]
    return ResultTable.of(columns, rows)


def right(trial: Trial | None) -> str:
    """A share of right texts with its interval, in per cent."""
    valid = None if trial is None else trial.valid
    return "–" if valid is None else f"{valid.value:.1%} ({100 * valid.low:.0f}–{100 * valid.high:.0f})"


def _times(trial: Trial) -> list[Cell]:
    return [None, None] if trial.timing is None else [1000 * trial.timing.latency, trial.timing.throughput]


def _brief(quality: TextQuality | None) -> list[Cell]:
    return (
        [None] * 3 if quality is None else [quality.sequence_entropy, quality.unigram_distance, quality.repeated.get(3)]
    )


def _whole(quality: TextQuality | None) -> list[Cell]:
    if quality is None:
        return [None] * 13
    distinct, repeated = (quality.distinct.get(n) for n in (1, 2, 3)), (quality.repeated.get(n) for n in (2, 3, 4))
    rest = (quality.unigram_distance, quality.bigram_distance, quality.character_distance, quality.word_length)
    return [quality.unigram_entropy, quality.sequence_entropy, *distinct, *repeated, *rest, quality.known_words]


def _perplexity(judged: dict[str, float] | None) -> float | None:
    return None if judged is None else judged["perplexity"]


def _interval(price: Estimate | None) -> list[Cell]:
    return [None] * 3 if price is None else [price.value, price.low, price.high]

"""Claim 5: a wrong predictor adds exactly its training error ([LC] Thm 1; F5: KL = F1 + eps_train).

Small laws, and predictors that are wrong on purpose. On one side the definition: for every way of choosing which
positions are revealed at which step, the output law `p_{Y|M}` over all sequences, and its KL from the law, averaged. On
the other side the formula: the law's information curve and the predictor's cross-entropy curve. Nothing is sampled.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from unmask import laws
from unmask.evaluation.claims.claim import Checks, Claim
from unmask.evaluation.result_table import Cell, Column, ResultTable
from unmask.evaluation.subjects import sticky_chain
from unmask.laws.base import BoolArray, Law, TokenArray
from unmask.theory import bounds
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.price import nelbo, price
from unmask.theory.schedule import Schedule

TOLERANCE = 1e-12

Predict = Callable[[Law, TokenArray, BoolArray], FloatArray]
"""From a law, sequences (n, L) and known positions (n, L) to predicted laws of every position (n, L, V)."""

StepLog = Callable[[frozenset[int], frozenset[int]], FloatArray]
"""From the known positions and those of a step to the log-probability of its tokens in each sequence, (n,)."""


@dataclass(frozen=True)
class Mistake:
    """A predictor that is wrong on purpose."""

    name: str
    heading: str
    description: str
    predict: Predict


def _hesitant(law: Law, x: TokenArray, known: BoolArray) -> FloatArray:
    return 0.8 * law.conditionals(x, known) + 0.2 / law.vocab_size


def _overconfident(law: Law, x: TokenArray, known: BoolArray) -> FloatArray:
    squared = law.conditionals(x, known) ** 2
    return np.asarray(squared / squared.sum(axis=-1, keepdims=True))


def _forgetful(law: Law, x: TokenArray, known: BoolArray) -> FloatArray:
    return law.conditionals(x, known & (np.arange(law.length) % 2 == 0))


def _stranger(law: Law, x: TokenArray, known: BoolArray) -> FloatArray:
    weights = np.random.default_rng(0).exponential(size=(law.vocab_size,) * law.length) + 0.1
    return laws.Table(weights / weights.sum()).conditionals(x, known)


MISTAKES = (
    Mistake("perfect", "", "the law's own conditionals", lambda law, x, known: law.conditionals(x, known)),
    Mistake("hesitant", "\nhesitant", "mixed with 20 % of the uniform law", _hesitant),
    Mistake("overconfident", "over-\nconfident", "every probability squared, as at temperature 1/2", _overconfident),
    Mistake("forgetful", "for-\ngetful", "sees only every other revealed token", _forgetful),
    Mistake("stranger", "\nstranger", "the conditionals of an unrelated law", _stranger),
)

SMALL_LAWS: tuple[tuple[str, Callable[[], Law]], ...] = (
    ("independent", lambda: laws.Product(np.tile([0.5, 0.3, 0.2], (4, 1)))),
    ("noisy", lambda: laws.Repeated(5, 3, noise=0.5)),
    ("parity", lambda: laws.Parity(5, 3)),
    ("code", lambda: laws.MDSCode(4, 2, 5)),
    ("permutation", lambda: laws.Permutation(4)),
    ("balanced", lambda: laws.Balanced(5, 2)),
    ("urn", lambda: laws.PolyaUrn(5, 3, 0.5)),
    ("markov", lambda: sticky_chain(5, 3, 0.8)),
    ("ising", lambda: laws.IsingChain(6, 0.7)),
)

SUMMARY = (
    Column("law", "law"),
    Column("reveals", "ways to\nreveal", ",d"),
    Column("perfect", "KL\nperfect", "z.3f"),
    *(Column(mistake.name, f"+ε {mistake.heading}", "z.3f") for mistake in MISTAKES[1:]),
    Column("largest_gap", "worst\ngap", ".0e"),
)
DATA = (
    Column("law"),
    Column("predictor"),
    Column("sizes"),
    Column("kl_perfect"),
    Column("training_error"),
    Column("kl_direct"),
    Column("kl_of_output_law"),
    Column("gap"),
    Column("impossible"),
    Column("impossible_bound"),
)


def check() -> Claim:
    """Verify the claim on every small law, for every mistake and every schedule."""
    checks = Checks()
    summary: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for name, build in SMALL_LAWS:
        law = build()
        rows = [row for mistake in MISTAKES for row in _numbers(name, law, mistake, checks)]
        data += rows
        summary.append((name, _count_reveals(law.length), *_example(law.length, rows), _largest_gap(rows)))
    return Claim(
        key="training-error",
        title="A wrong predictor adds exactly its training error",
        statement="The error of a learned predictor is a perfect one's plus ε_train: two separate bills, added up.",
        checked=(
            f"{len(SMALL_LAWS)} small laws, {len(MISTAKES)} predictors, every schedule: the KL by its definition "
            f"(all sequences, all ways to reveal) equals F1 + ε_train, and F3, within {TOLERANCE:.0e}. The output "
            "law of every way to reveal sums to 1, and the KL of the averaged output law is no larger (convexity). "
            "Sequences that the law holds impossible are written with a probability of at most 1 − exp(−KL)."
        ),
        summary=ResultTable.of(SUMMARY, summary),
        data=ResultTable.of(DATA, data),
        notes=(
            "KL and ε are those of the two steps (2, L − 2); “worst gap” is over all schedules and predictors.",
            *(f"{mistake.name}: {mistake.description}." for mistake in MISTAKES[1:]),
        ),
        checks=checks.count,
        failures=tuple(checks.failures),
    )


def _numbers(name: str, law: Law, mistake: Mistake, checks: Checks) -> list[tuple[Any, ...]]:
    """One row for every schedule of the law's length."""
    x = law.support()
    probability = np.exp(law.log_prob(x))
    logs = _log_predictions(law, mistake.predict, x)
    perfect = law.curve()
    learned = _cross_entropy_curve(probability, logs)

    @cache
    def step_log(known: frozenset[int], step: frozenset[int]) -> FloatArray:
        """Log-probability of drawing the tokens of one step, each by itself, (n,)."""
        return np.asarray(logs[known][:, sorted(step)].sum(axis=1))

    rows = []
    for sizes in compositions(law.length):
        schedule = Schedule(sizes)
        direct, output, impossible = _by_definition(
            probability, step_log, sizes, f"{name}, {mistake.name}, {sizes}", checks
        )
        kl_perfect = price(perfect, schedule)
        training_error = bounds.training_error(learned, perfect, schedule)
        gap = abs(direct - kl_perfect - training_error)
        where = f"{name}, {mistake.name}, steps {sizes}"
        checks.equal(direct, kl_perfect + training_error, f"{where}: KL by definition and F1 + ε_train", TOLERANCE)
        checks.equal(direct, nelbo(learned, schedule) - perfect.entropy, f"{where}: KL by definition and F3", TOLERANCE)
        checks.at_most(output, direct, f"{where}: KL of the output law")
        allowed = bounds.impossible_at_most(max(direct, 0.0))
        checks.at_most(impossible, allowed, f"{where}: impossible sequences")
        shown = " ".join(map(str, sizes))
        rows.append((name, mistake.name, shown, kl_perfect, training_error, direct, output, gap, impossible, allowed))
    return rows


def _log_predictions(law: Law, predict: Predict, x: TokenArray) -> dict[frozenset[int], FloatArray]:
    """`log p_i(x_i | x_S)` for every set S, sequence and position: S -> (n, L)."""
    logs = {}
    for known in itertools.product([False, True], repeat=law.length):
        predicted = predict(law, x, np.tile(known, (len(x), 1)))
        with np.errstate(divide="ignore"):  # a sequence that cannot be written has log-probability -inf
            chosen = np.log(np.take_along_axis(predicted, x[:, :, None], axis=2)[:, :, 0])
        logs[frozenset(np.flatnonzero(known).tolist())] = chosen
    return logs


def _cross_entropy_curve(probability: FloatArray, logs: dict[frozenset[int], FloatArray]) -> InformationCurve:
    """`c_k`, the mean of `-log p_i(x_i | x_S)` over the law, every S of size k and every i outside it."""
    possible = probability > 0
    length = next(iter(logs.values())).shape[1]
    terms: list[list[float]] = [[] for _ in range(length)]
    for known, log in logs.items():
        for i in set(range(length)) - known:
            terms[len(known)].append(-float(probability[possible] @ log[possible, i]))
    return InformationCurve([np.mean(row) for row in terms])


def _by_definition(
    probability: FloatArray, step_log: StepLog, sizes: tuple[int, ...], where: str, checks: Checks
) -> tuple[float, float, float]:
    """`E_M KL(p || p_{Y|M})`, `KL(p || E_M p_{Y|M})`, and how often Y is impossible under p: all by enumeration."""
    possible = probability > 0
    divergences, outputs = [], []
    for steps in reveals(sizes):
        known: frozenset[int] = frozenset()
        log_output = np.zeros_like(probability)
        for step in steps:
            log_output += step_log(known, step)
            known |= step
        outputs.append(np.exp(log_output))
        divergences.append(_divergence(probability[possible], log_output[possible]))
    mean_output = np.mean(outputs, axis=0)
    worst_mass = max((float(output.sum()) for output in outputs), key=lambda mass: abs(mass - 1))
    checks.equal(worst_mass, 1.0, f"{where}: mass of the output law of any way to reveal")
    averaged = _divergence(probability[possible], np.log(mean_output[possible]))
    return float(np.mean(divergences)), averaged, float(mean_output[~possible].sum())


def _divergence(p: FloatArray, log_q: FloatArray) -> float:
    return float(p @ (np.log(p) - log_q))


def compositions(length: int) -> Iterator[tuple[int, ...]]:
    """Every way to write `length` as an ordered sum of positive sizes."""
    if length == 0:
        yield ()
    for first in range(1, length + 1):
        for rest in compositions(length - first):
            yield (first, *rest)


@cache
def reveals(sizes: tuple[int, ...]) -> tuple[tuple[frozenset[int], ...], ...]:
    """Every way to reveal the positions 0..L-1 in steps of the given sizes; all are equally likely."""

    def ways(positions: frozenset[int], sizes: tuple[int, ...]) -> Iterator[tuple[frozenset[int], ...]]:
        if not sizes:
            yield ()
            return
        for step in itertools.combinations(sorted(positions), sizes[0]):
            for rest in ways(positions - set(step), sizes[1:]):
                yield (frozenset(step), *rest)

    return tuple(ways(frozenset(range(sum(sizes))), sizes))


def _count_reveals(length: int) -> int:
    return sum(len(reveals(sizes)) for sizes in compositions(length))


def _example(length: int, rows: list[tuple[Any, ...]]) -> list[float]:
    """The perfect error and each training error for the schedule (2, L - 2)."""
    shown = [row for row in rows if row[2] == f"2 {length - 2}"]
    return [shown[0][3], *(row[4] for row in shown[1:])]


def _largest_gap(rows: list[tuple[Any, ...]]) -> float:
    return float(max(row[7] for row in rows))

"""The half of the demo whose texts are English: the model `manual`, measured on documents it was not trained on.

There is no exact law to compare with, and no checker: what a way to sample costs is its exact score, in nats per token
of held-out text, and the reader's own eye.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import numpy as np

from unmask.errors import InputError
from unmask.evaluation.compare.ground import Ground, TokenArray
from unmask.evaluation.demo.half import Half, Sizes, tried
from unmask.models.adapter import Pretrained
from unmask.planning.plan import Plan
from unmask.planning.planner import BudgetNotKept, Planner

BUDGET = 0.05
"""Nats per token beyond one token at a time that the plan may cost: perplexity grows by 5 %."""
ORDERS = ("bit_reversal", "golden_ratio")
SIZES = Sizes(
    measured=176, fresh=80, samples=8, line_samples=2, tuning=16, tries=9,
    counts=(0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 56), most=16,
)  # fmt: skip
QUICK = Sizes(
    measured=48, fresh=16, samples=2, line_samples=2, tuning=4, tries=7, counts=(0, 4, 8, 16, 32, 48), most=16,
)  # fmt: skip


def held_out_text() -> str:
    """The documents of the manual that the shipped model was not trained on."""
    file = files("unmask") / "data" / "manual" / "held_out.txt"
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the held-out text {file}: {error.strerror}; install unmask anew") from error


def windows(predictor: Pretrained, text: str) -> TokenArray:
    """(N, L) the text cut into windows of the model's length, side by side, in a fixed random order."""
    length = predictor.length
    if length is None:
        raise InputError(f"{predictor.name} has no length of its own; the demo needs a model of `unmask train`")
    tokens = np.array(predictor.encode(text), dtype=np.int64)
    rows = tokens[: len(tokens) // length * length].reshape(-1, length)
    return np.asarray(np.random.default_rng(0).permutation(rows))


def english_demo(
    predictor: Pretrained,
    text: str,
    name: str = "manual",
    seed: int = 0,
    sizes: Sizes = SIZES,
    progress: Callable[[str], object] = lambda _: None,
) -> Half:
    """Measure, plan for `BUDGET`, sample that way and in the ways that compete with it at as many calls.

    Args:
        predictor: a model of English with a length of its own.
        text: that it was not trained on.
        name: what to call it.
        progress: told, in words, what is being done.
    """
    rows = windows(predictor, text)
    wanted = sizes.measured + sizes.fresh
    if len(rows) < wanted:
        raise InputError(f"the held-out text has {len(rows)} windows of {rows.shape[1]} tokens; {wanted} are needed")
    ground = Ground(
        predictor, rows[: sizes.measured], seed=seed, random_orders=1, batch_size=sizes.batch_size,
        fresh=rows[sizes.measured : wanted],
    )  # fmt: skip
    measured = ground.measure(
        ORDERS, lambda words: progress(f"{name}: {words}"), counts=[*(sizes.counts or ()), rows.shape[1] - 1]
    )
    plan, kept = within_budget(Planner(measured))
    kinds = ("equal_sizes:", "confidence:steps=")
    fewer = sorted({max(1, plan.steps // 4), max(1, plan.steps // 2)} - {plan.steps})
    line = [f"{kind}{steps}" for kind in ("planned:", *kinds) for steps in fewer]
    rivals = [f"{kind}{plan.steps}" for kind in kinds]
    half = tried(name, sizes, ground, measured, plan, rivals, line, "documents it was not trained on", progress)
    return replace(half, budget_kept=kept)


def within_budget(planner: Planner) -> tuple[Plan, bool]:
    """The fewest steps known to keep the budget, and True; those estimated to, and False, where none are known to."""
    try:
        return planner.plan(budget=BUDGET), True
    except BudgetNotKept:
        return planner.plan(budget=BUDGET, at_estimate=True), False

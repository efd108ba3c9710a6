"""The half of the demo whose sentences anyone can check: the model `toy`, or the toy language itself as a model.

Held-out text is drawn from the language, which is a law: there is as much of it as one likes, no sentence of it is
more likely to have been trained on than the grammar says, and the exact price of every plan stands beside the measured
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from unmask.evaluation.compare.ground import Ground
from unmask.evaluation.compare.trial import Trial
from unmask.evaluation.demo.half import Half, Sizes, tried
from unmask.evaluation.tasks import task_of_law
from unmask.laws.toy import toy_grammar
from unmask.models.predictor import Predictor
from unmask.order_search.search import SearchOptions, search
from unmask.planning.planner import Planner
from unmask.theory.reveal_orders import LeftToRight, Order

CALLS = 4
"""Network calls of the plan that is shown: the fewest that cost the language nothing."""
RIVAL_CALLS = (4, 6)
SIZES = Sizes(
    searched=96, search_calls=30_000, measured=160, fresh=160, samples=500, line_samples=150, tuning=48, tries=9,
    line=(1, 2, 3, 5, 8, 12),
)  # fmt: skip
QUICK = Sizes(
    searched=24, search_calls=2000, measured=16, fresh=16, samples=24, line_samples=8, tuning=8, tries=7, line=(1, 2),
    batch_size=16,
)  # fmt: skip


def sentences_demo(
    predictor: Predictor,
    name: str = "toy",
    seed: int = 0,
    sizes: Sizes = SIZES,
    progress: Callable[[str], object] = lambda _: None,
) -> Half:
    """Measure, plan for `CALLS` calls, sample that way and in the ways that compete with it, check every sentence.

    Args:
        predictor: of the toy language: the shipped model, or `unmask.oracle(unmask.laws.toy_grammar())`.
        name: what to call it.
        progress: told, in words, what is being done.
    """
    law = toy_grammar()
    text = law.sample(sizes.searched + sizes.measured + sizes.fresh, np.random.default_rng([seed, 2]))
    learnt, held_out, fresh = np.split(text, np.cumsum([sizes.searched, sizes.measured]))
    progress(f"{name}: learning an order from {sizes.searched} sentences")
    options = SearchOptions(sizes.search_calls, (CALLS,), seed=seed, batch_size=sizes.batch_size)
    found = search(predictor, learnt, options=options)
    ground = Ground(
        predictor, held_out, seed=seed, batch_size=sizes.batch_size, task=task_of_law(law),
        source=f"law:toy, seed {seed}", fresh=fresh,
    )  # fmt: skip
    orders: dict[str, Order] = {"left_to_right": LeftToRight(), **found.orders}
    measured = ground.measure(orders, lambda words: progress(f"{name}: {words}"), order_counts=found.counts)
    plan = Planner(measured).plan(CALLS)
    rivals = [] if plan.order == LeftToRight() else [f"planned_left_to_right:{CALLS}"]
    rivals += [f"planned_uniform:{CALLS}", *(f"equal_sizes:{steps}" for steps in RIVAL_CALLS)]
    rivals += [f"confidence:steps={steps}" for steps in RIVAL_CALLS]
    kinds = ("planned:", "equal_sizes:", "confidence:steps=")
    line = [f"{kind}{steps}" for kind in kinds for steps in sizes.line]
    return tried(name, sizes, ground, measured, plan, rivals, line, "sentences drawn from the language", progress)


def floor(trial: Trial) -> float | None:
    """`exp(-KL)`: the share of right sentences cannot be smaller, whatever the way to sample; None if not scorable."""
    return None if trial.nats is None else float(np.exp(min(0.0, toy_grammar().entropy - trial.nats)))


# -- which words are wrong -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sentence:
    """A sampled sentence: its words, which of them are wrong, and why it is no sentence of the language."""

    words: tuple[str, ...]
    wrong: tuple[bool, ...]
    fault: str | None


def read(texts: Iterable[str]) -> list[Sentence]:
    """The sentences with their verdict."""
    return [_read(text) for text in texts]


def _read(text: str) -> Sentence:
    """Wrong are the words that differ from the nearest right sentence; of several, from the one that differs latest."""
    law = toy_grammar()
    row = np.asarray(law.encode(text))
    differs = law.listed.sequences != row
    count = differs.sum(axis=1)
    nearest = differs[count == count.min()]
    latest = max(nearest.tolist(), key=lambda places: [place for place, wrong in enumerate(places) if wrong])
    return Sentence(tuple(text.split()), tuple(latest), law.explain(row))

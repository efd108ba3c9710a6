"""What rules are compared on: a model, texts nothing was fitted on, and one token at a time to hold prices against.

Plans are made from the texts that are measured; every rule is scored on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.evaluation.compare.check import Check
from unmask.evaluation.tasks import Task
from unmask.laws.base import Law
from unmask.measuring.dependence_profile import measure_dependence_profile
from unmask.measuring.measure import Orders, measure
from unmask.measuring.measurement import Measurement
from unmask.models.capabilities import block_length_of, law_of
from unmask.models.predictor import Predictor
from unmask.sampling import recipes
from unmask.sampling.score import Score, score
from unmask.theory.curve import FloatArray
from unmask.theory.dependence_profile import DependenceProfile

TokenArray = npt.NDArray[np.int64]
LEAST_TEXTS = 8


@dataclass(eq=False)
class Ground:
    """The common ground of a comparison.

    Args:
        texts: (N, L) held-out texts, at least 8; shuffled by `seed`, the first half is measured, the other scored on.
        given: leading tokens that are given.
        random_orders: those orders texts are scored in where the order is random.
        task: what makes a sampled text right, or None.
        source: as in `measure`: the name of the draw, where texts are independent draws of a law.
        fresh: (n, L) texts to score on; then all of `texts` are measured.
    """

    predictor: Predictor
    texts: TokenArray
    given: int = 0
    seed: int = 0
    random_orders: int = 2
    batch_size: int = 64
    task: Task | Check | None = None
    source: str = ""
    fresh: TokenArray | None = None

    def __post_init__(self) -> None:
        if len(self.texts) < LEAST_TEXTS:
            raise InputError(
                f"there are {len(self.texts)} texts of {self.texts.shape[1]} tokens; a comparison needs at least "
                f"{LEAST_TEXTS}: give more text, or a smaller --length"
            )
        if not 0 <= self.given < self.texts.shape[1]:
            raise InputError(f"--given is {self.given}; texts have {self.texts.shape[1]} tokens")
        if self.fresh is not None:
            self.measured_texts, self.scored_texts = self.texts, self.fresh
            return
        shuffled = np.random.default_rng([self.seed, 7]).permutation(len(self.texts))
        half = len(self.texts) // 2
        self.measured_texts = self.texts[np.sort(shuffled[:half])]
        self.scored_texts = self.texts[np.sort(shuffled[half:])]

    @property
    def length(self) -> int:
        """L, tokens that are revealed."""
        return int(self.texts.shape[1]) - self.given

    @property
    def law(self) -> Law | None:
        """What the texts are drawn from, where it is known: the model itself, or a task whose rows can be listed."""
        own = law_of(self.predictor)
        return self.task.law if own is None and self.task and hasattr(self.task.law, "listed") else own

    def fewer(self, texts: int) -> Ground:
        """The same with the first few of the texts to score on, each in one order, for quick looks."""
        return replace(self, texts=self.measured_texts, fresh=self.scored_texts[:texts], random_orders=1)

    def measure(self, orders: Orders, say: Callable[[str], object], **options: Any) -> Measurement:
        """The curve and the tables of the orders, on the texts to measure; options as `measure` takes them."""

        def report(done: int, total: int, _: Measurement) -> None:
            say(f"measuring {done} of {total} texts")

        return measure(
            self.predictor, self.measured_texts, self.seed, orders=orders, given=self.given,
            block_length=block_length_of(self.predictor), batch_size=self.batch_size, source=self.source,
            progress=report, **options,
        )  # fmt: skip

    def measure_dependence(self) -> DependenceProfile:
        """Which share of a token's uncertainty others take away, on the texts to measure."""
        return measure_dependence_profile(
            self.predictor, self.measured_texts, self.seed, given=self.given,
            block_length=block_length_of(self.predictor), batch_size=self.batch_size, source=self.source,
        )  # fmt: skip

    def score(self, sampler: Any) -> Score:
        """Exact likelihood of the texts to score on under a sampler."""
        return score(
            self.predictor, sampler, self.scored_texts, seed=self.seed, prompt=self.given,
            random_orders=self.random_orders if sampler.random else None, batch_size=self.batch_size,
        )  # fmt: skip

    @cached_property
    def alone(self) -> Score:
        """One token at a time in uniformly random order."""
        found = self.score(recipes.one_by_one())
        if not bool(found.log_prob.isfinite().all()):
            worst = int(found.log_prob.argmin())
            raise InputError(
                f"text {worst} has probability 0 under the model, one token at a time; do the text and the model "
                "share a vocabulary?"
            )
        return found

    @cached_property
    def baseline(self) -> FloatArray:
        """(n,) nats of each text, one token at a time."""
        return np.asarray(-self.alone.log_prob.numpy(), dtype=np.float64)

    @cached_property
    def cumulative(self) -> FloatArray:
        """(L + 1,) nats the first k tokens cost one at a time, mean over texts and orders: sum of c_j for j < k."""
        losses, ranks = -self.alone.order_log_probs.numpy(), self.alone.order_steps.numpy()
        hidden = ranks >= 0
        sums = np.bincount(ranks[hidden], weights=losses[hidden], minlength=self.length)
        return np.concatenate([[0.0], np.cumsum(sums / (losses.shape[0] * losses.shape[1]))])

    @property
    def prompts(self) -> TokenArray | None:
        """(n, given) what is given to sampled texts: beginnings of the scored ones; None where nothing is."""
        return self.scored_texts[:, : self.given] if self.given else None


def step_prices(found: Score, cumulative: FloatArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(prices, sizes) of the steps of a scored sampler, means over texts and orders; the prices add up to its price.

    A step's price is the nats of its tokens less what as many tokens cost one at a time at the same place,
    `sum_{a_t <= j < a_t + s_t} c_j`. A row that has finished counts as a step of no tokens.
    """
    losses = -found.order_log_probs.flatten(0, 1).numpy()
    steps = found.order_steps.flatten(0, 1).numpy()
    prices: list[FloatArray] = []
    counts: list[FloatArray] = []
    for row_losses, row_steps in zip(losses, steps, strict=True):
        hidden = row_steps >= 0
        numbers = np.unique(row_steps[hidden], return_inverse=True)[1]  # steps that revealed nothing are no steps
        sizes = np.bincount(numbers)
        ends = np.cumsum(sizes)
        paid = np.bincount(numbers, weights=row_losses[hidden])
        prices.append(paid - (cumulative[ends] - cumulative[ends - sizes]))
        counts.append(sizes.astype(np.float64))
    return _padded_mean(prices), _padded_mean(counts)


def _padded_mean(rows: list[FloatArray]) -> tuple[float, ...]:
    total = np.zeros(max(len(row) for row in rows))
    for row in rows:
        total[: len(row)] += row
    return tuple((total / len(rows)).tolist())

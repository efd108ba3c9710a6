"""One way to sample, and everything a run finds out about it: what it was promised to cost, and what it cost.

All ways of one demo are scored on the same fresh texts, so their differences are paired.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.measuring.estimate import Estimate
from unmask.models.predictor import Predictor
from unmask.sampling import recipes
from unmask.sampling.recipes import as_sampler
from unmask.sampling.sample import Output, sample
from unmask.sampling.sampler import Sampler
from unmask.sampling.score import score
from unmask.theory.curve import FloatArray

TokenArray = npt.NDArray[np.int64]

PLANNED, ONE = "planned", "one token at a time"
EQUAL, BEST_SIZES = "equal sizes, random order", "best sizes, random order"
LEFT_BEST_SIZES = "best sizes, left to right"
SUREST, ENTROPY_BOUND, THRESHOLD = "most confident first", "entropy bound", "threshold"

ROWS = 64
"""Texts that go through the network together when scoring: on a CPU larger batches only cost memory."""


@dataclass(frozen=True)
class Way:
    """A way to sample, before it is tried.

    Attributes:
        kind: what it has in common with others of its line in a plot, one of the names above.
        sampler: a sampler or a plan.
        predicted: its price beforehand, nats per sequence; None where the theory has none.
        exact: what the plan costs a perfect model of the same law, nats per sequence; None where that is unknown.
        setting: of its knob, for example "γ = 0.3".
    """

    kind: str
    sampler: Any
    predicted: Estimate | None = None
    exact: float | None = None
    setting: str = ""

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.kind} {self.setting}".strip()


@dataclass(frozen=True, eq=False)
class Trial:
    """A way that was tried.

    Attributes:
        calls: network calls a text took, mean (over the sampled texts, or the scored ones where none was sampled).
        scored: price on fresh texts by exact score, nats per sequence beyond one at a time; None if not scorable.
        nats: mean nats of a fresh text under the sampler; None if not scorable.
        tokens: (n, L) what was sampled; n may be 0.
        seconds: wall time of the sampling.
        steps: (L,) the step, from 1, in which each position of the first sampled text was revealed; (0,) if n is 0.
    """

    way: Way
    calls: float
    scored: Estimate | None
    nats: float | None
    tokens: TokenArray
    seconds: float
    steps: TokenArray

    @property
    def label(self) -> str:
        """Its name and its number of calls."""
        return f"{self.way.name}, {self.calls:.3g} calls"

    @property
    def why_no_prediction(self) -> str:
        """Empty where a price was predicted."""
        sampler: Sampler = as_sampler(self.way.sampler)
        return sampler.why_not_predictable

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "name": self.way.name,
            "kind": self.way.kind,
            "setting": self.way.setting,
            "network_calls": self.calls,
            "predicted_price": None if self.way.predicted is None else self.way.predicted.to_dict(),
            "why_no_prediction": self.why_no_prediction,
            "exact_price": self.way.exact,
            "scored_price": None if self.scored is None else self.scored.to_dict(),
            "scored_nats": self.nats,
            "samples": len(self.tokens),
            "seconds": self.seconds,
        }


@dataclass(eq=False)
class Bench:
    """Tries ways to sample a model, all on the same fresh texts.

    Args:
        texts: (N, L) that nothing was fitted on.
        seed: of samples and of random orders.
    """

    predictor: Predictor
    texts: TokenArray
    seed: int = 0
    random_orders: int = 2
    """Random orders each text is scored in, for ways whose order is random."""

    @cached_property
    def _baseline(self) -> FloatArray:
        """(N,) nats of every fresh text, one token at a time in one random order."""
        return self._nats(recipes.one_by_one(), random_orders=1)[0]

    def fewer(self, texts: int) -> Bench:
        """The first few of the texts, for quick looks."""
        found = Bench(self.predictor, self.texts[:texts], self.seed, random_orders=1)
        found._baseline = self._baseline[:texts]
        return found

    @property
    def length(self) -> int:
        """L."""
        return int(self.texts.shape[1])

    def one_at_a_time(self, n: int) -> Trial:
        """What every price is relative to: one token at a time in uniformly random order."""
        way = Way(ONE, recipes.one_by_one(), Estimate.exactly(0.0), 0.0)
        return self._trial(way, Estimate.exactly(0.0), float(self._baseline.mean()), float(self.length), n)

    def trial(self, way: Way, n: int) -> Trial:
        """Score the way on the fresh texts, and sample n texts with it."""
        if as_sampler(way.sampler).scorable.startswith("measured only"):
            return self._trial(way, None, None, float("nan"), n)
        nats, calls = self._nats(way.sampler)
        return self._trial(way, Estimate.of_mean(nats - self._baseline), float(nats.mean()), calls, n)

    def _nats(self, sampler: Any, random_orders: int | None = None) -> tuple[FloatArray, float]:
        """(N,) nats of every fresh text, and network calls a text."""
        if as_sampler(sampler).random:
            random_orders = random_orders or self.random_orders
        found = score(self.predictor, sampler, self.texts, seed=self.seed, random_orders=random_orders, batch_size=ROWS)
        return -found.log_prob.numpy(), float(found.network_calls.mean())

    def _trial(self, way: Way, scored: Estimate | None, nats: float | None, calls: float, n: int) -> Trial:
        if n == 0:
            none = np.zeros(0, dtype=np.int64)
            return Trial(way, calls, scored, nats, none.reshape(0, self.length), 0.0, none)
        begun = time.perf_counter()
        out = sample(self.predictor, way.sampler, n=n, seed=self.seed)
        seconds = time.perf_counter() - begun
        return Trial(
            way,
            float(out.network_calls.double().mean()),
            scored,
            nats,
            out.tokens.numpy(),
            seconds,
            steps_of_first(out),
        )


def steps_of_first(out: Output) -> TokenArray:
    """(L,) the step, from 1, in which each position of the first row was revealed."""
    steps = np.zeros(out.tokens.shape[1], dtype=np.int64)
    for number, line in enumerate(out.trace.row(0), 1):
        steps[line["positions"]] = number
    return steps

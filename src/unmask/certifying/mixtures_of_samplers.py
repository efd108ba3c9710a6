"""What is mixed into a sampler so that finitely many texts can prove its price, and what a text costs then.

Two ways. `Fallback` draws a few rows one token at a time: it changes next to nothing, and its bound does not grow with
the vocabulary or, at a given budget per token, the number of texts with the length. `UniformShare` gives every token a
little of the uniform law: no token of the mixed predictor can cost more than `log(V / epsilon)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from unmask.certifying.mixed_samplers import WithUniform, check_epsilon
from unmask.certifying.plan_replay import FloatArray, PlanReplay, TokenArray
from unmask.errors import InputError
from unmask.measuring.losses import LossReader
from unmask.models.predictor import Predictor

ALL_UP_TO = 64
DEFAULT_READS = 17


class Mixing(Protocol):
    """What is mixed in, and the price of each text after that."""

    def predictor(self, predictor: Predictor) -> Predictor:
        """The predictor that is asked."""
        ...

    def largest(self, predictor: Predictor, routes: PlanReplay) -> float:
        """No text costs more, nats per sequence."""
        ...

    def prices(self, reader: LossReader, routes: PlanReplay, tokens: TokenArray, first: int) -> FloatArray:
        """(N,) nats: an unbiased price of each text, the first of which is the `first`-th of all."""
        ...

    def calls(self, routes: PlanReplay) -> int:
        """Canvases a text takes at most."""
        ...

    def said(self) -> str:
        """In words, the sampler the certificate is about."""
        ...


@dataclass(frozen=True)
class Fallback:
    """One row in `exp(cap)` is drawn one token at a time in uniform order, all others by the plan.

    A text has probability `(1 - e) p_plan + e p_one` then, `e = exp(-cap)`, so it costs at most `cap` nats beyond one
    at a time, whatever the plan, the length, the vocabulary and the predictor. And the output changes by `e` at most,
    in total variation: with a cap of 10 or 20 nats there is nothing to notice. What it hides is by how much a text
    costs more than `cap` nats under the plan alone: of that no finite number of texts could prove anything.

    Reading a text takes T + L network calls, L in uniform order (the steps and the single tokens share canvases).
    """

    cap: float

    def __post_init__(self) -> None:
        if not 0 < self.cap < math.inf:
            raise InputError(f"cap is {self.cap}; expected nats per sequence above 0, such as 20")

    def predictor(self, predictor: Predictor) -> Predictor:
        return predictor

    def largest(self, predictor: Predictor, routes: PlanReplay) -> float:
        return self.cap

    def prices(self, reader: LossReader, routes: PlanReplay, tokens: TokenArray, first: int) -> FloatArray:
        prices = np.zeros(len(tokens))
        for rows, part in routes.draw(tokens, first):
            planned, singly = part.both(reader)
            prices[rows] = -np.logaddexp(math.log1p(-math.exp(-self.cap)) + singly - planned, -self.cap)
        return np.minimum(prices, self.cap)

    def calls(self, routes: PlanReplay) -> int:
        return routes.length if routes.uniform else routes.length + routes.most_steps

    def said(self) -> str:
        return (
            f"the plan with {math.exp(-self.cap):.2g} of the rows drawn one token at a time, "
            f"so that no text costs more than {self.cap:.4g} nats beyond that"
        )


@dataclass(frozen=True)
class UniformShare:
    """Every prediction is mixed with `epsilon` of the uniform law, in the plan and one token at a time alike.

    Costs at most `-log(1 - epsilon)` nats per token against the predictor as it is. The range per text is
    `L log(V / epsilon)` nats (L - T tokens of it in uniform order, where the first token of a step costs the same
    either way), so that proofs take hundreds or thousands of texts.

    Args:
        epsilon: share of the uniform law.
        reads: how many counts of "one at a time" to read of each text, at random, one from each of so many strata;
            None for all up to 64 tokens, else 17. Fewer cost less and spread more; the price stays unbiased.
    """

    epsilon: float = 0.01
    reads: int | None = None

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        if self.reads is not None and self.reads < 1:
            raise InputError(f"reads is {self.reads}; expected at least 1")

    def predictor(self, predictor: Predictor) -> WithUniform:
        return WithUniform(predictor, self.epsilon)

    def largest(self, predictor: Predictor, routes: PlanReplay) -> float:
        mixed = self.predictor(predictor)
        tokens = routes.length - routes.fewest_steps if routes.uniform else routes.length
        return tokens * (mixed.largest - mixed.smallest)

    def prices(self, reader: LossReader, routes: PlanReplay, tokens: TokenArray, first: int) -> FloatArray:
        prices = np.zeros(len(tokens))
        for rows, part in routes.draw(tokens, first):
            prices[rows] = part.sampled_price(reader, self._reads(routes))
        return prices

    def calls(self, routes: PlanReplay) -> int:
        # In uniform order every step has a stratum at least, and there are never more canvases than tokens.
        reads = min(self._reads(routes), routes.length)
        return min(reads + 2 * routes.most_steps, routes.length) if routes.uniform else reads + routes.most_steps

    def _reads(self, routes: PlanReplay) -> int:
        return self.reads or int(routes.length if routes.length <= ALL_UP_TO else DEFAULT_READS)

    def said(self) -> str:
        cost = -math.log1p(-self.epsilon)
        return (
            f"the plan with every prediction mixed with {self.epsilon:g} of the uniform law, "
            f"which itself costs at most {cost:.2g} nats per token"
        )

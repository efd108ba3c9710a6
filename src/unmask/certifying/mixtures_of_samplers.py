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
from unmask.certifying.paths import FloatArray, Replay, TokenArray
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

    def largest(self, predictor: Predictor, routes: Replay) -> float:
        """No text costs more, nats per sequence."""
        ...

    def prices(self, reader: LossReader, routes: Replay, tokens: TokenArray, first: int) -> FloatArray:
        """(N,) nats: an unbiased price of each text, the first of which is the `first`-th of all."""
        ...

    def calls(self, routes: Replay) -> int:
        """Canvases a text takes at most."""
        ...

    def said(self, what: str) -> str:
        """In words, the sampler the certificate is about; `what` is replayed."""
        ...


@dataclass(frozen=True)
class Fallback:
    """One row in `exp(cap)` draws the tokens of each step one at a time, all others draw them together.

    On its path a text has probability `(1 - e) p_together + e p_singly` then, `e = exp(-cap)`, so it costs at most
    `cap` nats beyond one at a time along the path, whatever the plan or rule, the length, the vocabulary and the
    predictor. And the output changes by `e` at most, in total variation: with a cap of 10 or 20 nats there is nothing
    to notice. What it hides is by how much a text costs more than `cap` nats under the plan alone: of that no finite
    number of texts could prove anything.

    Reading a text takes L network calls: the steps and the single tokens share canvases.
    """

    cap: float

    def __post_init__(self) -> None:
        if not 1e-9 < self.cap < math.inf:  # below, exp(-cap) rounds to 1
            raise InputError(f"cap is {self.cap}; expected nats per sequence above 0, such as 20")

    def predictor(self, predictor: Predictor) -> Predictor:
        return predictor

    def largest(self, predictor: Predictor, routes: Replay) -> float:
        return self.cap

    def prices(self, reader: LossReader, routes: Replay, tokens: TokenArray, first: int) -> FloatArray:
        together, singly = routes.paths(reader, tokens, first).both(reader)
        prices = -np.logaddexp(math.log1p(-math.exp(-self.cap)) + singly - together, -self.cap)
        return np.asarray(np.minimum(prices, self.cap))

    def calls(self, routes: Replay) -> int:
        return routes.most_calls

    def said(self, what: str) -> str:
        return (
            f"the {what} with the steps of {math.exp(-self.cap):.2g} of the rows drawn one token at a time, "
            f"so that no text costs more than {self.cap:.4g} nats beyond that"
        )


@dataclass(frozen=True)
class UniformShare:
    """Every prediction is mixed with `epsilon` of the uniform law, in the plan and one token at a time alike.

    Costs at most `-log(1 - epsilon)` nats per token against the predictor as it is. The range per text is
    `(L - T) log(V / epsilon)` nats (the first token of a step costs the same either way), so that proofs take hundreds
    or thousands of texts.

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

    def largest(self, predictor: Predictor, routes: Replay) -> float:
        mixed = self.predictor(predictor)
        return (routes.length - routes.fewest_steps) * (mixed.largest - mixed.smallest)

    def prices(self, reader: LossReader, routes: Replay, tokens: TokenArray, first: int) -> FloatArray:
        return routes.paths(reader, tokens, first).sampled_price(reader, self._reads(routes))

    def calls(self, routes: Replay) -> int:
        # Every step has a stratum at least, and there are never more canvases than tokens.
        reads = min(self._reads(routes), routes.length)
        return min(reads + 2 * routes.most_steps, routes.most_calls)

    def _reads(self, routes: Replay) -> int:
        return self.reads or int(routes.length if routes.length <= ALL_UP_TO else DEFAULT_READS)

    def said(self, what: str) -> str:
        cost = -math.log1p(-self.epsilon)
        return (
            f"the {what} with every prediction mixed with {self.epsilon:g} of the uniform law, "
            f"which itself costs at most {cost:.2g} nats per token"
        )

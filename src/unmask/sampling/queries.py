"""Questions to the network, apart from their answers: what lets canvases of many runs share one forward pass.

Code that needs a prediction is a generator that yields a `Query` and is sent its `Answer`. Whoever drives it decides
who answers: `answered` asks a predictor on the spot, as `sample` does; a server collects the queries of all that runs
and asks once for all of them (`serving/shared_queries.py`).
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor

from unmask.models.capabilities import row_calls_of
from unmask.models.predictor import Positions, Predictor


class Query(NamedTuple):
    """The laws of N positions of r canvases are wanted: (r, L) tokens, (r, L) known, and the positions."""

    tokens: Tensor
    known: Tensor
    wanted: Positions


@dataclass
class Answer:
    """(N, V) log-probabilities, and (r,) int64 network calls that each canvas has cost."""

    laws: Tensor
    spent: Tensor

    def take(self) -> Tensor:
        """The log-probabilities, which are held here no longer: whoever sent the answer holds it for a whole step."""
        laws = self.laws
        del self.laws
        return laws


Result = TypeVar("Result")
Asking: TypeAlias = Generator[Query, Answer, Result]
"""A computation that asks as it goes along, and what it comes to."""


def ask(predictor: Predictor, query: Query) -> Answer:
    """The predictor's answer to one query."""
    laws = predictor.log_probs(*query)
    spent = row_calls_of(predictor)  # a cache that was filled says what the query cost each row
    return Answer(laws, torch.full((len(query.tokens),), predictor.calls_per_query) if spent is None else spent)


def answered(asking: Asking[Result], predictor: Predictor) -> Result:
    """What the computation comes to when a predictor answers all it asks."""
    try:
        query = next(asking)
        while True:
            query = asking.send(ask(predictor, query))
    except StopIteration as done:
        result: Result = done.value
        return result

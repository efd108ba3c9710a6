"""Samplers with a little of something safe mixed in, so that no text can cost infinitely much.

`WithFallback` is a plan of which a few rows draw their steps one token at a time; `WithUniform` a predictor with
a little of the uniform law at every position. Certificates are about these, and these can be run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.capabilities import suppresses_forbidden
from unmask.models.predictor import Positions, Predictor, Wrapped
from unmask.sampling.model_calls import suppress
from unmask.theory.reveal_orders import IntArray, Seed, Uniform
from unmask.theory.schedule import Schedule


class WithUniform(Wrapped[Predictor]):
    """`(1 - epsilon) p + epsilon / V` at every position, over the V tokens that may be drawn.

    Every loss is between `-log(1 - epsilon + epsilon / V)` and `log(V / epsilon)`.
    """

    def __init__(self, predictor: Predictor, epsilon: float) -> None:
        check_epsilon(epsilon)
        super().__init__(predictor)
        self.epsilon = epsilon
        self.suppresses_forbidden = True
        self._forbidden = torch.tensor(sorted(set(predictor.forbidden_ids)), dtype=torch.int64)
        if suppresses_forbidden(predictor):
            self._taken_out = self._forbidden[:0]
        else:
            self._taken_out = self._forbidden
        self.choices = predictor.vocab_size - len(self._forbidden)

    @property
    def smallest(self) -> float:
        """No loss is below this many nats."""
        return -math.log1p(-self.epsilon * (1 - 1 / self.choices))

    @property
    def largest(self) -> float:
        """No loss is above this many nats."""
        return math.log(self.choices / self.epsilon)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        laws = self.predictor.log_probs(tokens, known, wanted)
        if len(self._taken_out):
            laws = suppress(laws, self._taken_out.to(laws.device))
        least = torch.tensor(-self.largest, dtype=laws.dtype, device=laws.device)
        mixed = torch.logaddexp(laws + math.log1p(-self.epsilon), least)
        return mixed.index_fill(1, self._forbidden.to(laws.device), -torch.inf)

    def __repr__(self) -> str:
        return f"{self.predictor!r} mixed with {self.epsilon:g} of the uniform law"


class WithFallback:
    """A plan of which a share of the rows goes one token at a time along it.

    Those rows follow the plan step by step, and reveal the positions of a step one by one in random order.

    Args:
        plan: anything with a length that draws a permutation and the sizes of its steps, or a Schedule.
        share: of the rows that go one at a time; 1 for all.
    """

    def __init__(self, plan: Any, share: float) -> None:
        if share != 1:
            check_epsilon(share, "share")
        self.plan, self.share = plan, share
        self.length: int = plan.length

    @property
    def steps(self) -> float:
        """Network calls per row, on average."""
        return float((1 - self.share) * self.plan.steps + self.share * self.length)

    def draw(self, seed: Seed = 0) -> tuple[IntArray, Schedule]:
        rng = np.random.default_rng(seed)
        singly = rng.random() < self.share
        order, schedule = draw_from(self.plan, rng)
        if not singly:
            return order, schedule
        within = np.lexsort((rng.random(self.length), np.repeat(np.arange(schedule.steps), schedule.sizes)))
        return order[within], Schedule([1] * self.length)

    def __repr__(self) -> str:
        return f"{self.plan!r}, {self.share:g} of the rows one token at a time"


def draw_from(plan: Any, seed: Seed) -> tuple[IntArray, Schedule]:
    """A permutation and sizes from a plan; a Schedule is a plan in uniform order."""
    if isinstance(plan, Schedule):
        return Uniform().draw(plan.length, seed), plan
    permutation, schedule = plan.draw(seed)
    return permutation, schedule


def check_epsilon(epsilon: float, name: str = "epsilon") -> None:
    if not 0 < epsilon < 1:
        raise InputError(f"{name} is {epsilon}; expected a share between 0 and 1, such as 0.01")

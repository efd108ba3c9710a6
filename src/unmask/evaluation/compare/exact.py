"""What revealing in given steps costs a law itself, and how much of what is drawn stays right: exactly.

By enumeration of the list of all texts, for a perfect model of the law. With such a model the price of a plan
is `KL(p || p_Y)`, and the share of right texts is the mass p_Y leaves on the list; it is at least exp(-KL), because
merging all right texts into one outcome and all wrong ones into another cannot raise a divergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.laws.base import Law
from unmask.laws.table import Listed
from unmask.theory.curve import FloatArray
from unmask.theory.price import price
from unmask.theory.reveal_orders import LeftToRight, Order, Uniform
from unmask.theory.schedule import Schedule

ROUNDING = 1e-9  # nats; a price of zero comes out within this


@dataclass(frozen=True)
class Answer:
    """Of a perfect model that reveals in given steps.

    Attributes:
        price: nats per sequence, `KL(p || p_Y)`.
        valid: share of the drawn sequences that are possible under the law.
    """

    price: float
    valid: float


def fixed_permutation(order: Order, length: int) -> npt.NDArray[np.int64] | None:
    """The one permutation an order always draws, or None when it draws several."""
    first = order.draw(length, 0)
    same = all(np.array_equal(first, order.draw(length, seed)) for seed in range(1, 9))
    return first if same else None


def price_of(law: Law, plan: Any) -> float | None:
    """The price of a plan for a perfect model of the law; None where it is not known in closed form.

    Known where the order is uniform and the law's curve exact, or the order is a single one and the law can be listed.
    """
    order = getattr(plan, "order", None)
    if order is None or len(getattr(plan, "parts", (plan,))) > 1:
        return None
    if isinstance(order, Uniform):
        curve = law.curve()
        return None if curve.stderr is not None else price(curve, plan.schedule)
    found = of_plan(law, plan)
    return None if found is None else found.price


def of_plan(law: Law, plan: Any) -> Answer | None:
    """What a plan of one order does with a perfect model; None when its order is random, or the law has no list."""
    listed = law if isinstance(law, Listed) else getattr(law, "listed", None)
    if listed is None or len(plan.parts) > 1:
        return None
    order = LeftToRight() if plan.schedule.steps == 1 else plan.order  # in a single step no order matters
    permutation = fixed_permutation(order, law.length)
    return None if permutation is None else answer(listed, permutation, plan.schedule)


def answer(law: Listed, permutation: npt.ArrayLike, schedule: Schedule) -> Answer:
    """Price and share of possible sequences when `permutation` is revealed in the steps of `schedule`."""
    steps = np.split(np.asarray(permutation), schedule.revealed[1:])
    context = np.zeros(len(law.sequences), dtype=np.int64)  # which sequences agree on everything revealed so far
    drawn = np.zeros(len(law.sequences))  # log-probability with which each sequence of the list is drawn
    for positions in steps:
        mass_of_context = np.bincount(context, weights=law.probabilities)[context]
        for position in positions:
            drawn += np.log(_mass_of_pairs(law, context, position) / mass_of_context)
        for position in positions:
            context = np.unique(context * law.vocab_size + law.sequences[:, position], return_inverse=True)[1].ravel()
    cost = float(law.probabilities @ (np.log(law.probabilities) - drawn))
    return Answer(0.0 if abs(cost) < ROUNDING else cost, min(1.0, float(np.exp(drawn).sum())))


def _mass_of_pairs(law: Listed, context: npt.NDArray[np.int64], position: int) -> FloatArray:
    """(N,) probability of the context and the token at the position of each sequence, together."""
    pair = context * law.vocab_size + law.sequences[:, position]
    return np.asarray(np.bincount(pair, weights=law.probabilities)[pair], dtype=np.float64)

"""What revealing in given steps costs the toy language itself, and how many sentences stay right: exactly.

By enumeration of the list of all sentences, for a perfect model of the language. With such a model the price of a plan
is `KL(p || p_Y)`, and the share of right sentences is the mass p_Y leaves on the list; it is at least exp(-KL), because
merging all right sentences into one outcome and all wrong ones into another cannot raise a divergence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.laws.table import Listed
from unmask.theory.curve import FloatArray
from unmask.theory.reveal_orders import Order
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
    price = float(law.probabilities @ (np.log(law.probabilities) - drawn))
    return Answer(0.0 if abs(price) < ROUNDING else price, min(1.0, float(np.exp(drawn).sum())))


def _mass_of_pairs(law: Listed, context: npt.NDArray[np.int64], position: int) -> FloatArray:
    """(N,) probability of the context and the token at the position of each sequence, together."""
    pair = context * law.vocab_size + law.sequences[:, position]
    return np.asarray(np.bincount(pair, weights=law.probabilities)[pair], dtype=np.float64)

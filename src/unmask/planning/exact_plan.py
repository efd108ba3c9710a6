"""Plan exact parallel sampling: which order, how long a draft at each revealed count, and what that will cost.

There is no price to plan: the text has the law of one token at a time, whatever is drafted. What is chosen is cost. A
round asks about k canvases at once; on hardware where they take longer than one, each is worth `price_per_canvas`
rounds, and the cost of a text is `rounds + price_per_canvas * canvases`.

Rounds are a Markov chain on the revealed count. From a revealed tokens a draft of k leads to a + i + 1 when its first i
tokens stand and the next does not, and to a + k when all do, so the cheapest sizes follow by dynamic programming,
`V(a) = min_k 1 + lambda k + sum_i P(i stand) V(next)`. Sizes and order are chosen on one half of the texts; rounds and
canvases are foretold by the chain of each text of the other half. Knows tables of survival, no model; no torch here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.estimate import Estimate
from unmask.measuring.overlap_table import Overlaps
from unmask.theory.curve import FloatArray
from unmask.theory.order_json import order_from_json, order_to_json
from unmask.theory.reveal_orders import Order

if TYPE_CHECKING:
    from unmask.sampling.sampler import Sampler

FORMAT = "unmask.exact_plan/1"


def is_exact_plan(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is an `ExactPlan`; `load` judges the rest."""
    try:
        with open(path, encoding="utf-8") as file:
            return f'"{FORMAT}"' in file.read(200)
    except (OSError, UnicodeDecodeError):
        return False


@dataclass(frozen=True)
class ExactPlan:
    """Order and draft sizes of exact parallel sampling, and what they will cost.

    Attributes:
        order: the reveal order.
        sizes: entry a is the draft size when a tokens are revealed, L of them; the first is always 1.
        verification: "block" or "token".
        rounds, canvases: foretold for a text, on texts that the plan was not chosen on.
        price_per_canvas: rounds that a canvas was taken to be worth.
        model: what was measured.
    """

    order: Order
    sizes: tuple[int, ...]
    verification: str
    rounds: Estimate
    canvases: Estimate
    price_per_canvas: float
    model: dict[str, str]

    @property
    def length(self) -> int:
        """L."""
        return len(self.sizes)

    @property
    def cost(self) -> float:
        """Foretold rounds, each canvas counted with its price."""
        return self.rounds.value + self.price_per_canvas * self.canvases.value

    def sampler(self) -> Sampler:
        """What `unmask.sample` runs."""
        from unmask.sampling.rules.exact import exact

        return exact(self.order, self.sizes, self.verification)

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "length": self.length,
            "order": order_to_json(self.order),
            "sizes": list(self.sizes),
            "verification": self.verification,
            "rounds": self.rounds.to_dict(),
            "canvases": self.canvases.to_dict(),
            "price_per_canvas": self.price_per_canvas,
            "model": self.model,
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan as JSON (format unmask.exact_plan/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ExactPlan:
        """Read a file written by `save`; InputError when it is not one."""
        data = read_json(path, FORMAT)
        try:
            sizes = tuple(int(size) for size in data["sizes"])
            rounds, canvases = Estimate(**data["rounds"]), Estimate(**data["canvases"])
            order, price = order_from_json(data["order"]), float(data["price_per_canvas"])
            if len(sizes) != data["length"] or not sizes or min(sizes) < 1:
                raise InputError(f"there are {len(sizes)} sizes for {data['length']} tokens, or one is below 1")
            order.draw(len(sizes))  # says so when it is a permutation of another length
            return cls(order, sizes, str(data["verification"]), rounds, canvases, price, dict(data["model"]))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error

    def __repr__(self) -> str:
        return (
            f"ExactPlan(L={self.length}, order={self.order.name}, drafts of at most {max(self.sizes)}, "
            f"rounds={self.rounds}, canvases={self.canvases})"
        )


def plan_exact(
    overlaps: Overlaps,
    price_per_canvas: float = 0.03,
    order: str = "auto",
    draft: int | None = None,
    confidence: float = 0.95,
) -> ExactPlan:
    """The order and draft sizes of least cost, `rounds + price_per_canvas * canvases`.

    Args:
        overlaps: from `unmask.measuring.overlaps.measure_overlaps`.
        price_per_canvas: rounds that one more canvas in a batch is worth: 0 where a batch costs what one canvas does, 1
            where it costs as much as its canvases one by one.
        order: "auto" for the cheapest that was measured, or the name of one.
        draft: this size throughout instead of planned ones.
        confidence: of the intervals.

    Raises:
        InputError: fewer than 4 texts, an order or draft that was not measured, or a price that is no price.
    """
    if not 0 <= price_per_canvas < float("inf"):
        raise InputError(f"price_per_canvas is {price_per_canvas}; expected a number of rounds, at least 0")
    if draft is not None and not 1 <= draft <= overlaps.largest:
        raise InputError(f"draft is {draft}; expected 1 to {overlaps.largest}, the longest that was measured")
    choosing, foretelling = overlaps.halves()
    names = list(overlaps.orders) if order == "auto" else [order]
    tried = []
    for name in names:
        mean = overlaps.survival(name)[choosing].mean(axis=0)
        if draft is None:
            sizes = best_sizes(mean, price_per_canvas)
        else:
            left = overlaps.length - np.arange(overlaps.length)
            sizes = np.where(np.arange(overlaps.length) == 0, 1, np.minimum(draft, left))
        rounds, canvases = foretold(overlaps.survival(name)[choosing], sizes)
        tried.append((float((rounds + price_per_canvas * canvases).mean()), name, sizes))
    _, name, sizes = min(tried, key=lambda entry: entry[0])
    rounds, canvases = foretold(overlaps.survival(name)[foretelling], sizes)
    return ExactPlan(
        overlaps.orders[name][0],
        tuple(int(size) for size in sizes),
        overlaps.verification,
        Estimate.of_mean(rounds, confidence),
        Estimate.of_mean(canvases, confidence),
        float(price_per_canvas),
        overlaps.model,
    )


def best_sizes(survival: FloatArray, price_per_canvas: float) -> npt.NDArray[np.int64]:
    """(L,) the draft sizes of least expected cost, from the mean (L, K) survival; ties to the shorter draft."""
    length, largest = survival.shape
    value = np.zeros(length + 1)
    sizes = np.ones(length, dtype=np.int64)
    for revealed in range(length - 1, 0, -1):
        longest = min(largest, length - revealed)
        stands = np.append(1.0, survival[revealed, :longest])  # at least 0, 1, .. tokens
        ahead = value[revealed + 1 : revealed + longest + 1]  # i stand and the next is redrawn
        refused = np.append(0.0, np.cumsum((stands[:-1] - stands[1:]) * ahead))[1:]
        whole = stands[1:] * ahead
        drafted = np.arange(1, longest + 1)
        cost = 1 + price_per_canvas * drafted + refused + whole
        best = int(np.argmin(np.round(cost, 12)))
        sizes[revealed], value[revealed] = best + 1, cost[best]
    return sizes


def foretold(survival: FloatArray, sizes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Expected rounds and canvases of each text, (N,) each, from its (N, L, K) survival and (L,) draft sizes."""
    texts, length, _ = survival.shape
    chosen = np.asarray(sizes, dtype=np.int64)
    reached = np.zeros((texts, length + 1))  # probability that a round begins with so many tokens revealed
    reached[:, 1] = 1.0
    rounds, canvases = np.ones(texts), np.ones(texts)  # the first round asks about one canvas and reveals one token
    for revealed in range(1, length):
        size = int(min(chosen[revealed], length - revealed))
        here = reached[:, revealed]
        rounds += here
        canvases += here * size
        stands = np.concatenate([np.ones((texts, 1)), survival[:, revealed, :size]], axis=1)
        reached[:, revealed + 1 : revealed + size + 1] += here[:, None] * (stands[:, :-1] - stands[:, 1:])
        reached[:, revealed + size] += here * stands[:, size]
    return rounds, canvases

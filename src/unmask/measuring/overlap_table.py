"""How long drafts of exact parallel sampling stand, measured on text, and the file `*.overlaps.json`.

From these numbers the rounds and canvases of any draft sizes are computed (`planning.exact_plan`). No torch here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.json_arrays import array_from_json, array_to_json
from unmask.theory.curve import FloatArray
from unmask.theory.order_json import order_from_json, order_to_json
from unmask.theory.reveal_orders import Order

FORMAT = "unmask.overlaps/1"


@dataclass(frozen=True)
class Overlaps:
    """Survival of drafts, text by text and order by order.

    Attributes:
        length: L, tokens to be revealed.
        largest: K, the longest draft that was measured.
        verification: how drafts are verified, "block" or "token".
        texts: the digest of each text.
        orders: by name, the reveal order and its (N, L, K) survival: entry [t, a, i - 1] is the probability that at
            least i tokens stand of a draft made when `a` tokens of text t are revealed; 0 at a = 0, where nothing is
            drafted yet, and behind the last token.
        model, settings: what was measured, and how.
    """

    length: int
    largest: int
    verification: str
    texts: tuple[str, ...]
    orders: dict[str, tuple[Order, FloatArray]]
    model: dict[str, str]
    settings: dict[str, Any]

    def survival(self, order: str) -> FloatArray:
        """(N, L, K) of one order, by its name."""
        if order not in self.orders:
            raise InputError(f"order {order!r} was not measured; there are {', '.join(self.orders)}")
        return self.orders[order][1]

    def halves(self) -> tuple[Any, Any]:
        """Which texts choose and which foretell: two (N,) boolean arrays, by the texts' digests, not their places."""
        if len(self.texts) < 4:
            raise InputError(
                f"{len(self.texts)} texts were measured; choosing on one half and foretelling on the other needs 4"
            )
        choosing = np.zeros(len(self.texts), dtype=np.bool_)
        choosing[np.argsort(np.array(self.texts))[::2]] = True
        return choosing, ~choosing

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.overlaps.json`, whole or not at all."""
        orders = {
            name: {"order": order_to_json(order), "survival": array_to_json(survival)}
            for name, (order, survival) in self.orders.items()
        }
        return write_json(path, {"format": FORMAT, **self.__dict__, "texts": list(self.texts), "orders": orders})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Overlaps:
        """Read a file written by `save`; InputError when it is not one."""
        data = read_json(path, FORMAT)
        try:
            texts = tuple(str(text) for text in data["texts"])
            length, largest = int(data["length"]), int(data["largest"])
            shape = (len(texts), length, largest)
            orders = {
                str(name): (
                    order_from_json(entry["order"]),
                    array_from_json(entry["survival"], f"survival of {name}", shape),
                )
                for name, entry in data["orders"].items()
            }
            verification = str(data["verification"])
            read = cls(length, largest, verification, texts, orders, dict(data["model"]), dict(data["settings"]))
            _check(read)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error
        return read

    def __repr__(self) -> str:
        names = ", ".join(self.orders)
        return f"Overlaps(texts={len(self.texts)}, L={self.length}, drafts up to {self.largest}, orders: {names})"


def _check(read: Overlaps) -> None:
    if not read.orders or not read.texts or read.length < 2 or read.largest < 1:
        raise InputError("there is no order, no text, or nothing to draft in it")
    for name, (order, survival) in read.orders.items():
        order.draw(read.length)  # says so when it is a permutation of another length
        if survival.max() > 1 + 1e-5 or np.any(np.diff(survival, axis=2) > 1e-5):
            raise InputError(f"survival of {name} holds numbers that are no falling probabilities")

"""What was measured of a model, and every number that follows from it without asking the model again.

Losses are kept per text, not as averages. So measurements made on several machines or on different days merge exactly
(they are put side by side), an interval comes from differences within one text (most of the spread between texts
cancels), and a plan can be fitted on one half of the texts and priced on the other.

Knows numpy and the theory, not torch: planning from a saved file starts fast. The network is asked in `measure`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.planning.arrays import array_from_json, array_to_json
from unmask.planning.estimate import Estimate
from unmask.planning.stored import order_from_json, order_to_json
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.interpolation import pchip_weights
from unmask.theory.order import Order, OrderTable
from unmask.theory.schedule import Schedule

FORMAT = "unmask.curve/1"


@dataclass(frozen=True, eq=False)
class OrderCosts:
    """What the steps of one reveal order cost, text by text (F11).

    Attributes:
        order: the order, drawn anew for every text when it is random.
        counts: (C,) revealed counts at which the network was asked, from 0; a step begins or ends only there (or at L).
        costs: (N, C, C) nats; `costs[n, r, q]` is what the tokens number counts[q]..counts[q+1]-1 of text n, in reveal
            order, cost when counts[r] <= counts[q] tokens are revealed; 0 below the diagonal.
    """

    order: Order
    counts: npt.NDArray[np.int64]
    costs: FloatArray

    def steps(self, schedule: Schedule, length: int) -> FloatArray:
        """Nats each step costs each text, shape (N, T)."""
        edges = np.append(schedule.revealed, schedule.length)
        places = np.searchsorted(self.counts, edges[:-1])
        if np.any(places == len(self.counts)) or np.any(self.counts[places] != edges[:-1]):
            raise InputError(
                f"schedule has steps that begin at {edges[:-1].tolist()}, but order {self.order.name} was measured at "
                f"{self.counts.tolist()}; choose sizes that begin there, or measure at more counts"
            )
        ends = np.append(places[1:], len(self.counts))
        return np.stack([self.costs[:, a, a:b].sum(axis=1) for a, b in zip(places, ends, strict=True)], axis=1)

    def table(self, length: int, one_at_a_time: float) -> OrderTable:
        """g(a, k) averaged over the texts; within a measured block of k every token is given the block's mean.

        Args:
            one_at_a_time: what prices are relative to, nats.
        """
        widths = np.diff(np.append(self.counts, length))
        rows = np.repeat(self.costs.mean(axis=0) / widths, widths, axis=1)
        return OrderTable(rows, revealed=self.counts, one_at_a_time=one_at_a_time)

    def take(self, texts: npt.NDArray[Any]) -> OrderCosts:
        return replace(self, costs=self.costs[texts])


@dataclass(frozen=True, eq=False)
class Measurement:
    """The losses of a predictor on held-out texts of one length.

    Attributes:
        length: L, tokens that are to be revealed (the completion, when texts have a prompt).
        vocab_size: V.
        mask_token_id: of the model, or None.
        model: name and digest of the model; measurements of different models do not merge.
        settings: how it was measured (data, seed, prompt, ..); kept for the reader.
        texts: (N,) digest of each text, so that the same text is never counted twice.
        counts: (C,) revealed counts measured in uniform order, 0 to L-1.
        losses: (N, C) nats per token: mean -log p of the masked tokens of text n, counts[c] random ones revealed.
        entropies: (N, C) nats per token: the predictor's own mean entropy there; equal to the losses if it is calibrated.
        orders: other reveal orders, by name.
    """

    length: int
    vocab_size: int
    mask_token_id: int | None
    model: dict[str, str]
    settings: dict[str, Any]
    texts: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    losses: FloatArray
    entropies: FloatArray
    orders: dict[str, OrderCosts] = field(default_factory=dict)

    # -- the curve ---------------------------------------------------------------------------------------------------

    @cached_property
    def curve(self) -> InformationCurve:
        """The cross-entropy curve c_k with standard errors over texts; PCHIP between the measured counts."""
        return InformationCurve.from_counts(self.counts, self.losses.mean(axis=0), self.length, _stderr(self.losses))

    @cached_property
    def calibration(self) -> FloatArray:
        """(C,) nats per token: cross-entropy minus the predictor's own entropy at each count; 0 when calibrated."""
        return np.asarray((self.losses - self.entropies).mean(axis=0))

    @cached_property
    def baselines(self) -> FloatArray:
        """(N,) nats: `sum_k c_k` of each text, its NELBO one token at a time in uniform order; every price's base."""
        return self._uniform_nelbo(np.ones(self.length))

    def _uniform_nelbo(self, weights: FloatArray) -> FloatArray:
        """`sum_k weights[k] c_k` of each text, (N,): linear in the losses, with the interpolation's own weights.

        The derivative of the interpolated curve stands in for the interpolation; as that is homogeneous of degree 1,
        the mean over texts is exactly the value of the interpolated mean curve (Euler), and the spread is the delta
        method's.
        """
        if len(self.counts) == self.length:
            return np.asarray(self.losses @ weights)
        return np.asarray(self.losses @ (weights @ pchip_weights(self.counts, self.losses.mean(axis=0), self.length)))

    # -- prices ------------------------------------------------------------------------------------------------------

    def nelbos(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """NELBO of each text under a schedule in one of the measured orders, (N,) nats."""
        schedule.check_length(self.length)
        if order != "uniform":
            return np.asarray(self._order(order).steps(schedule, self.length).sum(axis=1))
        weights = np.zeros(self.length)
        weights[schedule.revealed] = schedule.sizes
        return self._uniform_nelbo(weights)

    def prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Price of each text, (N,) nats: its NELBO less its NELBO one token at a time in uniform order."""
        return self.nelbos(schedule, order) - self.baselines

    def price(self, schedule: Schedule, order: str = "uniform") -> float:
        """Nats per sequence beyond one at a time in uniform order (F3, F11). A good order can make it negative."""
        return float(self.prices(schedule, order).mean())

    def interval(self, schedule: Schedule, confidence: float = 0.95, order: str = "uniform") -> Estimate:
        """The price with a two-sided interval from the paired differences of the texts (Student's t)."""
        return Estimate.of_mean(self.prices(schedule, order), confidence)

    def step_costs(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Mean nats each step pays, (T,)."""
        if order == "uniform":
            return self.curve.step_costs(schedule)
        return np.asarray(self._order(order).steps(schedule, self.length).mean(axis=0))

    def table(self, order: str = "uniform") -> InformationCurve | OrderTable:
        """What the planners need of an order: the curve for the uniform one, else its mean table.

        Both are relative to one token at a time in uniform order, so their prices compare.
        """
        return self.curve if order == "uniform" else self._order(order).table(self.length, self.curve.entropy)

    def _order(self, name: str) -> OrderCosts:
        if name not in self.orders:
            raise InputError(f"order {name!r} was not measured; measured are {', '.join(['uniform', *self.orders])}")
        return self.orders[name]

    # -- parts and sums ----------------------------------------------------------------------------------------------

    def take(self, texts: npt.NDArray[Any]) -> Measurement:
        """The measurement on some of its texts (indices or booleans)."""
        chosen = np.arange(len(self.texts))[texts]
        return replace(
            self,
            texts=tuple(self.texts[n] for n in chosen),
            losses=self.losses[chosen],
            entropies=self.entropies[chosen],
            orders={name: costs.take(chosen) for name, costs in self.orders.items()},
        )

    def split(self) -> tuple[Measurement, Measurement]:
        """Two halves, by the digests of the texts, so that neither their order nor how they were merged matters."""
        if len(self.texts) < 4:
            raise InputError(
                f"{len(self.texts)} texts were measured; fitting on one half and pricing on the other needs 4"
            )
        ranks = np.argsort(np.argsort(self.texts))
        return self.take(ranks % 2 == 0), self.take(ranks % 2 == 1)

    @classmethod
    def merge(cls, parts: list[Measurement]) -> Measurement:
        """All texts of several measurements of the same model, side by side: the same as if measured at once.

        Raises:
            InputError: when model, length, counts or orders differ, or a text is in two of them.
        """
        first, *rest = parts
        for other in rest:
            for name in ("length", "vocab_size", "mask_token_id", "model"):
                if getattr(first, name) != getattr(other, name):
                    raise InputError(
                        f"measurements differ in {name}: {getattr(first, name)} and {getattr(other, name)}; "
                        "only measurements of one model at one length merge"
                    )
            if not np.array_equal(first.counts, other.counts) or first.orders.keys() != other.orders.keys():
                raise InputError("measurements were made at different counts or in different orders; they do not merge")
            if any(
                first.orders[name].order != other.orders[name].order
                or not np.array_equal(first.orders[name].counts, other.orders[name].counts)
                for name in first.orders
            ):
                raise InputError("measurements hold orders of one name that differ; they do not merge")
        texts = [text for part in parts for text in part.texts]
        if len(set(texts)) < len(texts):
            raise InputError(f"{len(texts) - len(set(texts))} texts are in more than one measurement; each counts once")
        return replace(
            first,
            texts=tuple(texts),
            losses=np.concatenate([part.losses for part in parts]),
            entropies=np.concatenate([part.entropies for part in parts]),
            orders={
                name: replace(costs, costs=np.concatenate([part.orders[name].costs for part in parts]))
                for name, costs in first.orders.items()
            },
        )

    # -- the file ----------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: the curve as plain numbers, the losses of the texts as float32 arrays."""
        return {
            "format": FORMAT,
            "length": self.length,
            "vocab_size": self.vocab_size,
            "mask_token_id": self.mask_token_id,
            "model": self.model,
            "settings": self.settings,
            "curve": self.curve.to_dict(),
            "counts": self.counts.tolist(),
            "texts": list(self.texts),
            "losses": array_to_json(self.losses),
            "entropies": array_to_json(self.entropies),
            "orders": {
                name: {
                    "order": order_to_json(costs.order),
                    "counts": costs.counts.tolist(),
                    "costs": array_to_json(costs.costs[:, *np.triu_indices(len(costs.counts))]),
                }
                for name, costs in self.orders.items()
            },
        }

    @property
    def digest(self) -> str:
        """A fingerprint of what was measured: plans name the measurement they were made from."""
        texts = np.argsort(self.texts)  # so that merged in any order it is the same measurement
        content = hashlib.sha256("\n".join([str(self.model), *sorted(self.texts), *self.orders]).encode())
        content.update(np.ascontiguousarray(self.counts, dtype="<i8").tobytes())
        content.update(np.ascontiguousarray(self.losses[texts], dtype="<f4").tobytes())
        return content.hexdigest()[:32]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.curve.json` (format unmask.curve/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurement:
        """Read a file written by `save`; InputError when it is not one or its parts do not fit together."""
        data = read_json(path, FORMAT)
        try:
            return cls._from_dict(data)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error

    @classmethod
    def _from_dict(cls, data: dict[str, Any]) -> Measurement:
        texts, counts = tuple(data["texts"]), np.array(data["counts"], dtype=np.int64)
        shape = (len(texts), len(counts))
        losses = array_from_json(data["losses"], "losses", shape)
        entropies = array_from_json(data["entropies"], "entropies", shape)
        measured = {}
        for name, entry in data["orders"].items():
            rows = np.array(entry["counts"], dtype=np.int64)
            upper = np.triu_indices(len(rows))
            costs = np.zeros((len(texts), len(rows), len(rows)))
            costs[:, *upper] = array_from_json(entry["costs"], f"costs of {name}", (len(texts), len(upper[0])))
            measured[name] = OrderCosts(order_from_json(entry["order"]), rows, costs)
        return cls(
            int(data["length"]),
            int(data["vocab_size"]),
            data["mask_token_id"],
            dict(data["model"]),
            dict(data["settings"]),
            texts,
            counts,
            losses,
            entropies,
            measured,
        )

    def __repr__(self) -> str:
        return (
            f"Measurement(length={self.length}, texts={len(self.texts)}, counts={len(self.counts)}, "
            f"orders={['uniform', *self.orders]}, one_at_a_time={self.curve.entropy / self.length:.4g} nats/token)"
        )


def text_digest(tokens: npt.ArrayLike) -> str:
    """Fingerprint of one text: its tokens, as 64-bit numbers."""
    return hashlib.sha256(np.asarray(tokens, dtype="<i8").tobytes()).hexdigest()[:16]


def _stderr(values: FloatArray) -> FloatArray | None:
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None

"""What was measured of a model, and every number that follows from it without asking the model again.

Losses are kept per text, not as averages. So measurements made on several machines or on different days merge exactly
(they are put side by side), an interval comes from differences within one text (most of the spread between texts
cancels), and a plan can be fitted on one half of the texts and priced on the other.

Knows numpy and the theory, not torch: planning from a saved file starts fast. The network is asked in `measure`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.curve_file import FORMAT, measurement_from_json, measurement_to_json
from unmask.measuring.estimate import Estimate
from unmask.measuring.order_costs import OrderCosts
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.interpolation import pchip_weights
from unmask.theory.reveal_orders import OrderTable
from unmask.theory.schedule import Schedule

# Settings that say what was measured: measurements that differ in one of them are of different things.
SAME = ("given", "block_length")


@dataclass(frozen=True, eq=False)
class Measurement:
    """The losses of a predictor on held-out texts of one length.

    Attributes:
        length: L, tokens that are to be revealed (the completion of a prompt; one block, when measured by blocks).
        vocab_size: V.
        mask_token_id: of the model, or None.
        model: name and digest of the model; measurements of different models do not merge.
        settings: how it was measured: "seed", "given" (which positions were known), "block_length" (or None),
            "searched" (digests of texts that orders were searched on, which must not be priced), and notes.
        texts: (N,) digest of each text, so that the same text is never counted twice.
        counts: (C,) revealed counts measured in uniform order, 0 to L-1.
        losses: (N, C) nats per token: mean -log p of the masked tokens of text n, counts[c] random ones revealed.
        entropies: (N, C) nats per token: the predictor's own mean entropy there; equal to the losses if calibrated.
        paths: (N,) nats: NELBO of text n along its permutation, revealed from each count to the next.
        orders: other reveal orders, by name.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> measured = unmask.measure(unmask.oracle(law), law.sample(20, seed=0))
        >>> measured.length, len(measured.texts)
        (8, 20)
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
    paths: FloatArray
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
    def _uniform_baselines(self) -> FloatArray:
        """(N,) nats: `sum_k c_k` of each text, from the mean loss of all tokens masked at each count."""
        return self._uniform_nelbo(np.ones(self.length))

    @cached_property
    def _path_baselines(self) -> FloatArray:
        """(N,) nats: the same expectation, from the losses of the tokens in the order they were revealed.

        For a perfect predictor it is `-log p(x)`, as is every order's own NELBO one token at a time, so that against
        it the price of another order is known ten times as precisely as against `_uniform_baselines`. Where counts
        were left out, the interpolated curve says what the steps between them cost.
        """
        sizes = np.diff(np.append(self.counts, self.length))
        return np.asarray(self.paths + self._uniform_baselines - self.losses @ sizes)

    def baselines(self, order: str = "uniform") -> FloatArray:
        """(N,) nats: each text one token at a time in uniform order, what its price in this order is relative to."""
        return self._uniform_baselines if order == "uniform" else self._path_baselines

    def _uniform_nelbo(self, weights: FloatArray) -> FloatArray:
        """`sum_k weights[k] c_k` of each text, (N,): linear in the losses, with the interpolation's own weights.

        The derivative of the interpolated curve stands in for the interpolation; as that is homogeneous of degree 1,
        the mean over texts is exactly the value of the interpolated mean curve (Euler), and the spread is the delta
        method's.
        """
        if len(self.counts) == self.length:
            return np.asarray(self.losses @ weights)
        return np.asarray(self.losses @ (weights @ self._interpolation))

    @cached_property
    def _interpolation(self) -> FloatArray:
        """(L, C): how every c_k depends on the measured ones."""
        return pchip_weights(self.counts, self.losses.mean(axis=0), self.length)

    # -- prices ------------------------------------------------------------------------------------------------------

    def nelbo_per_token(self, confidence: float = 0.95) -> Estimate:
        """One token at a time in uniform order: nats per token, with its interval."""
        return Estimate.of_mean(self.baselines() / self.length, confidence)

    def nelbos(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """NELBO of each text under a schedule in one of the measured orders, (N,) nats."""
        schedule.check_length(self.length)
        if order != "uniform":
            return np.asarray(self._order(order).steps(schedule).sum(axis=1))
        weights = np.zeros(self.length)
        weights[schedule.revealed] = schedule.sizes
        return self._uniform_nelbo(weights)

    def prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Price of each text, (N,) nats: its NELBO less its NELBO one token at a time in uniform order."""
        return self.nelbos(schedule, order) - self.baselines(order)

    def price(self, schedule: Schedule, order: str = "uniform") -> float:
        """Nats per sequence beyond one at a time in uniform order (F3, F11). A good order can make it negative."""
        return float(self.prices(schedule, order).mean())

    def interval(self, schedule: Schedule, confidence: float = 0.95, order: str = "uniform") -> Estimate:
        """The price with a two-sided interval from the paired differences of the texts (Student's t)."""
        return Estimate.of_mean(self.prices(schedule, order), confidence)

    def mixed(self, parts: Sequence[tuple[str, Schedule]], confidence: float = 0.95) -> Estimate:
        """The mean price of several (order, schedule) pairs, each used equally often, with its interval."""
        each = [self.prices(schedule, order) for order, schedule in parts]
        return Estimate.of_mean(np.mean(each, axis=0), confidence)

    def step_costs(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Mean nats each step pays, (T,)."""
        schedule.check_length(self.length)
        if order == "uniform":
            return self.curve.step_costs(schedule)
        return np.asarray(self._order(order).steps(schedule).mean(axis=0))

    def table(self, order: str = "uniform") -> InformationCurve | OrderTable:
        """What the planners need of an order: the curve for the uniform one, else its mean table.

        Both are relative to one token at a time in uniform order, so their prices compare.
        """
        if order == "uniform":
            return self.curve
        return self._order(order).table(self.length, float(self.baselines(order).mean()))

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
            paths=self.paths[chosen],
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
        if not parts:
            raise InputError("parts is empty; give at least one measurement")
        first = parts[0]
        for other in parts[1:]:
            first.check_same(other)
        texts = [text for part in parts for text in part.texts]
        if len(set(texts)) < len(texts):
            raise InputError(f"{len(texts) - len(set(texts))} texts are in more than one measurement; each counts once")
        settings = _merged_settings([part.settings for part in parts])
        both = set(texts) & set(settings.get("searched", []))
        if both:
            raise InputError(f"{len(both)} texts that orders were searched on are priced in another measurement")
        return replace(
            first,
            settings=settings,
            texts=tuple(texts),
            losses=np.concatenate([part.losses for part in parts]),
            entropies=np.concatenate([part.entropies for part in parts]),
            paths=np.concatenate([part.paths for part in parts]),
            orders={
                name: replace(costs, costs=np.concatenate([part.orders[name].costs for part in parts]))
                for name, costs in first.orders.items()
            },
        )

    def check_same(self, other: Measurement) -> None:
        """Raise InputError unless the other one measures the same thing in the same way."""
        for name in ("length", "vocab_size", "mask_token_id", "model"):
            if getattr(self, name) != getattr(other, name):
                raise InputError(
                    f"measurements differ in {name}: {getattr(self, name)} and {getattr(other, name)}; "
                    "only measurements of one model at one length merge"
                )
        for name in SAME:
            if self.settings.get(name) != other.settings.get(name):
                raise InputError(
                    f"measurements differ in {name}: {self.settings.get(name)} and {other.settings.get(name)}; "
                    "they do not merge"
                )
        if not np.array_equal(self.counts, other.counts) or self.orders.keys() != other.orders.keys():
            raise InputError("measurements were made at different counts or in different orders; they do not merge")
        for name, costs in self.orders.items():
            if costs.order != other.orders[name].order or not np.array_equal(costs.counts, other.orders[name].counts):
                raise InputError(f"measurements hold orders {name!r} that differ; they do not merge")

    def only(self, orders: Iterable[str]) -> Measurement:
        """The measurement with some of its reveal orders, by name (the uniform one is always there)."""
        return replace(self, orders={name: self._order(name) for name in orders if name != "uniform"})

    # -- the file ----------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: the curve as plain numbers, the losses of the texts as float32 arrays."""
        return measurement_to_json(self)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of what was measured: plans name the measurement they were made from."""
        texts = np.argsort(self.texts)  # so that merged in any order it is the same measurement
        said = [str(sorted(self.model.items())), *(str(self.settings.get(name)) for name in SAME), *sorted(self.texts)]
        content = hashlib.sha256("\n".join(said).encode())
        arrays = [(self.counts, self.losses)]
        for name in sorted(self.orders):
            content.update(name.encode())
            arrays.append((self.orders[name].counts, self.orders[name].costs))
        for counts, losses in arrays:
            content.update(np.ascontiguousarray(counts, dtype="<i8").tobytes())
            content.update(np.ascontiguousarray(losses[texts], dtype="<f4").tobytes())
        return content.hexdigest()[:32]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.curve.json` (format unmask.curve/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurement:
        """Read a file written by `save`; InputError when it is not one or its parts do not fit together."""
        data = read_json(path, FORMAT)
        try:
            return cls(**measurement_from_json(data))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error

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


def _merged_settings(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What all agree on; of what differs, every value; of the texts that were searched on, all."""
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part[name] for part in parts if name in part]
        if name == "searched":
            merged[name] = sorted({text for value in values for text in value})
            continue
        apart = [value for place, value in enumerate(values) if value not in values[:place]]
        several = [one for value in apart for one in (value if isinstance(value, list) else [value])]
        merged[name] = apart[0] if len(apart) == 1 else list(dict.fromkeys(several))
    return merged

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

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.files import write_json
from unmask.measuring.curve_file import FORMAT, measurement_from_json, measurement_to_json, read_measurement
from unmask.measuring.documents import halves
from unmask.measuring.estimate import Estimate
from unmask.measuring.order_costs import LOSSES, OrderCosts
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.reveal_orders import OrderTable
from unmask.theory.schedule import Schedule

# Settings that say what was measured: measurements that differ in one of them are of different things.
SAME = ("given", "block_length")

Parts = Sequence[tuple[str, Schedule]]


@dataclass(frozen=True, eq=False)
class Measurement(Displayed):
    """The losses of a predictor on held-out texts of one length.

    A price is two numbers: the parallel price, what revealing tokens together costs beyond one at a time along the
    same order, and the order effect, what that order costs one at a time beyond the uniform one. Both are nats per
    sequence here; plans state them per token.

    Attributes:
        length: L, tokens that are to be revealed (the completion of a prompt; one block, when measured by blocks).
        vocab_size: V.
        mask_token_id: of the model, or None.
        model: name and digest of the model; measurements of different models do not merge.
        settings: how it was measured: "seed", "given" (which positions were known), "block_length" (or None),
            "searched" (digests of texts that orders were searched on, which must not be priced), and notes.
        texts: (N,) digest of each text, so that the same text is never counted twice.
        documents: (N,) name of the document each text is of; its own digest where that is not known.
        uniform: what the uniform order costs, at counts from 0 to L-1.
        paths: (N,) nats: what the very tokens that each interval of the uniform order reveals cost where it begins.
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
    documents: tuple[str, ...]
    uniform: OrderCosts
    paths: FloatArray
    orders: dict[str, OrderCosts] = field(default_factory=dict)

    # -- the curve ---------------------------------------------------------------------------------------------------

    @property
    def used_texts(self) -> tuple[str, ...]:
        """Digests of the texts that were measured, or searched for orders on; a proof needs others."""
        return (*self.texts, *self.settings.get("searched", ()))

    @property
    def is_of_own_samples(self) -> bool:
        """Whether the texts are samples of the model itself, which are free of model error."""
        return bool(self.settings.get("own_samples"))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(C,) revealed counts measured in uniform order, 0 to L-1."""
        return self.uniform.counts

    @cached_property
    def losses(self) -> FloatArray:
        """(N, C) nats per token: mean -log p of the masked tokens of text n, counts[c] random ones revealed."""
        return np.asarray(np.diagonal(self.uniform.costs, axis1=1, axis2=2) / self.uniform.widths)

    @cached_property
    def entropies(self) -> FloatArray:
        """(N, C) nats per token: the predictor's own mean entropy there; equal to the losses if calibrated."""
        return np.asarray(np.diagonal(self.uniform.entropies, axis1=1, axis2=2) / self.uniform.widths)

    @cached_property
    def curve(self) -> InformationCurve:
        """The cross-entropy curve c_k with standard errors over texts; PCHIP between the measured counts."""
        return InformationCurve.from_counts(self.counts, self.losses.mean(axis=0), self.length, _stderr(self.losses))

    @cached_property
    def calibration(self) -> FloatArray:
        """(C,) nats per token: cross-entropy minus the predictor's own entropy at each count; 0 when calibrated."""
        return np.asarray((self.losses - self.entropies).mean(axis=0))

    # -- prices ------------------------------------------------------------------------------------------------------

    def nelbo_per_token(self, confidence: float = 0.95) -> Estimate:
        """One token at a time in uniform order: nats per token, with its interval over documents."""
        return self.estimate(self.uniform.one_at_a_time / self.length, confidence)

    def parallel_prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """What each text costs beyond one token at a time along the same order, (N,) nats: what parallelism costs.

        Without bias where the steps begin at measured counts, and otherwise interpolated (see `OrderCosts`). The mean
        is at least 0 for a perfect predictor.
        """
        return self.costs_of(order).parallel_prices(schedule)

    def order_effects(self, order: str = "uniform") -> FloatArray:
        """What each text costs one token at a time in this order beyond the uniform one, (N,) nats.

        The mean is 0 for a perfect predictor, in every order, and it does not depend on the number of steps.
        """
        if order == "uniform":
            return np.zeros(len(self.texts))
        return np.asarray(self.costs_of(order).one_at_a_time - self.baselines)

    @cached_property
    def baselines(self) -> FloatArray:
        """(N,) nats: each text one token at a time in uniform order, along the path of its own permutation.

        For a perfect predictor measured at every count it is `-log p(x)`, as is every order's own NELBO one token at a
        time: so their difference spreads far less over texts than the mean over all masked tokens would.
        """
        return np.asarray(self.paths - self.uniform.parallel.sum(axis=1))

    def nelbos(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """NELBO of each text under a schedule in one of the measured orders, (N,) nats."""
        costs = self.costs_of(order)
        alone = self.baselines if order == "uniform" else costs.one_at_a_time
        return np.asarray(alone + costs.parallel_prices(schedule))

    def prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """Price of each text, (N,) nats: parallel price and order effect together."""
        return self.parallel_prices(schedule, order) + self.order_effects(order)

    def price(self, schedule: Schedule, order: str = "uniform") -> float:
        """Nats per sequence beyond one at a time in uniform order (F3, F11). A good order can make it negative."""
        return float(self.prices(schedule, order).mean())

    def interval(self, schedule: Schedule, confidence: float = 0.95, order: str = "uniform") -> Estimate:
        """The price with a two-sided interval from the paired differences of the texts, over documents."""
        effects = self.order_effects(order)
        return self.costs_of(order).estimate(schedule, confidence, self.documents, effects)

    def parallel_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean parallel price of (order, schedule) pairs, each used equally often, with its interval."""
        if len(parts) == 1:
            ((order, schedule),) = parts
            return self.costs_of(order).estimate(schedule, confidence, self.documents)
        each = [self.parallel_prices(schedule, order) for order, schedule in parts]
        return self.estimate(np.mean(each, axis=0), confidence)

    def order_effect(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean order effect of (order, schedule) pairs; exactly 0 in uniform order."""
        if all(order == "uniform" for order, _ in parts):
            return Estimate.exactly(0.0)
        return self.estimate(np.mean([self.order_effects(order) for order, _ in parts], axis=0), confidence)

    def model_error(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean of what (order, schedule) pairs cost beyond the predictor's own entropy at their canvases.

        Where a predictor is miscalibrated it pays this whatever is revealed together; it is no lost information.
        """
        errors = [self.costs_of(order).model_errors(schedule) for order, schedule in parts]
        return self.estimate(np.mean(errors, axis=0), confidence)

    def whole_price(self, parts: Parts, confidence: float = 0.95) -> Estimate:
        """The mean price of (order, schedule) pairs: both of the above together, from their sum text by text."""
        if len(parts) == 1:
            return self.interval(parts[0][1], confidence, parts[0][0])
        return self.estimate(np.mean([self.prices(schedule, order) for order, schedule in parts], axis=0), confidence)

    def estimate(self, values: FloatArray, confidence: float = 0.95) -> Estimate:
        """The mean of a number of each text, with its interval over documents (Student's t)."""
        return Estimate.of_mean(values, confidence, self.documents)

    def step_prices(self, schedule: Schedule, order: str = "uniform") -> FloatArray:
        """The share of each step in the mean parallel price, (T,) nats."""
        return self.costs_of(order).step_prices(schedule)

    def table(self, order: str = "uniform", of: str = LOSSES) -> OrderTable:
        """What the planners need of an order; prices of all tables are relative to one at a time in uniform order.

        Args:
            of: "losses", or "entropies" of the predictor itself; those spread far less over texts.
        """
        return self.costs_of(order).table(self.length, float(self.baselines.mean()), of)

    def costs_of(self, order: str = "uniform") -> OrderCosts:
        """What was measured of an order."""
        if order == "uniform":
            return self.uniform
        if order not in self.orders:
            raise InputError(f"order {order!r} was not measured; measured are {', '.join(['uniform', *self.orders])}")
        return self.orders[order]

    # -- parts and sums ----------------------------------------------------------------------------------------------

    def take(self, texts: npt.NDArray[Any]) -> Measurement:
        """The measurement on some of its texts (indices or booleans)."""
        chosen = np.arange(len(self.texts))[texts]
        return replace(
            self,
            texts=tuple(self.texts[n] for n in chosen),
            documents=tuple(self.documents[n] for n in chosen),
            uniform=self.uniform.take(chosen),
            paths=self.paths[chosen],
            orders={name: costs.take(chosen) for name, costs in self.orders.items()},
        )

    def split(self) -> tuple[Measurement, Measurement]:
        """Two halves that share no document, by names alone: neither the order of texts nor how they merged matters."""
        if len(self.texts) < 4:
            raise InputError(
                f"{len(self.texts)} texts were measured; fitting on one half and pricing on the other needs 4"
            )
        if len(set(self.documents)) < 4:
            raise InputError(
                f"the texts are of {len(set(self.documents))} documents; fitting on one half and pricing on the other "
                "needs 4"
            )
        first = halves(self.documents)
        return self.take(first), self.take(~first)

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
            documents=tuple(document for part in parts for document in part.documents),
            uniform=OrderCosts.joined([part.uniform for part in parts]),
            paths=np.concatenate([part.paths for part in parts]),
            orders={name: OrderCosts.joined([part.orders[name] for part in parts]) for name in first.orders},
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
        if self.is_of_own_samples != other.is_of_own_samples:
            raise InputError("one measurement is on the model's own samples and one on text; they do not merge")
        if not self.uniform.same_as(other.uniform) or self.orders.keys() != other.orders.keys():
            raise InputError("measurements were made at different counts or in different orders; they do not merge")
        for name, costs in self.orders.items():
            if not costs.same_as(other.orders[name]):
                raise InputError(f"measurements hold orders {name!r} that differ; they do not merge")

    def only(self, orders: Iterable[str]) -> Measurement:
        """The measurement with some of its reveal orders, by name (the uniform one is always there)."""
        return replace(self, orders={name: self.costs_of(name) for name in orders if name != "uniform"})

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
        for name, costs in [("uniform", self.uniform), *sorted(self.orders.items())]:
            content.update(name.encode())
            content.update(np.ascontiguousarray(costs.counts, dtype="<i8").tobytes())
            for values in (costs.costs, costs.parallel):
                content.update(np.ascontiguousarray(values[texts], dtype="<f4").tobytes())
        return content.hexdigest()[:32]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.curve.json` (format unmask.curve/2), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Measurement:
        """Read a file written by `save`; InputError when it is not one or its parts do not fit together."""
        data = read_measurement(path)
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

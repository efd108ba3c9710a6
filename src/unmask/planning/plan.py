"""Plans: which positions to reveal at which step, what that will cost, and how well that is known.

`Plan` is what the sampler runs, the exporters translate and the file holds; `planner` makes them. No torch here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.estimate import Estimate
from unmask.theory.order_json import order_from_json, order_to_json
from unmask.theory.reveal_orders import Blocks, Given, IntArray, Order, Seed
from unmask.theory.schedule import Schedule

FORMAT = "unmask.plan/2"
AS_PRICE: Any = None
"""What the price says, where nothing else is said."""
NO_EFFECT = Estimate.exactly(0.0)
VALID_FOR = (
    "drawing at temperature 1 from the model's own law, on text like that it was measured on; "
    "greedy decoding, top-p and other temperatures are outside the theory"
)


@dataclass(frozen=True)
class Part:
    """A reveal order and the sizes that belong to it."""

    order: Order
    schedule: Schedule


@dataclass(frozen=True)
class Plan(Displayed):
    """Order, sizes and the price they were measured to have: nats per token, on texts the plan was not fitted on.

    Attributes:
        parts: each row that is sampled uses one of them, drawn uniformly (most plans have one).
        price: parallel price and order effect together; `exp` of it is the factor by which perplexity grows.
        one_at_a_time: of the model one token at a time in uniform order, on the same texts.
        step_prices: (T,) the share of each step in the parallel price.
        bounds: named bounds and rivals at the same number of steps.
        model, curve_digest: what was measured, and the measurement this was made from.
        valid_for: in words, what the price is a price of.
        texts: digests of the texts this was fitted and priced on; a certificate needs others.
        notes: what should be known of how the plan was made, in sentences.
        parallel_price: what revealing tokens together costs beyond one token at a time along the same plan; the whole
            price where nothing else is said.
        order_effect: what the plan's order costs one token at a time beyond the uniform order; 0 for a perfect model,
            and the same for every number of steps.
        at_most: with the confidence of the interval, one-sided, the parallel price is not above this.
        model_error: what the model pays beyond its own entropy at the canvases of the plan: 0 when it is calibrated,
            and part of what is paid on text, not lost information. None where it was not measured.
        measured_length: L of what was measured, where the plan is of another length (`for_length`); prices are then
            carried over, not measured.
        given: what was known of every text while it was measured, in words ("the first 8", "positions 0,1,5"); "" for
            nothing. The price is a price of revealing the others.

    Examples:
        >>> plan = unmask.plan(unmask.laws.Permutation(8).curve(), steps=3)
        >>> plan.length, plan.steps, plan.schedule.sizes
        (8, 3, (3, 3, 2))
    """

    parts: tuple[Part, ...]
    price: Estimate
    one_at_a_time: float
    step_prices: tuple[float, ...]
    bounds: dict[str, float] = field(default_factory=dict)
    mask_token_id: int | None = None
    model: dict[str, str] = field(default_factory=dict)
    curve_digest: str = ""
    valid_for: str = VALID_FOR
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    parallel_price: Estimate = AS_PRICE
    order_effect: Estimate = NO_EFFECT
    at_most: float = AS_PRICE
    model_error: Estimate | None = None
    measured_length: int | None = None
    given: str = ""

    def __post_init__(self) -> None:
        if self.parallel_price is None:
            object.__setattr__(self, "parallel_price", self.price)
        if self.at_most is None:
            object.__setattr__(self, "at_most", self.parallel_price.high)
        if not self.parts:
            raise InputError("parts is empty; a plan has at least one order with its sizes")
        for part in self.parts:
            part.schedule.check_length(self.length, "sizes")

    @property
    def length(self) -> int:
        """L."""
        return self.parts[0].schedule.length

    @property
    def schedule(self) -> Schedule:
        """The sizes of the first part."""
        return self.parts[0].schedule

    @property
    def order(self) -> Order:
        """The order of the first part."""
        return self.parts[0].order

    @property
    def steps(self) -> float:
        """Network calls per row: T, the same for every part or else their mean."""
        calls = float(np.mean([part.schedule.steps for part in self.parts]))
        return int(calls) if calls.is_integer() else calls

    @property
    def price_per_token(self) -> Estimate:
        """`price`, by the name that plans and tuned rules share."""
        return self.price

    def as_given(self, given: str | None) -> str | None:
        """What `--given` is for this plan: what was said, else what was given when it was measured; None for nothing.

        Raises:
            InputError: nothing was said, and the plan does not know the positions (they differed from text to text).
        """
        if given is not None or not self.given:
            return given
        kind, _, places = self.given.rpartition(" ")
        if kind == "the first" and places.isdecimal():
            return places
        if kind == "positions":
            return places if "," in places else f"{places}-{places}"
        raise InputError(f"given is missing: the plan was measured with {self.given} given; say which")

    def draw(self, seed: Seed = 0) -> tuple[IntArray, Schedule]:
        """A permutation of the positions and the sizes of the steps for one row."""
        rng = np.random.default_rng(seed)
        part = self.parts[int(rng.integers(len(self.parts)))] if len(self.parts) > 1 else self.parts[0]
        return part.order.draw(self.length, rng), part.schedule

    def for_length(self, length: int) -> Plan:
        """The plan for so many tokens instead: the same shares revealed at every step, in the same orders.

        So a plan serves prompts and sequences of any length. Its price per token is carried over: where tokens depend
        on what is near them it depends on shares alone, and what it really is can be measured at that length or
        certified. With fewer tokens than steps it is one token at a time, and costs nothing.

        Raises:
            InputError: for a length below 1, or an order that is a permutation of the plan's own length.

        Examples:
            >>> plan = unmask.plan(unmask.laws.Permutation(8).curve(), steps=3).for_length(16)
            >>> plan.schedule.sizes, plan.measured_length
            ((6, 6, 4), 8)
        """
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
            raise InputError(f"length is {length}; expected a number of tokens, at least 1")
        if length == self.length:
            return self
        for part in self.parts:
            if isinstance(part.order, Given):
                raise InputError(
                    f"the plan's order is a permutation of {self.length} positions and there are {length}; "
                    "plan with order bit_reversal:shift=false or another that any length has, or measure at that length"
                )
        parts = tuple(Part(part.order, stretched(part.schedule, int(length))) for part in self.parts)
        was = self.measured_length or self.length
        carried = replace(
            self,
            parts=parts,
            step_prices=self.step_prices[: parts[0].schedule.steps],
            bounds={},
            measured_length=was,
            notes=(*self.notes, f"sizes and price per token are carried over from {was} tokens to {length}"),
        )
        if any(part.schedule.largest > 1 for part in parts):
            return carried
        nothing = Estimate.exactly(0.0)
        return replace(
            carried, price=self.order_effect, parallel_price=nothing, at_most=0.0, step_prices=(0.0,) * int(length)
        )

    def repeated(self, times: int) -> Plan:
        """The plan of `times` blocks, one after the other from left to right, each revealed as this plan says.

        For plans made from a measurement by blocks; prices per token stay what they are.
        """
        if times < 1:
            raise InputError(f"times is {times}; expected a number of blocks, at least 1")
        if times == 1:
            return self
        return replace(
            self,
            parts=tuple(Part(_in_blocks(part.order, self.length, times), _again(part, times)) for part in self.parts),
            step_prices=tuple(price / times for price in self.step_prices) * times,
        )

    # -- the file ----------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        first, *others = [_part_to_json(part) for part in self.parts]
        return {
            "format": FORMAT,
            "length": self.length,
            "mask_token_id": self.mask_token_id,
            "steps": self.steps,
            **first,
            "alternatives": others,
            "step_prices": list(self.step_prices),
            "parallel_price": self.parallel_price.to_dict(),
            "order_effect": self.order_effect.to_dict(),
            "price": self.price.to_dict(),
            "at_most": self.at_most,
            "model_error": None if self.model_error is None else self.model_error.to_dict(),
            "measured_length": self.measured_length,
            "one_at_a_time": self.one_at_a_time,
            "bounds": self.bounds,
            "model": self.model,
            "curve_digest": self.curve_digest,
            "valid_for": self.valid_for,
            "texts": list(self.texts),
            "notes": list(self.notes),
            "given": self.given,
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.plan.json` (format unmask.plan/2), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a file written by `save`; InputError when it is not one or its parts do not fit together."""
        data = read_json(path, FORMAT)
        try:
            read = cls(
                tuple(_part_from_json(entry) for entry in [data, *data["alternatives"]]),
                Estimate(**data["price"]),
                float(data["one_at_a_time"]),
                tuple(float(value) for value in data["step_prices"]),
                {str(name): float(value) for name, value in data["bounds"].items()},
                data["mask_token_id"],
                dict(data["model"]),
                str(data["curve_digest"]),
                str(data["valid_for"]),
                tuple(str(text) for text in data.get("texts", [])),
                tuple(str(note) for note in data["notes"]),
                Estimate(**data["parallel_price"]),
                Estimate(**data["order_effect"]),
                float(data["at_most"]),
                Estimate(**data["model_error"]) if data.get("model_error") else None,
                data.get("measured_length"),
                str(data.get("given", "")),
            )
            read.schedule.check_length(data["length"], "sizes")
            for part in read.parts:
                part.order.draw(read.length)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error
        return read

    def __repr__(self) -> str:
        price, effect = self.parallel_price, self.order_effect
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return (
            f"Plan(L={self.length}, T={self.steps}, order={self.order.name}{more}, sizes={list(self.schedule.sizes)}, "
            f"parallel_price={price}, order_effect={effect} nats/token at {price.confidence:.0%})"
        )


def stretched(schedule: Schedule, length: int) -> Schedule:
    """The same shares of another length, in as many steps or, where there are fewer tokens, one at a time."""
    steps, starts = min(schedule.steps, length), [0]
    for number, start in enumerate(schedule.revealed[1:steps].tolist(), 1):
        nearest = round(start * length / schedule.length)
        starts.append(min(max(nearest, starts[-1] + 1), length - (steps - number)))
    return Schedule(np.diff([*starts, length]).tolist())


def _again(part: Part, times: int) -> Schedule:
    return Schedule(part.schedule.sizes * times)


def _in_blocks(order: Order, length: int, times: int) -> Order:
    if not isinstance(order, Given):
        return Blocks(order, length)
    return Given(start * length + place for start in range(times) for place in order.permutation)


def _part_to_json(part: Part) -> dict[str, Any]:
    return {"order": order_to_json(part.order), "sizes": list(part.schedule.sizes)}


def _part_from_json(entry: dict[str, Any]) -> Part:
    return Part(order_from_json(entry["order"]), Schedule(entry["sizes"]))

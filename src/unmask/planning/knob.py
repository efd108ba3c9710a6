"""A tuned knob: the value of a decoding rule's setting that meets a budget, as measured by exact score. No torch here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.planning.estimate import Estimate

FORMAT = "unmask.knob/1"


@dataclass(frozen=True)
class Knob:
    """A rule's setting and what it was measured to cost.

    Attributes:
        rule: name of the recipe, such as "entropy_bound" or "threshold".
        value: the setting.
        price: nats per sequence beyond one token at a time in uniform order.
        calls: network calls per sequence.
        length: L.
        model: name and digest of the model it was tuned for.
        tried: (value, price, calls) of every setting that was scored.
    """

    rule: str
    value: float
    price: Estimate
    calls: Estimate
    length: int
    mask_token_id: int | None = None
    model: dict[str, str] = field(default_factory=dict)
    tried: tuple[tuple[float, float, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "format": FORMAT,
            "rule": self.rule,
            "value": self.value,
            "price": self.price.to_dict(),
            "calls": self.calls.to_dict(),
            "length": self.length,
            "mask_token_id": self.mask_token_id,
            "model": self.model,
            "tried": [list(entry) for entry in self.tried],
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.knob.json` (format unmask.knob/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Knob:
        """Read a file written by `save`; InputError when it is not one."""
        data = read_json(path, FORMAT)
        try:
            return cls(
                str(data["rule"]),
                float(data["value"]),
                Estimate(**data["price"]),
                Estimate(**data["calls"]),
                int(data["length"]),
                data["mask_token_id"],
                dict(data["model"]),
                tuple((float(value), float(price), float(calls)) for value, price, calls in data["tried"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error

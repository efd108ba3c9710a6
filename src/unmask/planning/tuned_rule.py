"""A tuned rule: the value of a decoding rule's setting that meets a budget, as measured by exact score. No torch here.

`tune` makes them; the exporters translate them, and `tuned.sampler()` is the rule itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.measuring.estimate import Estimate
from unmask.theory.dependence_profile import DependenceProfile

FORMAT = "unmask.tuned/1"


@dataclass(frozen=True)
class TunedRule:
    """A rule's setting and what it was measured to cost.

    Attributes:
        rule: name of the recipe, such as "entropy_bound" or "threshold".
        value: the setting.
        price: nats per sequence beyond one token at a time in uniform order, on texts it was not tuned on.
        network_calls: those per sequence, on the same texts.
        length: L, tokens revealed in a sequence.
        block_length: of the blocks the rule works in, from left to right; None where it sees all positions.
        model: name and digest of the model it was tuned for.
        profile: what the rule reads besides the model, measured on the texts it was tuned on; None: nothing.
        tried: (value, price, network_calls) of every setting that was scored on the texts it was tuned on.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> tuned = unmask.tune(unmask.oracle(law), "threshold", law.sample(20, seed=0), budget=0.3)
        >>> tuned.rule, tuned.length
        ('threshold', 8)
    """

    rule: str
    value: float
    price: Estimate
    network_calls: Estimate
    length: int
    mask_token_id: int | None = None
    model: dict[str, str] = field(default_factory=dict)
    tried: tuple[tuple[float, float, float], ...] = ()
    block_length: int | None = None
    profile: DependenceProfile | None = None

    @property
    def window(self) -> int:
        """How many positions the rule chooses among: the block, or the whole sequence."""
        return self.length if self.block_length is None else self.block_length

    @property
    def price_per_token(self) -> Estimate:
        """Nats per token; `exp` of it is the factor by which perplexity grows."""
        return self.price.scaled(1 / self.length)

    def sampler(self) -> Any:
        """The rule with this setting, for `unmask.sample` and `unmask.score`."""
        from unmask.planning.tunable_rules import rule_named  # needs torch

        return rule_named(self.rule).reading(self.profile).sampler(self.value, self.block_length)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "format": FORMAT,
            "rule": self.rule,
            "value": self.value,
            "price": self.price.to_dict(),
            "network_calls": self.network_calls.to_dict(),
            "length": self.length,
            "mask_token_id": self.mask_token_id,
            "model": self.model,
            "tried": [list(entry) for entry in self.tried],
            "block_length": self.block_length,
            **({} if self.profile is None else {"profile": self.profile.to_dict()}),
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.tuned.json` (format unmask.tuned/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TunedRule:
        """Read a file written by `save`; InputError when it is not one."""
        data = read_json(path, FORMAT)
        try:
            return cls(
                str(data["rule"]),
                float(data["value"]),
                Estimate(**data["price"]),
                Estimate(**data["network_calls"]),
                int(data["length"]),
                data["mask_token_id"],
                dict(data["model"]),
                tuple((float(value), float(price), float(calls)) for value, price, calls in data["tried"]),
                None if data["block_length"] is None else int(data["block_length"]),
                DependenceProfile.from_dict(data["profile"]) if "profile" in data else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error

    def __repr__(self) -> str:
        price = self.price_per_token
        return (
            f"TunedRule({self.rule}={self.value:.4g}, L={self.length}, network_calls={self.network_calls}, "
            f"price={price} nats/token at {price.confidence:.0%})"
        )

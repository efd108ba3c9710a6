"""What is known about a named rule besides its parts: the record `RULE` that ends each rule's file."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unmask.sampling.sampler import Sampler

STEPS = "steps"
"""As a ladder: one setting for every number of steps of a comparison."""


@dataclass(frozen=True)
class Tuned:
    """The range in which `unmask tune` searches the knob, on a logarithmic scale.

    Attributes:
        tightest: nearly one token at a time.
        loosest: for a window of L positions and a vocabulary of V; everything is revealed at once, or nearly.
        confidence: whether the knob is a confidence, 1 less the quantity that is searched, or that quantity itself.
    """

    tightest: float
    loosest: Callable[[int, int], float]
    confidence: bool = False


def all_entropy(window: int, vocab_size: int) -> float:
    """The most nats that a window can hold: as a bound on entropy it allows everything."""
    return window * math.log(max(vocab_size, 2))


@dataclass(frozen=True)
class Rule:
    """A named rule.

    Attributes:
        recipe: makes the sampler; its name is the rule's, its first parameter the knob, its defaults the paper's.
        does: what the rule does, a few plain words.
        paper: the reference `unmask.cite` prints.
        ladder: settings `unmask compare` tries when none is said, or `STEPS`; empty: only where it is named.
        by_default: whether `--rules auto` tries it too, not only `all`.
        tuned: the range of the knob for `unmask tune`; None where it has none.
        readers: how parameters that are no plain value are read from the command line, by name.
        example: a setting at which a text of nine tokens shows what the rule does; the tests run every rule at it.
        measured: the parameter that is measured of a model where it is not said: a dependence profile, or "".
        named: whether a name makes it; not so where it needs a plan or another sampler.
    """

    recipe: Callable[..., Sampler]
    does: str
    paper: str = ""
    ladder: tuple[str, ...] | str = ("",)
    by_default: bool = True
    tuned: Tuned | None = None
    readers: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    example: str = ""
    measured: str = ""
    named: bool = True

    @property
    def name(self) -> str:
        return self.recipe.__name__

    @property
    def knob(self) -> str:
        """The first parameter and its default, such as `gamma = 0.1`; empty where the rule takes nothing."""
        for key, parameter in inspect.signature(self.recipe).parameters.items():
            return key if parameter.default is parameter.empty else f"{key} = {str(parameter.default).lower()}"
        return ""

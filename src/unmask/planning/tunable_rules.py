"""The rules that `tune` can set: those of the catalogue that have a knob with a range, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from unmask import spec
from unmask.errors import InputError
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.sampler import Sampler
from unmask.theory.dependence_profile import DependenceProfile

DIGITS = 4


@dataclass(frozen=True)
class Rule:
    """A decoding rule with a knob that trades network calls for nats.

    Attributes:
        name: of the recipe.
        recipe: `(value, block_length=) -> Sampler`.
        tightest, loosest: ends of the range that is searched, on a logarithmic scale; the loosest for a window of L
            positions and a vocabulary of V. At the loosest everything is revealed at once, or nearly.
        confidence: whether the knob is a confidence, 1 less the quantity that is searched, or that quantity itself.
        measured: the parameter that is measured of the model before the knob is set: a dependence profile, or "".
    """

    name: str
    recipe: Callable[..., Sampler]
    tightest: float
    loosest: Callable[[int, int], float]
    confidence: bool = False
    measured: str = ""

    def sampler(self, value: float, block_length: int | None = None) -> Sampler:
        """The rule with this setting."""
        return self.recipe(value, block_length=block_length)

    def reading(self, profile: DependenceProfile | None) -> Rule:
        """The same rule with what was measured; itself where nothing was."""
        return self if profile is None else replace(self, recipe=partial(self.recipe, **{self.measured: profile}))

    def value(self, looseness: float, window: int, vocab_size: int) -> float:
        """The setting at a looseness from 0 to 1, to a few digits, so that what is scored is what is written."""
        loosest = self.loosest(window, vocab_size)
        quantity = float(f"{self.tightest * (loosest / self.tightest) ** looseness:.{DIGITS}g}")
        return round(1 - quantity, 12) if self.confidence else quantity


RULES = {
    name: Rule(name, rule.recipe, rule.tuned.tightest, rule.tuned.loosest, rule.tuned.confidence, rule.measured)
    for name, rule in CATALOGUE.items()
    if rule.tuned is not None
}
"""What can be tuned by name. KLASS: its confidence, with the paper's epsilon of 0.01."""


def rule_named(name: str) -> Rule:
    """The rule of this name; InputError when none can be tuned under it."""
    if name not in RULES:
        raise InputError(f"rule {name!r} has no knob to tune; {spec.nearest(name, RULES)}")
    return RULES[name]

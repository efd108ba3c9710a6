"""Rules by name, for the command line: `entropy_bound:0.1` is `from_name("entropy_bound:0.1")`.

`NAME`, `NAME:knob` or `NAME:key=value,key=value`; keys are the parameters of the recipe in Python. A NAME may also be
`FILE.py:FUNCTION`, a rule in a file of your own. This is the only place where a rule is a string.
"""

import functools
import inspect
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from unmask import own_files, spec
from unmask.errors import InputError
from unmask.sampling import priorities
from unmask.sampling.parts import Draw, Priority, Selection, Stop, Window
from unmask.sampling.rules import planned
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.theory import reveal_orders

RULES: dict[str, Rule] = {name: rule for name, rule in CATALOGUE.items() if rule.named}
ORDERS = {"confidence": priorities.Confidence, "margin": priorities.Margin, "entropy": priorities.LowEntropy}
"""Orders that read the model; any other name is one of `unmask.orders`."""


def from_name(rule: str, **options: Any) -> Sampler:
    """The sampler the command line calls so; `options` are further parameters, which the rule must have.

    Raises:
        InputError: there is no such rule or parameter, or a value is not of its kind; it says what there is.
    """
    name, setting = split(rule)
    found = find(name)
    readers = {"order": order_from_name, **found.readers}
    said = spec.arguments(f"{found.name}:{setting}", found.recipe, "rule", readers, knob=True, said=options)
    sampler = found.recipe(**said) if name in RULES else _made(name, found, said)
    return sampler if sampler.source or not found.paper else replace(sampler, source=found.paper)


def as_sampler(value: Any) -> Sampler:
    """A sampler from a rule's name, a sampler, a plan, a schedule, or a function that makes one.

    Examples:
        >>> as_sampler("threshold:0.9").name, as_sampler(unmask.recipes.entropy_bound).name
        ('threshold', 'entropy_bound')
    """
    if isinstance(value, str):
        return from_name(value)
    if inspect.isroutine(value) or isinstance(value, Rule):
        rule = value if isinstance(value, Rule) else Rule(value, does="")
        try:
            return _made(rule.name, rule, {})
        except ValueError as error:
            raise InputError(f"the rule {rule.name!r} failed: {error}") from error
    return planned.as_sampler(value)


def _made(name: str, rule: Rule, said: dict[str, Any]) -> Sampler:
    """The sampler of somebody's own rule, whose mistakes are said in one line."""
    try:
        sampler = rule.recipe(**said)
    except (TypeError, AttributeError, NameError) as error:
        raise InputError(f"the rule {name!r} failed: {error}") from error
    if not isinstance(sampler, Sampler):
        raise InputError(f"the rule {name!r} made {sampler!r}; expected a Sampler")
    kinds = {"window": Window, "order": Priority, "selection": Selection, "draw": Draw, "stop": Stop}
    for place, kind in kinds.items():
        part = getattr(sampler, place)
        if not isinstance(part, kind):
            raise InputError(f"{place} of the rule {name!r} is {part!r}; expected a {kind.__name__} of sampling.parts")
    return sampler


def split(rule: str) -> tuple[str, str]:
    """The name of a rule, its file included, and the setting after it."""
    written = own_files.split(rule, "rule")
    if written is not None:
        file, name, setting = written
        return f"{file}:{name}", setting
    return spec.split(rule)


def find(name: str) -> Rule:
    """The rule of a name: one of the catalogue, or `FILE.py:FUNCTION`."""
    if ".py:" in name:
        return _of_file(*name.rsplit(":", 1))
    return RULES[spec.match(name, RULES, "rule")]


def takes(rule: str, parameter: str) -> bool:
    """Whether the rule has such a parameter."""
    name, _ = split(rule)
    return (name in RULES or ".py:" in name) and parameter in inspect.signature(find(name).recipe).parameters


def order_from_name(name: str) -> Priority | reveal_orders.Order:
    """An order that reads the model (confidence, margin, entropy), or one of `unmask.orders` by its name."""
    if name in ORDERS:
        return ORDERS[name]()
    try:
        return reveal_orders.from_name(name)
    except InputError as error:
        raise InputError(f"{error}, or one that reads the model: {', '.join(ORDERS)}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    return spec.nearest(name, known)


@functools.cache
def _of_file(file: str, name: str) -> Rule:
    """The rule NAME of a Python file: a function that makes a sampler, with what a `RULE` of that name adds to it."""
    module = own_files.module(file, "rule")
    record = getattr(module, "RULE", None)
    if isinstance(record, Rule) and record.name == name:
        return record
    function = getattr(module, name, None)
    if isinstance(function, Rule):
        return function
    function = own_files.function(file, name, "rule")
    return Rule(function, does=(inspect.getdoc(function) or "").split("\n")[0])

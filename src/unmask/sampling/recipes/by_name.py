"""Recipes by name, for the command line: `entropy_bound:0.1` is `from_name("entropy_bound:0.1")`.

`NAME`, `NAME:knob` or `NAME:key=value,key=value`; keys are the parameters of the recipe in Python. This is the only
place where a rule is a string.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from unmask.errors import InputError
from unmask.sampling import priorities, recipes, remasking
from unmask.sampling.sampler import Sampler
from unmask.theory import reveal_orders

_NOT_RULES = ("as_sampler", "planned", "spaced")  # they take a plan or another sampler
RULES: dict[str, Callable[..., Sampler]] = {
    name: getattr(recipes, name) for name in recipes.__all__ if name not in _NOT_RULES
}
ORDERS = {"confidence": priorities.Confidence, "margin": priorities.Margin, "entropy": priorities.LowEntropy}
"""Orders that read the model; any other name is one of `unmask.orders`."""
REMASKING = {"cap": remasking.Capped, "rescale": remasking.Rescaled, "conf": remasking.LeastConfident}


def from_name(rule: str, **options: Any) -> Sampler:
    """The sampler the command line calls so; `options` are further parameters, which the rule must have.

    Raises:
        InputError: there is no such rule or parameter, or a value is not of its kind; it says what there is.
    """
    name, _, rest = rule.partition(":")
    name = name.strip().replace("-", "_")
    if name not in RULES:
        raise InputError(f"there is no rule {name!r}; {nearest(name, RULES)}")
    parameters = inspect.signature(RULES[name]).parameters
    said = dict(options)
    for place, part in enumerate(filter(None, (part.strip() for part in rest.split(",")))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            if place:
                raise InputError(f"rule {rule!r} has the part {part!r}; expected {name}:key=value,key=value")
            key, value = next(iter(parameters), ""), key
        if key not in parameters:
            known = nearest(key, parameters) if parameters else f"{name} takes nothing"
            raise InputError(f"the rule {name!r} has no parameter {key!r}; {known}")
        if key in said:
            raise InputError(f"rule {rule!r} gives {key} twice")
        said[key] = _value(name, key, value, parameters[key])
    for key in said:
        if key not in parameters:
            raise InputError(
                f"the rule {name!r} has no parameter {key!r}; {', '.join(parameters) or 'it takes nothing'}"
            )
    missing = [key for key, parameter in parameters.items() if parameter.default is parameter.empty and key not in said]
    if missing:
        raise InputError(f"the rule {name!r} needs {missing[0]}, such as {name}:8")
    return RULES[name](**said)


def takes(rule: str, parameter: str) -> bool:
    """Whether the rule has such a parameter."""
    name = rule.partition(":")[0].strip().replace("-", "_")
    return name in RULES and parameter in inspect.signature(RULES[name]).parameters


def order_from_name(name: str) -> Any:
    """An order that reads the model (confidence, margin, entropy), or one of `unmask.orders` by its name."""
    if name in ORDERS:
        return ORDERS[name]()
    try:
        return reveal_orders.from_name(name)
    except InputError as error:
        raise InputError(f"{error}, or one that reads the model: {', '.join(ORDERS)}") from None


def nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"


def _value(rule: str, key: str, text: str, parameter: inspect.Parameter) -> Any:
    """The value of a parameter, of the kind its default has."""
    default = parameter.default
    if key == "order":
        return order_from_name(text)
    if key == "remasking":
        if text not in REMASKING:
            raise InputError(f"remasking is {text!r}; {nearest(text, REMASKING)}")
        return REMASKING[text]
    if key in ("gaps", "region"):
        kind, example = (float, "7.5/5/2.5") if key == "gaps" else (int, "0/16")
        try:
            numbers = tuple(kind(part) for part in text.split("/"))
        except ValueError:
            numbers = ()
        if len(numbers) != example.count("/") + 1:
            raise InputError(f"{key} of {rule} is {text!r}; expected numbers such as {example}")
        return numbers
    if text == "none" and "None" in str(parameter.annotation):
        return None
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise InputError(f"{key} of {rule} is {text!r}; expected true or false")
        return text == "true"
    whole = key in _WHOLE or (isinstance(default, int) and not isinstance(default, bool))
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{key} of {rule} is {text!r}; expected {kind}") from None


_WHOLE = ("steps", "block_length", "size", "base", "history", "otherwise", "max_post_steps")

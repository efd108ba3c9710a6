"""`NAME:key=value,key=value`: the one way in which laws, orders, rules and tasks are written as text.

A name stands for a callable; what can be said after the colon are its parameters, and each value is of the kind its
annotation says, whatever its default is. Knows nothing about what is made, and imports nothing heavy.
"""

import difflib
import functools
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from unmask.errors import InputError
from unmask.schemas.strict_json import shown

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def split(text: str) -> tuple[str, str]:
    """The name, in small letters with underscores, and what stands after the colon."""
    name, _, rest = text.partition(":")
    return name.strip().lower().replace("-", "_"), rest.strip()


def match(text: str, known: Iterable[str], what: str) -> str:
    """The name of `text`, which must be one of `known`; else InputError says what there is, the nearest first."""
    name, _ = split(text)
    known = tuple(known)
    if name not in known:
        raise InputError(f"there is no {what} {shown(text.partition(':')[0].strip())}; {nearest(name, known)}")
    return name


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The end of an error message: the known word most like the wrong one, and all known words."""
    known = tuple(known)
    close = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {close[0]!r}? There are {', '.join(known)}" if close else f"there are {', '.join(known)}"


def call(
    text: str,
    known: Mapping[str, Callable[..., Any]],
    what: str,
    readers: Mapping[str, Callable[[str], Any]] | None = None,
    knob: bool = False,
    said: Mapping[str, Any] | None = None,
) -> Any:
    """What `text` makes: `call("strided:base=3", {"strided": Strided}, "order")` is `Strided(base=3)`.

    Args:
        text: NAME, or NAME:key=value,key=value.
        known: what each name stands for.
        what: what is made, a word for error messages.
        readers: how to read parameters that are no plain value, by their name. Such a value may have parameters of its
            own, so it keeps all that follows.
        knob: whether the first part may be the value of the first parameter alone, as in `threshold:0.9`.
        said: further arguments, which the callable must take and `text` must not repeat.

    Raises:
        InputError: unknown names or parameters, values of another kind, or parameters left out; it says what there is.
    """
    name = match(text, known, what)
    return known[name](**arguments(text, known[name], what, readers, knob, said))


def arguments(
    text: str,
    function: Callable[..., Any],
    what: str,
    readers: Mapping[str, Callable[[str], Any]] | None = None,
    knob: bool = False,
    said: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The arguments `text` has for `function`; as `call`, which also calls it."""
    name, rest = split(text)
    readers = readers or {}
    parameters = parameters_of(function)
    values: dict[str, Any] = dict(said or {})
    for key in values:
        _check_parameter(key, parameters, name, what)
    first = True
    while rest:
        part, _, after = rest.partition(",")
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            rest = after
            continue
        if not equals or (first and knob and ":" in key):
            if not (first and knob):
                raise InputError(f"{shown(text)} has the part {shown(part.strip())}; expected {name}:parameter=value,…")
            key, value = next(iter(parameters), key), part.strip()
        _check_parameter(key, parameters, name, what)
        if key in values:
            raise InputError(f"{shown(text)} gives {key} twice")
        if key in readers:
            value, after = rest.partition("=")[2].strip() if equals else rest, ""
            values[key] = readers[key](value)
        else:
            values[key] = value_of(value, parameters[key].annotation, f"{key} of {name}")
        rest, first = after, False
    missing = [key for key, one in parameters.items() if one.default is one.empty and key not in values]
    if missing:
        raise InputError(f"the {what} {name!r} needs {missing[0]}: {name}:{','.join(f'{key}=…' for key in missing)}")
    return values


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function, a class or a partial of one, with annotations as types, not as text."""
    whole = function.func if isinstance(function, functools.partial) else function
    hints = typing.get_type_hints(whole)
    return {
        key: one.replace(annotation=hints.get(key, str if one.default is one.empty else type(one.default)))
        for key, one in inspect.signature(function).parameters.items()
    }


def value_of(text: str, kind: Any, what: str) -> Any:
    """`text` as a value of an annotation: int, float, bool, str, tuples of them (`7.5/5/2.5`), or None (`none`).

    Raises:
        InputError: it is of another kind; the message begins with `what` and says what is expected.
    """
    choices = _choices(kind)
    if type(None) in choices and text.lower() == "none":
        return None
    for choice in choices:
        if choice is not type(None):
            try:
                return _converted(text, choice)
            except ValueError:
                continue
    raise InputError(f"{what} is {shown(text)}; expected {kind_in_words(kind)}")


def kind_in_words(kind: Any) -> str:
    """An annotation as people say it: `int | None` is "a whole number, or none"."""
    return ", or ".join(_words(choice) for choice in _choices(kind))


def specs(text: str) -> list[str]:
    """`a,b:length=8,ones=4,c` as the three things it names: a comma before `key=value` continues what it follows."""
    found: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        continues = re.match(r"[A-Za-z_]\w*\s*=", part)
        if found and continues:
            found[-1] += f",{part}"
        else:
            found.append(part)
    return found


def _check_parameter(key: str, parameters: Mapping[str, Any], name: str, what: str) -> None:
    if key not in parameters:
        there = nearest(key, parameters) if parameters else "it takes none"
        raise InputError(f"the {what} {name!r} has no parameter {shown(key)}; {there}")


def _choices(kind: Any) -> tuple[Any, ...]:
    """The members of a union, whole numbers before numbers and text last; of anything else, itself."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return (kind,)
    eager = [bool, int, float]
    rank = lambda one: eager.index(one) if one in eager else 9 if one is str else 5 if one is not type(None) else 8  # noqa: E731
    return tuple(sorted(typing.get_args(kind), key=rank))


def _converted(text: str, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        kinds, parts = typing.get_args(kind), text.split("/")
        if kinds[-1:] == (Ellipsis,):
            kinds = kinds[:1] * len(parts)
        if len(parts) != len(kinds):
            raise ValueError(text)
        return tuple(_converted(part.strip(), one) for part, one in zip(parts, kinds, strict=True))
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if kind is str:
        return text
    if kind is int:
        if len(text) > 20 or not -(2**63) <= int(text) < 2**63:  # more than any array or generator takes
            raise ValueError(text)
        return int(text)
    if kind is float:
        if not math.isfinite(float(text)):
            raise ValueError(text)
        return float(text)
    raise ValueError(text)


def _words(kind: Any) -> str:
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if kinds[-1:] == (Ellipsis,):
            return "numbers such as 1/2/3"
        return f"{len(kinds)} numbers such as {'/'.join(str(place + 1) for place in range(len(kinds)))}"
    return "none" if kind is type(None) else _KINDS.get(kind, getattr(kind, "__name__", str(kind)))

"""What a value of a file may be: small checks, put together as the value itself is.

A kind is called with a value and the place it stands at, and raises `Wrong` when it is another kind of thing:
`record(price=NUMBER)({"price": "x"}, "")` says that price is 'x' and that a number was expected.
"""

import math
from collections.abc import Callable
from typing import Any, NoReturn

from unmask.schemas.strict_json import shown

Kind = Callable[[Any, str], None]


class Wrong(ValueError):
    """A value of another kind than its place asks for; one line that names the place."""


def anything(value: Any, place: str) -> None:
    """Whatever JSON can say."""


def nothing(value: Any, place: str) -> None:
    """null."""
    if value is not None:
        _refuse(value, place, "null")


def truth(value: Any, place: str) -> None:
    """true or false."""
    if not isinstance(value, bool):
        _refuse(value, place, "true or false")


def number(low: float = -math.inf, high: float = math.inf) -> Kind:
    """A finite number from `low` to `high`."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            _refuse(value, place, "a number")
        if not low <= value <= high:
            _refuse(value, place, f"a number {_range(low, high)}")

    return check


def whole(low: int = -(2**63), high: int = 2**63 - 1) -> Kind:
    """A whole number from `low` to `high`."""

    def check(value: Any, place: str) -> None:
        if type(value) is not int:
            _refuse(value, place, "a whole number")
        if not low <= value <= high:
            _refuse(value, place, f"a whole number {_range(low, high)}")

    return check


def text(longest: int = 10_000, among: tuple[str, ...] = ()) -> Kind:
    """Text of at most `longest` characters; one of `among`, where there are any."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str):
            _refuse(value, place, "text")
        if len(value) > longest:
            raise Wrong(f"{place or 'it'} has {len(value)} characters; at most {longest} are read")
        if among and value not in among:
            _refuse(value, place, f"one of {', '.join(among)}")

    return check


def row(of: Kind, least: int = 0, most: int = 2**24) -> Kind:
    """A list of `least` to `most` entries of one kind."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            _refuse(value, place, "a list")
        if not least <= len(value) <= most:
            raise Wrong(f"{place or 'it'} has {len(value)} entries; expected {least} to {most}")
        for number, entry in enumerate(value):
            of(entry, f"{place}[{number}]")

    return check


def numbers(low: float, high: float) -> Kind:
    """A list of finite numbers from `low` to `high`: `row(number(low, high))`, for long ones."""
    each = row(number(low, high))

    def check(value: Any, place: str) -> None:
        quick = isinstance(value, list) and set(map(type, value)) <= {int, float}
        if not quick or (value and not (low <= min(value) and max(value) <= high)):
            each(value, place)  # which says what is wrong, and where

    return check


def exactly(*kinds: Kind) -> Kind:
    """A list with an entry of each kind, in this order."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list) or len(value) != len(kinds):
            _refuse(value, place, f"a list of {len(kinds)}")
        for number, (kind, entry) in enumerate(zip(kinds, value, strict=True)):
            kind(entry, f"{place}[{number}]")

    return check


def mapping(of: Kind, most: int = 10_000) -> Kind:
    """An object with any names, every entry of one kind."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            _refuse(value, place, "an object")
        if len(value) > most:
            raise Wrong(f"{place or 'it'} has {len(value)} names; at most {most} are read")
        for name, entry in value.items():
            of(entry, _inside(place, name))

    return check


def record(others: Kind | None = None, optional: dict[str, Kind] | None = None, /, **kinds: Kind) -> Kind:
    """An object with an entry of each name.

    Args:
        others: of entries with other names; without it there may be none.
        optional: entries that may be left out.
        **kinds: entries that must be there.
    """
    known = {**kinds, **(optional or {})}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            _refuse(value, place, "an object")
        missing = next((name for name in kinds if name not in value), None)
        if missing is not None:
            raise Wrong(f"{_inside(place, missing)} is missing")
        for name, entry in value.items():
            kind = known.get(name, others)
            if kind is None:
                raise Wrong(f"{place or 'it'} has the name {shown(name)}; known are {', '.join(known)}"[:150])
            kind(entry, _inside(place, name))

    return check


def either(*kinds: Kind) -> Kind:
    """Of one of several kinds; the complaint is that of the last."""

    def check(value: Any, place: str) -> None:
        for kind in kinds[:-1]:
            try:
                return kind(value, place)
            except Wrong:
                continue
        kinds[-1](value, place)

    return check


def maybe(kind: Kind) -> Kind:
    """null, or of a kind."""
    return either(nothing, kind)


def _inside(place: str, name: str) -> str:
    short = name if name.isidentifier() and len(name) <= 40 else shown(name)
    return f"{place}.{short}" if place else short


def _range(low: float, high: float) -> str:
    if high in (math.inf, 2**63 - 1):
        return f"from {low:g} on"
    return f"up to {high:g}" if low in (-math.inf, -(2**63)) else f"from {low:g} to {high:g}"


def _refuse(value: Any, place: str, expected: str) -> NoReturn:
    raise Wrong(f"{place or 'it'} is {shown(value)}; expected {expected}")

"""JSON as RFC 8259 has it, and no more: finite numbers of 64 bits, no name twice in an object, bounded depth.

Python's own reader takes NaN, infinities, whole numbers of any length and the last of several equal names. A value that
passed here can be compared, converted to an array and written again without a surprise.
"""

import json
from typing import Any, NoReturn

DEEPEST = 32
"""Lists and objects inside one another; what this package writes has fewer than ten."""


def parse(text: str | bytes) -> Any:
    """The value that `text` (UTF-8 when bytes) says.

    Raises:
        ValueError: it is no JSON, or beyond the limits; one short line that does not repeat the text.
    """
    try:
        words = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(
            words, object_pairs_hook=_object, parse_float=_real, parse_int=_whole, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg}, line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ValueError(_too_deep()) from None
    _check(value)
    return value


def shown(value: Any, most: int = 40) -> str:
    """A value in a message: short, on one line, and never more than the start of what was read."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return repr(value if len(value) <= most else value[: most - 1] + "…")
    return json.dumps(value)[:most]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{shown(twice)} stands twice in one object")
    return found


def _real(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {shown(digits, 20)[1:-1]} is beyond what 64 bits hold")
    return value


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise ValueError(f"a whole number of {len(digits.lstrip('-'))} digits is beyond what 64 bits hold")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check(value: Any) -> None:
    """Depth, and text that cannot be written again: half of a surrogate pair."""
    level = [value]
    for depth in range(DEEPEST + 1):
        if depth == DEEPEST and any(isinstance(one, dict | list) for one in level):
            raise ValueError(_too_deep())
        inside: list[Any] = []
        for one in level:
            if isinstance(one, str):
                _check_text(one)
            elif isinstance(one, dict):
                inside.extend(one)
                inside.extend(one.values())
            elif isinstance(one, list):
                inside.extend(one)
        level = inside


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"character {error.start} of a text is half of a surrogate pair") from None


def _too_deep() -> str:
    return f"more than {DEEPEST} lists or objects stand inside one another"

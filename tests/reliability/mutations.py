"""JSON files damaged in every way we could think of: what fuzz tests of the file formats draw from."""

import copy
import json
import random
import string
from typing import Any

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3.5,
        -0.0,
        1e-300,
        1e300,
        -1e300,
        10**9,
        2**31,
        2**53,
        2**63 - 1,
        -(2**63),
        5e-324,
    ),
    *("", "x", "NaN", "uniform", "bit_reversal", "strided:base=0", "blocks:block_length=9999999", "[/red]", "a" * 5000),
    *("\u202e\x1b[31m", "$\\frac{$", "Δ", "\x00", "../../x", "law:toy", "none"),
    *([], {}, [[]], [1, 2], [0], [0.5], {"a": 1}, [None], ["x"], {"value": 1.0}, [[1, 2], [3, 4]]),
]
"""Values that a field may have instead of its own."""

TEXTS = [
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "9" * 5000,
        "-" + "9" * 5000,
        "1e99999999",
        "0x10",
        "01",
        "+1",
    ),
    *(
        '"\\ud800"',
        '"\\u0000"',
        '{"a": 1, "a": 2}',
        "[" * 50 + "]" * 50,
        "[" * 100_000,
        '{"a":' * 2000,
        "'x'",
        "//",
        "",
    ),
]
"""What no JSON writer of Python would write in its place."""


def mutated(value: Any, seed: int) -> bytes:
    """The JSON text of `value` after one to three random damages; the same for the same seed."""
    rng = random.Random(seed)
    tree = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        tree = _damaged(tree, rng)
    text = json.dumps(tree)
    if rng.random() < 0.35:
        text = _damaged_text(text, rng)
    data = text.encode("utf-8", errors="surrogatepass")
    if rng.random() < 0.03:
        place = rng.randrange(len(data) + 1)
        data = data[:place] + bytes([rng.randrange(256)]) + data[place:]
    return data


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            found.append((one, key))
            waiting.append(one[key])
    return found


def _damaged(tree: Any, rng: random.Random) -> Any:
    spots = places(tree)
    if not spots or rng.random() < 0.02:
        return rng.choice(VALUES)
    # fields are chosen as often as the entries of long lists
    named = [spot for spot in spots if isinstance(spot[0], dict)]
    inside, key = rng.choice(named if named and rng.random() < 0.7 else spots)
    act = rng.randrange(8)
    if act == 0:
        del inside[key]
    elif act == 1 and isinstance(inside, list):
        inside.insert(key, copy.deepcopy(rng.choice(VALUES)))
    elif act == 1:
        inside["".join(rng.choices(string.ascii_letters, k=8))] = copy.deepcopy(rng.choice(VALUES))
    elif act == 2:
        other, place = rng.choice(spots)
        inside[key] = copy.deepcopy(other[place])
    elif act == 3 and isinstance(inside[key], int | float):
        inside[key] = rng.choice(
            (-inside[key], inside[key] + 1, inside[key] - 1, inside[key] * 1e6, float(inside[key]))
        )
    elif act == 4 and isinstance(inside[key], list):
        inside[key] = inside[key][: rng.randrange(len(inside[key]) + 1)]
    elif act == 5 and isinstance(inside[key], str):
        text = inside[key]
        cut = rng.randrange(len(text) + 1)
        inside[key] = text[:cut] + rng.choice(("", "!", "é", "\x1b[2J", "=")) + text[cut + 1 :]
    else:
        inside[key] = copy.deepcopy(rng.choice(VALUES))
    return tree


def _damaged_text(text: str, rng: random.Random) -> str:
    act = rng.randrange(4)
    if act == 0:
        return text[: rng.randrange(len(text) + 1)]
    if act == 1:
        cut = rng.randrange(len(text) + 1)
        return text[:cut] + rng.choice(string.printable) + text[cut:]
    numbers = [place for place, letter in enumerate(text) if letter == " "] or [0]
    start = rng.choice(numbers)
    end = min((place for place in (text.find(",", start), text.find("}", start)) if place >= 0), default=len(text))
    return text[:start] + " " + rng.choice(TEXTS) + text[end:]

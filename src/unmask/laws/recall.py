"""Key-value recall: pairs of a key and a value are given, then one of the keys; the answer is its value.

anna figs ben plums dora figs ben -> plums
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from unmask.laws.checks import whole_number
from unmask.laws.listed_task import NAMES, Kind, ListedTask, check_listable, repeated

FRUITS = ("apples", "cherries", "figs", "grapes", "limes", "pears", "plums", "quinces")


def recall(pairs: int = 3, keys: int = 4, values: int = 4) -> ListedTask:
    """Distinct keys in random order, each with a uniform value, and a uniform one of them asked: L = 2 pairs + 2.

    Entropy: log (keys! / (keys - pairs)!) + pairs log values + log pairs.
    """
    keys, values = whole_number("keys", keys, 1, len(NAMES)), whole_number("values", values, 2, len(FRUITS))
    pairs = whole_number("pairs", pairs, 1, keys)
    check_listable("pairs", pairs, 1, lambda m: math.perm(keys, m) * values**m * m)
    name, fruit = Kind("a name", NAMES[:keys]), Kind("a fruit", FRUITS[:values])

    def rows() -> Iterator[tuple[list[str], float]]:
        for owners in itertools.permutations(name.words, pairs):
            for owned in itertools.product(fruit.words, repeat=pairs):
                given = [word for pair in zip(owners, owned, strict=True) for word in pair]
                yield from (([*given, owner, value], 1.0) for owner, value in zip(owners, owned, strict=True))

    def fault(words: Sequence[str]) -> str | None:
        owners, owned, (asked, answer) = words[:-2:2], words[1:-2:2], words[-2:]
        twice = repeated(owners)
        if twice is not None:
            return f"{twice} stands twice among the pairs"
        if asked not in owners:
            return f"{asked} is asked but not given"
        value = owned[owners.index(asked)]
        return None if answer == value else f"{asked} has {value}, not {answer}"

    kinds = [name, fruit] * (pairs + 1)
    title = f"recall:pairs={pairs},keys={keys},values={values}"
    return ListedTask(title, kinds, rows(), fault, prompt_length=2 * pairs + 1)

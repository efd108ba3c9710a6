"""A small language whose mistakes anyone can see: little sums about fruit, in sentences of exactly 17 words.

    ben has 3 red plums , emil has 9 more : in all 12 red plums .
    anna gave dora 5 apples , dora had 8 before : now dora has 13 apples .

Names, numbers, colours and fruits are drawn freely; the end repeats the colour, the fruit or the name, and the sum has
to be right. Words drawn in parallel get exactly that wrong: "dora had 8 before : in all 16 green apples .". All 48,600
sentences can be listed, so everything about the language is known exactly, and any row of words can be checked.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy.typing as npt

from unmask.laws.listed_task import ListedLanguage

NAMES = ("anna", "ben", "carla", "dora", "emil")
COLOURS = ("red", "green", "yellow", "black")
FRUITS = ("apples", "pears", "plums", "figs", "limes", "cherries")
ADDENDS = tuple(str(number) for number in range(2, 11))  # from 2, as "1 apples" would look like a mistake
NUMBERS = tuple(str(number) for number in range(2, 21))
GLUE = ("has", "gave", "had", "more", "before", "in", "all", "now", ",", ":", ".")

# The two forms. Everything within {} is a slot; a slot that comes twice holds the same word twice, {a} and {b} differ,
# and {sum} is {m} plus {n}.
HAVING = "{a} has {m} {colour} {fruit} , {b} has {n} more : in all {sum} {colour} {fruit} ."
GIVING = "{a} gave {b} {m} {fruit} , {b} had {n} before : now {b} has {sum} {fruit} ."
HAVING_SHARE = 9 / 16
"""How often the first form is used. Within a form all sentences are equally likely."""

_CHOICES = {"a": NAMES, "b": NAMES, "m": ADDENDS, "n": ADDENDS, "sum": NUMBERS, "colour": COLOURS, "fruit": FRUITS}
_KIND = {"a": "a name", "b": "a name", "m": "a number up to 10", "n": "a number up to 10", "sum": "a number"}
_KIND |= {"colour": "a colour", "fruit": "a fruit"}


class ToyGrammar(ListedLanguage):
    """The law of the toy sentences: L = 17, V = 45, entropy 15.36 bits. Tokens are indices into `words`.

    Curve, exact: by enumeration of the list. Left to right with sizes (2, 1, 6, 8) it is sampled without error.
    """

    def __init__(self) -> None:
        having, giving = list(_sentences(HAVING)), list(_sentences(GIVING))
        rows = [(sentence, HAVING_SHARE / len(having)) for sentence in having]
        rows += [(sentence, (1 - HAVING_SHARE) / len(giving)) for sentence in giving]
        super().__init__("a sentence", (*NAMES, *NUMBERS, *COLOURS, *FRUITS, *GLUE), rows)

    def __repr__(self) -> str:
        return f"ToyGrammar(length={self.length}, vocab_size={self.vocab_size})"

    def explain(self, row: npt.ArrayLike) -> str | None:
        """Why one row of tokens is no sentence, such as "5 + 8 is 13, not 16"; None when it is one."""
        words = self.decode(row).split()
        if len(words) != self.length:
            return f"{len(words)} words instead of {self.length}"
        faults = min(_faults(HAVING, words), _faults(GIVING, words), key=len)  # of the form it resembles more
        return faults[0] if faults else None


@functools.cache
def toy_grammar() -> ToyGrammar:
    """The toy language (the same object each time; making it takes a fifth of a second)."""
    return ToyGrammar()


def _sentences(form: str) -> Iterator[list[str]]:
    """Every sentence of a form, as words."""
    colours = COLOURS if "{colour}" in form else ("",)
    for (a, b), m, n, colour, fruit in itertools.product(
        itertools.permutations(NAMES, 2), ADDENDS, ADDENDS, colours, FRUITS
    ):
        yield form.format(a=a, b=b, m=m, n=n, colour=colour, fruit=fruit, sum=int(m) + int(n)).split()


def _faults(form: str, words: Sequence[str]) -> list[str]:
    """Everything that is wrong with 17 words read as a sentence of this form, read by the rules and not by the list."""
    faults = []
    slots: dict[str, str] = {}
    for wanted, word in zip(form.split(), words, strict=True):
        slot = wanted.strip("{}") if wanted.startswith("{") else None
        if slot is None:
            if word != wanted:
                faults.append(f'"{word}" stands where "{wanted}" belongs')
        elif word not in _CHOICES[slot]:
            faults.append(f'"{word}" stands where {_KIND[slot]} belongs')
        elif slots.setdefault(slot, word) != word:
            faults.append(f"{slots[slot]} turns into {word}")
    if "a" in slots and slots["a"] == slots.get("b"):
        faults.append(f"{slots['a']} comes twice")
    if {"m", "n", "sum"} <= slots.keys() and int(slots["m"]) + int(slots["n"]) != int(slots["sum"]):
        faults.append(f"{slots['m']} + {slots['n']} is {int(slots['m']) + int(slots['n'])}, not {slots['sum']}")
    return faults

"""List operations: a list of distinct names and what the operation needs are given, the list after it is the answer.

The "waiting line" of ParallelBench (Kang et al., arXiv 2510.04767), there in sentences for large models, here as laws:

    copy     anna dora ben -> anna dora ben            insert   anna dora ben emil second -> anna emil dora ben
    shuffle  anna dora ben -> ben anna dora            remove   anna dora ben second -> anna ben

With one right answer, a prompt that is known determines every name, and one step is enough. With several answers the
names exclude each other: given the prompt and drawn in one step, a shuffle of n is right with probability n!/n^n, a
random replacement with (1 - 1/n)^(n-1), a random insertion with n! 2^n / (n+1)^(n+1) and a random removal with
(n-1)! 2^(n-1) / n^(n-1). Adding an operation is one entry of `OPERATIONS`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from unmask import spec
from unmask.errors import InputError
from unmask.laws.checks import whole_number
from unmask.laws.listed_task import AT_MOST, NAMES, Kind, ListedTask, check_listable, repeated

Row = tuple[str, ...]

PLACES = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth"),
)


@dataclass(frozen=True)
class Operation:
    """One operation on a list.

    Args:
        title: a few words for a table.
        description: one sentence, what is right.
        answers: `answers(items, name, place)`, every right answer, all equally likely and as many for every prompt. The
            name is one that is not in the list, "" when none is taken; the place counts from 0.
        name: whether the prompt has a name after the list.
        places: how many places the prompt chooses from, given the number of items; 0 where it names none.
    """

    title: str
    description: str
    answers: Callable[[Row, str, int], Iterable[Row]]
    name: bool = False
    places: Callable[[int], int] = lambda items: 0


def _inserted(items: Row, name: str, place: int) -> Row:
    return (*items[:place], name, *items[place:])


def _removed(items: Row, place: int) -> Row:
    return items[:place] + items[place + 1 :]


def _replaced(items: Row, name: str, place: int) -> Row:
    return (*items[:place], name, *items[place + 1 :])


OPERATIONS: dict[str, Operation] = {
    "copy": Operation("copy a list", "The answer is the list as it was given.", lambda items, name, place: [items]),
    "reverse": Operation(
        "reverse a list",
        "The answer is the list from its end to its beginning.",
        lambda items, name, place: [items[::-1]],
    ),
    "sort": Operation(
        "sort a list",
        "The answer is the list in alphabetical order.",
        lambda items, name, place: [tuple(sorted(items))],
    ),
    "shuffle": Operation(
        "shuffle a list",
        "The answer has the names of the list, each once, in any order.",
        lambda items, name, place: itertools.permutations(items),
    ),
    "insert": Operation(
        "insert at a place",
        "The answer is the list with the new name inserted so that it stands at the place named.",
        lambda items, name, place: [_inserted(items, name, place)],
        name=True,
        places=lambda items: items + 1,
    ),
    "insert_random": Operation(
        "insert anywhere",
        "The answer is the list with the new name inserted at any place.",
        lambda items, name, place: [_inserted(items, name, at) for at in range(len(items) + 1)],
        name=True,
    ),
    "remove": Operation(
        "remove from a place",
        "The answer is the list without the name at the place named.",
        lambda items, name, place: [_removed(items, place)],
        places=lambda items: items,
    ),
    "remove_random": Operation(
        "remove any one",
        "The answer is the list without one of its names.",
        lambda items, name, place: [_removed(items, at) for at in range(len(items))],
    ),
    "replace": Operation(
        "replace at a place",
        "The answer is the list with the new name instead of the one at the place named.",
        lambda items, name, place: [_replaced(items, name, place)],
        name=True,
        places=lambda items: items,
    ),
    "replace_random": Operation(
        "replace any one",
        "The answer is the list with the new name instead of one of its names.",
        lambda items, name, place: [_replaced(items, name, at) for at in range(len(items))],
        name=True,
    ),
}


def list_operation(operation: str, items: int = 4, names: int = 6) -> ListedTask:
    """The law of one operation: a uniform list of distinct names, a uniform argument, a uniform right answer.

    Args:
        operation: a name of `OPERATIONS`.
        items: how many names the list has.
        names: how many names there are to draw from.

    Raises:
        InputError: when there is no such operation, or more than `AT_MOST` sequences would have to be listed.
    """
    if operation not in OPERATIONS:
        raise InputError(f"there is no list operation {operation!r}; {spec.nearest(operation, OPERATIONS)}")
    what = OPERATIONS[operation]
    names = whole_number("names", names, 2 + what.name, len(NAMES))
    items = whole_number("items", items, 2, names - what.name)
    check_listable("items", items, 2, lambda count: _sequences(what, count, names))

    name, place = Kind("a name", NAMES[:names]), Kind("a place", PLACES[: what.places(items)])
    argument = [name] * what.name + [place] * bool(place.words)
    prompt = items + len(argument)

    def read(prompt: Sequence[str]) -> tuple[Row, str, int]:
        """List, name and place of the words of a prompt."""
        new = prompt[items] if what.name else ""
        return tuple(prompt[:items]), new, place.words.index(prompt[-1]) if place.words else 0

    def rows() -> Iterator[tuple[Row, float]]:
        for people in itertools.permutations(name.words, items + what.name):
            for where in place.words or ("",):
                given = (*people, where) if where else people
                yield from (((*given, *answer), 1.0) for answer in what.answers(*read(given)))

    def fault(words: Sequence[str]) -> str | None:
        line, new, where = read(words[:prompt])
        twice = repeated(line)
        if twice is not None:
            return f"{twice} stands twice in the list"
        if new in line:
            return f"{new} is in the list already"
        return _fault_of_answer(tuple(words[prompt:]), what.answers(line, new, where))

    length = len(next(iter(what.answers(*read([*NAMES[: items + what.name], *place.words[:1]])))))
    kinds = [name] * items + argument + [name] * length
    return ListedTask(f"list_{operation}:items={items},names={names}", kinds, rows(), fault, prompt_length=prompt)


def _fault_of_answer(answer: Row, right: Iterable[Row]) -> str | None:
    """How an answer differs from the right one it resembles most."""
    nearest = min(right, key=lambda row: sum(a != b for a, b in zip(row, answer, strict=True)))
    if answer == nearest:
        return None
    twice = repeated(answer)
    if twice is not None and nearest.count(twice) < 2:
        return f"{twice} stands twice in the answer"
    missing = [word for word in nearest if word not in answer]
    if missing:
        return f"{missing[0]} is missing in the answer"
    where = next(at for at in range(len(answer)) if answer[at] != nearest[at])
    return f"{answer[where]} stands {PLACES[where]} in the answer, where {nearest[where]} belongs"


def _sequences(what: Operation, items: int, names: int) -> int:
    """How many sequences there are: prompts times answers; answers are counted no further than is needed."""
    prompts = math.perm(names, items + what.name) * max(1, what.places(items))
    answers = what.answers(NAMES[:items], NAMES[items] if what.name else "", 0)
    return prompts * sum(1 for _ in itertools.islice(answers, AT_MOST + 1))

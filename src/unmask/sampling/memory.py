"""What parts remember of a run: a state for each part, row by row.

A part is a function of the present step and of its state as the step found it. What it writes is seen from the next
step on, so asking a part twice in a step gives the same answer twice and moves its state once. Where a part is asked
for some rows alone (`step.only`), the others' state stays as it was.

A state is a tensor whose first dimension is the rows, a list with one entry for each row, `Packed`, or a tuple of
such. So rows can leave a batch and batches can be put together without any part knowing of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import torch
from torch import Tensor
from torch.nn.functional import pad

from unmask.errors import InputError

State = TypeVar("State")
Where = TypeVar("Where")


@dataclass(frozen=True)
class Packed:
    """Arrays at some positions of the grid: N of them instead of rows times length.

    Attributes:
        index: (R, L) int64; which of the N belongs to each position, -1 where none does.
        values: (N, …).
    """

    index: Tensor
    values: Tensor

    @classmethod
    def nothing(cls, shape: torch.Size, device: torch.device) -> "Packed":
        """No position has a value yet."""
        return cls(torch.full(shape, -1, device=device), torch.zeros(0, device=device))

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.index, self.values))

    def cut(self, rows: Tensor) -> "Packed":
        """Some rows, the values of the others forgotten."""
        index = self.index[rows]
        held = index >= 0
        renumbered = torch.full_like(index, -1)
        renumbered[held] = torch.arange(int(held.sum()), device=index.device)
        return Packed(renumbered, self.values[index[held]])

    def joined(self, other: "Packed") -> "Packed":
        """These rows and then the other's."""
        moved = torch.where(other.index >= 0, other.index + len(self.values), -1)
        some = [part.values for part in (self, other) if len(part.values)] or [self.values]
        return Packed(_stacked(self.index, moved, -1), torch.cat(some))


@dataclass
class _Entry(Generic[Where]):
    """The state of one owner, which is held so that no other object can take its identity."""

    owner: object
    begin: Callable[[Where], object]
    state: object


class Memory(Generic[Where]):
    """The states of all parts in one run, by the identity of the part: equal parts have a state each."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry[Where]] = {}
        self._written: dict[int, object] = {}

    def recall(self, owner: object, begin: Callable[[Where], State], where: Where) -> State:
        """The owner's state as this step found it; `begin(where)` when it has none yet."""
        entry = self._entries.get(id(owner))
        if entry is None:
            entry = self._entries[id(owner)] = _Entry(owner, begin, begin(where))
        return cast(State, entry.state)

    def remember(self, owner: object, state: object, rows: Tensor | None = None) -> None:
        """What the owner will find in the next step; in the rows of `rows` ((R,) bool) alone, where they are given."""
        if rows is not None:
            state = _merged(self._written.get(id(owner), self._entries[id(owner)].state), state, rows)
        self._written[id(owner)] = state

    def end_step(self) -> None:
        """What was written in this step is what the next one finds."""
        for key, state in self._written.items():
            self._entries[key].state = state
        self._written.clear()

    def cut(self, rows: Tensor) -> "Memory[Where]":
        """The states of some rows, (r,) int64, between two steps."""
        kept = Memory[Where]()
        kept._entries = {
            key: _Entry(entry.owner, entry.begin, _cut(entry.state, rows)) for key, entry in self._entries.items()
        }
        return kept

    def joined(self, where: Where, other: "Memory[Where]", there: Where) -> "Memory[Where]":
        """The states of the rows of two canvases, these first, between two steps.

        A part that only one of them has asked begins on the other.
        """
        whole = Memory[Where]()
        for key, entry in (self._entries | other._entries).items():
            ours = self.recall(entry.owner, entry.begin, where)
            theirs = other.recall(entry.owner, entry.begin, there)
            whole._entries[key] = _Entry(entry.owner, entry.begin, _joined(ours, theirs))
        return whole


def _cut(state: object, rows: Tensor) -> object:
    if isinstance(state, Tensor):
        return state[rows.to(state.device)]
    if isinstance(state, Packed):
        return state.cut(rows.to(state.index.device))
    if isinstance(state, list):
        return [state[row] for row in rows.tolist()]
    return _made(state, [_cut(field, rows) for field in _fields(state)])


def _joined(first: object, second: object) -> object:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return _stacked(first, second)
    if isinstance(first, Packed) and isinstance(second, Packed):
        return first.joined(second)
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    return _made(first, [_joined(*pair) for pair in zip(_fields(first), _fields(second), strict=True)])


def _merged(old: object, new: object, rows: Tensor) -> object:
    """The new state where `rows` ((R,) bool) says so, else the old one."""
    kept, taken = (~rows).nonzero().squeeze(1), rows.nonzero().squeeze(1)
    return _cut(_joined(_cut(old, kept), _cut(new, taken)), torch.cat([kept, taken]).argsort())


def _stacked(first: Tensor, second: Tensor, fill: int = 0) -> Tensor:
    """Rows of two arrays, the smaller one's further dimensions filled up to the larger one's."""
    widest = [max(sizes) for sizes in zip(first.shape[1:], second.shape[1:], strict=True)]
    filled = []
    for part in (first, second):
        missing = [(0, most - size) for most, size in zip(widest, part.shape[1:], strict=True)]
        filled.append(pad(part, [number for pair in reversed(missing) for number in pair], value=fill))
    return torch.cat(filled)


def _fields(state: object) -> tuple[object, ...]:
    if isinstance(state, tuple):
        return state
    raise InputError(
        f"a part remembers {type(state).__name__}; expected tensors or lists with an entry for each row, or a tuple of "
        "them"
    )


def _made(like: object, fields: list[object]) -> object:
    """A tuple of the kind of another, named or not."""
    make: Callable[[list[object]], object] = getattr(type(like), "_make", tuple)
    return make(fields)

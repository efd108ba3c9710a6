"""Squares of numbers: Latin squares, and sudokus of side 4. All right ones are found by a small search and listed.

A row of tokens is a square read row by row. Each number stands once in every row and every column, and, in a sudoku,
once in every box of 2 x 2. Nothing is given: any set of cells may be revealed first, so a puzzle is a context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unmask.laws.checks import whole_number
from unmask.laws.listed_task import Kind, ListedTask, repeated

Groups = dict[str, list[int]]
"""Cells that must all differ, by the name a person calls them: "row 2"."""


def latin_square(side: int = 4) -> ListedTask:
    """Uniform over the Latin squares of a side: 2, 12 and 576 of side 2, 3 and 4. L = side^2, V = side."""
    side = whole_number("side", side, 2, 4)
    return _square(f"latin_square:side={side}", side, _lines(side))


def sudoku() -> ListedTask:
    """Uniform over the 288 sudokus of side 4 with boxes of 2 x 2. L = 16, V = 4."""
    corners = {"upper left": 0, "upper right": 2, "lower left": 8, "lower right": 10}
    boxes = {f"the {place} box": [corner + cell for cell in (0, 1, 4, 5)] for place, corner in corners.items()}
    return _square("sudoku", 4, _lines(4) | boxes)


def _square(name: str, side: int, groups: Groups) -> ListedTask:
    numbers = tuple(str(number) for number in range(1, side + 1))
    peers = [
        sorted({other for cells in groups.values() if cell in cells for other in cells if other < cell})
        for cell in range(side**2)
    ]

    def completions(filled: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if len(filled) == side**2:
            yield filled
            return
        used = {filled[other] for other in peers[len(filled)]}
        for number in numbers:
            if number not in used:
                yield from completions((*filled, number))

    def fault(words: Sequence[str]) -> str | None:
        for group, cells in groups.items():
            twice = repeated(words[cell] for cell in cells)
            if twice is not None:
                return f"{group} has {twice} twice"
        return None

    kinds = [Kind(f"a number up to {side}", numbers)] * side**2
    return ListedTask(name, kinds, ((square, 1.0) for square in completions(())), fault)


def _lines(side: int) -> Groups:
    rows = {f"row {row + 1}": [row * side + column for column in range(side)] for row in range(side)}
    columns = {f"column {column + 1}": [row * side + column for row in range(side)] for column in range(side)}
    return rows | columns

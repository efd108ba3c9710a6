"""Tasks with a right answer: the laws under which most rows of tokens are impossible, and what makes a row right.

Orders and rules are judged on them by validity: how many of the rows they write are right, and what is wrong with the
others. A task is made from a name of the catalogue of laws, or from a law at hand. Knows laws, no models and no rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from unmask import own_files, spec
from unmask.errors import InputError
from unmask.laws import (
    Balanced,
    Grammar,
    Law,
    Listed,
    ListedTask,
    MarkovChain,
    MDSCode,
    Parity,
    Permutation,
    Product,
    Repeated,
    Staircase,
    Table,
    ToyGrammar,
    Tree,
    catalogue,
)
from unmask.laws.base import BoolArray
from unmask.laws.lists import OPERATIONS


@dataclass(frozen=True)
class Task:
    """A law with right and wrong rows."""

    name: str
    """What `task` makes it from, parameters included: "list_copy:items=4"; for a law at hand its family."""
    title: str
    """A few words for a table."""
    description: str
    """One sentence: what is right."""
    law: Law
    prompt_length: int
    """How many leading tokens are given when the task is posed."""

    def is_valid(self, tokens: npt.ArrayLike) -> BoolArray:
        """Whether each row of tokens (n, L) is right, shape (n,). Any token is allowed; a mask is never right."""
        if hasattr(self.law, "is_valid"):
            return cast(BoolArray, self.law.is_valid(tokens))
        rows = np.asarray(tokens)
        possible = np.all((rows >= 0) & (rows < self.law.vocab_size), axis=1)
        valid = np.zeros(len(rows), dtype=np.bool_)
        valid[possible] = np.isfinite(self.law.log_prob(rows[possible]))
        return valid

    def explain(self, row: npt.ArrayLike) -> str | None:
        """Why one row of tokens is wrong, in a few words; None when it is right."""
        if hasattr(self.law, "explain"):
            return cast("str | None", self.law.explain(row))
        return None if self.is_valid(np.asarray(row)[None])[0] else "impossible under the law"


def task(name: str) -> Task:
    """The task called `name`, optionally with the parameters of its law: `"list_copy:items=3"`.

    `FILE.py:FUNCTION` is a law of your own with a method `is_valid`, whose `title`, `description`, `explain` and
    `prompt_length` are used where it has them.

    Raises:
        InputError: when there is no such task, or its law refuses the parameters; it says what there is.
    """
    written = own_files.split(name, "task")
    key = spec.match(name, names(), "task") if written is None else written[1]
    law = catalogue.from_name(name)
    if not _restricted(law):
        raise InputError(f"{name!r} gives every row a probability, so no row is wrong; choose other parameters")
    return _made(name, key, law)


def names() -> tuple[str, ...]:
    """The names of all tasks, in alphabetical order."""
    return tuple(sorted(_TASKS))


def task_of_law(law: Law) -> Task | None:
    """The task of a law that makes some rows impossible; None where everything is possible, or nobody can tell.

    Mixtures, hidden chains and laws defined elsewhere without `is_valid` count as those of which nobody can tell.
    """
    if not _restricted(law):
        return None
    if isinstance(law, ListedTask):
        return _made(law.name, law.name.partition(":")[0], law)
    if isinstance(law, Grammar):
        key = "brackets" if law.words == ("(", ")") else "grammar"
        return _made(key, key, law)
    key = _FAMILIES.get(type(law), type(law).__name__.lower())
    return _made(key, key, law)


def _made(name: str, key: str, law: Law) -> Task:
    title, description = _TASKS.get(key, (key.replace("_", " "), "Every row the law gives a probability is right."))
    title, description = getattr(law, "title", title), getattr(law, "description", description)
    return Task(name, title, description, law, getattr(law, "prompt_length", 0))


def _restricted(law: Law) -> bool:
    """Whether the law is known to make some row impossible."""
    return hasattr(law, "is_valid") or any(
        isinstance(law, family) and rule(law) for family, rule in _RESTRICTED.items()
    )


_TASKS: dict[str, tuple[str, str]] = {
    "balanced": ("balanced bits", "As many ones as the law says, here or there."),
    "brackets": ("balanced brackets", "Every bracket that opens is closed, and none is closed that was not open."),
    "latin_square": ("Latin square", "Every number stands once in each row and each column."),
    **{f"list_{name}": (operation.title, operation.description) for name, operation in OPERATIONS.items()},
    "mds_code": ("codeword", "The tokens are the values of one polynomial of low degree over a field."),
    "modular_sum": ("modular sum", "The last number is the sum of the others modulo q."),
    "parity": ("parity", "The tokens sum to 0 modulo V."),
    "permutation": ("permutation", "Every token stands exactly once."),
    "recall": ("key-value recall", "The answer is the value that was given with the key that is asked."),
    "running_sum": ("running sum", "The answer has the sum of every beginning of the digits, modulo q."),
    "staircase": ("codewords", "Each digit of the tokens is a codeword of its code."),
    "sudoku": ("sudoku of side 4", "Every number stands once in each row, each column and each box of 2 x 2."),
    "toy": ("toy sentences", "A sentence about fruit whose names, colours and sum fit together."),
}
"""Title and description, by name in the catalogue of laws."""

_FAMILIES: dict[type[Law], str] = {
    Balanced: "balanced",
    MDSCode: "mds_code",
    MarkovChain: "markov_chain",
    Parity: "parity",
    Permutation: "permutation",
    Staircase: "staircase",
    ToyGrammar: "toy",
}
"""What a law is called in the catalogue, where that is not its class in small letters."""

# A grammar is taken to restrict: which strings it derives is not asked. A chain with a forbidden start or transition
# does, whether or not that transition can be reached: if not, what leads there is impossible.
_RESTRICTED: dict[type[Law], Callable[[Any], bool]] = {
    Balanced: lambda law: True,
    Grammar: lambda law: True,
    Listed: lambda law: len(law.sequences) < law.vocab_size**law.length,
    MDSCode: lambda law: law.dimension < law.length,
    MarkovChain: lambda law: bool((law.initial == 0).any() or (law.length > law.order and (law.transition == 0).any())),
    Parity: lambda law: True,
    Permutation: lambda law: law.length > 1,
    Product: lambda law: bool((law.marginals == 0).any()),
    Repeated: lambda law: law.noise == 0 and law.length > 1,
    Staircase: lambda law: any(code.dimension < law.length for code in law.codes),
    Table: lambda law: bool((law.probabilities == 0).any()),
    Tree: lambda law: _forbids(law),
}


def _forbids(tree: Tree) -> bool:
    """Whether a token is forbidden at the root, or below some token of its parent."""
    below = [node for node, parent in enumerate(tree.parents) if parent >= 0]
    return bool((tree.root == 0).any() or (tree.transitions[below] == 0).any())

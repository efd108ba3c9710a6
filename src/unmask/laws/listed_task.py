"""A task with a right answer, as a law: every right sequence listed with its weight, and a rule that can be read out.

What the families of tasks (`squares`, `lists`, `sums`, `recall`) share: tokens are words, the first `prompt_length` of
them are given when the task is posed, and a wrong row is explained by the rule, which never looks at the list. Knows
no task itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import BoolArray, Law, Seed, TokenArray
from unmask.laws.table import Listed
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.order_table import OrderTable

AT_MOST = 50_000
"""Sequences a task may have, so that a batch of conditionals takes well under a second."""

NAMES = ("anna", "ben", "carla", "dora", "emil", "frida", "georg", "hanna", "ivan", "jonas", "klara", "leo")
"""In alphabetical order, so that the order of tokens is the order of words."""

Fault = Callable[[Sequence[str]], str | None]
"""What is wrong with the words of a row, in a few words; None when nothing is."""


@dataclass(frozen=True)
class Kind:
    """What may stand at a position: "a name", and the words that are one."""

    title: str
    words: tuple[str, ...]


class ListedLanguage(Law):
    """A law over rows of words, every right one listed with its weight. Tokens are indices into `words`.

    Args:
        name: what messages call a row.
        words: the vocabulary.
        rows: every right row, as words, with its weight; a row that comes twice has its weights added.
    """

    prompt_length: int = 0

    def __init__(self, name: str, words: Iterable[str], rows: Iterable[tuple[Sequence[str], float]]) -> None:
        self.name, self.words = name, tuple(words)
        self._token = {word: token for token, word in enumerate(self.words)}
        sequences, weights = zip(*(([self._token[word] for word in row], weight) for row, weight in rows), strict=True)
        self.listed = Listed(np.array(sequences), weights, vocab_size=len(self.words))
        self.length, self.vocab_size = self.listed.length, self.listed.vocab_size

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        return self.listed.sample(n, seed)

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        return self.listed.log_prob(x)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        return self.listed.conditionals(x, known)

    def curve(self) -> InformationCurve:
        """That of the list: exact where it can be enumerated, else measured; computed once."""
        return self.listed.curve()

    def order_table(self, permutation: npt.ArrayLike) -> OrderTable:
        """`g(a, k) = H(X_{permutation(k)} | X_{permutation(<a)})` for one given order (F11), exact."""
        return self.listed.order_table(permutation)

    @property
    def entropy(self) -> float:
        """H(X) in nats, exact."""
        return self.listed.entropy

    def encode(self, text: str) -> TokenArray:
        """The tokens of a row of L words separated by blanks, shape (L,). It may be wrong."""
        words = text.split()
        unknown = [word for word in words if word not in self._token]
        if unknown:
            raise InputError(f"text has the word {unknown[0]!r}; known are {' '.join(self.words)}")
        if len(words) != self.length:
            raise InputError(f"text has {len(words)} words; {self.name} has {self.length}")
        return np.array([self._token[word] for word in words], dtype=np.int64)

    def decode(self, row: npt.ArrayLike) -> str:
        """The words of one row of tokens, shape (any,); "_" for a token that is no word, such as a mask."""
        tokens = np.asarray(row).tolist()
        return " ".join(self.words[token] if 0 <= token < self.vocab_size else "_" for token in tokens)

    def is_valid(self, x: npt.ArrayLike) -> BoolArray:
        """Whether each row of x (n, L) is right, shape (n,). Any token is allowed."""
        tokens = np.asarray(x)
        words_only = np.all((tokens >= 0) & (tokens < self.vocab_size), axis=1)
        valid = np.zeros(len(tokens), dtype=np.bool_)
        valid[words_only] = np.isfinite(self.log_prob(tokens[words_only]))
        return valid


class ListedTask(ListedLanguage):
    """A law over the right sequences of a task. Tokens are indices into `words`.

    Curve: that of `Listed`, exact by enumeration where the list allows it, else measured with standard errors.

    Args:
        name: what the catalogue calls it, with its parameters: "list_copy:items=4,names=6".
        kinds: what may stand at each of the L positions. The words of all kinds, in this order, are the vocabulary.
        rows: every right sequence, as words, with its weight; a row that comes twice has its weights added.
        fault: the rule, asked only about rows in which every position has a word of its kind.
        prompt_length: how many leading tokens are given when the task is posed.
    """

    def __init__(
        self,
        name: str,
        kinds: Sequence[Kind],
        rows: Iterable[tuple[Sequence[str], float]],
        fault: Fault,
        prompt_length: int = 0,
    ) -> None:
        super().__init__(name, dict.fromkeys(word for kind in kinds for word in kind.words), rows)
        self.prompt_length = prompt_length
        self._kinds, self._fault = tuple(kinds), fault

    def explain(self, row: npt.ArrayLike) -> str | None:
        """Why one row of tokens is wrong, such as "row 2 has 3 twice"; None when it is right."""
        words = self.decode(row).split()
        if len(words) != self.length:
            return f"{len(words)} words instead of {self.length}"
        for word, kind in zip(words, self._kinds, strict=True):
            if word not in kind.words:
                return f'"{word}" stands where {kind.title} belongs'
        return self._fault(words)

    def __repr__(self) -> str:
        return f"ListedTask({self.name})"


def repeated(words: Iterable[str]) -> str | None:
    """The first word that comes twice, or None."""
    return next((word for word, count in Counter(words).items() if count > 1), None)


def check_listable(name: str, value: int, lowest: int, count: Callable[[int], int]) -> None:
    """Refuse a size whose sequences are too many to list; `count(value)` says how many there are, or any number above
    `AT_MOST` when there are more."""
    if count(value) > AT_MOST:
        fits = max(smaller for smaller in range(lowest, value) if count(smaller) <= AT_MOST)
        raise InputError(
            f"{name} is {value}; the task then has more than {AT_MOST} sequences, too many to list; "
            f"{name} may be at most {fits} here"
        )

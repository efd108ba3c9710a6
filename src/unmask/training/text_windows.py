"""Windows of exactly L tokens: what a training example is, and in which order the examples come.

Everything is a function of (seed, epoch, example), never of a process's rank or of what was drawn before, so a run can
be cut anywhere, or spread over processes, and sees the same examples.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from unmask.errors import InputError
from unmask.laws.base import Law, TokenArray


class Windows(Protocol):
    """Examples of L tokens each."""

    length: int
    count: int
    """Examples in one epoch."""

    def rows(self, epoch: int, examples: TokenArray) -> TokenArray:
        """Tokens of the given examples as they are in that epoch, shape (n, L)."""
        ...


class TextWindows:
    """Contiguous windows of one long row of tokens, cut at a new random offset every epoch.

    An epoch reads every token once: example i at offset o is `tokens[o + iL : o + (i+1)L]`, around the end.
    """

    def __init__(self, tokens: TokenArray, length: int, seed: int = 0, what: str = "text") -> None:
        if length < 2:
            raise InputError(f"length is {length}; a window needs at least 2 tokens")
        if len(tokens) < length:
            raise InputError(
                f"the {what} has {len(tokens)} tokens, fewer than one window of `length` {length}; "
                "give more text or a smaller length"
            )
        self.tokens = np.asarray(tokens, dtype=np.int64)
        self.length = length
        self.count = len(tokens) // length
        self._seed = seed

    def rows(self, epoch: int, examples: TokenArray) -> TokenArray:
        offset = int(np.random.default_rng((self._seed, epoch, 1)).integers(len(self.tokens)))
        starts = offset + np.asarray(examples)[:, None] * self.length
        return np.asarray(self.tokens[(starts + np.arange(self.length)) % len(self.tokens)])


class FixedWindows:
    """Windows of one long row of tokens, side by side from its beginning: held-out text, the same at every look."""

    def __init__(self, tokens: TokenArray, length: int) -> None:
        self.length = length
        self.count = len(tokens) // length
        self._rows = np.asarray(tokens[: self.count * length], dtype=np.int64).reshape(self.count, length)

    def rows(self, epoch: int, examples: TokenArray) -> TokenArray:
        del epoch
        return np.asarray(self._rows[examples])


class LawWindows:
    """Sequences drawn from a law, fresh ones every epoch, so that nothing can be learnt by heart."""

    def __init__(self, law: Law, count: int = 1 << 15, seed: int = 0) -> None:
        self.law = law
        self.length = law.length
        self.count = count
        self._seed = seed
        self._epoch = -1
        self._drawn: TokenArray = np.empty((0, law.length), dtype=np.int64)

    def rows(self, epoch: int, examples: TokenArray) -> TokenArray:
        if epoch != self._epoch:
            self._drawn = self.law.sample(self.count, np.random.default_rng((self._seed, epoch, 1)))
            self._epoch = epoch
        return np.asarray(self._drawn[examples])


class Batches:
    """Batch number s, for any s: every epoch's examples in a new random order, one epoch after another."""

    def __init__(self, windows: Windows, batch_size: int, seed: int = 0) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; it must be at least 1")
        self.windows = windows
        self.batch_size = batch_size
        self._seed = seed
        self._orders: dict[int, TokenArray] = {}

    def __getitem__(self, step: int) -> tuple[TokenArray, TokenArray, TokenArray]:
        """(epochs, examples, tokens) of batch `step`: shapes (B,), (B,), (B, L)."""
        places = step * self.batch_size + np.arange(self.batch_size)
        epochs, inside = np.divmod(places, self.windows.count)
        examples = np.empty(self.batch_size, dtype=np.int64)
        tokens = np.empty((self.batch_size, self.windows.length), dtype=np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            examples[here] = self._order(int(epoch))[inside[here]]
            tokens[here] = self.windows.rows(int(epoch), examples[here])
        return epochs, examples, tokens

    def _order(self, epoch: int) -> TokenArray:
        if epoch not in self._orders:
            self._orders = {key: order for key, order in self._orders.items() if key == epoch - 1}
            self._orders[epoch] = np.random.default_rng((self._seed, epoch, 0)).permutation(self.windows.count)
        return self._orders[epoch]

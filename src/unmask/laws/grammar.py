"""Probabilistic context-free grammars, conditioned on a fixed number of tokens. Conditionals by inside–outside.

A masked token is a wildcard leaf: it may be any terminal of the symbol above it. One inside pass sums over all trees of
a canvas, one outside pass turns that into the law of every masked token, whatever is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import (
    BoolArray,
    Law,
    Seed,
    TokenArray,
    cumulative,
    draw,
    normalised_or_uniform,
    point_masses,
    row_chunks,
)
from unmask.laws.checks import array_of_numbers, distributions, whole_number
from unmask.theory.curve import FloatArray

Charts = list[FloatArray]
"""Entry w: the spans of w tokens by their first token, shape (n, L - w + 1, N). Entry 0 is not used."""


class Grammar(Law):
    """A probabilistic context-free grammar in Chomsky normal form, given that a sentence has exactly L tokens.

    Time O(n L^2 (L + N^2) N) for a batch of conditionals. Curve: exact by enumeration where (V+1)^L is small, else
    measured; there is no formula.

    Args:
        length: L.
        binary: (N, N, N), probability of A -> B C at [A, B, C].
        lexical: (N, V), probability of A -> token at [A, token]. For each A both together sum to 1.
        start: the symbol every sentence grows from.
        words: names of the tokens, for people; None for none.

    Raises:
        InputError: when a symbol's rules do not sum to 1, or the grammar derives no sentence of this length.
    """

    def __init__(
        self,
        length: int,
        binary: npt.ArrayLike,
        lexical: npt.ArrayLike,
        start: int = 0,
        words: Sequence[str] | None = None,
    ) -> None:
        self.length = whole_number("length", length, 1)
        splits, leaves = array_of_numbers("binary", binary), array_of_numbers("lexical", lexical)
        symbols = len(leaves)
        if leaves.ndim != 2 or leaves.size == 0 or splits.shape != (symbols,) * 3:
            raise InputError(
                f"binary and lexical have shapes {splits.shape} and {leaves.shape}; expected (N, N, N) and (N, V)"
            )
        rules = distributions("rules", np.concatenate((splits.reshape(symbols, -1), leaves), axis=1), 2)
        self.vocab_size = leaves.shape[1]
        self.binary = rules[:, : symbols**2].reshape(splits.shape)
        self.lexical = rules[:, symbols**2 :]
        self.start = whole_number("start", start, 0, symbols - 1)
        self.words = None if words is None else tuple(words)
        if self.words is not None and len(self.words) != self.vocab_size:
            raise InputError(
                f"words has {len(self.words)} entries and lexical {self.vocab_size} tokens; they must match"
            )
        wildcards = self.lexical.sum(axis=1)[None, None, :].repeat(self.length, axis=1)
        # Without any known token a span's weight depends on its width alone: (L + 1, N), row 0 not used.
        charts = self._inside(wildcards)
        self._inside_of_width = np.array([np.zeros(symbols), *(chart[0, 0] for chart in charts[1:])])
        if self._inside_of_width[self.length, self.start] <= 0:
            raise InputError(f"length is {self.length}, but the grammar derives no sentence of {self.length} tokens")

    @classmethod
    def from_rules(cls, rules: Mapping[str, Mapping[str, float]], length: int, start: str | None = None) -> Grammar:
        """A grammar from named rules: `{"S": {"S S": 0.3, "a": 0.7}}`; the first symbol is the start unless said.

        A right side is two symbols separated by a blank, or one word that is no symbol. Tokens are numbered in the
        order in which their words first appear.
        """
        symbols = {name: index for index, name in enumerate(rules)}
        sides = [(a, side.split(), share) for a, given in rules.items() for side, share in given.items()]
        words = list(dict.fromkeys(side[0] for _, side, _ in sides if len(side) == 1))
        binary, lexical = np.zeros((len(symbols),) * 3), np.zeros((len(symbols), len(words)))
        for name, side, share in sides:
            rule = f"{name} -> {' '.join(side)}"
            if len(side) == 2 and all(part in symbols for part in side):
                binary[symbols[name], symbols[side[0]], symbols[side[1]]] += share
            elif len(side) == 1 and side[0] not in symbols:
                lexical[symbols[name], words.index(side[0])] += share
            else:
                raise InputError(f"rules has {rule!r}; a right side is two symbols, or one word that is no symbol")
        for name, given in rules.items():
            if abs(sum(given.values()) - 1) > 1e-8:
                raise InputError(f"rules for {name!r} sum to {sum(given.values()):.6g}; expected 1")
        if start is not None and start not in symbols:
            raise InputError(f"start is {start!r}; the symbols are {', '.join(symbols)}")
        return cls(length, binary, lexical, 0 if start is None else symbols[start], words)

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        """Draw `n` sentences top-down, all at once: every row keeps a stack of the spans it still has to fill."""
        choices = np.random.default_rng(seed).random((n, 2 * self.length - 1))
        rows = np.arange(n)
        x = np.empty((n, self.length), dtype=np.int64)
        symbol = np.full((n, self.length + 1), self.start)  # the stacks
        width = np.full((n, self.length + 1), self.length)
        top = np.zeros(n, dtype=np.int64)
        filled = np.zeros(n, dtype=np.int64)
        words = cumulative(normalised_or_uniform(self.lexical))
        for uniforms in choices.T:  # a binary tree with L leaves has L - 1 inner nodes
            spans = symbol[rows, top] * (self.length + 1) + width[rows, top]
            for span in np.unique(spans):
                members = rows[spans == span]
                parent, size = divmod(int(span), self.length + 1)
                place = top[members]
                if size == 1:
                    x[members, filled[members]] = draw(words[parent], uniforms[members])
                    filled[members] += 1
                    top[members] -= 1
                else:
                    left, b, c = self._draw_split(parent, size, uniforms[members])
                    symbol[members, place], width[members, place] = c, size - left
                    symbol[members, place + 1], width[members, place + 1] = b, left
                    top[members] += 1
        return x

    def _draw_split(self, symbol: int, size: int, uniforms: FloatArray) -> tuple[TokenArray, TokenArray, TokenArray]:
        """How a span of `size` tokens under `symbol` divides: width of the left part, left symbol, right symbol."""
        left = self._inside_of_width[1:size, :, None]
        right = self._inside_of_width[size - 1 : 0 : -1, None, :]
        weights = left * right * self.binary[symbol]  # (size - 1, N, N)
        chosen = draw(cumulative(weights.reshape(-1)), uniforms)
        cut, b, c = np.unravel_index(chosen, weights.shape)
        return cut + 1, b, c

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        log_probs = np.empty(len(tokens))
        with np.errstate(divide="ignore"):
            for rows in row_chunks(len(tokens), self._entries_per_row()):
                leaves, log_scale = self._leaves(tokens[rows], np.ones(tokens[rows].shape, dtype=np.bool_))
                total = self._inside(leaves)[self.length][:, 0, self.start]
                log_probs[rows] = np.log(total) + log_scale
        return np.asarray(log_probs - np.log(self._inside_of_width[self.length, self.start]))

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        out = np.empty((*tokens.shape, self.vocab_size))
        for rows in row_chunks(len(tokens), self._entries_per_row()):
            inside = self._inside(self._leaves(tokens[rows], revealed[rows])[0])
            out[rows] = self._outside(inside)[1] @ self.lexical
        return point_masses(normalised_or_uniform(out), tokens, revealed)

    def _leaves(self, tokens: TokenArray, known: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Weight of each symbol at each token, (n, L, N), the largest made 1; the log of what that took out, (n,)."""
        leaves = np.where(known[:, :, None], self.lexical.T[tokens], self.lexical.sum(axis=1))
        largest = leaves.max(axis=2, keepdims=True)
        largest[largest == 0] = 1.0  # a word no symbol has: stays impossible
        return leaves / largest, np.log(largest).sum(axis=(1, 2))

    def _inside(self, leaves: FloatArray) -> Charts:
        """Weight of all trees below each symbol and span."""
        n, _, symbols = leaves.shape
        rules = self.binary.reshape(symbols, -1).T
        charts = [np.empty(0), leaves]
        for width in range(2, self.length + 1):
            spans = self.length - width + 1
            pairs = np.zeros((n, spans, symbols, symbols))
            for left in range(1, width):
                pairs += charts[left][:, :spans, :, None] * charts[width - left][:, left : left + spans, None, :]
            charts.append(pairs.reshape(n, spans, -1) @ rules)
        return charts

    def _outside(self, inside: Charts) -> Charts:
        """Weight of everything around each symbol and span, in the same form as `inside`."""
        n, _, symbols = inside[1].shape
        rules = self.binary.reshape(symbols, -1)
        charts = [np.empty(0), *(np.zeros_like(chart) for chart in inside[1:])]
        charts[self.length][:, 0, self.start] = 1.0
        for width in range(self.length, 1, -1):
            spans = self.length - width + 1
            pairs = (charts[width] @ rules).reshape(n, spans, symbols, symbols)  # over (B, C)
            for left in range(1, width):
                right_spans = slice(left, left + spans)
                right = inside[width - left][:, right_spans, :, None]
                charts[left][:, :spans] += (pairs @ right)[..., 0]
                charts[width - left][:, right_spans] += (inside[left][:, :spans, None, :] @ pairs)[:, :, 0]
        return charts

    def _entries_per_row(self) -> int:
        symbols = len(self.lexical)
        return self.length * symbols * (symbols + self.length)

    def __repr__(self) -> str:
        return f"Grammar(length={self.length}, vocab_size={self.vocab_size}, symbols={len(self.lexical)})"

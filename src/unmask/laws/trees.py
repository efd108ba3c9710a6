"""Tree-structured Markov fields: each token depends on its parent. Conditionals by belief propagation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.laws.base import BoolArray, Law, Seed, TokenArray, cumulative, draw, normalised_or_uniform, point_masses
from unmask.laws.checks import distributions, whole_number
from unmask.theory.curve import FloatArray


class Tree(Law):
    """Tokens on the nodes of a rooted tree: the root by its own law, every other node given its parent's token.

    Conditionals given any known set are exact: messages up to the root and down again, for the whole batch at once,
    O(n L V^2). Curve: exact by enumeration where (V+1)^L is small, else measured; there is no formula.

    Args:
        parents: (L,), the parent of each node; -1 for the one root. Nodes may come in any order.
        root: (V,), law of the root's token.
        transitions: (V, V), row = the parent's token, shared by all edges; or (L, V, V), one matrix per child node
            (the root's is not used, but must be there).

    Raises:
        InputError: when the parents are no tree, or a row does not sum to 1.
    """

    def __init__(self, parents: Sequence[int], root: npt.ArrayLike, transitions: npt.ArrayLike) -> None:
        self.parents = [whole_number(f"parents[{node}]", parent, -1) for node, parent in enumerate(parents)]
        self.length = len(self.parents)
        self._order = _parents_first(self.parents)
        self._children: list[list[int]] = [[] for _ in self.parents]
        for node in self._order[1:]:
            self._children[self.parents[node]].append(node)
        self.root = distributions("root", root, 1)
        self.vocab_size = len(self.root)
        given = distributions("transitions", transitions, 2 if np.ndim(transitions) == 2 else 3)
        square = (self.vocab_size, self.vocab_size)
        if given.shape not in (square, (self.length, *square)):
            raise InputError(f"transitions has shape {given.shape}; expected {square} or {(self.length, *square)}")
        self.transitions = np.broadcast_to(given, (self.length, *square))

    def sample(self, n: int, seed: Seed = 0) -> TokenArray:
        uniforms = np.random.default_rng(seed).random((n, self.length))
        x = np.empty((n, self.length), dtype=np.int64)
        x[:, self._order[0]] = draw(cumulative(self.root), uniforms[:, self._order[0]])
        for node in self._order[1:]:
            x[:, node] = draw(cumulative(self.transitions[node])[x[:, self.parents[node]]], uniforms[:, node])
        return x

    def log_prob(self, x: npt.ArrayLike) -> FloatArray:
        tokens = self.check_tokens(x)
        with np.errstate(divide="ignore"):
            total = np.log(self.root[tokens[:, self._order[0]]])
            for node in self._order[1:]:
                total += np.log(self.transitions[node][tokens[:, self.parents[node]], tokens[:, node]])
        return np.asarray(total)

    def conditionals(self, x: npt.ArrayLike, known: npt.ArrayLike) -> FloatArray:
        tokens, revealed = self.check_canvas(x, known)
        beliefs = self._beliefs(tokens, revealed)
        return point_masses(normalised_or_uniform(beliefs), tokens, revealed)

    def _beliefs(self, tokens: TokenArray, known: BoolArray) -> FloatArray:
        """Weights (n, L, V) proportional to the law of each node given all known ones; all zero where impossible.

        `evidence[i]` is what the node itself says, `upward[i]` what its subtree tells its parent, `from_above[i]` what
        the rest of the tree tells the node. A message of zeros means impossible, and makes every belief zero.
        """
        n = len(tokens)
        evidence = [np.where(known[:, i, None], np.eye(self.vocab_size)[tokens[:, i]], 1.0) for i in range(self.length)]
        upward: dict[int, FloatArray] = {}
        for node in reversed(self._order[1:]):
            subtree = _product([evidence[node], *(upward[child] for child in self._children[node])])
            upward[node] = _scaled(subtree @ self.transitions[node].T)
        from_above = {self._order[0]: np.broadcast_to(self.root, (n, self.vocab_size))}
        beliefs = np.empty((n, self.length, self.vocab_size))
        for node in self._order:
            children = self._children[node]
            # Running products from both ends give the product over all children but one, without division by zero.
            before = [_product([evidence[node], from_above[node]])]
            for child in children:
                before.append(_product([before[-1], upward[child]]))
            beliefs[:, node] = before[-1]
            after = np.ones((n, self.vocab_size))
            for place in reversed(range(len(children))):
                child = children[place]
                from_above[child] = _scaled(_product([before[place], after]) @ self.transitions[child])
                after = _product([after, upward[child]])
        return beliefs

    def __repr__(self) -> str:
        return f"Tree(length={self.length}, vocab_size={self.vocab_size}, root={self._order[0]})"


def _product(messages: Sequence[FloatArray]) -> FloatArray:
    """Entry-wise product of messages (n, V), scaled after each factor so that many of them do not underflow."""
    result = messages[0]
    for message in messages[1:]:
        result = _scaled(result * message)
    return result


def _scaled(message: FloatArray) -> FloatArray:
    """The message (n, V) with the largest entry of each row made 1; rows of zeros stay."""
    largest = message.max(axis=1, keepdims=True)
    return np.asarray(message / np.where(largest > 0, largest, 1.0))


def _parents_first(parents: Sequence[int]) -> list[int]:
    """The nodes, every parent before its children; InputError when the parents do not form one tree."""
    roots = [node for node, parent in enumerate(parents) if parent == -1]
    if len(roots) != 1:
        raise InputError(f"parents has {len(roots)} roots (entries -1); a tree has exactly one")
    wrong = [parent for parent in parents if not -1 <= parent < len(parents)]
    if wrong:
        raise InputError(f"parents has the entry {wrong[0]}; expected nodes 0..{len(parents) - 1}, or -1 for the root")
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent != -1:
            children[parent].append(node)
    order = roots
    for node in order:  # grows while it is walked
        order.extend(children[node])
    if len(order) != len(parents):
        stray = next(node for node in range(len(parents)) if node not in order)
        raise InputError(f"parents has a cycle through node {stray}; every node must lead up to the root")
    return order

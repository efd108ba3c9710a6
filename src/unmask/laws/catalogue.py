"""Laws by name, for the command line: `law:permutation:length=8` is `from_name("permutation:length=8")`.

One entry a law: a function whose parameters are what can be said after the colon, with sensible defaults. A law in
Python is better built directly.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

import numpy as np

from unmask import own_files, spec
from unmask.errors import InputError
from unmask.laws.base import Law
from unmask.laws.chains import MarkovChain
from unmask.laws.checks import whole_number
from unmask.laws.codes import MDSCode, Parity, Staircase
from unmask.laws.exchangeable import Balanced, Permutation, PolyaUrn, Repeated
from unmask.laws.grammar import Grammar
from unmask.laws.hidden import HiddenMarkov
from unmask.laws.ising import IsingChain, IsingTorus
from unmask.laws.lists import OPERATIONS, list_operation
from unmask.laws.mixtures import Mixture
from unmask.laws.recall import recall
from unmask.laws.squares import latin_square, sudoku
from unmask.laws.sums import modular_sum, running_sum
from unmask.laws.table import Product, Table
from unmask.laws.toy import toy_grammar
from unmask.laws.trees import Tree
from unmask.theory.curve import FloatArray


def from_name(name: str) -> Law:
    """The law called `name`, optionally with parameters: `"markov_chain:length=64,stay=0.95"`.

    `FILE.py:FUNCTION` is a law in a file of your own; what may follow are the parameters of the function.

    Raises:
        InputError: when there is no such law or parameter, or a value is not of the right kind; it says what there is.
    """
    written = own_files.split(name, "law")
    if written is not None:
        return _of_file(*written)
    law: Law = spec.call(name, _LAWS, "law")
    return law


def _of_file(file: str, name: str, setting: str) -> Law:
    made = spec.call(f"{name}:{setting}", {name.lower(): own_files.function(file, name, "law")}, "law")
    if not isinstance(made, Law):
        raise InputError(f"the law {file}:{name} made {made!r}; expected a Law of unmask.laws.base")
    return made


def names() -> tuple[str, ...]:
    """The names of all laws, in alphabetical order."""
    return tuple(sorted(_LAWS))


def parameters(name: str) -> dict[str, int | float | str]:
    """The parameters of the law called `name` with their defaults."""
    return {key: one.default for key, one in signature(name).items()}


def signature(name: str) -> dict[str, inspect.Parameter]:
    """The parameters of the law called `name`, each with its type and its default."""
    return spec.parameters_of(_LAWS[spec.match(name, names(), "law")])


def description(name: str) -> str:
    """One sentence: what the law called `name` is."""
    return _DESCRIPTIONS[spec.match(name, names(), "law")]


def _balanced(length: int = 16, ones: int = 8) -> Law:
    return Balanced(length, ones)


def _brackets(length: int = 12, side_by_side: float = 0.3, nested: float = 0.4) -> Law:
    """Balanced brackets, a grammar: S -> S S, S -> ( S ), S -> ( )."""
    pair = 1 - side_by_side - nested
    if not min(side_by_side, nested, pair) >= 0:
        raise InputError(
            f"side_by_side and nested are {side_by_side} and {nested}; expected shares that sum to at most 1"
        )
    rules = {
        "S": {"S S": side_by_side, "OPEN REST": nested, "OPEN CLOSE": pair},
        "REST": {"S CLOSE": 1.0},
        "OPEN": {"(": 1.0},
        "CLOSE": {")": 1.0},
    }
    return Grammar.from_rules(rules, length)


def _hidden_markov(length: int = 16, states: int = 4, vocab_size: int = 4, stay: float = 0.9, blur: float = 0.2) -> Law:
    """A sticky chain of states, each showing one token of its own except with probability `blur`."""
    states = whole_number("states", states, 1)
    vocab_size = whole_number("vocab_size", vocab_size, 2)
    _check_probability("blur", blur)
    own = np.eye(vocab_size)[np.arange(states) % vocab_size]
    return HiddenMarkov(_fair(states), _sticky(states, stay), (1 - blur) * own + blur / vocab_size, length)


def _ising_chain(length: int = 16, coupling: float = 1.0) -> Law:
    return IsingChain(length, coupling)


def _ising_torus(coupling: float = 0.44) -> Law:
    return IsingTorus(coupling)


def _markov_chain(length: int = 16, vocab_size: int = 4, stay: float = 0.9) -> Law:
    """The sticky chain: the same token again with probability `stay`, else another one."""
    vocab_size = whole_number("vocab_size", vocab_size, 2)
    return MarkovChain(_fair(vocab_size), _sticky(vocab_size, stay), length)


def _mds_code(length: int = 16, dimension: int = 8, vocab_size: int = 17) -> Law:
    return MDSCode(length, dimension, vocab_size)


def _mixture(length: int = 12, components: int = 4, vocab_size: int = 2, seed: int = 0) -> Law:
    """Components drawn at random from `seed`: each position has a law of its own."""
    m, length = whole_number("components", components, 1), whole_number("length", length, 1)
    rng = np.random.default_rng(whole_number("seed", seed, 0))
    vocab_size = whole_number("vocab_size", vocab_size, 1)
    return Mixture(_fair(m), rng.dirichlet(np.full(vocab_size, 0.5), size=(m, length)))


def _parity(length: int = 16, vocab_size: int = 2) -> Law:
    return Parity(length, vocab_size)


def _permutation(length: int = 16) -> Law:
    return Permutation(length)


def _polya_urn(length: int = 16, vocab_size: int = 4, concentration: float = 0.2) -> Law:
    return PolyaUrn(length, vocab_size, concentration)


def _product(length: int = 16, vocab_size: int = 4) -> Law:
    """Independent tokens, all by Zipf's law."""
    weights = 1 / np.arange(1, whole_number("vocab_size", vocab_size, 1) + 1)
    return Product(np.tile(weights / weights.sum(), (whole_number("length", length, 1), 1)))


def _repeated(length: int = 16, vocab_size: int = 4, noise: float = 0.0) -> Law:
    return Repeated(length, vocab_size, noise)


def _staircase(length: int = 16, codes: str = "4x17+12x19") -> Law:
    """`codes` lists dimension x field, joined by +."""
    try:
        pairs = [(int(dimension), int(field)) for dimension, field in (code.split("x") for code in codes.split("+"))]
    except ValueError:
        raise InputError(f"codes is {codes!r}; expected dimension x field pairs such as 4x17+12x19") from None
    return Staircase(length, pairs)


def _table(length: int = 4, vocab_size: int = 3, seed: int = 0) -> Law:
    """A random joint table, drawn from `seed`."""
    length, vocab_size = whole_number("length", length, 1), whole_number("vocab_size", vocab_size, 1)
    if vocab_size**length > 1 << 20:
        raise InputError(f"a table of {vocab_size}^{length} entries is too large; expected at most {1 << 20}")
    weights = np.random.default_rng(whole_number("seed", seed, 0)).exponential(size=(vocab_size,) * length)
    return Table(weights / weights.sum())


def _toy() -> Law:
    return toy_grammar()


def _tree(length: int = 15, vocab_size: int = 2, stay: float = 0.9) -> Law:
    """The binary tree: each node copies its parent with probability `stay`, else takes another token."""
    vocab_size = whole_number("vocab_size", vocab_size, 2)
    parents = [(node - 1) // 2 for node in range(whole_number("length", length, 1))]
    return Tree([-1, *parents[1:]], _fair(vocab_size), _sticky(vocab_size, stay))


_LAWS: dict[str, Callable[..., Law]] = {
    "balanced": _balanced,
    "brackets": _brackets,
    "hidden_markov": _hidden_markov,
    "ising_chain": _ising_chain,
    "ising_torus": _ising_torus,
    "latin_square": latin_square,
    **{f"list_{operation}": functools.partial(list_operation, operation) for operation in OPERATIONS},
    "markov_chain": _markov_chain,
    "mds_code": _mds_code,
    "mixture": _mixture,
    "modular_sum": modular_sum,
    "parity": _parity,
    "permutation": _permutation,
    "polya_urn": _polya_urn,
    "product": _product,
    "recall": recall,
    "repeated": _repeated,
    "running_sum": running_sum,
    "staircase": _staircase,
    "sudoku": sudoku,
    "table": _table,
    "toy": _toy,
    "tree": _tree,
}

_DESCRIPTIONS: dict[str, str] = {
    "balanced": "Bits of which exactly `ones` are 1, all arrangements equally likely.",
    "brackets": "Balanced brackets: every bracket that opens is closed.",
    "hidden_markov": "A sticky hidden chain; each state shows a token of its own, blurred.",
    "ising_chain": "Spins in a row that prefer to agree with their neighbours.",
    "ising_torus": "Spins on a 4 x 4 torus that prefer to agree with their neighbours.",
    "latin_square": "Every number once in each row and each column.",
    **{f"list_{name}": operation.description for name, operation in OPERATIONS.items()},
    "markov_chain": "The same token again with probability `stay`, else another one.",
    "mds_code": "A Reed-Solomon code: any `dimension` tokens fix all others, fewer say nothing.",
    "mixture": "Components drawn at random, independent tokens inside each.",
    "modular_sum": "The last number is the sum of the others modulo q.",
    "parity": "Tokens that sum to 0 modulo V: nothing is known until one is left.",
    "permutation": "Every token exactly once.",
    "polya_urn": "Words that were used come back: a heavy-tailed mixture.",
    "product": "Independent tokens by Zipf's law: every schedule is free.",
    "recall": "Keys and values, then a key: the answer is its value.",
    "repeated": "All tokens equal, up to noise: the first tells everything.",
    "running_sum": "Digits, then the sum of every beginning of them, modulo q.",
    "staircase": "Several codes side by side: the information curve is a staircase.",
    "sudoku": "Sudokus of side 4 with boxes of 2 x 2.",
    "table": "A random joint table, drawn from `seed`.",
    "toy": "Sentences about fruit whose names, colours and sum fit together.",
    "tree": "A binary tree: each node copies its parent with probability `stay`.",
}


def _fair(size: int) -> FloatArray:
    return np.full(size, 1 / size)


def _sticky(size: int, stay: float) -> FloatArray:
    """Transitions that keep the token with probability `stay` and share the rest among the others."""
    _check_probability("stay", stay)
    if size == 1:
        return np.ones((1, 1))
    return np.full((size, size), (1 - stay) / (size - 1)) + np.eye(size) * (stay - (1 - stay) / (size - 1))


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {value}; expected a probability in 0..1")

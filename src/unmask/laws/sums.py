"""Sums modulo q: digits are given, their sum is the answer, alone or with every partial sum on the way.

3 4 2 5 -> 4 (modulo 10)        3 4 2 5 -> 3 7 9 4
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from unmask.laws.checks import whole_number
from unmask.laws.listed_task import Kind, ListedTask, check_listable


def modular_sum(digits: int = 4, modulus: int = 10) -> ListedTask:
    """Uniform digits and their sum, L = digits + 1, V = modulus. Curve: log q while a digit is free, then 0."""
    return _sums("modular_sum", digits, modulus, running=False)


def running_sum(digits: int = 4, modulus: int = 10) -> ListedTask:
    """Uniform digits and their partial sums s_j = d_1 + .. + d_j, L = 2 digits, V = modulus."""
    return _sums("running_sum", digits, modulus, running=True)


def _sums(name: str, digits: int, modulus: int, running: bool) -> ListedTask:
    modulus = whole_number("modulus", modulus, 2, 100)
    digits = whole_number("digits", digits, 2, 15)
    check_listable("digits", digits, 2, lambda count: modulus**count)

    def right(given: Sequence[int]) -> list[int]:
        partial = [total % modulus for total in itertools.accumulate(given)]
        return partial if running else partial[-1:]

    def fault(words: Sequence[str]) -> str | None:
        numbers = [int(word) for word in words]
        given, answer = numbers[:digits], numbers[digits:]
        for j, (wanted, written) in enumerate(zip(right(given), answer, strict=True)):
            if written != wanted and running and j == 0:
                return f"the first sum is {wanted}, not {written}"
            if written != wanted:
                terms = [answer[j - 1], given[j]] if running else given
                return f"{' + '.join(map(str, terms))} is {wanted} mod {modulus}, not {written}"
        return None

    rows = ((list(map(str, [*row, *right(row)])), 1.0) for row in itertools.product(range(modulus), repeat=digits))
    kind = Kind(f"a number below {modulus}", tuple(map(str, range(modulus))))
    kinds = [kind] * (digits + (digits if running else 1))
    return ListedTask(f"{name}:digits={digits},modulus={modulus}", kinds, rows, fault, prompt_length=digits)

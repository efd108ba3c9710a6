"""Random numbers that depend only on their address: (row seed, step, position, stream).

There is no generator whose state would tie one row to its batch mates. Every number is a hash of its address (the
finaliser of splitmix64, Steele, Lea & Flood 2014), computed in wrapping int64 arithmetic, so a row's text depends on
its own seed alone: not on the batch, on padding, on the order of drawing, or on whether a draw was needed.
"""

import torch
from torch import Tensor

# Streams: what a number is for. Two uses at the same address must never share a stream.
TOKEN_CHUNK, TOKEN_WITHIN, ORDER, SIZES, REVISION, REVISION_TOKEN = range(6)
ACCEPT, REDRAW_CHUNK, REDRAW_WITHIN = range(6, 9)


_WORD = (1 << 64) - 1


def _signed(constant: int) -> int:
    return constant - (1 << 64) if constant >= 1 << 63 else constant


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift; torch shifts int64 arithmetically."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Tensor) -> Tensor:
    """The finaliser of splitmix64, a bijection of 64-bit integers."""
    x = (x ^ _shift(x, 30)) * _FIRST
    x = (x ^ _shift(x, 27)) * _SECOND
    return x ^ _shift(x, 31)


def combine(state: Tensor, value: Tensor | int) -> Tensor:
    """Hash one more whole number into the state. A Python number is hashed on the host: no copy to the device."""
    if isinstance(value, int):
        word = _mix_word((value * _GOLDEN + _GOLDEN) & _WORD)
        return mix((state ^ _signed(word)) + _GOLDEN)
    return mix((state ^ mix(value * _GOLDEN + _GOLDEN)) + _GOLDEN)


def _mix_word(x: int) -> int:
    """`mix` of one 64-bit word."""
    x = ((x ^ (x >> 30)) * _FIRST) & _WORD
    x = ((x ^ (x >> 27)) * _SECOND) & _WORD
    return x ^ (x >> 31)


def row_seeds(seed: int, rows: int, salt: int = 0) -> Tensor:
    """Seeds of rows 0..rows-1 derived from one seed, (rows,) int64 on the CPU. Different salts give unrelated seeds."""
    start = combine(torch.tensor([_signed(seed & _WORD)]), salt)
    return combine(start, torch.arange(rows))


def uniforms(seeds: Tensor, step: int, columns: Tensor, stream: int) -> Tensor:
    """Uniform numbers in [0, 1) with 53 bits, float64, one for each (seed, column); `seeds` and `columns` broadcast."""
    state = combine(combine(combine(seeds, stream), step), columns)
    return _shift(state, 11).double() * 2.0**-53


def gumbels(seeds: Tensor, step: int, columns: Tensor, stream: int) -> Tensor:
    """Standard Gumbel numbers, float64, from `uniforms`."""
    u = uniforms(seeds, step, columns, stream) + 2.0**-54
    return -torch.log(-torch.log(u))


def integers(seeds: Tensor) -> list[int]:
    """Non-negative 63-bit seeds for numpy generators, one for each row seed."""
    return [int(value) for value in _shift(mix(seeds.cpu()), 1).tolist()]

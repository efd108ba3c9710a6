"""Checks of arguments that several laws share. Each returns the value in the type the law computes with, or raises
`InputError` with one line: the argument, the value that was wrong, what would be right."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.theory.curve import FloatArray


def whole_number(name: str, value: object, low: int, high: int | None = None) -> int:
    """`value` as an int in low..high (no upper end when `high` is None)."""
    allowed = f"a whole number of at least {low}" if high is None else f"a whole number in {low}..{high}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InputError(f"{name} is {value!r}; expected {allowed}")
    if value < low or (high is not None and value > high):
        raise InputError(f"{name} is {value}; expected {allowed}")
    return int(value)


def real_number(name: str, value: object) -> float:
    """`value` as a finite float."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{name} is {value!r}; expected a number")
    if not math.isfinite(value):
        raise InputError(f"{name} is {value}; expected a finite number")
    return float(value)


def array_of_numbers(name: str, values: npt.ArrayLike) -> FloatArray:
    """`values` as an array of floats, whatever its axes."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is not an array of numbers, or its rows differ in length") from None


def distributions(name: str, values: npt.ArrayLike, ndim: int) -> FloatArray:
    """`values` as a non-empty array of `ndim` axes whose last axis holds probabilities; sums are made exactly 1."""
    array = array_of_numbers(name, values)
    if array.ndim != ndim or array.size == 0:
        raise InputError(f"{name} has shape {array.shape}; expected {ndim} axes, none of them empty")
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        worst = array[~(np.isfinite(array) & (array >= 0))][0]
        raise InputError(f"{name} has an entry {worst}; probabilities are finite and not negative")
    sums = array.sum(axis=-1, keepdims=True)
    if np.any(np.abs(sums - 1) > 1e-8):
        worst = sums.flat[int(np.argmax(np.abs(sums - 1)))]
        where = "its entries sum" if ndim == 1 else "a row of it sums"
        raise InputError(f"{name} is not a distribution: {where} to {worst:.6g}; expected 1")
    return np.asarray(array / sums)

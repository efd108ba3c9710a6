"""Reveal orders in files: by the name the command line knows, or the permutation itself."""

from typing import Any

from unmask.errors import InputError
from unmask.theory.reveal_orders import Given, Order, from_name


def order_to_json(order: Order) -> str | list[int]:
    """`"bit_reversal"`, or the list of positions of a given permutation."""
    return list(order.permutation) if isinstance(order, Given) else order.name


def order_from_json(value: Any) -> Order:
    """The inverse of `order_to_json`; InputError when it is neither a known name nor a permutation."""
    if isinstance(value, str):
        return from_name(value)
    if isinstance(value, list):
        return Given(value)
    raise InputError(f"order is {value!r}; expected a name such as 'bit_reversal', or a list of positions")

"""The file of a measurement, `*.curve.json` (format unmask.curve/1): what is written, and what is checked on reading.

The curve, counts and settings are plain numbers a person can read; the losses of the texts are float32 arrays, which is
what networks give, so that what is read is exactly what was measured.
"""

import os
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.measuring.json_arrays import array_from_json, array_to_json
from unmask.measuring.order_costs import OrderCosts
from unmask.theory.order_json import order_from_json, order_to_json

FORMAT = "unmask.curve/1"


def is_measurement(path: str | os.PathLike[str]) -> bool:
    """Whether a file says what format it has (then `load` judges it), rather than holding a curve alone."""
    try:
        with open(path, encoding="utf-8") as file:
            return '"format"' in file.read(200)
    except (OSError, UnicodeDecodeError):
        return True


def measurement_to_json(measured: Any) -> dict[str, Any]:
    """A `Measurement` as a JSON object."""
    return {
        "format": FORMAT,
        "length": measured.length,
        "vocab_size": measured.vocab_size,
        "mask_token_id": measured.mask_token_id,
        "model": measured.model,
        "settings": measured.settings,
        "curve": measured.curve.to_dict(),
        "counts": measured.counts.tolist(),
        "texts": list(measured.texts),
        "losses": array_to_json(measured.losses),
        "entropies": array_to_json(measured.entropies),
        "paths": array_to_json(measured.paths),
        "orders": {name: _order_to_json(costs) for name, costs in measured.orders.items()},
    }


def measurement_from_json(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Measurement`; InputError, or KeyError, TypeError, ValueError, when something is not right."""
    length, texts = int(data["length"]), tuple(str(text) for text in data["texts"])
    counts = _counts(data["counts"], length, "counts")
    if counts[-1] != length - 1:
        raise InputError(f"counts end at {counts[-1]}; expected L - 1 = {length - 1}")
    if not texts or len(set(texts)) < len(texts):
        raise InputError("texts is empty or names a text twice")
    shape = (len(texts), len(counts))
    return {
        "length": length,
        "vocab_size": int(data["vocab_size"]),
        "mask_token_id": None if data["mask_token_id"] is None else int(data["mask_token_id"]),
        "model": dict(data["model"]),
        "settings": dict(data["settings"]),
        "texts": texts,
        "counts": counts,
        "losses": array_from_json(data["losses"], "losses", shape),
        "entropies": array_from_json(data["entropies"], "entropies", shape),
        "paths": array_from_json(data["paths"], "paths", shape[:1]),
        "orders": {
            str(name): _order_from_json(entry, str(name), length, len(texts)) for name, entry in data["orders"].items()
        },
    }


def _order_to_json(costs: OrderCosts) -> dict[str, Any]:
    upper = np.triu_indices(len(costs.counts))
    return {
        "order": order_to_json(costs.order),
        "counts": costs.counts.tolist(),
        "costs": array_to_json(costs.costs[:, *upper]),
    }


def _order_from_json(entry: dict[str, Any], name: str, length: int, texts: int) -> OrderCosts:
    order = order_from_json(entry["order"])
    order.draw(length)  # says so when it is a permutation of another length
    counts = _counts(entry["counts"], length, f"counts of {name}")
    upper = np.triu_indices(len(counts))
    costs = np.zeros((texts, len(counts), len(counts)))
    costs[:, *upper] = array_from_json(entry["costs"], f"costs of {name}", (texts, len(upper[0])))
    return OrderCosts(order, counts, costs)


def _counts(values: Any, length: int, name: str) -> np.ndarray:
    counts = np.array(values, dtype=np.int64)
    if counts.ndim != 1 or not len(counts) or counts[0] != 0 or np.any(np.diff(counts) <= 0) or counts[-1] >= length:
        raise InputError(f"{name} must increase from 0 and stay below the length {length}")
    return counts

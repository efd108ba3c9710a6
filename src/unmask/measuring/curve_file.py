"""The file of a measurement, `*.curve.json` (format unmask.curve/2): what is written, and what is checked on reading.

The curve, counts and settings are plain numbers a person can read; the losses of the texts are float32 arrays, which is
what networks give, so that what is read is exactly what was measured.

Files of the earlier format are refused: they do not hold what an order costs one token at a time, nor the predictor's
own entropies in it, and nothing that is in them stands for either.
"""

import os
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.files import read_json
from unmask.measuring.json_arrays import array_from_json, array_to_json
from unmask.measuring.order_costs import OrderCosts
from unmask.theory.order_json import order_from_json, order_to_json
from unmask.theory.reveal_orders import Uniform

FORMAT = "unmask.curve/2"
EARLIER = "unmask.curve/1"


def is_measurement(path: str | os.PathLike[str]) -> bool:
    """Whether a file says what format it has (then `load` judges it), rather than holding a curve alone."""
    try:
        with open(path, encoding="utf-8") as file:
            return '"format"' in file.read(200)
    except (OSError, ValueError):
        return True


def read_measurement(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object of a file; InputError when it is not one, or of another format."""
    try:
        return read_json(path, FORMAT)
    except InputError:
        if _says(path, f'"{EARLIER}"'):
            raise InputError(
                f"{path} has format {EARLIER!r}, which does not hold what orders cost one token at a time; "
                f"measure again to get a file of format {FORMAT!r}"
            ) from None
        raise


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
        "texts": list(measured.texts),
        "documents": list(measured.documents),
        "uniform": _order_to_json(measured.uniform),
        "paths": array_to_json(measured.paths),
        "orders": {name: _order_to_json(costs) for name, costs in measured.orders.items()},
    }


def measurement_from_json(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Measurement`; InputError, or KeyError, TypeError, ValueError, when something is not right."""
    length, texts = int(data["length"]), tuple(str(text) for text in data["texts"])
    if not texts or len(set(texts)) < len(texts):
        raise InputError("texts is empty or names a text twice")
    documents = tuple(str(document) for document in data["documents"])
    if len(documents) != len(texts):
        raise InputError(f"documents names {len(documents)} documents for {len(texts)} texts; expected one for each")
    uniform = _order_from_json(data["uniform"], "uniform", length, len(texts))
    if uniform.order != Uniform() or uniform.counts[-1] != length - 1:
        raise InputError(f"uniform is not the uniform order at counts up to L - 1 = {length - 1}")
    return {
        "length": length,
        "vocab_size": int(data["vocab_size"]),
        "mask_token_id": None if data["mask_token_id"] is None else int(data["mask_token_id"]),
        "model": dict(data["model"]),
        "settings": dict(data["settings"]),
        "texts": texts,
        "documents": documents,
        "uniform": uniform,
        "paths": array_from_json(data["paths"], "paths", (len(texts),)),
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
        "entropies": array_to_json(costs.entropies[:, *upper]),
        "parallel": array_to_json(costs.parallel),
        "parallel_entropies": array_to_json(costs.parallel_entropies),
    }


def _order_from_json(entry: dict[str, Any], name: str, length: int, texts: int) -> OrderCosts:
    order = order_from_json(entry["order"])
    order.draw(length)  # says so when it is a permutation of another length
    counts = np.array(entry["counts"], dtype=np.int64)
    if counts.ndim != 1 or not len(counts) or counts[0] != 0 or np.any(np.diff(counts) <= 0) or counts[-1] >= length:
        raise InputError(f"counts of {name} must increase from 0 and stay below the length {length}")
    upper = np.triu_indices(len(counts))
    found = np.zeros((2, texts, len(counts), len(counts)))
    for kind, key in enumerate(("costs", "entropies")):
        found[kind][:, *upper] = array_from_json(entry[key], f"{key} of {name}", (texts, len(upper[0])))
    inside = [
        array_from_json(entry[key], f"{key} of {name}", (texts, len(counts)), signed=True)
        for key in ("parallel", "parallel_entropies")
    ]
    return OrderCosts(order, length, counts, found[0], found[1], inside[0], inside[1])


def _says(path: str | os.PathLike[str], words: str) -> bool:
    """Whether some words stand at the start of a file, where its format does."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return words in file.read(200)
    except (OSError, ValueError):
        return False

"""Arrays in JSON files: float32 numbers in base64, ten times faster to read than a list and exact.

The losses of a network are float32 numbers; what a person wants to read in a file (the curve, counts, prices) is
written as plain numbers beside them.
"""

import base64
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.theory.curve import FloatArray


def array_to_json(values: FloatArray) -> dict[str, Any]:
    """Shape and little-endian float32 content."""
    content = base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
    return {"shape": list(values.shape), "float32": content}


def array_from_json(value: Any, name: str, shape: tuple[int, ...], signed: bool = False) -> FloatArray:
    """The inverse; InputError when the shape is not `shape`, content is missing, or a number is not finite and >= 0.

    Args:
        signed: whether numbers below 0 are right too, as of differences.
    """
    if not isinstance(value, dict) or set(value) != {"shape", "float32"} or not isinstance(value["shape"], list):
        raise InputError(f"{name} is not an array with shape and float32 content")
    try:
        content = np.frombuffer(base64.b64decode(value["float32"], validate=True), dtype="<f4")
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} has float32 content that cannot be read ({error}); the file is damaged") from None
    if value["shape"] != list(shape) or content.size != int(np.prod(shape)):
        raise InputError(
            f"{name} has shape {str(value['shape'])[:40]} and {content.size} numbers; expected {list(shape)}"
        )
    if not np.all(np.isfinite(content)) or (not signed and np.any(content < 0)):
        raise InputError(f"{name} holds negative or non-finite numbers; nats are finite and never negative")
    return content.astype(np.float64).reshape(shape)

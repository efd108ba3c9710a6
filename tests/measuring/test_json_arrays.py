"""Arrays in JSON files come back as they were, and what is damaged is refused."""

import json

import numpy as np
import pytest

from unmask.errors import InputError
from unmask.measuring.json_arrays import array_from_json, array_to_json


def test_what_float32_holds_comes_back_exactly():
    values = np.random.default_rng(0).random((3, 4)).astype(np.float32).astype(np.float64)
    stored = json.loads(json.dumps(array_to_json(values)))
    np.testing.assert_array_equal(array_from_json(stored, "losses", (3, 4)), values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda stored: {**stored, "shape": [4, 3]}, "shape"),
        (lambda stored: {"shape": stored["shape"]}, "float32 content"),
        (lambda stored: {**stored, "float32": stored["float32"][:-8]}, "cannot be read"),
        (lambda stored: {**stored, "float32": stored["float32"][:-16]}, "9 numbers"),
        (lambda stored: {**stored, "float32": "!!"}, "cannot be read"),
        (lambda stored: {**stored, "float32": None}, "cannot be read"),
        (lambda stored: [1.0, 2.0], "float32 content"),
        (lambda stored: array_to_json(np.full((3, 4), -1.0)), "negative"),
        (lambda stored: array_to_json(np.full((3, 4), np.nan)), "non-finite"),
    ],
)
def test_a_damaged_array_is_refused_by_name(change, words):
    stored = array_to_json(np.ones((3, 4)))
    with pytest.raises(InputError, match=f"losses.*{words}"):
        array_from_json(change(stored), "losses", (3, 4))

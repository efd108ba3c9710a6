"""A person's own verdict on drawn texts: a function of the text, `--check FILE.py:FUNCTION`, beside tasks and laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask import own_files
from unmask.errors import InputError
from unmask.models.text_requests import as_texts


@dataclass(frozen=True)
class Check:
    """What makes a text right, said by a function.

    Attributes:
        name: what a page calls it. says: from a text to whether it is right. predictor: whose words texts are in.
    """

    name: str
    says: Callable[[str], Any]
    predictor: Any
    law = None

    def is_valid(self, tokens: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each row of tokens (n, L) is right, shape (n,).

        Raises:
            InputError: when the function fails; it says on which text.
        """
        found = []
        for text in as_texts(self.predictor, np.atleast_2d(np.asarray(tokens))):
            try:
                found.append(bool(self.says(text)))
            except Exception as error:
                raise InputError(f"the check {self.name} failed on {text!r:.60}: {error}") from error
        return np.array(found, dtype=np.bool_)


def from_name(name: str, predictor: Any) -> Check:
    """The check FILE.py:FUNCTION; InputError where there is no such function."""
    written = own_files.split(name, "check")
    if written is None:
        raise InputError(f"check is {name!r}; expected FILE.py:FUNCTION, a function from a text to True or False")
    return Check(written[1], own_files.function(written[0], written[1], "check"), predictor)

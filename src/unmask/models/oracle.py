"""A law as a predictor: `oracle(law)` answers with the exact conditional laws.

This is how every sampler, score, price and plan is tested: the same code path as with a network, the answer known.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.laws.base import Law
from unmask.models.devices import device_of
from unmask.models.predictor import Positions
from unmask.models.text_requests import as_texts, as_tokens

_MOST_NUMBERS = 1 << 25  # of float64 in one answer of a law: 256 MiB


class Oracle:
    """The perfect mask predictor of a law. It has no mask token and no end of text, and computes in numpy."""

    mask_token_id: int | None = None
    forbidden_ids: tuple[int, ...] = ()
    end_of_text_id: int | None = None
    calls_per_query: int = 1

    def __init__(self, law: Law, device: torch.device | str = "cpu") -> None:
        self.law = law
        self.vocab_size = law.vocab_size
        self.length: int | None = law.length
        self.device = device_of(device)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        chosen = np.empty((len(wanted.rows), self.vocab_size), dtype=np.float32)
        rows, columns = wanted.rows.cpu().numpy(), wanted.columns.cpu().numpy()
        x, revealed = tokens.cpu().numpy(), known.cpu().numpy()
        at_a_time = max(1, _MOST_NUMBERS // (x.shape[1] * self.vocab_size))
        for begin in range(0, len(x), at_a_time):  # a law answers for all L positions; keep few such answers at once
            laws = self.law.conditionals(x[begin : begin + at_a_time], revealed[begin : begin + at_a_time])
            here = (rows >= begin) & (rows < begin + at_a_time)
            with np.errstate(divide="ignore"):
                chosen[here] = np.log(laws[rows[here] - begin, columns[here]])  # (N, V)
        return torch.from_numpy(chosen).to(self.device)

    def encode(self, text: str | Sequence[str]) -> list[int] | list[list[int]]:
        """Tokens of one text or of several, in the words of the law; token ids such as "0 3 1" where it has none."""
        found: list[int] | list[list[int]] = as_tokens(self, text)
        return found

    def decode(self, tokens: Any) -> str | list[str]:
        """The text of a row of tokens, or the texts of several rows."""
        return as_texts(self, tokens)

    def __repr__(self) -> str:
        return f"oracle({self.law!r})"


def oracle(law: Law, device: torch.device | str = "cpu") -> Oracle:
    """The law as a predictor with exact conditional probabilities.

    Raises InputError when `law` is not a law.

    Examples:
        >>> unmask.oracle(unmask.laws.Permutation(8))
        oracle(Permutation(length=8))
    """
    if not isinstance(law, Law):
        raise InputError(f"law is {law!r}; expected a law such as unmask.laws.Permutation(8)")
    return Oracle(law, device)

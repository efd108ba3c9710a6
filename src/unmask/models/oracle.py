"""A law as a predictor: `oracle(law)` answers with the exact conditional laws.

This is how every sampler, score, price and plan is tested: the same code path as with a network, the answer known.
"""

import numpy as np
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.laws.base import Law
from unmask.models.predictor import Positions


class Oracle:
    """The perfect mask predictor of a law. It has no mask token and no end of text, and computes on the CPU in numpy.
    """

    mask_token_id: int | None = None
    forbidden_ids: tuple[int, ...] = ()
    end_of_text_id: int | None = None
    calls_per_query: int = 1

    def __init__(self, law: Law, device: torch.device | str = "cpu") -> None:
        self.law = law
        self.vocab_size = law.vocab_size
        self.length: int | None = law.length
        self.device = torch.device(device)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        rows, columns = wanted.rows.cpu().numpy(), wanted.columns.cpu().numpy()
        laws = self.law.conditionals(tokens.cpu().numpy(), known.cpu().numpy())  # (rows, L, V)
        with np.errstate(divide="ignore"):
            chosen = np.log(laws[rows, columns])  # (N, V)
        return torch.from_numpy(chosen.astype(np.float32)).to(self.device)

    def __repr__(self) -> str:
        return f"oracle({self.law!r})"


def oracle(law: Law, device: torch.device | str = "cpu") -> Oracle:
    """The law as a predictor with exact conditional probabilities.

    Raises InputError when `law` is not a law.
    """
    if not isinstance(law, Law):
        raise InputError(f"law is {law!r}; expected a law such as unmask.laws.Permutation(8)")
    return Oracle(law, device)

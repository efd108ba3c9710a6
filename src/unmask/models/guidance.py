"""Classifier-free guidance: sharpen what the prompt says against what the model would say without it.

With c the law given everything known and u the law given everything known but the prompt, tokens are drawn from the law
proportional to `c^(1 + scale) / u^scale` (Ho & Salimans, arXiv 2207.12598; for masked models without a second network:
Nie et al., arXiv 2410.18514, and LLaDA, arXiv 2502.09992). A wrapper: it takes a predictor and is one.

The guided law is a law of its own, not the model's: a price measured with guidance is a price of guided sampling.
"""

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.capabilities import row_calls_of
from unmask.models.predictor import Positions, Predictor, Wrapped


class Guidance(Wrapped[Predictor]):
    """A predictor whose laws are guided by a prompt. Costs two calls of the wrapped one for each of its own.

    Args:
        predictor: any predictor.
        scale: 0 leaves the laws as they are; LLaDA's `cfg_scale`.
        prompt: (length,) bool, the positions that make up the prompt, the same in every row.

    Raises:
        InputError: the scale is negative or not finite, the prompt is no row of booleans, or a canvas is of another
            length.
    """

    def __init__(self, predictor: Predictor, scale: float, prompt: Tensor) -> None:
        if not 0 <= scale < float("inf"):
            raise InputError(f"scale is {scale}; expected a finite number of at least 0")
        if prompt.ndim != 1 or prompt.dtype != torch.bool:
            raise InputError(
                f"prompt has shape {tuple(prompt.shape)} and dtype {prompt.dtype}; expected (length,) bool"
            )
        super().__init__(predictor)
        self.scale = scale
        self.prompt = prompt
        self.calls_per_query = 2 * predictor.calls_per_query

    @property
    def row_calls(self) -> Tensor | None:
        """Network calls the latest query cost each row, (rows,), when the wrapped predictor counts them."""
        spent = row_calls_of(self.predictor)  # of the rows with the prompt, and then of those without
        return None if spent is None else spent.view(2, -1).sum(0)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        """As `Predictor.log_probs`, guided: canvases with and without the prompt are asked in one query."""
        if tokens.shape[1] != len(self.prompt):
            raise InputError(f"the canvas has length {tokens.shape[1]}, the prompt {len(self.prompt)}; they must agree")
        rows, columns = wanted
        without = known & ~self.prompt.to(known.device)
        both = Positions(torch.cat([rows, rows + len(tokens)]), torch.cat([columns, columns]))
        laws = self.predictor.log_probs(torch.cat([tokens, tokens]), torch.cat([known, without]), both)
        given, free = laws.chunk(2)
        guided = given + self.scale * (given - free)
        # What the prompt rules out stays ruled out; -inf minus -inf is not a number.
        return guided.masked_fill(given == -torch.inf, -torch.inf).log_softmax(-1)

"""Every token of a text by itself: its log-probability with all others known, and how open its position is.

The sum over the tokens is the pseudo-log-likelihood (Salazar et al., Masked Language Model Scoring, arXiv 1910.14659;
for proteins Meier et al., 2021), which is no likelihood: each token is given all the others, also those behind it. It
takes one network call a token. `score` is the likelihood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.request import Row, texts_of
from unmask.sampling.sample import rows_that_fit


@dataclass(frozen=True)
class PerToken:
    """The tokens of one text, each given all the others.

    Attributes:
        tokens: (L,) int64. scored: (L,) bool; False where a token was given.
        log_probs: (L,) float64, nats; 0 where given. entropies: (L,) float64, nats; of the law at each position.
        network_calls: what they took, one a scored token.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> table = unmask.per_token(unmask.oracle(law), [[2, 0, 3, 1]])[0]
        >>> table.pseudo_log_likelihood, table.network_calls  # three tokens of a permutation say the fourth
        (0.0, 4)
    """

    tokens: Tensor
    scored: Tensor
    log_probs: Tensor
    entropies: Tensor
    network_calls: int

    @property
    def pseudo_log_likelihood(self) -> float:
        """Sum of the log-probabilities, nats: a score, not a likelihood."""
        return float(self.log_probs.sum())

    def to_dict(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens.tolist(),
            "scored": self.scored.tolist(),
            "log_probs": self.log_probs.tolist(),
            "entropies": self.entropies.tolist(),
            "pseudo_log_likelihood": self.pseudo_log_likelihood,
            "network_calls": self.network_calls,
        }


def per_token(predictor: Predictor, tokens: Any, *, given: Any = 0, batch_size: int | None = None) -> list[PerToken]:
    """Log-probability and entropy at every position of texts, each position masked alone.

    Args:
        tokens: (n, L) token ids, one text (L,), or texts of different lengths.
        given: positions that are not asked about, as `score` takes them.
        batch_size: rows that go through the network together.

    Raises:
        InputError: tokens outside the vocabulary, a text longer than the model takes, or nothing to score.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> table = unmask.per_token(unmask.oracle(law), [2, 0, 3, 1], given=3)[0]
        >>> table.scored.tolist(), table.network_calls
        ([False, False, False, True], 1)
    """
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; expected at least 1")
    rows, scored = texts_of(predictor, tokens, given)
    return [_table(predictor, row, mask[: len(row.tokens)], batch_size) for row, mask in zip(rows, scored, strict=True)]


def _table(predictor: Predictor, row: Row, scored: Tensor, batch_size: int | None) -> PerToken:
    length = len(row.tokens)
    log_probs, entropies = torch.zeros(length, dtype=torch.float64), torch.zeros(length, dtype=torch.float64)
    size = batch_size or rows_that_fit(1, predictor.vocab_size, length)
    for places in _chunks(scored.nonzero().squeeze(1), size):
        number = torch.arange(len(places))
        known = torch.ones(len(places), length, dtype=torch.bool)
        known[number, places] = False
        texts = row.tokens.expand(len(places), length)
        device = predictor.device
        wanted = Positions(number.to(device), places.to(device))
        laws = predictor.log_probs(texts.to(device), known.to(device), wanted).double().cpu()
        if bool(laws.isnan().any()):
            raise InputError("the predictor returned NaN")
        log_probs[places] = laws[number, row.tokens[places]]
        entropies[places] = -(laws.exp() * laws.clamp_min(-1e30)).sum(1)
    return PerToken(row.tokens, scored, log_probs, entropies, int(scored.sum()) * predictor.calls_per_query)


def _chunks(places: Tensor, size: int) -> Iterator[Tensor]:
    for begin in range(0, len(places), size):
        yield places[begin : begin + size]


def mutated(tokens: Sequence[int], letters: Sequence[str], mutations: str, encode: Any) -> tuple[list[int], list[bool]]:
    """A text with some positions changed, and which positions were not.

    Args:
        tokens: the text. letters: how each of its tokens is written.
        mutations: such as "A23V,G45D": the letter that stands there, its place counted from 1, the letter to be.
        encode: text to token ids.

    Raises:
        InputError: the text has another letter there, or no such place.

    Example:
        >>> mutated([0, 1, 2], ["a", "b", "c"], "b2c", lambda text: [ord(text) - ord("a")])
        ([0, 2, 2], [True, False, True])
    """
    import re

    changed, known = list(tokens), [True] * len(tokens)
    for one in mutations.replace(" ", "").split(","):
        found = re.fullmatch(r"(\D+)(\d+)(\D+)", one)
        if found is None:
            raise InputError(f"mutations has {one!r}; expected such as A23V, places counted from 1")
        before, place, after = found[1], int(found[2]), found[3]
        if not 1 <= place <= len(tokens):
            raise InputError(f"mutations has {one}, but the text has places 1 to {len(tokens)}")
        if letters[place - 1] != before:
            raise InputError(f"mutations has {one}, but {letters[place - 1]} stands at place {place}")
        ids = [int(token) for token in encode(after)]
        if len(ids) != 1:
            raise InputError(f"mutations has {one}, and {after!r} is no single token of the model")
        changed[place - 1], known[place - 1] = ids[0], False
    return changed, known

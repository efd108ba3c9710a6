"""The losses of a predictor on given texts at given masks: all that measuring asks of a network.

One call of the network on one canvas gives the loss of every masked token of it. Texts are ranked: rank r is the place
of a position in the text's own reveal order, and at revealed count a every position of rank >= a is masked.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.capabilities import suppresses_forbidden
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.answers import Looks, as_laws
from unmask.sampling.model_calls import suppress
from unmask.sampling.slices import slices

# Log-probabilities of at most this many (position, token) pairs are held at a time, about 256 MB of float32.
PAIRS_AT_ONCE = 1 << 26

GIVEN = -1
LATER = 1 << 40
"""Rank of a position that is masked throughout and never asked for: it comes in a later block."""

FloatArray = npt.NDArray[np.float64]


class LossReader:
    """Reads losses, and counts what that costs.

    Attributes:
        calls: network calls so far, one per row and query.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.calls = 0
        self._looks = Looks(torch.device(predictor.device))
        self._forbidden = torch.tensor(sorted(set(predictor.forbidden_ids)), dtype=torch.int64, device=predictor.device)
        if suppresses_forbidden(predictor):
            self._forbidden = self._forbidden[:0]

    @torch.no_grad()
    def at(self, tokens: Tensor, ranks: Tensor, count: int) -> tuple[FloatArray, FloatArray]:
        """Losses and entropies when `count` tokens of every text are revealed.

        Args:
            tokens: (N, length) int64, whole texts.
            ranks: (N, length) int64; place of each position in the reveal order, from 0; GIVEN where it is always
                known, LATER where it is masked and not asked for. Every row has as many of each.
            count: revealed tokens besides the given ones.

        Returns:
            Two (N, L - count) float64 arrays, nats: `-log p` of the true tokens in reveal order, from rank `count` on,
            and the entropy of the predictor's law at the same positions.
        """
        first = int((ranks[0] < count).sum())
        columns = torch.argsort(ranks, dim=1, stable=True)[:, first : int((ranks[0] < LATER).sum())]
        width = columns.shape[1]
        losses, entropies = np.empty((len(tokens), width)), np.empty((len(tokens), width))
        rows_at_once = max(1, PAIRS_AT_ONCE // max(1, width * self.predictor.vocab_size))
        for start in range(0, len(tokens), rows_at_once):
            rows = slice(start, start + rows_at_once)
            losses[rows], entropies[rows] = self.of(tokens[rows], ranks[rows] < count, columns[rows])
        return losses, entropies

    @torch.no_grad()
    def of(self, tokens: Tensor, known: Tensor, columns: Tensor) -> tuple[FloatArray, FloatArray]:
        """Losses and entropies of the positions `columns` (N, width) of every text, with `known` (N, length) shown."""
        device = self.predictor.device
        rows = torch.arange(len(tokens))[:, None].expand_as(columns)
        wanted = Positions(rows.reshape(-1).to(device), columns.reshape(-1).to(device))
        answer = self.predictor.log_probs(tokens.to(device), known.to(device), wanted)
        laws = as_laws(answer, columns.numel(), self.predictor.vocab_size)
        self.calls += len(tokens) * self.predictor.calls_per_query
        self._looks.sums_of_some(laws)
        if len(self._forbidden):
            laws = suppress(laws, self._forbidden)
        totals, entropies = _totals_and_entropies(laws)
        self._looks.totals(totals)
        self._looks.refuse()
        truth = tokens.gather(1, columns).reshape(-1, 1).to(device)
        losses = -laws.gather(1, truth).view(-1)
        if not bool(torch.isfinite(losses).all()):
            raise InputError(_impossible(losses, truth))
        return _nats(losses, columns.shape), _nats(entropies, columns.shape)


def _totals_and_entropies(laws: Tensor) -> tuple[Tensor, Tensor]:
    """What N laws sum to, and their entropies, (N,) each."""
    lowest = torch.finfo(laws.dtype).min  # so that 0 log 0 is 0 and not NaN
    totals, entropies = [], []
    for part in slices(laws):
        probabilities = part.exp()
        totals.append(probabilities.sum(-1))
        entropies.append(-probabilities.mul_(part.clamp(min=lowest)).sum(-1))
    return torch.cat(totals), torch.cat(entropies)


def _nats(values: Tensor, shape: torch.Size) -> FloatArray:
    """As float64 on the host; a probability rounded above 1 costs nothing, not less."""
    return np.asarray(np.maximum(values.double().cpu().numpy().reshape(tuple(shape)), 0.0), dtype=np.float64)


def _impossible(losses: Tensor, truth: Tensor) -> str:
    worst = int((~torch.isfinite(losses)).to(torch.int64).argmax())
    return (
        f"token {int(truth[worst])} has probability 0 under the predictor, so the text costs infinitely many nats; "
        "check that text and model share their vocabulary"
    )

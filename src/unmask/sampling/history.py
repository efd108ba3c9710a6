"""Policies that compare this prediction with earlier ones of the same run: how far laws move, what they keep saying.

What they remember lies in `canvas.memory`: laws of the open positions only, never of the whole canvas, and credits as a
few (token, credit) pairs a position, never as an array over the vocabulary. A replay remembers the same, so samplers
made of these parts are scored exactly.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.draws import slices
from unmask.sampling.selections import Each
from unmask.sampling.step import Step

_FORGOTTEN = 1e-4  # a credit below this moves no probability by more than its hundredth of a per cent


@dataclass(frozen=True)
class Stable:
    """Every sure position whose law has come to rest, or else what another selection takes (KLASS, arXiv 2511.05664).

    Sure: confidence above `threshold`. At rest: `KL(p_t || p_{t-1}) < epsilon` nats at each of the last `history`
    predictions, of raw laws, whatever the token is then drawn from.

    Attributes:
        otherwise: the selection for steps in which no position is both; one position by default.
    """

    threshold: float = 0.9
    epsilon: float = 0.01
    history: int = 2
    otherwise: Any = field(default_factory=Each)
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "klass"

    def __call__(self, step: Step) -> Tensor:
        resting = self._streak(step) >= self.history
        found = step.open & resting & (step.grid(step.confidence) > self.threshold)
        return torch.where(found.any(1, keepdim=True), found, self.otherwise(step))

    def _streak(self, step: Step) -> Tensor:
        """(R, L) how many predictions in a row have moved by less than epsilon."""
        memory, key = step.canvas.memory, ("stable", id(self))
        streak = torch.zeros(step.open.shape, dtype=torch.int64, device=step.open.device)
        if key in memory:
            index, laws, before = memory[key]
            rows, columns = step.positions
            now = (index[rows, columns] >= 0).nonzero().squeeze(1)
            rows, columns = rows[now], columns[now]
            moved = divergence(step.log_probs, laws, now, index[rows, columns])
            streak[rows, columns] = torch.where(moved < self.epsilon, before[rows, columns] + 1, 0)
        memory[key] = (step.index, step.log_probs, streak)
        return streak


@dataclass(frozen=True)
class Credit:
    """Tokens that were the most likely one before are made likelier (CreditDecoding, arXiv 2510.06133).

    A `reading`: everything reads the changed law, orders, selections and draws. At each prediction every credit of a
    position shrinks by `decay` and the most likely token gains `p^power`; the law is then `p (1 + credit)^strength`,
    normalised. A position that leaves the window is forgotten.
    """

    strength: float = 0.7
    power: float = 0.2
    decay: float = 0.8
    raw: ClassVar[bool] = False
    has_memory: ClassVar[bool] = True
    source: ClassVar[str] = "credit"

    def __call__(self, log_probs: Tensor, positions: Positions, step: Step) -> Tensor:
        memory, key = step.canvas.memory, ("credit", id(self))
        rows, columns = positions
        shape = step.canvas.known.shape
        if key not in memory:
            memory[key] = (
                torch.zeros(*shape, 0, dtype=torch.int64, device=log_probs.device),
                torch.zeros(*shape, 0, device=log_probs.device),
            )
        held, credits = (grid[rows, columns] for grid in memory[key])  # (N, S): S tokens a position at most
        held, credits = self._updated(log_probs, held, credits)
        grids = [
            torch.zeros(*shape, held.shape[1], dtype=kind, device=held.device) for kind in (held.dtype, torch.float)
        ]
        for grid, values in zip(grids, (held, credits), strict=True):
            grid[rows, columns] = values
        memory[key] = tuple(grids)
        return log_probs.scatter_add(1, held, self.strength * credits.log1p()).log_softmax(-1)

    def _updated(self, log_probs: Tensor, held: Tensor, credits: Tensor) -> tuple[Tensor, Tensor]:
        """The credits after one more prediction; each token has one place, and empty places come last."""
        highest, best = log_probs.max(-1, keepdim=True)
        gain = highest.exp() ** self.power
        credits = credits * self.decay
        same = (held == best) & (credits > 0)
        credits = credits + same * gain
        held = torch.cat([held, best], dim=1)
        credits = torch.cat([credits, gain.masked_fill(same.any(1, keepdim=True), 0.0)], dim=1)
        credits = credits.masked_fill(credits < _FORGOTTEN, 0.0)
        credits, places = credits.sort(dim=1, descending=True, stable=True)
        used = max(1, int((credits > 0).sum(1).max())) if len(credits) else 1
        return held.gather(1, places)[:, :used], credits[:, :used]


def divergence(laws: Tensor, others: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """`KL(laws[here] || others[there])` in nats: two (.., V) arrays of log-probabilities, two (M,) indices, to (M,)."""
    size = max(1, len(slices(laws)[0])) if len(laws) else 1
    parts = [_divergence(laws[a], others[b]) for a, b in zip(here.split(size), there.split(size), strict=True)]
    return torch.cat(parts).clamp(min=0.0)  # rounding alone can make it negative


def _divergence(laws: Tensor, others: Tensor) -> Tensor:
    probabilities = laws.exp()
    return torch.where(probabilities > 0, probabilities * (laws - others), 0.0).sum(-1)

"""LESS: sure positions whose favourite has stayed and whose law has come to rest."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.memory import Packed
from unmask.sampling.parts import Selection, check_probabilities
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import at_least_one
from unmask.sampling.slices import slices
from unmask.sampling.step import Opened, Ranked
from unmask.sampling.windows import Blocks, Whole, in_sight


class _Seen(NamedTuple):
    """The laws of the last prediction; (R, L) the favourite of each position, and how often in a row it was it."""

    laws: Packed
    favourite: Tensor
    persisted: Tensor


@dataclass(frozen=True)
class MutualStability(Selection):
    """Every open position that is sure, has kept its favourite and has come to rest; or else the first one.

    Sure: confidence at least `threshold`. Kept: the most likely token was the same in the last `persistence`
    predictions, this one included. At rest: the Jensen-Shannon divergence of the last two laws is at most `drift` nats.
    It is that of the `top` tokens likeliest under the mean of both laws, all other tokens taken together.
    """

    threshold: float = 0.75
    drift: float = 0.04
    persistence: int = 2
    top: int = 10
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "less"

    def __post_init__(self) -> None:
        check_probabilities(self, "threshold")
        if not self.drift >= 0 or self.persistence < 1 or self.top < 1:
            raise InputError(f"{self!r}; expected a drift of 0 or more, persistence and top of at least 1")

    def begin(self, canvas: Canvas) -> _Seen:
        shape = canvas.known.shape
        nobody = torch.full(shape, -1, device=canvas.device)
        return _Seen(Packed.nothing(shape, canvas.device), nobody, torch.zeros_like(nobody))

    def watches(self, step: Opened) -> Tensor | None:
        return in_sight(step.canvas, step.window)

    def __call__(self, step: Ranked) -> Tensor:
        (index, laws), favourite, persisted = step.recall(self)
        best = step.grid(step.best, -1)
        persisted = torch.where(best == favourite, persisted + 1, 1).masked_fill(best < 0, 0)
        drift = torch.full(best.shape, math.inf, device=best.device)
        rows, columns = step.positions
        now = (index[rows, columns] >= 0).nonzero().squeeze(1)
        if len(now):
            places = rows[now], columns[now]
            drift[places] = jensen_shannon(step.log_probs[now], laws[index[places]], self.top)
        step.remember(self, _Seen(Packed(step.index, step.log_probs), best, persisted))
        sure = step.grid(step.confidence) >= self.threshold
        return at_least_one(step, step.open & sure & (persisted >= self.persistence) & (drift <= self.drift))


def jensen_shannon(laws: Tensor, others: Tensor, top: int) -> Tensor:
    """Jensen-Shannon divergence in nats, at most log 2, of M pairs of laws: two (M, V) arrays to (M,).

    Of the `top` tokens likeliest under the mean of the two; the probability of all others counts as that of one token.
    """
    size = max(1, len(slices(laws)[0])) if len(laws) else 1
    pairs = zip(torch.split(laws, size), torch.split(others, size), strict=True)
    return torch.cat([_jensen_shannon(p.exp(), q.exp(), top) for p, q in pairs])


def _jensen_shannon(p: Tensor, q: Tensor, top: int) -> Tensor:
    tokens = (p + q).topk(min(top, p.shape[1]), dim=1).indices
    held = [law.gather(1, tokens) for law in (p, q)]
    p, q = (torch.cat([law, (1 - law.sum(1, keepdim=True)).clamp(min=0)], dim=1) for law in held)
    mean = (p + q) / 2
    parts = [torch.where(law > 0, law * (law / mean).log(), 0.0).sum(1) for law in (p, q)]
    return ((parts[0] + parts[1]) / 2).clamp(min=0)


def less(
    threshold: float = 0.75, drift: float = 0.04, persistence: int = 2, top: int = 10, block_length: int | None = None
) -> Sampler:
    """Sure positions whose favourite has stayed and whose law has come to rest (LESS, arXiv 2606.16908).

    Only the abstract and summaries could be read, and there is no public code. The three conditions and the values of
    `threshold`, `drift` and `persistence` are theirs. How many tokens the divergence looks at, that every stable
    position is revealed, and the surest one where none is, is our reading; a "frontier-first" variant they mention is
    not here.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = MutualStability(threshold, drift, persistence, top)
    return Sampler(Confidence(), selection, window, name="less", source="less")


RULE = Rule(
    less,
    does="sure tokens that have stayed and whose law rests",
    paper="Mohamed, Shang & Vazirgiannis, LESS Is More: Mutual-Stability Sampling for Diffusion Language Models, arXiv "
    "2606.16908",
    ladder=("0.9", "0.75", "0.5"),
    by_default=False,
    example="0.2,drift=0.3,persistence=1",
)

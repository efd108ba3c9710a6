"""CreditDecoding: laws that give credit to tokens that were favourites before."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import LogitsTransform
from unmask.sampling.priorities import by_sureness
from unmask.sampling.rules.rule import Rule
from unmask.sampling.rules.threshold import Threshold
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Begun
from unmask.sampling.windows import Blocks, Whole

_FORGOTTEN = 1e-4  # a credit below this moves no probability by more than its hundredth of a per cent


class _Credits(NamedTuple):
    """Of each position, S tokens at most that have credit, and how much: (R, L, S) each; no credit is 0."""

    tokens: Tensor
    credits: Tensor


@dataclass(frozen=True)
class Credit(LogitsTransform):
    """Tokens that were the most likely one before are made likelier (CreditDecoding, arXiv 2510.06133).

    A `reading`: everything reads the changed law, orders, selections and draws. At each prediction every credit of a
    position shrinks by `decay` and the most likely token gains `p^power`; the law is then `p (1 + credit)^strength`,
    normalised. A position that leaves the window is forgotten.
    """

    strength: float = 0.7
    power: float = 0.2
    decay: float = 0.8
    has_memory: ClassVar[bool] = True
    source: ClassVar[str] = "credit"

    def begin(self, canvas: Canvas) -> "_Credits":
        nothing = torch.zeros(*canvas.known.shape, 0, device=canvas.device)
        return _Credits(nothing.long(), nothing)

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        rows, columns = positions
        held, credits = (grid[rows, columns] for grid in step.recall(self))  # (N, S)
        held, credits = self._updated(log_probs, held, credits)
        shape = (*step.canvas.known.shape, held.shape[1])
        grids = _Credits(held.new_zeros(shape), credits.new_zeros(shape))
        for grid, values in zip(grids, (held, credits), strict=True):
            grid[rows, columns] = values
        step.remember(self, grids)
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


def credit(
    threshold: float = 0.9,
    strength: float = 0.7,
    power: float = 0.2,
    decay: float = 0.8,
    block_length: int | None = None,
    drawn: bool = False,
) -> Sampler:
    """Threshold decoding on laws that give credit to earlier favourites (CreditDecoding, arXiv 2510.06133).

    It changes the law that tokens are drawn from, even at one token a step. At temperature 0 the published rule; at
    others dInfer's code takes the probability of the drawn token: `drawn`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    reading = Credit(strength, power, decay)
    selection = Threshold(threshold, drawn=drawn)
    return Sampler(by_sureness(None, drawn), selection, window, reading, name="credit", source="credit")


RULE = Rule(
    credit,
    does="threshold decoding on laws that credit earlier favourites",
    paper="Wang et al., CreditDecoding: Accelerating Parallel Decoding in Diffusion Large Language Models with Trace "
    "Credits, arXiv 2510.06133",
    ladder=("0.9", "0.6", "0.3"),
    by_default=False,
    example="0.4",
)

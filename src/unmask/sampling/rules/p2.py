"""Path planning: every position competes again in every step, known ones included."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Revision, Selection
from unmask.sampling.priorities import Confidence
from unmask.sampling.remasking import revealed
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Ranked, Step


@dataclass(frozen=True)
class BestOfAll(Selection):
    """The best positions of ALL that are not given, known ones included (P2, arXiv 2502.03540).

    A position is worth the log-probability of the token drawn there anew, a known one `eta` times as much. After step j
    of `steps`, `j/steps` of the positions are kept, rounded up: the kept masked ones are revealed here, the kept known
    ones stay as they are, and `Unkept` masks the known ones that are not kept. A selection over the whole canvas, not
    over blocks.

    Attributes:
        eta: above 1 known tokens are reconsidered more readily, below 1 less.
        standing: whether a known position is judged by the token that stands there (the network sees it) instead.
    """

    steps: int
    eta: float = 1.0
    standing: bool = False
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True
    source: ClassVar[str] = "p2"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Ranked) -> Tensor:
        return self.kept(step, step.canvas.known)

    def kept(self, step: Ranked, known: Tensor) -> Tensor:
        """(R, L) bool: the positions to be known after this step; `known` as it was before it."""
        canvas = step.canvas
        free = ~canvas.frozen
        count = free.sum(1)
        left = max(self.steps - canvas.step - 1, 0)
        keep = count - left * count // self.steps
        worth = self.worth(step, known).masked_fill(~free, -torch.inf)
        ranked = worth.clamp(min=torch.finfo(worth.dtype).min).masked_fill(~free, -torch.inf)
        ranked = ranked.sort(dim=1, descending=True, stable=True).indices
        inside = torch.arange(canvas.length, device=free.device) < keep[:, None]
        return torch.zeros_like(free).scatter_(1, ranked, inside) & free

    def worth(self, step: Ranked, known: Tensor) -> Tensor:
        """(R, L) log-probability of what stands or would stand at each position, times `eta` where it is known."""
        written = step.grid(step.drawn)
        if self.standing:
            written = torch.where(known, step.canvas.tokens, written)
        rows, columns = step.positions
        worth = step.grid(step.log_probs.gather(1, written[rows, columns][:, None]).squeeze(1), -torch.inf)
        return torch.where(known, self.eta * worth, worth)


@dataclass(frozen=True)
class Unkept(Revision):
    """Masks the known tokens that `BestOfAll` does not keep."""

    selection: BestOfAll

    def wants(self, step: Opened) -> Tensor:
        return revealed(step)

    def __call__(self, step: Step) -> None:
        before = step.canvas.known & ~step.picked
        step.canvas.release(before & ~self.selection.kept(step, before))


def p2(steps: int = 128, eta: float = 1.0, standing: bool = False) -> Sampler:
    """All positions compete again in every step, known ones included (P2 by the model itself, arXiv 2502.03540).

    At temperature 0 the rule of the authors' code: a known position is judged by the token drawn there anew. The
    paper's formula can also be read as the probability of the token that stands there: `standing`, which takes back
    more. At other temperatures their code ranks by logits with Gumbel noise; here the raw law of the drawn token ranks.
    """
    selection = BestOfAll(steps, eta, standing)
    return Sampler(Confidence(), selection, revision=Unkept(selection), name="p2", source="p2")


RULE = Rule(
    p2,
    does="all tokens compete again in every step, known ones too",
    paper="Peng et al., Path Planning for Masked Diffusion Model Sampling, arXiv 2502.03540",
    ladder=STEPS,
    by_default=False,
    example="6,eta=2.0",
)

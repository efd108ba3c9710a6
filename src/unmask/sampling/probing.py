"""Policies that ask about canvases that are not there: what if these tokens stood here, or that one did not?

Every such question goes through the door and is counted for the row it serves.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.history import divergence
from unmask.sampling.step import Step


@dataclass(frozen=True)
class Independent:
    """Positions whose laws do not move when the others' candidates are shown (PUNT, arXiv 2510.21961).

    A candidate is drawn at every open position and positions are numbered in the order's ranking. For each bit of the
    numbers, highest first: those with bit 0 are shown with their candidates, and those with bit 1 whose law moves by
    more than `epsilon` nats, `KL(before || after)`, are dropped. What is left is revealed; the first choice always is.
    So m open positions cost at most `ceil(log2 m)` calls more, and the choice reads drawn tokens. Candidates are shown
    together: where they contradict one another the test asks about a canvas no text has, and its answer means little.
    """

    epsilon: float = 0.05
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "punt"

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        columns = torch.arange(canvas.length, device=canvas.device)
        number = torch.zeros_like(step.ranked).scatter_(1, step.ranked, columns.expand_as(step.ranked))
        shown = torch.where(step.open, step.grid(step.drawn), canvas.tokens)
        kept = step.open.clone()
        for bit in reversed(range((int(step.open_counts.max()) - 1).bit_length())):
            anchors = kept & ((number >> bit) & 1 == 0)
            tested = kept & ~anchors
            asked = tested.any(1).nonzero().squeeze(1)
            if not len(asked):
                continue
            where = Positions(*tested[asked].nonzero(as_tuple=True))
            known = canvas.known[asked] | anchors[asked]
            tokens = torch.where(known, shown[asked], canvas.tokens[asked])
            after = step.door.ask(tokens, known, where, asked.cpu())
            rows = asked[where.rows]
            before = step.index[rows, where.columns]
            moved = divergence(step.log_probs, after, before, torch.arange(len(after), device=after.device))
            kept[rows, where.columns] = moved <= self.epsilon
        return kept


@dataclass(frozen=True)
class Draft:
    """Every position surer than `threshold`, but no more than a share of the masked ones (WINO, arXiv 2507.18578).

    The cap is `share` of the open positions, kept between `least` and `most`.
    """

    threshold: float = 0.6
    share: float = 0.7
    least: int = 5
    most: int = 20
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "wino"

    def __call__(self, step: Step) -> Tensor:
        cap = (step.open_counts.double() * self.share + 1e-9).floor().long().clamp(self.least, self.most)
        sure = (step.open & (step.grid(step.confidence) > self.threshold)).sum(1)
        return step.first(torch.minimum(sure, cap).clamp(min=1))


@dataclass(frozen=True)
class LeaveOneOut:
    """Takes back revealed tokens that the rest of the canvas makes unlikely (WINO's verification, arXiv 2507.18578).

    A token of the window is checked by predicting it with its own position masked, on the canvas as it stood before
    this step's draft; below `threshold` it is masked again, the least likely first, always fewer than were drafted.

    WINO reads all these laws from the same forward, at masked columns added to the canvas with an attention mask of
    their own: one call of a canvas and a block. That needs the network's attention; here each checked token is a
    canvas of its own behind the ordinary door, and costs a call. The choices are the same, the number of calls is not.
    """

    threshold: float = 0.9
    source: ClassVar[str] = "wino"

    def wants(self, step: Step) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        shown = canvas.known & ~step.picked
        checked = shown & ~canvas.frozen & step.window & canvas.live.to(canvas.device)[:, None]
        checked &= (step.counts > 1).to(canvas.device)[:, None]  # fewer than one draft cannot be taken back
        rows, columns = checked.nonzero(as_tuple=True)
        if not len(rows):
            return
        support = torch.full(shown.shape, 2.0, device=canvas.device)  # 2: not checked, surer than any threshold
        for some, places in zip(rows.split(canvas.rows), columns.split(canvas.rows), strict=True):
            known = shown[some]
            alone = torch.arange(len(some), device=canvas.device)
            known[alone, places] = False
            laws = step.door.ask(canvas.tokens[some], known, Positions(alone, places), some.cpu())
            support[some, places] = laws.gather(1, canvas.tokens[some, places][:, None]).squeeze(1).exp()
        least_likely_first = support.sort(dim=1, stable=True).indices
        place = torch.zeros_like(least_likely_first).scatter_(
            1, least_likely_first, torch.arange(canvas.length, device=canvas.device).expand_as(support)
        )
        fewer = place < (step.counts - 1).to(canvas.device)[:, None]
        canvas.release(checked & (support < self.threshold) & fewer)

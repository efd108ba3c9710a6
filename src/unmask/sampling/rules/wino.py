"""WINO: draft widely, keep what the rest confirms."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.parts import Revision, Selection
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Ranked, Step
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Draft(Selection):
    """Every position surer than `threshold`, but no more than a share of the masked ones (WINO, arXiv 2507.18578).

    The cap is `share` of the open positions, kept between `least` and `most`.
    """

    threshold: float = 0.6
    share: float = 0.7
    least: int = 5
    most: int = 20
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "wino"

    def __call__(self, step: Ranked) -> Tensor:
        cap = (step.open_counts.double() * self.share + 1e-9).floor().long().clamp(self.least, self.most)
        sure = (step.open & (step.grid(step.confidence) > self.threshold)).sum(1)
        return step.first(torch.minimum(sure, cap).clamp(min=1))


@dataclass(frozen=True)
class LeaveOneOut(Revision):
    """Takes back revealed tokens that the rest of the canvas makes unlikely (WINO's verification, arXiv 2507.18578).

    A token of the window is checked by predicting it with its own position masked, on the canvas as it stood before
    this step's draft; below `threshold` it is masked again, the least likely first, always fewer than were drafted.

    WINO reads all these laws from the same forward, at masked columns added to the canvas with an attention mask of
    their own: one call of a canvas and a block. That needs the network's attention; here each checked token is a
    canvas of its own behind the ordinary door, and costs a call. The choices are the same, the number of calls is not.
    """

    threshold: float = 0.9
    source: ClassVar[str] = "wino"

    def wants(self, step: Opened) -> Tensor:
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
        for some, places in zip(torch.split(rows, canvas.rows), torch.split(columns, canvas.rows), strict=True):
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


def wino(threshold: float = 0.6, verify: float = 0.9, block_length: int | None = 128) -> Sampler:
    """Draft widely, keep what the rest confirms (WINO, Hong et al., arXiv 2507.18578).

    Every check of a revealed token costs a call here (`probing.LeaveOneOut` says why); WINO's own code adds a block of
    columns to the same call instead.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Draft(threshold), window, revision=LeaveOneOut(verify), name="wino", source="wino")


RULE = Rule(
    wino,
    does="draft widely, keep what the rest confirms",
    paper="Hong et al., Wide-In, Narrow-Out: Revokable Decoding for Efficient and Effective DLLMs, arXiv 2507.18578",
    ladder=("threshold=0.6,verify=0.9", "threshold=0.3,verify=0.3"),
    by_default=False,
    example="0.2,verify=0.3,block_length=5",
)

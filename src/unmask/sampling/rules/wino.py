"""WINO: draft widely, keep what the rest confirms."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Revision, check_probabilities
from unmask.sampling.priorities import by_sureness, sureness
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness
from unmask.sampling.step import Opened, Ranked, Step
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Draft(BySureness):
    """Every position surer than `threshold`, but no more than a share of the masked ones (WINO, arXiv 2507.18578).

    The cap is `share` of the open positions, kept between `least` and `most`. `drawn` takes the probability of the
    drawn token instead of the most likely one.
    """

    threshold: float = 0.6
    share: float = 0.7
    least: int = 5
    most: int = 20
    drawn: bool = False
    source: ClassVar[str] = "wino"

    def __post_init__(self) -> None:
        check_probabilities(self, "threshold")

    def __call__(self, step: Ranked) -> Tensor:
        cap = (step.open_counts.double() * self.share + 1e-9).floor().long().clamp(self.least, self.most)
        sure = (step.open & (sureness(step, self.drawn) > self.threshold)).sum(1)
        return step.first(torch.minimum(sure, cap).clamp(min=1))


_FIRST = 30
"""What WINO's code takes for the drafts of the step before a block's first one."""


class _Drafted(NamedTuple):
    """(R,) on the CPU: the block of the last step, and how many tokens it drafted."""

    stage: Tensor
    drafted: Tensor


@dataclass(frozen=True)
class LeaveOneOut(Revision):
    """Takes back revealed tokens that the rest of the canvas makes unlikely (WINO's verification, arXiv 2507.18578).

    A token of the window is checked by predicting it with its own position masked, on the canvas as it stood before
    this step's draft; below `threshold` it is masked again, the least likely first, fewer than the step before drafted
    (30 in a block's first step). Nothing is checked in a step that drafts one token.

    WINO reads all these laws from the same forward, at masked columns added to the canvas with an attention mask of
    their own. A predictor takes no attention mask, so here each checked token is a canvas of its own behind the
    ordinary door and costs a call. Nor are the verdicts always the same: WINO's columns cannot see the token itself,
    but they see other columns that have seen it, so theirs is a milder test than leaving it out.

    Attributes:
        cap_by_now: whether fewer tokens are taken back than this very step drafted, so that every step gains.
    """

    threshold: float = 0.9
    cap_by_now: bool = False
    source: ClassVar[str] = "wino"

    def begin(self, canvas: Canvas) -> "_Drafted":
        nowhere = torch.full((canvas.rows,), -1)
        return _Drafted(nowhere, nowhere)

    def wants(self, step: Opened) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def _cap(self, step: Step) -> Tensor:
        """(R,) the most tokens that are taken back in this step."""
        stage = step.stage.cpu()
        before = step.recall(self)
        allowed = torch.where(before.stage == stage, before.drafted, _FIRST)
        step.remember(self, _Drafted(stage, step.counts))
        return (step.counts if self.cap_by_now else allowed) - 1

    def __call__(self, step: Step) -> None:
        canvas, cap = step.canvas, self._cap(step)
        shown = canvas.known & ~step.picked
        checked = shown & ~canvas.frozen & step.window & canvas.live.to(canvas.device)[:, None]
        checked &= (step.counts > 1).to(canvas.device)[:, None]
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
        fewer = place < cap.to(canvas.device)[:, None]
        canvas.release(checked & (support < self.threshold) & fewer)


def wino(
    threshold: float = 0.6,
    verify: float = 0.9,
    block_length: int | None = 128,
    cap_by_now: bool = False,
    drawn: bool = False,
) -> Sampler:
    """Draft widely, keep what the rest confirms (WINO, Hong et al., arXiv 2507.18578).

    At temperature 0 the paper's rule, with two differences in its check. Every check of a revealed token costs a call
    here; WINO's own code adds a block of columns to the same call, which needs the network's attention mask. And a
    checked token is really left out here, while in WINO's columns it leaks through the others, so that more is taken
    back here. At other temperatures WINO drafts by the probability of the drawn token: `drawn`.

    Args:
        cap_by_now: whether fewer tokens are taken back than the present step drafted, and not the one before it.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection, revision = Draft(threshold, drawn=drawn), LeaveOneOut(verify, cap_by_now)
    return Sampler(by_sureness(None, drawn), selection, window, revision=revision, name="wino", source="wino")


RULE = Rule(
    wino,
    does="draft widely, keep what the rest confirms",
    paper="Hong et al., Wide-In, Narrow-Out: Revokable Decoding for Efficient and Effective DLLMs, arXiv 2507.18578",
    ladder=("threshold=0.6,verify=0.9", "threshold=0.3,verify=0.3"),
    by_default=False,
    example="0.2,verify=0.3,block_length=5",
)

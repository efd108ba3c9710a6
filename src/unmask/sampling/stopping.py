"""Stops: when a row is finished."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.step import Step


@dataclass(frozen=True)
class AllKnown:
    """When nothing is masked any more."""

    reads_tokens: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def __call__(self, step: Step) -> Tensor:
        return step.canvas.remaining == 0


@dataclass(frozen=True)
class EndOfText:
    """When an end of text stands there and everything before it is known; what follows is filled with it, for free.

    Without this a long canvas is paid for to its last position, most of it padding.

    Attributes:
        token: the id that ends a text; None takes the predictor's.
    """

    token: int | None = None
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = ""

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        token = end_of_text(step, self.token)
        before = torch.cumsum(~canvas.known, dim=1) == 0  # everything up to and including this position is known
        ended = ((canvas.tokens == token) & before & ~canvas.frozen).any(1).cpu() & canvas.live
        canvas.fill(ended, token)
        return ended | (canvas.remaining == 0)


@dataclass(frozen=True)
class AfterSteps:
    """When nothing is masked and `steps` steps are over; until then tokens may be taken back."""

    steps: int
    reads_tokens: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def __call__(self, step: Step) -> Tensor:
        return (step.canvas.remaining == 0) & (step.canvas.step + 1 >= self.steps)


@dataclass(frozen=True)
class Settled:
    """When nothing is masked and the last step changed nothing, or `post_steps` steps later at the latest."""

    post_steps: int
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = ""

    def __call__(self, step: Step) -> Tensor:
        canvas, key = step.canvas, ("settled", id(self))
        spent = canvas.memory.get(key, torch.zeros_like(canvas.remaining))  # steps taken since nothing is masked
        finished = (canvas.remaining == 0) & (~canvas.changed | (spent >= self.post_steps))
        canvas.memory[key] = torch.where(canvas.remaining == 0, spent + 1, 0)
        return finished


@dataclass(frozen=True)
class EarlyCommit:
    """When the network is sure of everything that is still masked, which then becomes the most likely tokens (Prophet).

    Sure: the mean difference of the two largest logits over the masked positions of `region` is at least the gap of
    the present third of the work (Li et al., arXiv 2508.19982). The laws are those of this step, before its reveal.
    The gap is taken where the rule looked, so it wants a rule that looks at all masked positions; masked positions it
    did not look at (other blocks) are asked for once, when the decision to commit has been made.

    Attributes:
        gaps: nats, in the early, the middle and the late third of the masked positions.
        region: where the answer stands, from a column to before another; by default everywhere. Once it is known, the
            rest is committed.
    """

    gaps: tuple[float, float, float] = (7.5, 5.0, 2.5)
    region: tuple[int, int] | None = None
    commits: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = "prophet"

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        masked = canvas.masked
        columns = torch.arange(canvas.length, device=canvas.device)
        inside = torch.ones_like(columns, dtype=torch.bool)
        if self.region is not None:
            inside = (columns >= self.region[0]) & (columns < self.region[1])
        two = step.log_probs.topk(min(2, step.log_probs.shape[-1]), dim=-1).values
        gap = two[:, 0] - two[:, -1]
        seen = masked & inside & (step.index >= 0)
        counts = seen.sum(1)
        mean = torch.where(seen, step.grid(gap), 0.0).sum(1) / counts.clamp(min=1)
        decided = (counts > 0) & (mean >= self._needed(step).to(mean.device))
        if self.region is not None:
            decided |= ~(masked & inside).any(1)
        decided = decided.cpu() & canvas.live & (canvas.remaining > 0)
        if bool(decided.any()):
            self._commit(step, masked & decided.to(canvas.device)[:, None])
        return canvas.remaining == 0

    def _needed(self, step: Step) -> Tensor:
        """(R,) the gap of the third each row was in before this step."""
        canvas = step.canvas
        total = (~canvas.frozen).sum(1).cpu()
        before = total - canvas.remaining - step.counts
        third = (3 * before // total.clamp(min=1)).clamp(0, 2)
        return torch.tensor(self.gaps)[third]

    def _commit(self, step: Step, picked: Tensor) -> None:
        canvas = step.canvas
        positions, laws = step.positions, step.log_probs
        if bool((picked & (step.index < 0)).any()):
            positions, laws = step.door.look(picked)
        taken = picked[positions.rows, positions.columns].nonzero().squeeze(1)
        where = Positions(positions.rows[taken], positions.columns[taken])
        highest, best = laws[taken].max(-1)
        canvas.reveal(where, best, highest)


def end_of_text(step: Step, token: int | None) -> int:
    """The id that ends a text: the one given, or the predictor's."""
    found = step.door.predictor.end_of_text_id if token is None else token
    if found is None:
        raise InputError("the predictor has no end-of-text id; give one, for example stops.EndOfText(2)")
    return found

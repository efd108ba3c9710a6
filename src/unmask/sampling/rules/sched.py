"""SchED: everything at once when the network is as sure as the present time asks."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Stop
from unmask.sampling.priorities import LowEntropy
from unmask.sampling.rules.dream import DreamCounts
from unmask.sampling.rules.prophet import commit, gaps_of
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Step
from unmask.sampling.windows import in_sight

SHAPES = ("cosine", "linear", "exp")


class _Favourites(NamedTuple):
    """(R, L) the most likely tokens of the step before, -1 where there was none."""

    best: Tensor


@dataclass(frozen=True)
class ScheduledCommit(Stop):
    """When the mean gap of the masked positions reaches a bar that sinks with time, all become the most likely tokens.

    The gap is the difference of the two largest logits at the positions that were masked when the step began; the bar
    sinks from `high` in the first of `steps` steps to `low` in the last. As in SchED's code, the favourites of these
    positions must also be those of the step before, but for a share of `changes` (arXiv 2512.02892).

    Attributes:
        shape: how the bar sinks over the time t from 0 to 1: "cosine" by `(1 + cos(pi t))/2`, "linear" by `1 - t`,
            "exp" by `exp(-rate t)`, which does not reach `low`.
    """

    steps: int
    high: float = 7.5
    low: float = 2.5
    shape: str = "cosine"
    rate: float = 4.0
    changes: float = 0.0
    commits: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = "sched"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")
        if self.shape not in SHAPES:
            raise InputError(f"shape is {self.shape!r}; expected {', '.join(SHAPES)}")

    def begin(self, canvas: Canvas) -> _Favourites:
        return _Favourites(torch.full(canvas.known.shape, -1, device=canvas.device))

    def watches(self, step: Opened) -> Tensor | None:
        return in_sight(step.canvas, step.window)

    def bar(self, step: int) -> float:
        """The gap that is enough in the step of this number, nats."""
        t = min(step / (self.steps - 1), 1.0) if self.steps > 1 else 1.0
        left = {"cosine": (1 + math.cos(math.pi * t)) / 2, "linear": 1 - t, "exp": math.exp(-self.rate * t)}
        return self.low + (self.high - self.low) * (left[self.shape] if self.steps > 1 else 0.0)

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        best, before = step.grid(step.best, -1), step.recall(self).best
        step.remember(self, _Favourites(best))
        masked = (canvas.masked | step.picked) & (step.index >= 0)
        counts = masked.sum(1).clamp(min=1)
        mean = torch.where(masked, gaps_of(step), 0.0).sum(1) / counts
        changed = (masked & (best != before)).sum(1) / counts
        decided = masked.any(1) & (mean >= self.bar(canvas.step)) & (changed <= self.changes)
        rows = decided.cpu() & canvas.live & (canvas.remaining > 0)
        if bool(rows.any()):
            commit(step, rows.to(canvas.device))
        return canvas.remaining == 0


def sched(
    steps: int = 128, high: float = 7.5, low: float = 2.5, shape: str = "cosine", changes: float = 0.0
) -> Sampler:
    """Dream's counts, lowest entropy first, and everything at once when the network is as sure as asked (SchED).

    At temperature 0 what the authors' code does with its defaults (Mohamed et al., arXiv 2512.02892, read at
    amr-mohamedd/SchED); at others it writes drawn tokens in the end, here the most likely ones. Any other rule ends so
    with `.ending(ScheduledCommit(steps))`.

    Args:
        changes: the share of favourites that may have changed since the step before; 1 asks for the gap alone.
    """
    stop = ScheduledCommit(steps, high, low, shape, changes=changes)
    return Sampler(LowEntropy(), DreamCounts(steps), stop=stop, name="sched", source="sched")


RULE = Rule(
    sched,
    does="lowest entropy first, and everything at once once sure",
    paper="Mohamed et al., Fast-Decoding Diffusion Language Models via Progress-Aware Confidence Schedules, arXiv "
    "2512.02892",
    ladder=STEPS,
    by_default=False,
    example="9,high=1.2,low=0.3,changes=1",
)

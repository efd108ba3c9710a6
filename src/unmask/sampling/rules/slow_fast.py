"""SlowFast sampling: a slow phase finds how far the network sees, a fast one reveals what is sure up to there."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import check_probabilities
from unmask.sampling.priorities import by_sureness, sureness
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import BySureness
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class _Cycle:
    """Where a row stands in its present block; places count from the block's first position.

    Attributes:
        stage: number of the block. begin, end: the cycle's span. explored: steps of the slow phase so far.
        estimates: of the end, of this cycle. found: whether the end is settled.
    """

    stage: int = -1
    begin: int = 0
    end: int = 0
    explored: int = 0
    estimates: tuple[int, ...] = ()
    found: bool = False


@dataclass(frozen=True)
class SlowThenFast(BySureness):
    """Cycles of a slow phase of `explore` steps and a fast one that ends when the span it found is revealed.

    Slow: the span is to reach the last position whose confidence is at least `frontier`; it is settled when two
    estimates in a row differ by less than `2 spread`, or with the mean of the last two at the phase's end. Fast: the
    span alone is open. In both, all positions of at least `threshold` are revealed where there are two or more, else
    the surest one.

    Attributes:
        drawn: whether confidence is the probability of the drawn token instead of the most likely one.
    """

    threshold: float = 0.9
    frontier: float = 0.3
    explore: int = 6
    spread: float = 1.0
    drawn: bool = False
    source: ClassVar[str] = "slow_fast"

    def __post_init__(self) -> None:
        check_probabilities(self, "threshold", "frontier")
        if self.explore < 1:
            raise InputError(f"explore is {self.explore}; expected at least 1")

    def begin(self, canvas: Canvas) -> list[_Cycle]:
        return [_Cycle()] * canvas.rows

    def __call__(self, step: Ranked) -> Tensor:
        canvas, states = step.canvas, list(step.recall(self))
        confidence = sureness(step, self.drawn).cpu()
        open_, stages = step.open.cpu(), step.stage.tolist()
        starts, sizes = self._spans(step)
        picked = torch.zeros_like(open_)
        for row in open_.any(1).nonzero().squeeze(1).tolist():
            state = states[row] if states[row].stage == stages[row] else _Cycle(stages[row], end=sizes[row])
            inside = open_[row, starts[row] : starts[row] + sizes[row]]
            values = torch.where(inside, confidence[row, starts[row] : starts[row] + sizes[row]], -torch.inf)
            state, until = self._moved(state, inside, values, sizes[row])
            scope = inside.clone()
            scope[: state.begin], scope[until:] = False, False
            sure = scope & (values >= self.threshold)
            if int(sure.sum()) < 2:
                sure = torch.zeros_like(scope)
                sure[int(values.masked_fill(~scope, -torch.inf).argmax())] = True
            picked[row, starts[row] : starts[row] + sizes[row]] = sure
            states[row] = state
        step.remember(self, states)
        return picked.to(canvas.device)

    def _spans(self, step: Ranked) -> tuple[list[int], list[int]]:
        """First column and length of each row's block."""
        free = step.window & ~step.canvas.frozen
        columns = torch.arange(free.shape[1], device=free.device)
        first = torch.where(free, columns, free.shape[1]).amin(1)
        last = torch.where(free, columns, -1).amax(1)
        return first.tolist(), (last + 1 - first).clamp(min=0).tolist()

    def _moved(self, state: _Cycle, inside: Tensor, values: Tensor, size: int) -> tuple[_Cycle, int]:
        """The state in this step, and before which place positions are open."""
        if state.explored == self.explore and not bool(inside[state.begin : state.end].any()):
            state = replace(state, begin=state.end, explored=0, estimates=(), found=False)  # the next cycle
        if state.explored == self.explore:
            return state, state.end
        if not bool(inside[state.begin :].any()):  # what is left lies before: everything is open again
            state = replace(state, begin=0)
        state = self._estimated(state, values, size)
        return replace(state, explored=state.explored + 1), size

    def _estimated(self, state: _Cycle, values: Tensor, size: int) -> _Cycle:
        """One more estimate of the end of the span."""
        if state.found:
            return state
        far = (values[state.begin :] >= self.frontier).nonzero()
        reach = state.begin + (int(far.max()) + 1 if len(far) else min(1, size - state.begin))
        estimates = (*state.estimates, max(1, reach))[-2:]
        if len(estimates) < 2:
            return replace(state, estimates=estimates, end=estimates[-1])
        if abs(estimates[0] - estimates[1]) < 2 * self.spread:
            return replace(state, estimates=estimates, end=estimates[1], found=True)
        return replace(state, estimates=estimates, end=sum(estimates) // 2)


def slow_fast(
    threshold: float = 0.9,
    frontier: float = 0.3,
    explore: int = 6,
    block_length: int | None = None,
    drawn: bool = False,
) -> Sampler:
    """A slow phase finds how far the network sees, a fast one reveals what is sure up to there (SlowFast, 2506.10848).

    At temperature 0 what the authors' code does (Wei et al., arXiv 2506.10848, read at
    LiangrunFlora/Slow-Fast-Sampling) for a row of its own, but that steps of the slow phase in which nothing is left to
    reveal cost no call; at others that takes the probability of the drawn token: `drawn`. Its caches are the network's
    own matter.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = SlowThenFast(threshold, frontier, explore, drawn=drawn)
    return Sampler(by_sureness(None, drawn), selection, window, name="slow_fast", source="slow_fast")


RULE = Rule(
    slow_fast,
    does="find how far the network sees, then reveal up to there",
    paper="Wei et al., Accelerating Diffusion Large Language Models with SlowFast Sampling: The Three Golden "
    "Principles, arXiv 2506.10848",
    ladder=("0.9", "0.7", "0.5"),
    by_default=False,
    example="0.4,frontier=0.25,explore=2",
)

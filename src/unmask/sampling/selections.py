"""Selections: how many of the wished-for positions are revealed in this step.

Each takes a prefix of the order's ranking, or filters it. `Sizes` and `PlanSizes` fix the counts beforehand, row by
row; `RevealTimes` draws them; the others read the model's laws of this step. Whatever the rule, a row with an open
position reveals at least one (except where the paper's own counts may be zero: `may_skip`).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import drawn_plan
from unmask.sampling.step import Ranked
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


class BySureness(Selection):
    """A selection that compares how sure positions are: of the most likely token or, with its field `drawn`, of the
    drawn one."""

    drawn: bool
    reads_model: ClassVar[bool] = True

    @property
    def reads_draw(self) -> bool:
        return self.drawn


@dataclass(frozen=True)
class PlanSizes(Selection):
    """The sizes of a plan, one step after another."""

    plan: RevealPlan
    fixed_sizes: ClassVar[bool] = True

    def __call__(self, step: Ranked) -> Tensor:
        sizes = drawn_plan(self.plan, step.canvas)[1]
        return step.first(sizes[:, step.canvas.step] if step.canvas.step < sizes.shape[1] else step.open_counts)

    def largest(self, length: int) -> int:
        schedules = [getattr(part, "schedule", None) for part in getattr(self.plan, "parts", (self.plan,))]
        return max(length if schedule is None else schedule.largest for schedule in schedules)


@dataclass(frozen=True)
class Sizes(Selection):
    """A fixed number of steps, shared out over the window's blocks; sizes inside a block from a family of schedules.

    Counts are those of the masked positions of each row and block, never the block's length or a mean over the batch.
    When `steps` is not a multiple of the number of blocks, the first blocks get one more; a block never gets more
    steps than it has masked positions, nor less than one. Where less was revealed than was asked for (`Spaced`), the
    next step makes up for it.

    Attributes:
        steps: steps in all.
        family: `(length, steps) -> Schedule`; equal sizes by default.
    """

    steps: int
    family: Callable[[int, int], Schedule] = Schedule.uniform
    fixed_sizes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def begin(self, canvas: Canvas) -> list["_Block"]:
        return [_Block()] * canvas.rows

    def __call__(self, step: Ranked) -> Tensor:
        states = list(step.recall(self))
        counts = [0] * len(states)
        shared = functools.cache(lambda *facts: self._sizes(step, *facts))  # most rows are alike
        facts = torch.stack([step.stage, step.stages, step.open_counts]).tolist()
        for row, (stage, stages, masked) in enumerate(zip(*facts, strict=True)):
            if not masked:
                continue
            state = states[row]
            if stage != state.stage:
                state = _Block(stage, shared(masked, state.begun, stages), masked, state.begun + 1)
            counts[row] = state.count(masked)
            states[row] = replace(state, taken=state.taken + 1)
        step.remember(self, states)
        return step.first(torch.tensor(counts))

    def _sizes(self, step: Ranked, masked: int, begun: int, stages: int) -> tuple[int, ...]:
        share = self.steps // stages + (begun < self.steps % stages)
        if 1 < stages < self.steps and self.steps % stages:
            step.canvas.note(
                f"{self.steps} steps over {stages} blocks: the first {self.steps % stages} get one step more"
            )
        if not 1 <= share <= masked:
            own = min(max(share, 1), masked)
            words = f"a block of {masked} tokens has {own} step{'s' if own > 1 else ''}"
            step.canvas.note(f"{self.steps} steps over {stages} blocks: {words}")
        return tuple(self.family(masked, min(max(share, 1), masked)))

    def largest(self, length: int) -> int:
        return max(self.family(length, min(self.steps, length)))


@dataclass(frozen=True)
class _Block:
    """Where a row stands in the sizes of its present block.

    Attributes:
        stage: number of the block. sizes: of its steps. masked: positions when it began.
        begun: blocks so far, this one included. taken: steps of this block that were decided here.
    """

    stage: int = -1
    sizes: tuple[int, ...] = ()
    masked: int = 0
    begun: int = 0
    taken: int = 0

    def count(self, masked: int) -> int:
        """This step's size, when so many positions are masked: what is due by now, at least the step's own share."""
        if self.taken >= len(self.sizes):
            return masked
        due = sum(self.sizes[: self.taken + 1]) - (self.masked - masked)
        return max(self.sizes[self.taken], due)


@dataclass(frozen=True)
class Each(Selection):
    """The same number of positions in every step; fewer only when fewer are open."""

    size: int = 1
    fixed_sizes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"size is {self.size}; expected at least 1")

    def __call__(self, step: Ranked) -> Tensor:
        return step.first(torch.full_like(step.open_counts, self.size))

    def largest(self, length: int) -> int:
        return min(self.size, length)


def prefix(step: Ranked, holds: Tensor) -> Tensor:
    """(R, L) bool: the longest run of ranked positions for which `holds` ((R, L), in ranked order), at least one."""
    return step.first(holds.long().cumprod(1).sum(1).clamp(min=1))


def at_least_one(step: Ranked, picked: Tensor) -> Tensor:
    """`picked`, and in rows where nothing was picked the first choice of the order."""
    return picked | step.first(torch.where((picked & step.open).any(1), 0, 1))

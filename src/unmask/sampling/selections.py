"""Selections: how many of the wished-for positions are revealed in this step.

Each takes a prefix of the order's ranking, or filters it. `Sizes` and `PlanSizes` fix the counts beforehand, row by
row; `RevealTimes` draws them; the others read the model's laws of this step. Whatever the rule, a row with an open
position reveals at least one (except where the paper's own counts may be zero: `may_skip`).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.priorities import drawn_plan
from unmask.sampling.randomness import SIZES, uniforms
from unmask.sampling.step import Step
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class PlanSizes:
    """The sizes of a plan, one step after another."""

    plan: Any
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def __call__(self, step: Step) -> Tensor:
        sizes = drawn_plan(self.plan, step.canvas)[1]
        return step.first(sizes[:, step.canvas.step] if step.canvas.step < sizes.shape[1] else step.open_counts)

    def largest(self, length: int) -> int:
        schedules = [getattr(part, "schedule", None) for part in getattr(self.plan, "parts", (self.plan,))]
        return max(length if schedule is None else schedule.largest for schedule in schedules)


@dataclass(frozen=True)
class Sizes:
    """A fixed number of steps, shared out over the window's blocks; sizes inside a block from a family of schedules.

    Counts are those of the masked positions of each row and block, never the block's length or a mean over the batch.
    When `steps` is not a multiple of the number of blocks, the first blocks get one more; a block never gets more
    steps than it has masked positions, nor less than one.

    Attributes:
        steps: steps in all.
        family: `(length, steps) -> Schedule`; equal sizes by default.
    """

    steps: int
    family: Callable[[int, int], Schedule] = Schedule.uniform
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        queues = canvas.memory.setdefault(
            ("sizes", id(self)), [(-1, [], 0)] * canvas.rows
        )  # (stage, sizes, how many blocks)
        counts = [0] * canvas.rows
        shared = functools.cache(lambda *facts: self._sizes(step, *facts))  # most rows are alike
        facts = torch.stack([step.stage, step.stages, step.open_counts]).tolist()
        for row, (stage, stages, masked) in enumerate(zip(*facts, strict=True)):
            if not masked:
                continue
            last, sizes, begun = queues[row]
            if stage != last:
                sizes, begun = shared(masked, begun, stages), begun + 1
            counts[row] = sizes[0] if sizes else masked
            queues[row] = (stage, sizes[1:], begun)
        return step.first(torch.tensor(counts))

    def _sizes(self, step: Step, masked: int, begun: int, stages: int) -> list[int]:
        share = self.steps // stages + (begun < self.steps % stages)
        if stages > 1 and self.steps % stages:
            step.canvas.note(
                f"{self.steps} steps over {stages} blocks: the first {self.steps % stages} get one step more"
            )
        if not 1 <= share <= masked:
            step.canvas.note(f"{self.steps} steps over {stages} blocks: every block has 1 to {masked} steps")
        return list(self.family(masked, min(max(share, 1), masked)))

    def largest(self, length: int) -> int:
        return max(self.family(length, min(self.steps, length)))


@dataclass(frozen=True)
class Each:
    """The same number of positions in every step; fewer only when fewer are open."""

    size: int = 1
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"size is {self.size}; expected at least 1")

    def __call__(self, step: Step) -> Tensor:
        return step.first(torch.full_like(step.open_counts, self.size))

    def largest(self, length: int) -> int:
        return min(self.size, length)


@dataclass(frozen=True)
class Dilated:
    """In a block of B positions: those at multiples of B/a, then of B/a², …, then all (DUS, arXiv 2506.19037).

    Read no model, but their size depends on the block alone: each level is revealed whole. Use with
    `windows.Blocks(B)`.
    """

    block_length: int
    base: int = 2
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "dilated"

    def __post_init__(self) -> None:
        if self.block_length < 1 or self.base < 2:
            raise InputError(f"block_length is {self.block_length} and base {self.base}; expected at least 1 and 2")

    def __call__(self, step: Step) -> Tensor:
        inside = step.open.long().cumsum(1) * 0 + torch.arange(step.canvas.length, device=step.open.device)
        start = torch.where(step.canvas.frozen, step.canvas.length, inside).amin(1, keepdim=True)
        inside = (inside - start) % self.block_length
        stride, level = self.block_length, torch.zeros_like(inside)
        while stride > 1:  # level of a position: how many times the stride must shrink until it divides the position
            stride = -(-stride // self.base)
            level += inside % stride != 0
        lowest = torch.where(step.open, level, self.block_length).amin(1, keepdim=True)
        return step.open & (level == lowest)


@dataclass(frozen=True)
class RevealTimes:
    """Each position is revealed at a uniformly drawn step: ancestral sampling on the grid t = 1 - j/steps.

    The number of positions of a step is then random, and often 0. A masked position is revealed at step j with
    probability `1/(steps - j)`, MDLM's `(t - s)/t` (Sahoo et al., arXiv 2406.07524); its price is F14.
    """

    steps: int
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = True
    random: ClassVar[bool] = True
    source: ClassVar[str] = "mdlm"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        times = canvas.memory.get(("times", id(self)))
        if times is None:
            columns = torch.arange(canvas.length, device=canvas.device)
            drawn = uniforms(canvas.seeds[:, None], 0, columns, SIZES)
            times = canvas.memory["times", id(self)] = (drawn * self.steps).long()
        return step.open & (times <= canvas.step)


@dataclass(frozen=True)
class DreamCounts:
    """Dream's counts: `floor(m (1 - s/t))` of the m masked positions of the row, t on a grid from 1 to eps; all at the
    end.

    Dream's own code takes the mean of m over the batch; here every row has its own (arXiv 2508.15487). As there,
    rounding down leaves early steps empty (they cost no call here) and the last steps large, even with as many steps
    as tokens.
    """

    steps: int
    eps: float = 1e-3
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True
    source: ClassVar[str] = "dream"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Step) -> Tensor:
        now = step.canvas.step
        if now + 1 >= self.steps:
            return step.open
        t, s = (1 + (self.eps - 1) * j / self.steps for j in (now, now + 1))
        # 1e-9 keeps a product that is a whole number from falling below it
        return step.first((step.open_counts.double() * (1 - s / t) + 1e-9).floor().long())


@dataclass(frozen=True)
class Threshold:
    """Every open position whose confidence (float32) is above `threshold`, or else the best one (Fast-dLLM)."""

    threshold: float
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "fast_dllm"

    def __call__(self, step: Step) -> Tensor:
        return at_least_one(step, step.open & (step.grid(step.confidence) > self.threshold))


@dataclass(frozen=True)
class Factor:
    """The longest prefix of n positions with `(n + 1)(1 - lowest confidence among them) < factor`, at least 1 (Fast-
    dLLM).
    """

    factor: float
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "fast_dllm"

    def __call__(self, step: Step) -> Tensor:
        confidence = step.grid(step.confidence).gather(1, step.ranked).cummin(1).values
        n = torch.arange(1, step.canvas.length + 1, device=step.canvas.device)
        return prefix(step, (n + 1) * (1 - confidence) < self.factor)


@dataclass(frozen=True)
class EntropyBound:
    """The longest prefix with `sum H - max H <= gamma` nats, at least 1 (EB-Sampler, arXiv 2505.24857).

    The left side bounds the total correlation of the positions revealed together, so gamma is the most a step can cost.
    """

    gamma: float
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "entropy_bound"

    def __call__(self, step: Step) -> Tensor:
        entropy = step.grid(step.entropy).gather(1, step.ranked)
        return prefix(step, entropy.cumsum(1) - entropy.cummax(1).values <= self.gamma)


@dataclass(frozen=True)
class EntropySum:
    """The longest prefix whose entropies add up to at most `eta` nats, at least 1 (Cai & Li, arXiv 2603.22248)."""

    eta: float
    reads_model: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "entropy_sum"

    def __call__(self, step: Step) -> Tensor:
        return prefix(step, step.grid(step.entropy).gather(1, step.ranked).cumsum(1) <= self.eta)


@dataclass(frozen=True)
class Spaced:
    """Of what another selection takes, only positions at least `gap` apart; the order's first choice always stays.

    Neighbours depend on one another most, so a gap buys independence without reading attention (DUS, arXiv 2506.19037).
    """

    selection: Any
    gap: int
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False
    source: ClassVar[str] = "dilated"

    @property
    def reads_model(self) -> bool:
        return self.selection.reads_model

    def __call__(self, step: Step) -> Tensor:
        wished = self.selection(step) & step.open
        columns = torch.arange(step.canvas.length, device=wished.device)
        kept = torch.zeros_like(wished)
        while True:  # once for each position kept in the fullest row
            candidates = wished.gather(1, step.ranked)
            some = candidates.any(1)
            if not bool(some.any()):
                return kept
            best = step.ranked.gather(1, candidates.byte().argmax(1, keepdim=True))  # (R, 1)
            kept |= (columns == best) & some[:, None]
            wished &= ((columns - best).abs() >= self.gap) | ~some[:, None]


def prefix(step: Step, holds: Tensor) -> Tensor:
    """(R, L) bool: the longest run of ranked positions for which `holds` ((R, L), in ranked order), at least one."""
    return step.first(holds.long().cumprod(1).sum(1).clamp(min=1))


def at_least_one(step: Step, picked: Tensor) -> Tensor:
    """`picked`, and in rows where nothing was picked the first choice of the order."""
    return picked | step.first(torch.where((picked & step.open).any(1), 0, 1))

"""LLaDA2.1's token editing: what was revealed is rewritten when the network would rather write another token."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Revision, Stop, Window
from unmask.sampling.priorities import by_sureness
from unmask.sampling.remasking import revealed
from unmask.sampling.rules.rule import Rule
from unmask.sampling.rules.threshold import Threshold
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Step
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Edit(Revision):
    """Revealed tokens of the window become the most likely ones where those differ and are surer than `threshold`.

    LLaDA2.1's token-to-token edits (arXiv 2602.08676). The network predicts them in the same call as the masked ones.
    Use with `Settled`, which waits for the edits to end.
    """

    threshold: float = 0.9
    source: ClassVar[str] = "edit"

    def wants(self, step: Opened) -> Tensor:
        return revealed(step) & step.window

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        best, confidence = step.grid(step.best), step.grid(step.confidence)
        judged = revealed(step) & ~step.picked & (step.index >= 0)
        canvas.rewrite(judged & (best != canvas.tokens) & (confidence > self.threshold), best, confidence.log())


class _Block(NamedTuple):
    """(R,) the block each row stands in, and (R,) the steps it has stayed there since the block is known."""

    stage: Tensor
    spent: Tensor


@dataclass(frozen=True)
class LingeringBlocks(Window):
    """Blocks, each left only when it is known and a step has changed nothing in it, or `post_steps` steps later.

    For rules that edit what they revealed (LLaDA2.1).
    """

    block_length: int
    post_steps: int
    source: ClassVar[str] = "llada"

    def __post_init__(self) -> None:
        Blocks(self.block_length)
        if self.post_steps < 0:
            raise InputError(f"post_steps is {self.post_steps}; expected at least 0")

    def begin(self, canvas: Canvas) -> "_Block":
        first = Blocks(self.block_length).stage(canvas)
        return _Block(first, torch.zeros_like(first))

    def stage(self, canvas: Canvas) -> Tensor:
        stage, spent = canvas.recall(self)
        first = Blocks(self.block_length).stage(canvas)
        stays = (first != stage) & canvas.changed.to(canvas.device) & (spent < self.post_steps)
        now = _Block(torch.where(stays, stage, first), torch.where(stays, spent + 1, 0))
        canvas.remember(self, now)
        return now.stage

    def stages(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).stages(canvas)

    def __call__(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).blocks(canvas) == self.stage(canvas)[:, None]


@dataclass(frozen=True)
class Settled(Stop):
    """When nothing is masked and the last step changed nothing, or `post_steps` steps later at the latest."""

    post_steps: int
    reads_tokens: ClassVar[bool] = True

    def begin(self, canvas: Canvas) -> Tensor:
        """(R,) on the CPU: steps taken since nothing is masked."""
        return torch.zeros_like(canvas.remaining)

    def __call__(self, step: Step) -> Tensor:
        canvas, spent = step.canvas, step.recall(self)
        finished = (canvas.remaining == 0) & (~canvas.changed | (spent >= self.post_steps))
        step.remember(self, torch.where(canvas.remaining == 0, spent + 1, 0))
        return finished


def edit(
    threshold: float = 0.95,
    edit_threshold: float = 0.9,
    block_length: int | None = 32,
    max_post_steps: int = 16,
    drawn: bool = False,
) -> Sampler:
    """Threshold decoding that rewrites what it would no longer write (LLaDA2.1, Bie et al., arXiv 2602.08676).

    A block is left when it is known and a step changed nothing in it, or after `max_post_steps` further steps. At
    temperature 0 the published rule; at others its code takes the probability of the drawn token for revealing:
    `drawn`.
    """
    window = Whole() if block_length is None else LingeringBlocks(block_length, max_post_steps)
    return Sampler(
        by_sureness(None, drawn),
        Threshold(threshold, drawn=drawn),
        window,
        revision=Edit(edit_threshold),
        stop=Settled(max_post_steps),
        name="edit",
        source="edit",
        max_steps=1 << 20,  # each step reveals a token or is one of a block's post steps: it ends by itself
    )


RULE = Rule(
    edit,
    does="threshold decoding that rewrites what it would no longer write",
    paper="Bie et al., LLaDA2.1: Speeding Up Text Diffusion via Token Editing, arXiv 2602.08676",
    ladder=("0.9", "0.5"),
    by_default=False,
    example="0.3,edit_threshold=0.2,block_length=3,max_post_steps=3",
)

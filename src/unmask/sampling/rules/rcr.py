"""Running confidence remasking: everything is revealed, and what was revealed least surely is masked again."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Revision, Selection, Window
from unmask.sampling.priorities import DrawnConfidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Ranked, Step
from unmask.sampling.windows import Blocks


class _Turns(NamedTuple):
    """(R, T) which block each step belongs to, and the positions of that block that stay masked after the step."""

    block: Tensor
    masked: Tensor


@dataclass(frozen=True)
class UpToBlock(Window):
    """Everything up to the end of the block whose turn it is; each block has its share of `steps`.

    Earlier blocks stay open: a token that is masked again late is drawn again.
    """

    block_length: int
    steps: int
    source: ClassVar[str] = "rcr"

    def __post_init__(self) -> None:
        Blocks(self.block_length)
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def begin(self, canvas: Canvas) -> _Turns:
        blocks = torch.where(canvas.frozen, -1, Blocks(self.block_length).blocks(canvas)).tolist()
        turns = [self._turns([number for number in row if number >= 0]) for row in blocks]
        longest = max((len(row) for row in turns), default=0)
        padded = [row + [(1 << 30, 0)] * (longest - len(row)) for row in turns]
        block, masked = torch.tensor(padded, device=canvas.device).view(canvas.rows, longest, 2).unbind(2)
        return _Turns(block, masked)

    def _turns(self, numbers: list[int]) -> list[tuple[int, int]]:
        """(block, masked afterwards) of every step of a row, `numbers` the block of each of its free positions."""
        stages = sorted(set(numbers))
        turns = []
        for place, stage in enumerate(stages):
            share = max(1, self.steps // len(stages) + (place < self.steps % len(stages)))
            count = numbers.count(stage)
            turns += [(stage, count * (share - taken) // share) for taken in range(1, share + 1)]
        return turns

    def _now(self, canvas: Canvas) -> tuple[Tensor, Tensor]:
        block, masked = canvas.recall(self)
        if not block.shape[1]:  # nothing is free
            return torch.zeros(canvas.rows, dtype=torch.int64, device=canvas.device), canvas.remaining.to(canvas.device)
        column = min(canvas.step, block.shape[1] - 1)
        return block[:, column], masked[:, column]

    def masked_after(self, canvas: Canvas) -> Tensor:
        """(R,) how many positions of the block, or as many before it, are masked after this step."""
        return self._now(canvas)[1]

    def stage(self, canvas: Canvas) -> Tensor:
        return self._now(canvas)[0]

    def stages(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).stages(canvas)

    def __call__(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).blocks(canvas) <= self.stage(canvas)[:, None]


def _confidences(step: Ranked) -> Tensor:
    """(R, L) log-probability of the token that stands or would stand there, under the law it was drawn from."""
    if step.shaped is None:
        raise RuntimeError("running confidences are read without the laws tokens are drawn from")
    drawn = step.grid(step.shaped.gather(-1, step.drawn[:, None]).squeeze(-1), -torch.inf)
    return torch.where(step.open, drawn, step.canvas.log_probs)


@dataclass(frozen=True)
class MostConfident(Selection):
    """Of all tokens up to the present block, those revealed and those drawn now, as many as shall be known.

    A token counts with the probability it was drawn with when it was revealed; the ones that are already known and
    not among them are masked again by `LeastConfident`.
    """

    turns: UpToBlock
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True
    source: ClassVar[str] = "rcr"

    def __call__(self, step: Ranked) -> Tensor:
        return self.kept(step) & step.open

    def kept(self, step: Ranked) -> Tensor:
        """(R, L) bool: the positions that are known after this step; asked before the reveal."""
        canvas = step.canvas
        free = step.window & ~canvas.frozen
        worth = _confidences(step).clamp(min=torch.finfo(torch.float32).min).masked_fill(~free, -torch.inf)
        ranked = worth.sort(dim=1, descending=True, stable=True).indices
        keep = (free.sum(1) - self.turns.masked_after(canvas)).clamp(min=0)
        inside = torch.arange(canvas.length, device=free.device) < keep[:, None]
        return torch.zeros_like(free).scatter_(1, ranked, inside) & free


@dataclass(frozen=True)
class LeastConfident(Revision):
    """Masks the known tokens that `MostConfident` does not keep."""

    selection: MostConfident
    source: ClassVar[str] = "rcr"

    def wants(self, step: Opened) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def __call__(self, step: Step) -> None:
        known = step.canvas.known & ~step.picked & step.window
        step.canvas.release(known & ~self.selection.kept(step))


def rcr(steps: int = 64, block_length: int | None = 32) -> Sampler:
    """Running confidence remasking (RCR, He et al., arXiv 2508.13148), at every temperature the published rule.

    Each step draws a token at every masked position up to the end of the present block. Every token keeps the
    probability it was drawn with when it was revealed, and the least probable of all, old and new, are masked again, as
    many as an even pace over the block's steps says; a token that is masked again is drawn anew in the next step. Steps
    that do not divide go to the first blocks, MDPO's code leaves them out. The counts are exact; MDPO's code takes them
    from float32 products and is one token off at some lengths.
    """
    turns = UpToBlock(1 << 20 if block_length is None else block_length, steps)
    selection = MostConfident(turns)
    return Sampler(
        DrawnConfidence(),
        selection,
        turns,
        revision=LeastConfident(selection),
        name="rcr",
        source="rcr",
    )


RULE = Rule(
    rcr,
    does="the tokens revealed least surely are masked again",
    paper="He et al., MDPO: Overcoming the Training-Inference Divide of Masked Diffusion Language Models, arXiv "
    "2508.13148",
    ladder=STEPS,
    by_default=False,
    example="6,block_length=5",
)

"""Pipelined blocks: several blocks in work at once, the later ones revealing what is sure."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Selection, Window
from unmask.sampling.priorities import Confidence, LowEntropy, sureness
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks


@dataclass(frozen=True)
class OpenBlocks(Window):
    """Blocks from left to right; the next one opens when the last open one is revealed to the share `add`.

    At most one block opens in a step. A block may be forced to move on (`forced`) once the one before it is revealed to
    the share `complete`; the first one from the beginning.
    """

    block_length: int
    add: float = 0.1
    complete: float = 0.95
    source: ClassVar[str] = "pipeline"

    def __post_init__(self) -> None:
        Blocks(self.block_length)
        if not (0 < self.add <= 1 and 0 < self.complete <= 1):
            raise InputError(f"add is {self.add:g} and complete {self.complete:g}; expected shares above 0, at most 1")

    def begin(self, canvas: Canvas) -> Tensor:
        """(R,) how many blocks are open."""
        return torch.zeros(canvas.rows, dtype=torch.int64, device=canvas.device)

    def numbers(self, canvas: Canvas) -> Tensor:
        """(R, L) block of every position, from 0, blocks that are given left out; -1 where it is given."""
        blocks, free = Blocks(self.block_length).blocks(canvas).clamp(min=0), (~canvas.frozen).long()
        present = torch.zeros(canvas.rows, int(blocks.max()) + 1, dtype=torch.int64, device=blocks.device)
        rank = present.scatter_reduce(1, blocks, free, "amax").cumsum(1) - 1
        return torch.where(canvas.frozen, -1, rank.gather(1, blocks))

    def shares(self, canvas: Canvas) -> Tensor:
        """(R, B) the share of each block that is revealed; 1 where a row has no such block."""
        numbers = self.numbers(canvas)
        count = max(int(numbers.max()) + 1, 1)
        inside = (numbers[:, :, None] == torch.arange(count, device=numbers.device)).float()  # (R, L, B)
        sizes = inside.sum(1)
        known = (inside * canvas.known[:, :, None]).sum(1)
        return torch.where(sizes > 0, known / sizes.clamp(min=1), 1.0)

    def _opened(self, canvas: Canvas) -> Tensor:
        """(R,) how many blocks are open in this step."""
        if canvas.block_size is not None:
            raise InputError(
                f"the network's attention is causal between blocks of {canvas.block_size}: it says nothing of a block "
                "before the one to its left is known, so blocks cannot be pipelined; choose another rule"
            )
        count, shares = canvas.recall(self), self.shares(canvas)
        reached = shares.gather(1, (count - 1).clamp(min=0)[:, None]).squeeze(1) >= self.add
        more = (count == 0) | (reached & (count < shares.shape[1]))
        count = count + more
        canvas.remember(self, count)
        return count

    def stage(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).stage(canvas)

    def stages(self, canvas: Canvas) -> Tensor:
        return Blocks(self.block_length).stages(canvas)

    def __call__(self, canvas: Canvas) -> Tensor:
        return self.numbers(canvas) < self._opened(canvas)[:, None]

    def forced(self, canvas: Canvas) -> Tensor:
        """(R, L) bool: positions of blocks that must reveal something in this step."""
        shares = self.shares(canvas)
        before = torch.cat([torch.ones_like(shares[:, :1]), shares[:, :-1]], dim=1)
        numbers = self.numbers(canvas)
        return (before.gather(1, numbers.clamp(min=0)) >= self.complete) & (numbers >= 0)


@dataclass(frozen=True)
class SureOfEveryBlock(Selection):
    """In every open block what is sure; in a block that is forced to move on at least the first of the order.

    With `by_entropy` only the first of the blocks that are forced to move on is, as in d3LLM.

    Attributes:
        threshold: a confidence above which, or with `by_entropy` an entropy in nats below which, a position is sure.
    """

    blocks: OpenBlocks
    threshold: float
    by_entropy: bool = False
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "pipeline"

    def __post_init__(self) -> None:
        if not self.threshold >= 0 or (self.threshold > 1 and not self.by_entropy):
            kind = "nats, 0 or more" if self.by_entropy else "a probability, 0 to 1"
            raise InputError(f"threshold is {self.threshold:g}; expected {kind}")

    def __call__(self, step: Ranked) -> Tensor:
        canvas = step.canvas
        if self.by_entropy:
            sure = step.open & (step.grid(step.entropy) < self.threshold)
        else:
            sure = step.open & (sureness(step, drawn=False) > self.threshold)
        numbers, forced = self.blocks.numbers(canvas), self.blocks.forced(canvas)
        picked, served = sure.clone(), torch.zeros_like(sure[:, 0])
        for number in range(int(numbers.max()) + 1):
            here = step.open & forced & (numbers == number)
            wish = step.priority.masked_fill(~here, -torch.inf)
            best = torch.nn.functional.one_hot(wish.argmax(1), canvas.length).bool()
            needed = here.any(1) & ~(sure & here).any(1) & ~served
            picked |= best & needed[:, None]
            served |= here.any(1) & self.by_entropy
        return picked


def pipeline(
    threshold: float = 0.9,
    block_length: int = 32,
    add: float = 0.1,
    complete: float = 0.95,
    by_entropy: bool = False,
) -> Sampler:
    """Several blocks in work at once: later ones reveal what is sure while earlier ones are finished (D2F).

    At temperature 0 the rule of D2F's evaluation (Wang et al., arXiv 2508.09192, read at
    zhijie-group/Discrete-Diffusion-Forcing) with its scripts' values, and with `by_entropy` and a threshold of 0.5 that
    of d3LLM (arXiv 2601.07568). There the canvas grows with the blocks,
    and its later part does not exist yet; here the whole canvas is masked from the start.
    """
    window = OpenBlocks(block_length, add, complete)
    order = LowEntropy() if by_entropy else Confidence()
    return Sampler(order, SureOfEveryBlock(window, threshold, by_entropy), window, name="pipeline", source="pipeline")


RULE = Rule(
    pipeline,
    does="several blocks at once, the later ones only what is sure",
    paper="Wang et al., Diffusion LLMs Can Do Faster-Than-AR Inference via Discrete Diffusion Forcing, arXiv "
    "2508.09192",
    ladder=("0.9", "0.7", "0.5"),
    by_default=False,
    example="0.4,block_length=3",
)

"""Prophet: everything at once when the network is sure of the answer."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.parts import Stop
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Opened, Step
from unmask.sampling.windows import Blocks, Whole, in_sight


def commit(step: Step, rows: Tensor) -> None:
    """Write the most likely tokens of this step's laws at everything that is still masked in `rows` ((R,) bool)."""
    canvas, positions, laws = step.canvas, step.positions, step.log_probs
    picked = canvas.masked & rows[:, None]
    if bool((picked & (step.index < 0)).any()):  # blocks that could not be predicted yet
        positions, laws = step.door.look(picked)
    taken = picked[positions.rows, positions.columns].nonzero().squeeze(1)
    highest, best = laws[taken].max(-1)
    canvas.reveal(Positions(positions.rows[taken], positions.columns[taken]), best, highest)


def gaps_of(step: Step) -> Tensor:
    """(R, L) difference of the two largest logits, nats; 0 where nothing was predicted."""
    two = step.log_probs.topk(min(2, step.log_probs.shape[-1]), dim=-1).values
    return step.grid(two[:, 0] - two[:, -1])


@dataclass(frozen=True)
class EarlyCommit(Stop):
    """When the network is sure of the answer, all that is still masked becomes the most likely tokens (Prophet).

    Sure: the mean difference of the two largest logits over the positions of `region`, those already revealed
    included, is at least the gap of the present third of the work (Li et al., arXiv 2508.19982). The laws are those of
    this step, before its reveal; the masked positions of later blocks and the region are predicted in the same call. A
    law is certain of every token that is known, so with a law the first revealed token of the region decides.

    Attributes:
        gaps: nats, in the early, the middle and the late third.
        region: where the answer stands, from a column to before another; by default all that is not given.
        steps: how many steps the work has; by default the share of revealed positions says how far it has come.
    """

    gaps: tuple[float, float, float] = (7.5, 5.0, 2.5)
    region: tuple[int, int] | None = None
    steps: int | None = None
    commits: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = "prophet"

    def __post_init__(self) -> None:
        if self.region is not None and not 0 <= self.region[0] < self.region[1]:
            raise InputError(f"region is {self.region}; expected a first column and a later one before which it ends")

    def _answer(self, step: Opened) -> Tensor:
        """(R, L) bool: the positions whose gap counts."""
        free = ~step.canvas.frozen & step.canvas.live.to(step.canvas.device)[:, None]
        if self.region is None:
            return free
        columns = torch.arange(step.canvas.length, device=step.canvas.device)
        return free & (columns >= self.region[0]) & (columns < self.region[1])

    def watches(self, step: Opened) -> Tensor | None:
        seen = in_sight(step.canvas, step.window)
        return seen | (self._answer(step) & (step.canvas.known | seen))

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        answer = self._answer(step) & (step.index >= 0)
        counts = answer.sum(1)
        mean = torch.where(answer, gaps_of(step), 0.0).sum(1) / counts.clamp(min=1)
        decided = (counts > 0) & (mean >= self._needed(step).to(mean.device))
        rows = decided.cpu() & canvas.live & (canvas.remaining > 0)
        if bool(rows.any()):
            commit(step, rows.to(canvas.device))
        return canvas.remaining == 0

    def _needed(self, step: Step) -> Tensor:
        """(R,) the gap of the third each row is in."""
        canvas = step.canvas
        if self.steps is not None:
            done = torch.full((canvas.rows,), (canvas.step + 1) / self.steps)
        else:
            total = (~canvas.frozen).sum(1).cpu()
            done = (total - canvas.remaining) / total.clamp(min=1)
        return torch.tensor(self.gaps)[(done >= 0.33).long() + (done >= 0.67).long()]


def prophet(
    steps: int = 128,
    gaps: tuple[float, float, float] = (7.5, 5.0, 2.5),
    region: tuple[int, int] | None = None,
    block_length: int | None = None,
) -> Sampler:
    """Equal sizes, surest first, and everything at once when the network is sure (Prophet, arXiv 2508.19982).

    At temperature 0 the published rule; at others its code writes drawn tokens in the end, here the most likely ones.
    Prophet is told where the answer begins and looks at the five tokens there, `region=(start, start + 5)`; without a
    region its code never ends early, here it looks at all that is not given. Any other rule commits early with
    `.ending(EarlyCommit(gaps, region))`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    stop = EarlyCommit(gaps, region, steps)
    return Sampler(Confidence(), Sizes(steps), window, stop=stop, name="prophet", source="prophet")


RULE = Rule(
    prophet,
    does="surest first, and everything at once when all is sure",
    paper="Li et al., Diffusion Language Models Know the Answer Before Decoding, arXiv 2508.19982",
    ladder=STEPS,
    by_default=False,
    example="6,gaps=3/1/0.5",
)

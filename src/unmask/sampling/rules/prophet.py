"""Prophet: everything at once when the network is sure of all that is left."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.parts import Stop
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Step
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class EarlyCommit(Stop):
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


def prophet(
    steps: int = 128,
    gaps: tuple[float, float, float] = (7.5, 5.0, 2.5),
    region: tuple[int, int] | None = None,
    block_length: int | None = None,
) -> Sampler:
    """Equal sizes, surest first, and everything at once when the network is sure (Prophet, arXiv 2508.19982).

    Any other rule that looks at all masked positions commits early with `.ending(EarlyCommit(gaps, region))`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Sizes(steps), window, stop=EarlyCommit(gaps, region), name="prophet", source="prophet")


RULE = Rule(
    prophet,
    does="surest first, and everything at once when all is sure",
    paper="Li et al., Diffusion Language Models Know the Answer Before Decoding, arXiv 2508.19982",
    ladder=STEPS,
    by_default=False,
    example="6,gaps=3/1/0.5",
)

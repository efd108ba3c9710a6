"""LLaDA's low-confidence remasking, in blocks."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.sampling.parts import Priority
from unmask.sampling.priorities import DrawnConfidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Predicted
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class EndOfTextLast(Priority):
    """Another order, with positions whose most likely token ends the text put last (LLaDA's `confidence_eos_eot_inf`).

    Attributes:
        tokens: the ids that end a text; empty takes the predictor's.
    """

    order: Priority
    tokens: tuple[int, ...] = ()
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "llada"

    @property
    def reads_draw(self) -> bool:
        return self.order.reads_draw

    @property
    def random(self) -> bool:
        return self.order.random

    def __call__(self, step: Predicted) -> Tensor:
        tokens = self.tokens or (step.door.predictor.end_of_text_id,)
        written = step.best if step.draft is None else step.draft
        ends = torch.isin(written, torch.tensor([t for t in tokens if t is not None], device=written.device))
        return self.order(step).masked_fill(step.grid(ends, False), -torch.inf)


def llada(steps: int = 128, block_length: int | None = 128, end_of_text_last: bool = False) -> Sampler:
    """LLaDA's low-confidence remasking in semi-autoregressive blocks (Nie et al., arXiv 2502.09992).

    Equal sizes inside each block; the order reads the drawn token unless the draw is greedy, as in the paper
    (`llada(128, 32).drawing(temperature=0)`). It never takes back a committed token, whatever its name says.
    """
    order = EndOfTextLast(DrawnConfidence()) if end_of_text_last else DrawnConfidence()
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(order, Sizes(steps), window, name="llada", source="llada")


RULE = Rule(
    llada,
    does="equal sizes in blocks, likeliest drawn tokens first",
    paper="Nie et al., Large Language Diffusion Models, arXiv 2502.09992",
    ladder=STEPS,
    example="6,block_length=4",
)

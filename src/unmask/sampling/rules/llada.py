"""LLaDA's low-confidence remasking, in blocks."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.sampling.priorities import Changed, DrawnConfidence
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Predicted
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class EndOfTextLast(Changed):
    """Another order, with positions whose most likely token ends the text put last (LLaDA's `confidence_eos_eot_inf`).

    Attributes:
        tokens: the ids that end a text; empty takes the predictor's.
        renormalised: whether every confidence is that of the law without these ids, for orders by the log-probability
            of the drawn token.
    """

    tokens: tuple[int, ...] = ()
    renormalised: bool = False
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "llada"

    def __call__(self, step: Predicted) -> Tensor:
        tokens = self.tokens or (step.door.predictor.end_of_text_id,)
        written = step.best if step.draft is None else step.draft
        ids = torch.tensor([t for t in tokens if t is not None], dtype=torch.int64, device=written.device)
        wish = self.order(step)
        if self.renormalised and len(ids):
            others = step.log_probs.index_fill(1, ids, -torch.inf).logsumexp(-1)
            wish = wish - step.grid(others.clamp(min=torch.finfo(others.dtype).min))
        return wish.masked_fill(step.grid(torch.isin(written, ids), False), -torch.inf)


def llada(
    steps: int = 128,
    block_length: int | None = 128,
    end_of_text_last: bool = False,
    end_of_text: tuple[int, ...] = (),
    renormalised: bool = False,
) -> Sampler:
    """LLaDA's low-confidence remasking in semi-autoregressive blocks (Nie et al., arXiv 2502.09992).

    Equal sizes inside each block; the order reads the drawn token unless the draw is greedy, as in the paper
    (`llada(128, 32).drawing(temperature=0)`). It never takes back a committed token, whatever its name says. At every
    temperature the published rule, for laws in float32; where the network's logits are bfloat16, LLaDA's code rounds
    its confidences too, and ties decide.

    Args:
        end_of_text_last: positions that would end the text come last (LLaDA's `confidence_eos_eot_inf`), at every
            temperature; LLaDA's code does so at temperature 0 alone.
        end_of_text: the ids that end it; by default the one the model names. LLaDA's has two, 126081 and 126348:
            `end_of_text=126081/126348` at the command line.
        renormalised: whether the other confidences are those of the law without these ids. LLaDA's code does so
            unawares at temperature 0; here they are left as they are unless this says so.
    """
    order = EndOfTextLast(DrawnConfidence(), end_of_text, renormalised) if end_of_text_last else DrawnConfidence()
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(order, Sizes(steps), window, name="llada", source="llada")


RULE = Rule(
    llada,
    does="equal sizes in blocks, likeliest drawn tokens first",
    paper="Nie et al., Large Language Diffusion Models, arXiv 2502.09992",
    ladder=STEPS,
    example="6,block_length=4",
)

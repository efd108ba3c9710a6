"""PUNT: positions whose laws do not move when the others' candidates are shown."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.divergence import divergence
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True)
class Independent(Selection):
    """Positions whose laws do not move when the others' candidates are shown (PUNT, arXiv 2510.21961).

    A candidate is drawn at every open position and positions are numbered in the order's ranking. For each bit of the
    numbers, highest first: those with bit 0 are shown with their candidates, and those with bit 1 whose law moves by
    more than `epsilon` nats, `KL(before || after)`, are dropped. What is left is revealed; the first choice always is.
    So m open positions cost at most `ceil(log2 m)` calls more, and the choice reads drawn tokens. Candidates are shown
    together: where they contradict one another the test asks about a canvas no text has, and its answer means little.
    """

    epsilon: float = 0.05
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    source: ClassVar[str] = "punt"

    def __call__(self, step: Ranked) -> Tensor:
        canvas = step.canvas
        columns = torch.arange(canvas.length, device=canvas.device)
        number = torch.zeros_like(step.ranked).scatter_(1, step.ranked, columns.expand_as(step.ranked))
        shown = torch.where(step.open, step.grid(step.drawn), canvas.tokens)
        kept = step.open.clone()
        for bit in reversed(range((int(step.open_counts.max()) - 1).bit_length())):
            anchors = kept & ((number >> bit) & 1 == 0)
            tested = kept & ~anchors
            asked = tested.any(1).nonzero().squeeze(1)
            if not len(asked):
                continue
            where = Positions(*tested[asked].nonzero(as_tuple=True))
            known = canvas.known[asked] | anchors[asked]
            tokens = torch.where(known, shown[asked], canvas.tokens[asked])
            after = step.door.ask(tokens, known, where, asked.cpu())
            rows = asked[where.rows]
            before = step.index[rows, where.columns]
            moved = divergence(step.log_probs, after, before, torch.arange(len(after), device=after.device))
            kept[rows, where.columns] = moved <= self.epsilon
        return kept


def punt(epsilon: float = 0.05, block_length: int | None = None) -> Sampler:
    """Positions found independent by tests with drawn candidates (PUNT, Azangulov et al., arXiv 2510.21961).

    At most `ceil(log2 m)` probes a step, m the open positions, each a counted call; it reads the drawn candidates. No
    public code could be found and the paper's text could not be read: this is written from descriptions of it.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Independent(epsilon), window, name="punt", source="punt")


RULE = Rule(
    punt,
    does="tokens found independent by further questions",
    paper="Azangulov et al., Parallel Sampling from Masked Diffusion Models via Conditional Independence Testing, "
    "arXiv 2510.21961",
    ladder=("0.02", "0.1", "0.5"),
    by_default=False,
    example="0.5",
)

"""KLASS: sure positions whose law has come to rest."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.sampling.canvas import Canvas
from unmask.sampling.divergence import divergence
from unmask.sampling.memory import Packed
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole


class _Seen(NamedTuple):
    """The laws of the last prediction, and (R, L) how many in a row moved by less than epsilon."""

    laws: Packed
    streak: Tensor


@dataclass(frozen=True)
class Stable(Selection):
    """Every sure position whose law has come to rest, or else what another selection takes (KLASS, arXiv 2511.05664).

    Sure: confidence above `threshold`. At rest: `KL(p_t || p_{t-1}) < epsilon` nats at each of the last `history`
    predictions, of raw laws, whatever the token is then drawn from.

    Attributes:
        otherwise: the selection for steps in which no position is both; one position by default.
    """

    threshold: float = 0.9
    epsilon: float = 0.01
    history: int = 2
    otherwise: Selection = field(default_factory=Each)
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "klass"

    def begin(self, canvas: Canvas) -> "_Seen":
        shape = canvas.known.shape
        return _Seen(Packed.nothing(shape, canvas.device), torch.zeros(shape, dtype=torch.int64, device=canvas.device))

    def __call__(self, step: Ranked) -> Tensor:
        resting = self._streak(step) >= self.history
        found = step.open & resting & (step.grid(step.confidence) > self.threshold)
        decided = found.any(1)
        return torch.where(decided[:, None], found, self.otherwise(step.only(~decided)))

    def _streak(self, step: Ranked) -> Tensor:
        """(R, L) how many predictions in a row have moved by less than epsilon."""
        (index, laws), before = step.recall(self)
        streak = torch.zeros_like(before)
        rows, columns = step.positions
        now = (index[rows, columns] >= 0).nonzero().squeeze(1)
        if len(now):
            rows, columns = rows[now], columns[now]
            moved = divergence(step.log_probs, laws, now, index[rows, columns])
            streak[rows, columns] = torch.where(moved < self.epsilon, before[rows, columns] + 1, 0)
        step.remember(self, _Seen(Packed(step.index, step.log_probs), streak))
        return streak


def klass(
    threshold: float = 0.9, epsilon: float = 0.01, history: int = 2, otherwise: int = 1, block_length: int | None = None
) -> Sampler:
    """Sure positions whose law has come to rest (KLASS, Kim et al., arXiv 2511.05664), else the `otherwise` surest.

    The paper tunes both knobs to the task: LLaDA 0.6 and 0.015 (GSM8K), 0.7 and 0.01 (MBPP), 0.9 and 0.01 (HumanEval),
    Dream 0.9 and 0.005 (MATH).
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = Stable(threshold, epsilon, history, Each(otherwise))
    return Sampler(Confidence(), selection, window, name="klass", source="klass")


RULE = Rule(
    klass,
    does="sure tokens whose law has come to rest",
    paper="Kim et al., KLASS: KL-Guided Fast Inference in Masked Diffusion Models, NeurIPS 2025, arXiv 2511.05664",
    ladder=("0.9", "0.6", "0.3"),
    tuned=Tuned(1e-4, lambda window, vocab_size: 1.0, confidence=True),
    example="0.2,epsilon=0.5,history=1",
)

"""KLASS: sure positions whose law has come to rest."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.divergence import divergence
from unmask.sampling.memory import Packed
from unmask.sampling.parts import Selection, check_probabilities
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.rule import Rule, Tuned
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.sampling.step import Opened, Ranked
from unmask.sampling.windows import Blocks, Whole, in_sight


class _Seen(NamedTuple):
    """What is remembered.

    Attributes:
        laws: of the last prediction. streak: (R, L) how many in a row moved by less than epsilon.
        stage: (R,) the block of the last step. taken: (R,) the steps of that block, the last one included.
    """

    laws: Packed
    streak: Tensor
    stage: Tensor
    taken: Tensor


@dataclass(frozen=True)
class Stable(Selection):
    """Every sure position whose law has come to rest, or else what another selection takes (KLASS, arXiv 2511.05664).

    Sure: confidence above `threshold`. At rest: `KL(p_t || p_{t-1}) < epsilon` nats at each of the last `history`
    predictions, of raw laws, whatever the token is then drawn from. In the first `history - 1` steps of a block no
    position is at rest.

    Attributes:
        otherwise: the selection for steps in which no position is both; one position by default.
        ahead: whether positions outside the window are predicted too, so that a new block begins with a history.
    """

    threshold: float = 0.9
    epsilon: float = 0.01
    history: int = 2
    otherwise: Selection = field(default_factory=Each)
    ahead: bool = True
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "klass"

    def begin(self, canvas: Canvas) -> "_Seen":
        shape = canvas.known.shape
        zeros = torch.zeros(shape, dtype=torch.int64, device=canvas.device)
        rows = torch.full(shape[:1], -1, device=canvas.device)
        return _Seen(Packed.nothing(shape, canvas.device), zeros, rows, torch.zeros_like(rows))

    def __post_init__(self) -> None:
        check_probabilities(self, "threshold")
        if self.epsilon < 0 or self.history < 0:
            raise InputError(f"epsilon is {self.epsilon:g} and history {self.history}; expected at least 0")

    def watches(self, step: Opened) -> Tensor | None:
        return in_sight(step.canvas, step.window) if self.ahead else None

    def __call__(self, step: Ranked) -> Tensor:
        resting = self._resting(step)
        found = step.open & resting & (step.grid(step.confidence) > self.threshold)
        decided = found.any(1)
        return torch.where(decided[:, None], found, self.otherwise(step.only(~decided)))

    def _resting(self, step: Ranked) -> Tensor:
        """(R, L) where the last predictions have moved by less than epsilon; nowhere in a block's first steps."""
        (index, laws), before, stage, taken = step.recall(self)
        streak = torch.zeros_like(before)
        rows, columns = step.positions
        now = (index[rows, columns] >= 0).nonzero().squeeze(1)
        if len(now):
            rows, columns = rows[now], columns[now]
            moved = divergence(step.log_probs, laws, now, index[rows, columns])
            streak[rows, columns] = torch.where(moved < self.epsilon, before[rows, columns] + 1, 0)
        taken = torch.where(step.stage == stage, taken + 1, 1)
        step.remember(self, _Seen(Packed(step.index, step.log_probs), streak, step.stage, taken))
        return (streak >= self.history) & (taken >= self.history)[:, None]


def klass(
    threshold: float = 0.9,
    epsilon: float = 0.01,
    history: int = 2,
    otherwise: int = 1,
    block_length: int | None = None,
    ahead: bool = True,
) -> Sampler:
    """Sure positions whose law has come to rest (KLASS, Kim et al., arXiv 2511.05664), else the `otherwise` surest.

    The paper tunes both knobs to the task: LLaDA 0.6 and 0.015 (GSM8K), 0.7 and 0.01 (MBPP), 0.9 and 0.01 (HumanEval),
    Dream 0.9 and 0.005 (MATH). At temperature 0 the published rule; at others its code compares laws with noise in
    them, here raw ones. In blocks the history goes on from one block to the next, for which all masked positions are
    predicted; `ahead=False` predicts and remembers those of the block alone, and costs up to a call more a block.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = Stable(threshold, epsilon, history, Each(otherwise), ahead)
    return Sampler(Confidence(), selection, window, name="klass", source="klass")


RULE = Rule(
    klass,
    does="sure tokens whose law has come to rest",
    paper="Kim et al., KLASS: KL-Guided Fast Inference in Masked Diffusion Models, NeurIPS 2025, arXiv 2511.05664",
    ladder=("0.9", "0.6", "0.3"),
    tuned=Tuned(1e-4, lambda window, vocab_size: 1.0, confidence=True),
    example="0.2,epsilon=0.5,history=1",
)

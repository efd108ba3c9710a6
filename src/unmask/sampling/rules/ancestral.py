"""Ancestral sampling on a time grid: every position has a time, drawn uniformly."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import Arranged
from unmask.sampling.randomness import SIZES, uniforms
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.theory.reveal_orders import Uniform


@dataclass(frozen=True)
class RevealTimes(Selection):
    """Each position is revealed at a uniformly drawn step: ancestral sampling on the grid t = 1 - j/steps.

    The number of positions of a step is then random, and often 0. A masked position is revealed at step j with
    probability `1/(steps - j)`, MDLM's `(t - s)/t` (Sahoo et al., arXiv 2406.07524); its price is F14.
    """

    steps: int
    may_skip: ClassVar[bool] = True
    random: ClassVar[bool] = True
    source: ClassVar[str] = "ancestral"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def begin(self, canvas: Canvas) -> Tensor:
        """(R, L) the step of each position."""
        columns = torch.arange(canvas.length, device=canvas.device)
        return (uniforms(canvas.seeds[:, None], 0, columns, SIZES) * self.steps).long()

    def __call__(self, step: Ranked) -> Tensor:
        return step.open & (step.recall(self) <= step.canvas.step)


def ancestral(steps: int = 1000) -> Sampler:
    """MDLM's ancestral sampler on a grid of `steps` times (arXiv 2406.07524). A step that reveals nothing costs no
    call.

    The published rule at every temperature; MDLM's repository sets 128 steps for samples, its paper 1000 and more.
    """
    return Sampler(Arranged(Uniform()), RevealTimes(steps), name="ancestral", source="ancestral")


RULE = Rule(
    ancestral,
    does="each token at a uniformly drawn one of the steps",
    paper="Sahoo et al., Simple and Effective Masked Diffusion Language Models, NeurIPS 2024, arXiv 2406.07524",
    ladder=STEPS,
    example="12",
)

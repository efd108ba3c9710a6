"""DiffusionGemma's sampler, for uniform-state models: networks without a mask token.

Such a model reads the tokens of unknown positions and corrects random tokens instead of filling masks, so being known
is no property of a token: every step all positions but the given ones are unknown again, the sure ones keep what was
drawn there and the others get random tokens. The theory of masked sampling does not apply to it.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import LogitsTransform, Revision, Stop
from unmask.sampling.priorities import LowEntropy
from unmask.sampling.randomness import REVISION_TOKEN, uniforms
from unmask.sampling.rules.entropy_bound import EntropyBound
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Begun, Opened, Step


@dataclass(frozen=True)
class RandomTokens:
    """A start: uniformly random tokens at all positions that are not given."""

    def __call__(self, step: Begun) -> None:
        step.canvas.release(~step.canvas.frozen, random_tokens(step, 0))


@dataclass(frozen=True)
class Renoise(Revision):
    """All positions become unknown again: those accepted in this step keep their tokens, the others get random ones."""

    random: ClassVar[bool] = True
    source: ClassVar[str] = "renoise"

    def wants(self, step: Opened) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        tokens = torch.where(canvas.known, canvas.tokens, random_tokens(step, canvas.step + 1))
        canvas.release(~canvas.frozen, tokens)


@dataclass(frozen=True)
class Annealed(LogitsTransform):
    """A temperature that moves in equal parts from `first` towards `last`; a reading.

    In step j of `steps`, from 0, it is `last + (first - last) (steps - j)/steps`: `last` would be reached one step
    after the end, as in every public implementation of DiffusionGemma.
    """

    first: float
    last: float
    steps: int

    def __post_init__(self) -> None:
        if not min(self.first, self.last) > 0:
            raise InputError(f"temperatures are {self.first} and {self.last}; expected numbers greater than 0")

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        return (log_probs / self.temperature(step.canvas.step)).log_softmax(-1)

    def temperature(self, step: int) -> float:
        """Of the step of this number, from 0."""
        return self.last + (self.first - self.last) * max(self.steps - step, 1) / self.steps


@dataclass(frozen=True)
class Converged(Stop):
    """When the most likely tokens are those of the step before and the mean entropy is small, or after `steps` steps.

    Then the most likely tokens are written everywhere.

    Attributes:
        entropy: nats, of the laws everything else reads.
    """

    steps: int = 48
    entropy: float = 0.005
    commits: ClassVar[bool] = True
    reads_tokens: ClassVar[bool] = True
    source: ClassVar[str] = "renoise"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def begin(self, canvas: Canvas) -> Tensor:
        """(R, L) the most likely tokens of the step before; -2, which none is, when there was none."""
        return torch.full(canvas.known.shape, -2, device=canvas.device)

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        open_counts = step.open_counts.clamp(min=1)
        calm = step.grid(step.entropy).sum(1) / open_counts < self.entropy
        best = step.grid(step.best, -1)
        same = (best == step.recall(self)).all(1)
        step.remember(self, best)
        finished = canvas.live & ((calm & same).cpu() | (canvas.step + 1 >= self.steps))
        taken = finished.to(canvas.device)[step.positions.rows].nonzero().squeeze(1)
        where = Positions(step.positions.rows[taken], step.positions.columns[taken])
        if len(taken):
            canvas.reveal(where, step.best[taken], step.log_probs[taken].amax(-1), step.entropy[taken])
        return finished


def random_tokens(step: Begun, address: int) -> Tensor:
    """(R, L) uniformly random ids, none of them forbidden."""
    canvas, door = step.canvas, step.door
    allowed = torch.ones(door.predictor.vocab_size, dtype=torch.bool, device=canvas.device)
    allowed[door.forbidden] = False
    ids = allowed.nonzero().squeeze(1)
    columns = torch.arange(canvas.length, device=canvas.device)
    u = uniforms(canvas.seeds[:, None], address, columns, REVISION_TOKEN)
    return ids[(u * len(ids)).long()]


def renoise(
    steps: int = 48, gamma: float = 0.1, first: float = 0.8, last: float = 0.4, entropy: float = 0.005
) -> Sampler:
    """DiffusionGemma's sampler, for uniform-state models: accept the sure, renoise the rest, emit the most likely.

    At most `steps` steps; temperature from `first` towards `last`; accepted are the positions of lowest entropy with
    `sum H - max H <= gamma` nats; ends when the most likely tokens are those of the step before and the mean entropy is
    below `entropy`. It samples no known law: the output is the most likely token everywhere. The published rule but for
    self-conditioning, which is the network's own matter.
    """
    return Sampler(
        LowEntropy(),
        EntropyBound(gamma),
        reading=Annealed(first, last, steps),
        revision=Renoise(),
        stop=Converged(steps, entropy),
        start=RandomTokens(),
        name="renoise",
        source="renoise",
    )


RULE = Rule(
    renoise,
    does="uniform-state models alone: keep the sure, renoise the rest",
    paper="DiffusionGemma (Google, 2026), the sampler of its public implementations; its acceptance is the entropy "
    "bound of arXiv 2505.24857",
    ladder=(),
    example="6",
)

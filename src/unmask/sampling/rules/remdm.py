"""ReMDM: known tokens return to the mask at a rate that keeps the marginals of the process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from unmask import spec
from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Revision, Selection, Stop
from unmask.sampling.priorities import Arranged
from unmask.sampling.randomness import REVISION, SIZES, uniforms
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Opened, Ranked, Step
from unmask.theory.reveal_orders import Uniform

_ROUNDING = 1e-9  # a time such as 1 - 19/20 stands for 0.05


class Rate(Protocol):
    """The chance of a known token to return to the mask, from the shares of known tokens before and after the step."""

    @property
    def weighted(self) -> bool:
        """Whether it is shared out over the tokens by how likely they were."""
        ...

    def shares(self, step: int, steps: int) -> tuple[float, float]:
        """The shares of known tokens before and after the step of this number, from 0."""
        ...

    def __call__(self, now: float, after: float) -> float: ...


class Steady:
    """The share of known tokens grows evenly."""

    def shares(self, step: int, steps: int) -> tuple[float, float]:
        return step / steps, (step + 1) / steps


@dataclass(frozen=True)
class Capped(Steady):
    """`sigma = min(eta, the largest rate that keeps the marginals)` (ReMDM-cap)."""

    eta: float = 0.008
    weighted: ClassVar[bool] = False

    def __call__(self, now: float, after: float) -> float:
        return min(self.eta, most(now, after))


@dataclass(frozen=True)
class Rescaled(Steady):
    """`sigma = eta * the largest rate that keeps the marginals` (ReMDM-rescale)."""

    eta: float = 0.015
    weighted: ClassVar[bool] = False

    def __call__(self, now: float, after: float) -> float:
        return self.eta * most(now, after)


@dataclass(frozen=True)
class LeastConfident(Steady):
    """A rescaled rate, shared out over the known tokens by `softmax(-p)`, p the probability each was drawn with
    (ReMDM-conf). It reads tokens, so it keeps the law no longer, not even one token at a time.
    """

    eta: float = 1.0
    weighted: ClassVar[bool] = True

    def __call__(self, now: float, after: float) -> float:
        return self.eta * most(now, after)


@dataclass(frozen=True)
class Loop:
    """The share grows evenly to `share`, stands still while tokens are exchanged, and grows to 1 (ReMDM-loop).

    Time runs from 1 to 0. From `begin` to `end` tokens are exchanged at the rate `eta`; before and after nothing is
    taken back.
    """

    eta: float = 0.02
    begin: float = 0.55
    end: float = 0.05
    share: float = 0.9
    weighted: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.end < self.begin < 1 or not 0 < self.share < 1:
            raise InputError(f"{self!r} is no loop; expected 0 < end < begin < 1 and a share between 0 and 1")

    def shares(self, step: int, steps: int) -> tuple[float, float]:
        times = (1 - step / steps, 1 - (step + 1) / steps)
        if times[0] > self.begin + _ROUNDING:
            now, after = ((1 - time) * self.share / (1 - self.begin) for time in times)
        elif times[0] <= self.end + _ROUNDING:
            now, after = (1 - time * (1 - self.share) / self.end for time in times)
        else:
            now = after = self.share
        return now, min(after, 1.0)

    def __call__(self, now: float, after: float) -> float:
        return min(self.eta, most(now, after)) if now == after else 0.0


def most(now: float, after: float) -> float:
    """The largest remasking rate from a share `now` of known tokens to a share `after`: `min(1, (1 - after)/now)`."""
    return 1.0 if now <= 0 else min(1.0, (1 - after) / now)


@dataclass(frozen=True)
class Remask(Revision):
    """Known tokens return to the mask with probability sigma, over `steps` steps (ReMDM, arXiv 2503.00307).

    On the grid of `steps` times the share of known tokens is j/steps at step j. In the last step nothing returns.
    """

    steps: int
    rate: Rate = Capped()
    random: ClassVar[bool] = True
    source: ClassVar[str] = "remdm"

    def wants(self, step: Opened) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        if canvas.step + 1 >= self.steps:
            return
        held = canvas.known & ~canvas.frozen & ~step.picked
        sigma = torch.full(
            held.shape, self.rate(*self.rate.shares(canvas.step, self.steps)), dtype=torch.float64, device=held.device
        )
        if self.rate.weighted:
            doubt = (-canvas.log_probs.exp()).masked_fill(~held, -torch.inf)
            sigma *= torch.where(held, doubt, 0.0).exp().masked_fill(~held, 0.0).double()
            total = doubt.exp().sum(1, keepdim=True).double()
            sigma /= total.clamp(min=1e-30)
        columns = torch.arange(canvas.length, device=canvas.device)
        canvas.release(held & (uniforms(canvas.seeds[:, None], canvas.step, columns, REVISION) < sigma))


class _Stay(NamedTuple):
    """The stay of each position under the mask, (R, L) each.

    Attributes:
        masked: whether it lasts. drawn: its uniform number. left: the chance that it is not over yet.
    """

    masked: Tensor
    drawn: Tensor
    left: Tensor


@dataclass(frozen=True)
class RemaskedTimes(Selection):
    """Masked positions are revealed with probability `(s - (1 - sigma) t)/(1 - t)`, known shares t and s of a step.

    With sigma = 0 this is `selections.RevealTimes`, number for number: each stay of a position under the mask has one
    uniform number, and ends in the step in which the chance to have been revealed exceeds it.
    """

    steps: int
    rate: Rate = Capped()
    may_skip: ClassVar[bool] = True
    random: ClassVar[bool] = True
    source: ClassVar[str] = "remdm"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def begin(self, canvas: Canvas) -> "_Stay":
        blank = torch.zeros(canvas.known.shape, dtype=torch.float64, device=canvas.device)
        return _Stay(torch.zeros_like(canvas.known), blank, blank)

    def __call__(self, step: Ranked) -> Tensor:
        canvas = step.canvas
        if canvas.step + 1 >= self.steps:
            return step.open
        masked, drawn, left = step.recall(self)
        fresh = step.open & ~masked
        columns = torch.arange(canvas.length, device=canvas.device)
        drawn = torch.where(fresh, uniforms(canvas.seeds[:, None], canvas.step, columns, SIZES), drawn)
        now, after = self.rate.shares(canvas.step, self.steps)
        sigma = 0.0 if self.rate.weighted else self.rate(now, after)
        left = torch.where(fresh, 1.0, left) * (1 - (after - (1 - sigma) * now) / (1 - now))
        picked = step.open & (drawn < 1 - left)
        step.remember(self, _Stay(step.open & ~picked, drawn, left))
        return picked


@dataclass(frozen=True)
class AfterSteps(Stop):
    """When nothing is masked and `steps` steps are over; until then tokens may be taken back."""

    steps: int

    def __call__(self, step: Step) -> Tensor:
        return (step.canvas.remaining == 0) & (step.canvas.step + 1 >= self.steps)


REMASKING: dict[str, Callable[..., Rate]] = {"cap": Capped, "rescale": Rescaled, "conf": LeastConfident, "loop": Loop}
"""What the parameter `remasking` may be at the command line."""


def remdm(steps: int = 1024, eta: float | None = None, remasking: Callable[..., Rate] = Capped) -> Sampler:
    """Ancestral sampling in which known tokens return to the mask (ReMDM, Wang et al., arXiv 2503.00307).

    The published rule at every temperature. With eta 0 it is `ancestral(steps)`, token for token, for all kinds but
    `Loop`. The paper also draws with top-p 0.9: `.drawing(top_p=0.9)`.

    Args:
        eta: how much is taken back; by default the paper's for its kind (0.008 capped, 0.015 rescaled, 0.02 in a loop).
        remasking: `Capped`, `Rescaled`, `LeastConfident` or `Loop` (cap, rescale, conf, loop at the command line).
    """
    rate = remasking() if eta is None else remasking(eta)
    return Sampler(
        Arranged(Uniform()),
        RemaskedTimes(steps, rate),
        revision=Remask(steps, rate),
        stop=AfterSteps(steps),
        name="remdm",
        source="remdm",
    )


def remasking_from_name(name: str) -> Callable[..., Rate]:
    """A kind of rate by its name in ReMDM's paper."""
    return REMASKING[spec.match(name, REMASKING, "remasking")]


RULE = Rule(
    remdm,
    does="ancestral sampling in which tokens return to the mask",
    paper="Wang et al., Remasking Discrete Diffusion Models with Inference-Time Scaling, NeurIPS 2025, arXiv "
    "2503.00307",
    ladder=STEPS,
    by_default=False,
    readers={"remasking": remasking_from_name},
    example="12,eta=0.2",
)

"""Revisions: what is taken back or rewritten after a step's tokens are revealed.

A revision is asked twice in a step. `wants(step)` says which positions it needs predicted in the same network call
besides the open ones; a known position may be wanted, and a network then says what it would write there. After the
reveal it is called and changes the canvas through `release` and `rewrite`, which leave given positions alone. Tokens
revealed in this very step (`step.picked`) are not judged by the prediction they were drawn from.

Whatever takes tokens back has no likelihood by replay: such samplers are measured only.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.randomness import REVISION, SIZES, uniforms
from unmask.sampling.step import Step

# -- ReMDM: tokens return to the mask at a rate that keeps the marginals of the process --


@dataclass(frozen=True)
class Capped:
    """`sigma = min(eta, the largest rate that keeps the marginals)` (ReMDM-cap)."""

    eta: float = 0.008
    weighted: ClassVar[bool] = False

    def __call__(self, now: float, after: float) -> float:
        return min(self.eta, most(now, after))


@dataclass(frozen=True)
class Rescaled:
    """`sigma = eta * the largest rate that keeps the marginals` (ReMDM-rescale)."""

    eta: float = 0.015
    weighted: ClassVar[bool] = False

    def __call__(self, now: float, after: float) -> float:
        return self.eta * most(now, after)


@dataclass(frozen=True)
class LeastConfident:
    """A rescaled rate, shared out over the known tokens by `softmax(-p)`, p the probability each was drawn with
    (ReMDM-conf). It reads tokens, so it keeps the law no longer, not even one token at a time.
    """

    eta: float = 1.0
    weighted: ClassVar[bool] = True

    def __call__(self, now: float, after: float) -> float:
        return self.eta * most(now, after)


def most(now: float, after: float) -> float:
    """The largest remasking rate from a share `now` of known tokens to a share `after`: `min(1, (1 - after)/now)`."""
    return 1.0 if now <= 0 else min(1.0, (1 - after) / now)


@dataclass(frozen=True)
class Remask:
    """Known tokens return to the mask with probability sigma, over `steps` steps (ReMDM, arXiv 2503.00307).

    On the grid of `steps` times the share of known tokens is j/steps at step j. In the last step nothing returns.
    """

    steps: int
    rate: Any = Capped()
    random: ClassVar[bool] = True
    source: ClassVar[str] = "remdm"

    def wants(self, step: Step) -> Tensor:
        return torch.zeros_like(step.canvas.known)

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        if canvas.step + 1 >= self.steps:
            return
        held = canvas.known & ~canvas.frozen & ~step.picked
        sigma = torch.full(held.shape, self.rate(*shares(step, self.steps)), dtype=torch.float64, device=held.device)
        if self.rate.weighted:
            doubt = (-canvas.log_probs.exp()).masked_fill(~held, -torch.inf)
            sigma *= torch.where(held, doubt, 0.0).exp().masked_fill(~held, 0.0).double()
            total = doubt.exp().sum(1, keepdim=True).double()
            sigma /= total.clamp(min=1e-30)
        columns = torch.arange(canvas.length, device=canvas.device)
        canvas.release(held & (uniforms(canvas.seeds[:, None], canvas.step, columns, REVISION) < sigma))


@dataclass(frozen=True)
class RemaskedTimes:
    """Masked positions are revealed with probability `(s - (1 - sigma) t)/(1 - t)`, known shares t and s of a step.

    With sigma = 0 this is `selections.RevealTimes`, number for number: each stay of a position under the mask has one
    uniform number, and ends in the step in which the chance to have been revealed exceeds it.
    """

    steps: int
    rate: Any = Capped()
    reads_model: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = True
    random: ClassVar[bool] = True
    source: ClassVar[str] = "remdm"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Step) -> Tensor:
        canvas, key = step.canvas, ("remasked", id(self))
        if canvas.step + 1 >= self.steps:
            return step.open
        if key not in canvas.memory:
            blank = torch.zeros(step.open.shape, dtype=torch.float64, device=canvas.device)
            canvas.memory[key] = (torch.zeros_like(step.open), blank, blank)
        masked, drawn, left = canvas.memory[key]  # left: the chance that this stay is not over yet
        fresh = step.open & ~masked
        columns = torch.arange(canvas.length, device=canvas.device)
        drawn = torch.where(fresh, uniforms(canvas.seeds[:, None], canvas.step, columns, SIZES), drawn)
        now, after = shares(step, self.steps)
        sigma = 0.0 if self.rate.weighted else self.rate(now, after)
        left = torch.where(fresh, 1.0, left) * (1 - (after - (1 - sigma) * now) / (1 - now))
        picked = step.open & (drawn < 1 - left)
        canvas.memory[key] = (step.open & ~picked, drawn, left)
        return picked


def shares(step: Step, steps: int) -> tuple[float, float]:
    """The share of known tokens before and after this step on a grid of `steps` times."""
    return step.canvas.step / steps, (step.canvas.step + 1) / steps


# -- path planning: every position competes again in every step --


@dataclass(frozen=True)
class BestOfAll:
    """The best positions of ALL that are not given, known ones included (P2, arXiv 2502.03540).

    A masked position is worth the log-probability of the token drawn there, a known one `eta` times that of the token
    that stands there (the network sees it). After step j of `steps`, `j/steps` of the positions are kept, rounded up:
    the kept masked ones are revealed here, and `Unkept` masks the known ones that are not kept. A selection over the
    whole canvas, not over blocks.

    Attributes:
        eta: above 1 known tokens are reconsidered more readily, below 1 less.
        running: a known token is worth the most it was ever worth since it was revealed (RCR, arXiv 2508.13148).
    """

    steps: int
    eta: float = 1.0
    running: bool = False
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    @property
    def source(self) -> str:
        return "rcr" if self.running else "p2"

    def __call__(self, step: Step) -> Tensor:
        return self.kept(step, step.canvas.known)

    def kept(self, step: Step, known: Tensor) -> Tensor:
        """(R, L) bool: the positions to be known after this step; `known` as it was before it."""
        canvas = step.canvas
        free = ~canvas.frozen
        count = free.sum(1)
        left = max(self.steps - canvas.step - 1, 0)
        keep = count - left * count // self.steps
        worth = self.worth(step, known).masked_fill(~free, -torch.inf)
        ranked = worth.clamp(min=torch.finfo(worth.dtype).min).masked_fill(~free, -torch.inf)
        ranked = ranked.sort(dim=1, descending=True, stable=True).indices
        inside = torch.arange(canvas.length, device=free.device) < keep[:, None]
        return torch.zeros_like(free).scatter_(1, ranked, inside) & free

    def worth(self, step: Step, known: Tensor) -> Tensor:
        """(R, L) log-probability of what stands or would stand at each position."""
        written = torch.where(known, step.canvas.tokens, step.grid(step.drawn))
        rows, columns = step.positions
        worth = step.grid(step.log_probs.gather(1, written[rows, columns][:, None]).squeeze(1), -torch.inf)
        if self.running and ("worth", id(self)) in step.canvas.memory:
            worth = torch.where(known, torch.maximum(worth, step.canvas.memory["worth", id(self)]), worth)
        return torch.where(known, self.eta * worth, worth)


@dataclass(frozen=True)
class Unkept:
    """Masks the known tokens that `BestOfAll` does not keep."""

    selection: BestOfAll
    source: ClassVar[str] = ""

    def wants(self, step: Step) -> Tensor:
        return revealed(step)

    def __call__(self, step: Step) -> None:
        before = step.canvas.known & ~step.picked
        if self.selection.running:
            step.canvas.memory["worth", id(self.selection)] = self.selection.worth(step, before)
        step.canvas.release(before & ~self.selection.kept(step, before))


# -- editing: a revealed token is replaced when the network would rather write another --


@dataclass(frozen=True)
class Edit:
    """Revealed tokens of the window become the most likely ones where those differ and are surer than `threshold`.

    LLaDA2.1's token-to-token edits (arXiv 2602.08676). The network predicts them in the same call as the masked ones.
    Use with `stopping.Settled`, which waits for the edits to end.
    """

    threshold: float = 0.9
    source: ClassVar[str] = "edit"

    def wants(self, step: Step) -> Tensor:
        return revealed(step) & step.window

    def __call__(self, step: Step) -> None:
        canvas = step.canvas
        best, confidence = step.grid(step.best), step.grid(step.confidence)
        judged = revealed(step) & ~step.picked & (step.index >= 0)
        canvas.rewrite(judged & (best != canvas.tokens) & (confidence > self.threshold), best, confidence.log())


def revealed(step: Step) -> Tensor:
    """(R, L) bool: tokens of live rows that were revealed, not given."""
    canvas = step.canvas
    return canvas.known & ~canvas.frozen & canvas.live.to(canvas.device)[:, None]

"""One step, as the parts see it. It grows in stages, and a part is given as much of it as is there when it is asked:

    stage       what is new in it                             who is given it
    Begun       canvas, door                                  start, logits transforms
    Opened      window, stage, stages                         revision.wants
    Predicted   open, positions, log_probs, their statistics  order
    Ranked      priority                                      selection
    Step        picked, counts                                revision, stop

The loop makes one `Step` and fills it in; the stages are its base classes, so that a type checker knows what a part may
read. What is read too early, or without having been declared, is a RuntimeError.

The network's answers are packed: N positions and an (N, V) array of their laws, never (R, L, V). What parts compare
is small and lies on the (R, L) grid: `step.grid(values)` puts packed numbers there. Confidence, margin and entropy are
always those of the raw float32 law in nats, before temperature or top-p, whatever the token is then drawn from.
"""

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas, Remembers
from unmask.sampling.memory import State
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.slices import slices

_UNDECLARED = "a policy {} while positions were chosen ahead; declare reads_model = True"
_TOO_EARLY = {
    **dict.fromkeys(("positions", "log_probs"), "{} is read before the network has been asked"),
    **dict.fromkeys(("window", "stage", "stages"), "{} is read before the window is open"),
    "open": "{} is read before the open positions are known",
    "priority": "{} is read before the order has been asked",
    "counts": "{} is read before the selection has chosen",
}


class Begun:
    """A step of which only the canvas is known."""

    canvas: Canvas
    """The rows as they stand; before the reveal, as they were when the step began."""
    door: ModelCalls
    """For rules that need further predictions: `door.ask`, counted."""
    ahead: bool = False
    """Whether the positions were chosen before the first network call; then all that were predicted are revealed."""
    asked: Tensor | None = None
    """(R,) bool; the rows whose answer is used, None for all (`only`)."""

    def __init__(self, canvas: Canvas, door: ModelCalls | None) -> None:
        self.canvas = canvas
        if door is not None:  # nothing may be asked while positions are chosen ahead
            self.door = door

    if not TYPE_CHECKING:  # to a checker it would make every misspelt name a known one

        def __getattr__(self, name):
            """Only called where there is nothing of that name (yet)."""
            if name in ("door", "positions", "log_probs") and "door" not in vars(self):
                raise RuntimeError(_UNDECLARED.format("asked the network" if name == "door" else "read the model"))
            if name in _TOO_EARLY:
                raise RuntimeError(_TOO_EARLY[name].format(f"step.{name}"))
            raise AttributeError(f"a step has no {name!r}")

    def recall(self, part: Remembers[State]) -> State:
        """The part's state as this step found it, however often the part has been asked in it."""
        return self.canvas.recall(part)

    def remember(self, part: Remembers[State], state: State) -> None:
        """What the part will find in the next step, in the rows that are asked."""
        self.canvas.remember(part, state, self.asked)


class Opened(Begun):
    """A step whose window is open."""

    window: Tensor
    """(R, L) bool; the part of the canvas that is open in this step, known positions included."""
    stage: Tensor
    """(R,) number of the block the window stands in."""
    stages: Tensor
    """(R,) how many blocks there are."""


class Predicted(Opened):
    """A step whose open positions have been predicted (unless they are chosen ahead)."""

    open: Tensor
    """(R, L) bool; masked positions inside the window: those that may be revealed."""
    positions: Positions
    """The N positions that were predicted."""
    log_probs: Tensor
    """(N, V) their laws."""
    shaped: Tensor | None = None
    """(N, V) the laws tokens are drawn from, where they were needed before the choice."""
    draft: Tensor | None = None
    """(N,) the tokens drawn before the choice; only for parts that declare `reads_draw`, else None."""

    # -- packed statistics of the raw laws, each computed once, when first read --

    @cached_property
    def _two_best(self) -> Tensor:
        return self.log_probs.topk(min(2, self.log_probs.shape[-1]), dim=-1).values

    @cached_property
    def best(self) -> Tensor:
        """(N,) the most likely token; of several, the smallest id."""
        return self.log_probs.argmax(-1)

    @cached_property
    def confidence(self) -> Tensor:
        """(N,) float32 probability of the most likely token."""
        return self.log_probs.amax(-1).exp()

    @cached_property
    def margin(self) -> Tensor:
        """(N,) difference between the two largest probabilities."""
        two = self._two_best.exp()
        return two[:, 0] - two[:, 1] if two.shape[-1] == 2 else two[:, 0]

    @cached_property
    def entropy(self) -> Tensor:
        """(N,) Shannon entropy, nats."""
        return entropy(self.log_probs)

    @property
    def drawn(self) -> Tensor:
        """(N,) tokens drawn at the predicted positions; only for parts that declare `reads_draw`."""
        if self.draft is None:
            raise RuntimeError("a policy read the drawn tokens without declaring reads_draw = True")
        return self.draft

    @cached_property
    def drawn_log_prob(self) -> Tensor:
        """(N,) raw log-probability of the drawn tokens."""
        return self.log_probs.gather(-1, self.drawn[:, None]).squeeze(-1)

    # -- the grid --

    def grid(self, values: Tensor, fill: float = 0.0) -> Tensor:
        """Packed numbers (N,) on the grid (R, L); `fill` where nothing was predicted."""
        grid = torch.full(self.canvas.known.shape, fill, dtype=values.dtype, device=values.device)
        grid[self.positions.rows, self.positions.columns] = values
        return grid

    @cached_property
    def index(self) -> Tensor:
        """(R, L) where each position stands among the N predicted ones, -1 where it was not predicted."""
        return self.grid(torch.arange(len(self.positions.rows), device=self.canvas.device), -1)

    @cached_property
    def open_counts(self) -> Tensor:
        """(R,) number of open positions of each row."""
        return self.open.sum(1)

    def only(self, rows: Tensor) -> Self:
        """The same step with nothing open in other rows ((R,) bool): to ask a part for the rows that use its answer.

        The part's state stays as it was in the others.
        """
        part = copy.copy(self)
        part.open = self.open & rows[:, None]
        part.asked = rows if self.asked is None else rows & self.asked
        for stale in ("ranked", "open_counts"):
            vars(part).pop(stale, None)
        return part


class Ranked(Predicted):
    """A step whose positions have been put in order."""

    priority: Tensor
    """(R, L) the order's wish, larger first; -inf where not open."""

    @cached_property
    def ranked(self) -> Tensor:
        """(R, L) columns from the highest priority to the lowest; ties by position, closed positions last."""
        lowest = torch.finfo(self.priority.dtype).min
        keys = self.priority.clamp(min=lowest).masked_fill(~self.open, -torch.inf)
        return keys.sort(dim=1, descending=True, stable=True).indices

    def first(self, counts: Tensor) -> Tensor:
        """(R, L) bool: in each row the `counts` ((R,)) open positions of highest priority."""
        places = torch.arange(self.canvas.length, device=self.ranked.device)
        inside = places < counts.to(places.device)[:, None]
        return torch.zeros_like(self.open).scatter_(1, self.ranked, inside) & self.open


class Step(Ranked):
    """The whole step, its positions chosen.

    After the reveal `canvas` is what it has become, `window`, `open` and `picked` are what they were before it.
    """

    counts: Tensor
    """(R,) on the CPU; tokens revealed in this step."""

    @cached_property
    def picked(self) -> Tensor:
        """(R, L) bool; what the selection took."""
        if not self.ahead:
            raise RuntimeError("step.picked is read before the selection has chosen")
        return self.index >= 0


def entropy(log_probs: Tensor) -> Tensor:
    """Shannon entropy in nats of N laws, (N, V) to (N,)."""
    lowest = torch.finfo(log_probs.dtype).min  # so that 0 log 0 is 0 and not NaN
    return -torch.cat([part.exp().mul_(part.clamp(min=lowest)).sum(-1) for part in slices(log_probs)])

"""One step, as the policies see it: what may be revealed, what the network said there, and what has been chosen so far.

The network's answers are packed: N positions and an (N, V) array of their laws, never (R, L, V). What policies compare
is small and lies on the (R, L) grid: `step.grid(values)` puts packed numbers there. Confidence, margin and entropy are
always those of the raw float32 law in nats, before temperature or top-p, whatever the token is then drawn from.
"""

import copy
from functools import cached_property

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.draws import slices
from unmask.sampling.model_calls import ModelCalls


class Step:
    """The present step of a run.

    Attributes:
        canvas: the rows as they stand before this step.
        door: for rules that need further predictions (`door.ask`, counted).
        window: (R, L) bool; the part of the canvas that is open in this step, known positions included.
        open: (R, L) bool; masked positions inside the window: those that may be revealed.
        positions, log_probs: the N positions that were predicted, and their laws (N, V).
        shaped: (N, V) the laws tokens are drawn from, once they are needed.
        drawn: (N,) tokens drawn at those positions; only for orders that declare `reads_draw`.
        stage, stages: (R,) number of the block the window stands in, and how many there are.
        priority: (R, L) the order's wish, larger first; -inf where not open.
        picked: (R, L) bool; what the selection took.
    """

    def __init__(self, canvas: Canvas, door: ModelCalls | None) -> None:
        self.canvas = canvas
        self._door = door
        self.window: Tensor | None = None
        self.open: Tensor | None = None
        self.positions: Positions | None = None
        self._log_probs: Tensor | None = None
        self.shaped: Tensor | None = None
        self.drawn: Tensor | None = None
        self.stage: Tensor | None = None
        self.stages: Tensor | None = None
        self.priority: Tensor | None = None
        self.picked: Tensor | None = None
        self.counts: Tensor | None = None  # (R,) on the CPU: tokens revealed in this step

    @property
    def door(self) -> ModelCalls:
        if self._door is None:
            raise RuntimeError(
                "a policy asked the network while positions were chosen ahead; declare reads_model = True"
            )
        return self._door

    @property
    def log_probs(self) -> Tensor:
        if self._log_probs is None:
            raise RuntimeError("a policy read the model while positions were chosen ahead; declare reads_model = True")
        return self._log_probs

    @log_probs.setter
    def log_probs(self, value: Tensor) -> None:
        self._log_probs = value

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

    @cached_property
    def drawn_log_prob(self) -> Tensor:
        """(N,) raw log-probability of the drawn tokens; only for orders that declare `reads_draw`."""
        if self.drawn is None:
            raise RuntimeError("an order read the drawn tokens without declaring reads_draw = True")
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

    def only(self, rows: Tensor) -> "Step":
        """The same step with nothing open in other rows ((R,) bool): for a selection that decides these rows alone."""
        part = copy.copy(self)
        part.open = self.open & rows[:, None]
        for stale in ("ranked", "open_counts"):
            vars(part).pop(stale, None)
        return part

    @cached_property
    def open_counts(self) -> Tensor:
        """(R,) number of open positions of each row."""
        return self.open.sum(1)


def entropy(log_probs: Tensor) -> Tensor:
    """Shannon entropy in nats of N laws, (N, V) to (N,)."""
    lowest = torch.finfo(log_probs.dtype).min  # so that 0 log 0 is 0 and not NaN
    return -torch.cat([part.exp().mul_(part.clamp(min=lowest)).sum(-1) for part in slices(log_probs)])

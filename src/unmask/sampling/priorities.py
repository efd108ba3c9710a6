"""Orders: which position is wished for first. An order gives priorities; a selection decides how many are revealed.

Orders that do not read the model (`reads_model = False`) are those a price can be stated for: `Arranged` wraps any
order of `unmask.orders`, `PlanOrder` follows a plan. Orders that read the model's laws are replayed exactly by
`score`. Orders that read the DRAWN tokens (`reads_draw = True`) prefer positions whose drawn token is likely, which is
a hidden temperature even at one token a step with a perfect model; they are measured only. Ties go to the leftmost
position.
"""

import copy
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Priority
from unmask.sampling.randomness import ORDER, gumbels, integers
from unmask.sampling.step import Predicted
from unmask.theory.reveal_orders import Given, Order
from unmask.theory.reveal_plan import RevealPlan

AnyOrder: TypeAlias = Priority | Order
"""One of this module, or one of `unmask.orders`."""


@dataclass(frozen=True)
class Arranged(Priority):
    """An order of `unmask.orders`, drawn once for each row over the positions that are not given."""

    order: Order

    @property
    def source(self) -> str:
        return getattr(self.order, "source", "")

    @property
    def random(self) -> bool:
        return is_random(self.order)

    def begin(self, canvas: Canvas) -> Tensor:
        """(R, L) when each position's turn comes."""
        open_columns = [np.flatnonzero(row) for row in (~canvas.frozen).cpu().numpy()]
        draws = zip(open_columns, integers(canvas.seeds), strict=True)
        permutations = [self.order.draw(len(columns), seed) for columns, seed in draws]
        return rank_grid(canvas, permutations, open_columns)

    def __call__(self, step: Predicted) -> Tensor:
        return -step.recall(self)


@dataclass(frozen=True)
class PlanOrder(Priority):
    """The order of a plan; its sizes are `selections.PlanSizes`."""

    plan: RevealPlan

    @property
    def random(self) -> bool:
        parts = getattr(self.plan, "parts", (self.plan,))  # a plan may hold several orders, one drawn for each row
        return len(parts) != 1 or is_random(getattr(parts[0], "order", None))

    def __call__(self, step: Predicted) -> Tensor:
        return -drawn_plan(self.plan, step.canvas)[0]


@dataclass(frozen=True)
class Confidence(Priority):
    """The probability of the most likely token: high first."""

    reads_model: ClassVar[bool] = True

    def __call__(self, step: Predicted) -> Tensor:
        return step.grid(step.confidence)


@dataclass(frozen=True)
class Margin(Priority):
    """The difference between the two largest probabilities: high first (Kim et al., arXiv 2502.06768)."""

    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "margin"

    def __call__(self, step: Predicted) -> Tensor:
        return step.grid(step.margin)


@dataclass(frozen=True)
class LowEntropy(Priority):
    """The entropy of the law, in nats: low first."""

    reads_model: ClassVar[bool] = True

    def __call__(self, step: Predicted) -> Tensor:
        return -step.grid(step.entropy)


@dataclass(frozen=True)
class DrawnConfidence(Priority):
    """The log-probability of the DRAWN token: high first. MaskGIT's and LLaDA's rule; it sharpens the law.

    With a greedy draw it is the confidence of the most likely token, and reads nothing that was drawn at random.
    """

    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True

    def __call__(self, step: Predicted) -> Tensor:
        return step.grid(step.drawn_log_prob)


@dataclass(frozen=True)
class Changed(Priority):
    """Another order, changed: it reads and declares what that one does, unless it says otherwise."""

    order: Priority

    @property
    def reads_model(self) -> bool:
        return self.order.reads_model

    @property
    def reads_draw(self) -> bool:
        return self.order.reads_draw

    @property
    def reads_shaped(self) -> bool:
        return self.order.reads_shaped

    @property
    def random(self) -> bool:
        return self.order.random

    @property
    def source(self) -> str:
        return self.order.source


@dataclass(frozen=True)
class OfShaped(Changed):
    """Another order, of the laws that tokens are drawn from: after temperature, top-k and top-p (Dream's ranking).

    Where top-p leaves one token at several positions they are all certain, and tie; ties go to the leftmost position.
    """

    reads_shaped: ClassVar[bool] = True

    def __call__(self, step: Predicted) -> Tensor:
        if step.shaped is None:
            raise RuntimeError("the laws tokens are drawn from are read without reads_shaped = True")
        seen = copy.copy(step)
        for statistic in ("_two_best", "best", "confidence", "margin", "entropy", "drawn_log_prob"):
            vars(seen).pop(statistic, None)
        seen.log_probs = step.shaped
        return self.order(seen)


@dataclass(frozen=True)
class Noisy(Changed):
    """Another order with Gumbel noise added: `priority + temperature * noise`.

    Attributes:
        order: the order to blur.
        temperature: strength of the noise; 0 leaves the order as it is.
        steps: when given, the noise is annealed to 0 over that many steps, as MaskGIT does.
    """

    temperature: float
    steps: int | None = None
    random: ClassVar[bool] = True

    def __call__(self, step: Predicted) -> Tensor:
        canvas = step.canvas
        strength = self.temperature
        if self.steps is not None:
            strength *= max(0.0, 1 - (canvas.step + 1) / self.steps)
        columns = torch.arange(canvas.length, device=canvas.device)
        noise = gumbels(canvas.seeds[:, None], canvas.step, columns, ORDER)
        return self.order(step) + strength * noise


def sureness(step: Predicted, drawn: bool) -> Tensor:
    """(R, L) probability of the most likely token, or of the drawn one, under the raw law; 0 where not predicted."""
    return step.grid(step.drawn_log_prob.exp() if drawn else step.confidence)


def by_sureness(order: AnyOrder | None, drawn: bool) -> Priority:
    """The order said, else the surest first: by the most likely token or by the drawn one."""
    if order is not None:
        return as_order(order)
    return DrawnConfidence() if drawn else Confidence()


def is_random(order: Order | None) -> bool:
    """Whether an order of `unmask.orders` depends on its seed; asked by drawing it with nine seeds. True when in
    doubt.
    """
    if order is None or isinstance(order, Given):  # a given one has one length alone, and cannot be tried at 61
        return order is None
    try:
        return len({tuple(order.draw(61, seed)) for seed in range(9)}) > 1
    except InputError:
        return True


def as_order(order: AnyOrder) -> Priority:
    """An order of this module, from one or from an order of `unmask.orders`."""
    if isinstance(order, Priority):
        return order
    if isinstance(order, Order):
        return Arranged(order)
    raise InputError(f"order is {order!r}; expected one of unmask.orders, such as unmask.orders.Uniform()")


def rank_grid(canvas: Canvas, permutations: list[np.ndarray], open_columns: list[np.ndarray]) -> Tensor:
    """(R, L) float32: when each position's turn comes; L for given positions. Entry k of a permutation is revealed
    k-th.
    """
    ranks = np.full((canvas.rows, canvas.length), canvas.length, dtype=np.float32)
    for row, (permutation, columns) in enumerate(zip(permutations, open_columns, strict=True)):
        ranks[row, columns[permutation]] = np.arange(len(columns))
    return torch.from_numpy(ranks).to(canvas.device)


def drawn_plan(plan: RevealPlan, canvas: Canvas) -> tuple[Tensor, Tensor]:
    """The plan drawn for each row: ranks (R, L) and sizes (R, T), 0 after a row's last step. Drawn once a run."""
    return canvas.memory.recall(plan, partial(_drawn, plan), canvas)


def _of_length(plan: RevealPlan, masked: int, canvas_length: int) -> RevealPlan:
    """The plan for so many masked positions; plans that hold for other lengths say how."""
    if masked == plan.length:
        return plan
    for_length = getattr(plan, "for_length", None)
    if for_length is None:
        given = f" ({canvas_length - masked} are given)" if masked < canvas_length else ""
        raise InputError(
            f"the plan reveals {plan.length} tokens, but there are {masked} masked positions{given}; give sizes of "
            f"{masked} tokens"
        )
    found: RevealPlan = for_length(masked)
    return found


def _drawn(plan: RevealPlan, canvas: Canvas) -> tuple[Tensor, Tensor]:
    open_columns = [np.flatnonzero(row) for row in (~canvas.frozen).cpu().numpy()]
    plans = {len(columns): _of_length(plan, len(columns), canvas.length) for columns in open_columns if len(columns)}
    drawn = [
        plans[len(columns)].draw(seed) if len(columns) else (np.zeros(0, dtype=np.int64), ())
        for seed, columns in zip(integers(canvas.seeds), open_columns, strict=True)
    ]
    sizes = torch.zeros(canvas.rows, max(len(tuple(schedule)) for _, schedule in drawn), dtype=torch.int64)
    for row, (_, schedule) in enumerate(drawn):
        sizes[row, : len(tuple(schedule))] = torch.tensor(tuple(schedule), dtype=torch.int64)
    ranks = rank_grid(canvas, [permutation for permutation, _ in drawn], open_columns)
    return ranks, sizes.to(canvas.device)

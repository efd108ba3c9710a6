"""As many tokens as a bound on what they know of one another allows: the rule that reads measured dependence.

What a step costs is the dependence among the tokens it reveals. That is small where tokens are nearly certain, which
the model's entropies say, and where they have little to do with each other, which a profile says that was measured
once. The entropy bound (EB-Sampler) is the case "everything depends on everything", dilated unmasking the case "only
distance counts".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Priority, Selection
from unmask.sampling.priorities import AnyOrder, Arranged, LowEntropy, as_order
from unmask.sampling.rules.rule import Rule, Tuned, all_entropy
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.sampling.windows import Blocks, Whole
from unmask.theory.dependence_profile import DependenceProfile
from unmask.theory.reveal_orders import BitReversal

EVERYTHING = DependenceProfile.of_distances([1.0])
"""Stands for: no profile was given, so every token is taken to follow from every other one."""
_NEARLY_0 = 1e-12


@dataclass(frozen=True)
class DependenceBound(Selection):
    """Positions are added while the nats they are predicted to cost together stay at or under `gamma`.

    By the chain rule a step costs `sum_k I(i_k; i_1 … i_{k-1})`, given what is known. Each term is predicted as
    `sum_j r(j, i) min(H_j, H_i)`, at most `H_i`: entropies are the model's of this step, shares `r` the profile's at as
    many known positions as there are when j has joined the step. The order's first choice is always taken; the next is
    the position that costs least for each nat of its own entropy, ties by the order.

    O(L) for every position added, all rows together.
    """

    gamma: float
    profile: DependenceProfile
    reads_model: ClassVar[bool] = True

    def __call__(self, step: Ranked) -> Tensor:
        entropy, length = step.grid(step.entropy), step.canvas.length
        if self.profile is EVERYTHING:
            step.canvas.note(
                "dependence has no profile, so every token is taken to depend on every other one; "
                "unmask measure --dependence FILE measures one, --rule dependence:gamma=…,profile=FILE reads it"
            )
        shares = _Shares(self.profile, step)
        columns = torch.arange(length, device=step.open.device)
        place = torch.empty_like(step.ranked).scatter_(1, step.ranked, columns.expand_as(step.ranked))
        told = torch.zeros_like(entropy)  # nats that the taken ones tell of each position
        spent = torch.zeros_like(entropy[:, :1])
        taken, pick = step.first(torch.ones_like(step.open_counts)), step.ranked[:, :1]
        bound = self.profile.bound(self.gamma)
        while True:
            told += shares.of(pick, taken.sum(1) - 1) * torch.minimum(entropy, entropy.gather(1, pick))
            cost = torch.minimum(told, entropy)
            able = step.open & ~taken & (spent + cost <= bound)
            moved = able.any(1, keepdim=True)
            if not bool(moved.any()):
                return taken
            for_each_nat = torch.where(able, cost / entropy.clamp(min=_NEARLY_0), torch.inf)
            best = able & (for_each_nat <= for_each_nat.amin(1, keepdim=True))
            pick = torch.where(best, place, length).argmin(1, keepdim=True)
            spent += torch.where(moved, cost.gather(1, pick), 0.0)
            taken |= moved & (columns == pick)


class _Shares:
    """The profile at the rows of a step: row by row what one position has in common with all others."""

    def __init__(self, profile: DependenceProfile, step: Ranked) -> None:
        length, device = step.canvas.length, step.open.device
        self.everything = profile is EVERYTHING
        profile.check_length(length)
        free = step.window & ~step.canvas.frozen
        self.hidden, self.free = step.open.sum(1), free.sum(1).clamp(min=1)
        self.levels = torch.from_numpy(profile.known).float().to(device)
        self.pairs = profile.pairs is not None
        table = profile.by_distance if profile.pairs is None else profile.pairs
        self.table = torch.from_numpy(table).float().to(device)
        self.columns = torch.arange(length, device=device)

    def of(self, pick: Tensor, joined: Tensor) -> Tensor:
        """(R, L) shares of the positions `pick` ((R, 1)) and all others, with `joined` ((R,)) more known than are."""
        if self.everything:
            return torch.ones_like(self.columns, dtype=torch.float32).expand(len(pick), -1)
        known = (self.free - self.hidden + joined) / self.free
        above = torch.searchsorted(self.levels, known).clamp(max=len(self.levels) - 1)
        below = (above - 1).clamp(min=0)
        width = (self.levels[above] - self.levels[below]).clamp(min=_NEARLY_0)
        part = torch.where(above > below, ((known - self.levels[below]) / width).clamp(0, 1), 1.0)[:, None]
        return self._at(below, pick) * (1 - part) + self._at(above, pick) * part

    def _at(self, level: Tensor, pick: Tensor) -> Tensor:
        if self.pairs:
            return self.table[level, pick[:, 0]]
        away, reach = (self.columns - pick).abs(), self.table.shape[1]
        shares = self.table[level[:, None], away.clamp(max=reach - 1)]
        return torch.where(away < reach, shares, 0.0)


def dependence(
    gamma: float = 0.3,
    profile: DependenceProfile | None = None,
    order: AnyOrder | None = None,
    block_length: int | None = None,
) -> Sampler:
    """As many tokens as cost at most `gamma` nats a step, by entropies and measured dependence.

    Args:
        gamma: nats a step. With a profile whose `promises` were measured, what a step costs in the mean; otherwise the
            bound on the nats predicted.
        profile: from `unmask.measure_dependence`. Without one every token is taken to depend on every other one, as
            EB-Sampler does.
        order: which comes first in a step, and which of equally cheap ones. By default lowest entropy first, and spaced
            evenly (bit reversal) where the profile knows distances alone.

    Raises:
        InputError: gamma is negative or no number, or profile is something else.
    """
    if not gamma >= 0:
        raise InputError(f"gamma is {gamma}; expected nats a step, such as 0.3")
    known = EVERYTHING if profile is None else profile
    if not isinstance(known, DependenceProfile):
        raise InputError(f"profile is {profile!r}; expected a DependenceProfile, from unmask.measure_dependence")
    if order is None:
        spaced = known.pairs is None and known is not EVERYTHING
        chosen: Priority = Arranged(BitReversal()) if spaced else LowEntropy()
    else:
        chosen = as_order(order)
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(chosen, DependenceBound(gamma, known), window, name="dependence")


def _read(path: str) -> Any:
    return DependenceProfile.load(path)


RULE = Rule(
    dependence,
    does="as many tokens as cost a bound, by entropies and measured dependence",
    ladder=("0.03", "0.1", "0.3", "1", "3"),
    tuned=Tuned(1e-4, all_entropy),
    measured="profile",
    readers={"profile": _read},
    example="3.0",
)

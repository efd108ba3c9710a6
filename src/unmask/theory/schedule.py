"""Unmasking schedules: how many tokens each step reveals.

`s = (s_1..s_T)`, `sum s_t = L`, in generation order; `a_t = s_1 + .. + s_{t-1}` tokens are revealed before step t.
Named families are one function each in `schedule_families`; the best schedule for a curve is in `optimal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.theory import schedule_families
from unmask.theory.curve import InformationCurve

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, init=False)
class Schedule(Displayed):
    """Sizes of the steps, in generation order; a tuple of positive whole numbers that add up to the length.

    Raises:
        InputError: when a size is not a positive whole number, or there is none.

    Examples:
        >>> schedule = unmask.Schedule([3, 5])
        >>> schedule.length, schedule.steps, schedule.revealed.tolist()
        (8, 2, [0, 3])
        >>> unmask.Schedule.uniform(8, 3).sizes
        (3, 3, 2)
    """

    sizes: tuple[int, ...]

    def __init__(self, sizes: Iterable[int]) -> None:
        try:
            given = tuple(sizes)
        except TypeError:
            raise InputError(f"sizes is {sizes!r}; expected a row of whole numbers, such as [3, 5, 8]") from None
        if not given:
            raise InputError("sizes is empty; a schedule needs at least one step")
        for step, size in enumerate(given):
            if not _is_size(size):
                raise InputError(f"sizes[{step}] is {size!r}; every step reveals a whole number of tokens, at least 1")
        object.__setattr__(self, "sizes", tuple(int(size) for size in given))

    @property
    def length(self) -> int:
        """L, the number of tokens revealed in all."""
        return sum(self.sizes)

    @property
    def steps(self) -> int:
        """T, the number of steps, one network call each."""
        return len(self.sizes)

    @property
    def largest(self) -> int:
        """`s_max`, the most tokens revealed in one step."""
        return max(self.sizes)

    @property
    def revealed(self) -> IntArray:
        """`a_t`, shape (T,): tokens already revealed before each step. Starts at 0."""
        return np.concatenate(([0], np.cumsum(self.sizes)[:-1])).astype(np.int64)

    @property
    def overshoot(self) -> IntArray:
        """`R_K` for K = 1..L-1, shape (L-1,): how far the end of the step containing K lies beyond K (0 at ends)."""
        ends = np.cumsum(self.sizes)
        inside = np.arange(1, self.length)
        step_of = np.searchsorted(ends, inside, side="left")  # a boundary K = end has overshoot end - K = 0
        return np.asarray(ends[step_of] - inside, dtype=np.int64)

    def check_length(self, length: int, name: str = "schedule") -> None:
        """Raise InputError unless the sizes add up to `length`."""
        if self.length != length:
            raise InputError(
                f"{name} reveals {self.length} tokens in all, but the length is {length}; they must be equal"
            )

    @classmethod
    def uniform(cls, length: int, steps: int) -> Schedule:
        """Equal sizes; the remainder goes to the first steps. What LLaDA and most engines do."""
        return cls(schedule_families.uniform(length, steps))

    @classmethod
    def cosine(cls, length: int, steps: int) -> Schedule:
        """MaskGIT's cosine: small steps first; `cos(pi t / 2T)` of the tokens are masked after step t."""
        return cls(schedule_families.cosine(length, steps))

    @classmethod
    def arccos(cls, length: int, steps: int) -> Schedule:
        """`(2/pi) arccos(t/T)` of the tokens are masked after step t: even steps, then a rush at the end."""
        return cls(schedule_families.arccos(length, steps))

    @classmethod
    def geometric(cls, length: int, steps: int, ratio: float | None = None) -> Schedule:
        """Sizes that grow by a constant factor, as in Lavenant & Zanella [LZ]."""
        return cls(schedule_families.geometric(length, steps, ratio))

    @classmethod
    def exponential(cls, length: int, steps: int) -> Schedule:
        """MaskGIT's exponential: the count of revealed tokens grows geometrically from 1 to L."""
        return cls(schedule_families.exponential(length, steps))

    @classmethod
    def logarithmic(cls, length: int, steps: int) -> Schedule:
        """MaskGIT's logarithmic: `-log(t/T) / log L` of the tokens are masked after step t; large steps first."""
        return cls(schedule_families.logarithmic(length, steps))

    @classmethod
    def power(cls, length: int, steps: int, exponent: float) -> Schedule:
        """`1 - (t/T)^exponent` of the tokens are masked after step t (MaskGIT's linear, square, cubic, square root)."""
        return cls(schedule_families.power(length, steps, exponent))

    @classmethod
    def total_correlation(cls, length: int, steps: int) -> Schedule:
        """Minimax when only the total correlation is known: large steps first (F10)."""
        return cls(schedule_families.total_correlation(length, steps))

    @classmethod
    def dual_total_correlation(cls, length: int, steps: int) -> Schedule:
        """Minimax when only the dual total correlation is known: small steps first (F10)."""
        return cls(schedule_families.dual_total_correlation(length, steps))

    @classmethod
    def logit(cls, length: int, steps: int) -> Schedule:
        """Minimax when only the growth complexity is known: small steps at both ends (F10, [W])."""
        return cls(schedule_families.logit(length, steps))

    @classmethod
    def equal_steps(cls, length: int, size: int, first: int) -> Schedule:
        """Steps of `size` after a first step of `first` in 1..size (F9; draw `first` uniformly)."""
        return cls(schedule_families.equal_steps(length, size, first))

    @classmethod
    def entropy_budget(cls, curve: InformationCurve, eta: float) -> Schedule:
        """`s = max(1, floor(eta / h_a))`: about `eta` nats of entropy a step ([CL])."""
        return cls(schedule_families.entropy_budget(curve.values, eta))

    def __iter__(self) -> Iterator[int]:
        return iter(self.sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.sizes if self.steps <= 24 else self.sizes[:20]))
        return f"Schedule([{shown}{', …' if self.steps > 24 else ''}])  # L={self.length}, T={self.steps}"


def _is_size(value: Any) -> bool:
    """Whether `value` is a whole number of at least 1: 2.0 is one, "2" and True are not."""
    if isinstance(value, bool | np.bool_ | str):
        return False
    try:
        return float(value).is_integer() and value >= 1
    except (TypeError, ValueError):
        return False

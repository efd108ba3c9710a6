"""What a plan is to those who follow it: positions in an order, and how many of them each step reveals.

Knows nothing of how it was made or what it costs. `unmask.Plan` is one, an order with a schedule another.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from unmask.theory.reveal_orders import Seed
from unmask.theory.schedule import Schedule


@runtime_checkable
class RevealPlan(Protocol):
    """Order and sizes for texts of one length."""

    @property
    def length(self) -> int:
        """L, tokens it reveals."""
        ...

    def draw(self, seed: Seed) -> tuple[npt.NDArray[np.int64], Schedule]:
        """A permutation of 0..L-1 (entry k is revealed k-th) and the sizes of the steps. Same seed, same draw."""
        ...

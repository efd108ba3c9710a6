"""How many tokens exact parallel sampling drafts a round, by how many are revealed already."""

from dataclasses import dataclass

from unmask.errors import InputError
from unmask.sampling.verification import BLOCK, RULES


@dataclass(frozen=True)
class Speculation:
    """Draft sizes and how drafts are verified; what turns a one-at-a-time sampler into an exact parallel one.

    Attributes:
        sizes: entry a is the draft size when a tokens are revealed besides the given ones; the last entry holds from
            there on. Entry 0 is never used: before the first answer of the network there is nothing to draft from.
        verification: "block" or "token", see `verification`.
    """

    sizes: tuple[int, ...]
    verification: str = BLOCK

    def __post_init__(self) -> None:
        if not self.sizes or any(isinstance(size, bool) or not isinstance(size, int) for size in self.sizes):
            raise InputError(f"draft is {self.sizes!r}; expected a number of tokens, or one for every revealed count")
        if min(self.sizes) < 1:
            raise InputError(f"draft is {min(self.sizes)}; expected at least 1 token")
        if self.verification not in RULES:
            raise InputError(f"verification is {self.verification!r}; expected {' or '.join(RULES)}")

    def size(self, revealed: int) -> int:
        """Tokens drafted when so many stand, where as many are left."""
        return self.sizes[min(revealed, len(self.sizes) - 1)]

    @property
    def largest(self) -> int:
        return max(self.sizes)

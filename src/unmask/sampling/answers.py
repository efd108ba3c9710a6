"""What a predictor answers is looked at before anything is drawn, scored or measured from it.

Every answer: its type and shape; in every conditional its largest entry, which is finite and not above 0; and the sums
of a few conditionals, others each time. Of the conditionals that tokens are drawn from or scored with in a step, the
sums of all where they are few, else of some, unless they were normalised here. Measuring looks at every sum, which it
needs anyway.

What was seen is kept on the device and read at once (`Looks.refuse`): a planned run waits for the device only once.
"""

from typing import Any

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.slices import slices

OFF = 0.05
"""How far from 0 the logarithm of a sum may be: half-precision networks miss it by a per cent or two."""
FEW = 8
"""Conditionals of each answer whose sums are looked at."""
SEVERAL = 32
"""Conditionals of each draw whose sums are looked at."""


def as_laws(answer: Any, count: int, vocab_size: int) -> Tensor:
    """The answer as (count, vocab_size) float32; InputError when it is no tensor of log-probabilities of that shape."""
    if not isinstance(answer, Tensor):
        kind = f"{type(answer).__module__}.{type(answer).__qualname__}".removeprefix("builtins.")
        raise InputError(f"the predictor returned {kind}; expected a torch.Tensor of log-probabilities")
    if tuple(answer.shape) != (count, vocab_size):
        raise InputError(
            f"the predictor returned shape {tuple(answer.shape)} for {count} positions; expected {(count, vocab_size)}"
        )
    if not answer.is_floating_point():
        raise InputError(f"the predictor returned {answer.dtype}; expected log-probabilities, such as torch.float32")
    return answer.float()


class Looks:
    """What was seen of the answers so far.

    Attributes:
        answers: how many were looked at.
    """

    def __init__(self, device: torch.device) -> None:
        self.answers = 0
        self._broken = torch.zeros((), dtype=torch.bool, device=device)
        self._highest = torch.full((), -torch.inf, device=device)
        self._furthest = torch.zeros((), device=device)

    def sums_of_some(self, laws: Tensor) -> None:
        """Look at the sums of a few conditionals of an answer, (N, V), N > 0: others in each answer."""
        some = self._some(laws, FEW)
        self.sums(some)
        self.largest(some)
        self.answers += 1

    def used(self, laws: Tensor) -> None:
        """Look at the sums of conditionals, (N, V), that tokens are drawn from or scored with."""
        if len(laws):
            self.sums(self._some(laws, SEVERAL))

    def sums(self, laws: Tensor) -> None:
        """Look at the sum of every conditional, (N, V)."""
        if len(laws):
            self.totals(torch.cat([part.exp().sum(-1) for part in slices(laws)]))

    def totals(self, totals: Tensor) -> None:
        """Look at sums that are known: (N,) of probabilities, N > 0."""
        furthest = totals.log().abs().max()
        self._broken |= ~torch.isfinite(furthest)
        self._furthest = torch.maximum(self._furthest, furthest.nan_to_num(0.0, 0.0, 0.0))

    def largest(self, laws: Tensor) -> None:
        """Look at the largest entry of every conditional, (N, V), N > 0: NaN, infinities and no mass all show there."""
        largest = laws.amax(-1)
        self._broken |= ~torch.isfinite(largest).all()
        self._highest = torch.maximum(self._highest, largest.max().nan_to_num(0.0, 0.0, 0.0))

    def _some(self, laws: Tensor, most: int) -> Tensor:
        apart = -(-len(laws) // most)
        return laws[self.answers % apart :: apart]

    def refuse(self) -> None:
        """Raise InputError when anything so far was no law. Asks the device."""
        broken, highest, furthest = torch.stack([self._broken.float(), self._highest, self._furthest]).tolist()
        if highest > OFF:
            what = "probabilities or logits" if highest <= 1 else "logits"
            raise InputError(
                f"the predictor returned values up to {highest:.3g}: these look like {what}; log-probabilities are "
                "never above 0, return logits.log_softmax(-1)"
            )
        if broken:
            raise InputError(
                "the predictor returned NaN, infinite or all-forbidden log-probabilities; nothing is made from them"
            )
        if furthest > OFF:
            raise InputError(
                f"the predictor's probabilities sum to 1 only up to a factor of exp({furthest:.3g}); are these logits? "
                "return logits.log_softmax(-1)"
            )

"""Stops: when a row is finished.

Examples:
    >>> unmask.recipes.threshold(0.9).ending(unmask.stopping.EndOfText()).stop
    EndOfText(token=None)
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Stop
from unmask.sampling.step import Begun, Step


@dataclass(frozen=True)
class AllKnown(Stop):
    """When nothing is masked any more."""

    def __call__(self, step: Step) -> Tensor:
        return step.canvas.remaining == 0


@dataclass(frozen=True)
class EndOfText(Stop):
    """When an end of text stands there and everything before it is known; what follows is filled with it, for free.

    Without this a long canvas is paid for to its last position, most of it padding.

    Attributes:
        token: the id that ends a text; None takes the predictor's.
    """

    token: int | None = None
    reads_tokens: ClassVar[bool] = True

    def __call__(self, step: Step) -> Tensor:
        canvas = step.canvas
        token = end_of_text(step, self.token)
        before = torch.cumsum(~canvas.known, dim=1) == 0  # everything up to and including this position is known
        ended = ((canvas.tokens == token) & before & ~canvas.frozen).any(1).cpu() & canvas.live
        canvas.fill(ended, token)
        return ended | (canvas.remaining == 0)


def end_of_text(step: Begun, token: int | None) -> int:
    """The id that ends a text: the one given, or the predictor's."""
    found = step.door.predictor.end_of_text_id if token is None else token
    if found is None:
        raise InputError("the predictor has no end-of-text id; give one, for example stopping.EndOfText(2)")
    return found

"""Shapes: from the raw law to the law a token is drawn from (temperature, top-k, top-p, end-of-text policy).

Forbidden ids are gone before a shape sees a law (see `model_calls`). A sampler has two places for a shape: `shape`
changes only the law that tokens are drawn from; `reading` changes the law that everything reads, orders and selections
included. Anything but `Raw` changes the law that is sampled, and no price is promised for it.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.parts import LogitsTransform
from unmask.sampling.step import Begun
from unmask.sampling.stopping import end_of_text


@dataclass(frozen=True)
class Raw(LogitsTransform):
    """The law as the predictor gives it."""

    raw: ClassVar[bool] = True

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        return log_probs


@dataclass(frozen=True)
class Tempered(LogitsTransform):
    """Temperature first, then the `top_k` most likely tokens, then the smallest set of probability `top_p`.

    Attributes:
        temperature: greater than 0 (for 0, draw with `draws.Greedy`).
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature}; expected a number greater than 0")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}; expected at least 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; expected a number in (0, 1]")

    @property
    def raw(self) -> bool:
        return self.temperature == 1 and self.top_k is None and self.top_p in (None, 1.0)

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        if self.raw or not len(log_probs):
            return log_probs
        shaped = log_probs / self.temperature
        if self.top_k is not None and self.top_k < shaped.shape[-1]:
            worst = shaped.topk(self.top_k, dim=-1).values[:, -1:]
            shaped = shaped.masked_fill(shaped < worst, -torch.inf)
        shaped = shaped.log_softmax(-1)
        if self.top_p is not None and self.top_p < 1:
            ordered, tokens = shaped.sort(dim=-1, descending=True, stable=True)
            before = ordered.exp().cumsum(-1) - ordered.exp()  # probability of all more likely tokens
            drop = torch.zeros_like(before, dtype=torch.bool).scatter_(-1, tokens, before >= self.top_p)
            shaped = shaped.masked_fill(drop, -torch.inf).log_softmax(-1)
        return shaped


@dataclass(frozen=True)
class WithoutEndOfText(LogitsTransform):
    """Never draw the end of text (LLaDA's `logits_eos_inf`): the whole canvas is text.

    Attributes:
        tokens: ids to suppress; empty takes the predictor's end of text.
    """

    tokens: tuple[int, ...] = ()
    source: ClassVar[str] = "llada"

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        tokens = self.tokens or (end_of_text(step, None),)
        kept = log_probs.clone()
        for token in tokens:
            kept[:, token] = -torch.inf
        return kept.log_softmax(-1)


@dataclass(frozen=True)
class Shapes(LogitsTransform):
    """Several shapes, one after another."""

    parts: tuple[LogitsTransform, ...]

    @property
    def raw(self) -> bool:
        return all(part.raw for part in self.parts)

    @property
    def has_memory(self) -> bool:
        return any(part.has_memory for part in self.parts)

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        for part in self.parts:
            log_probs = part(log_probs, positions, step)
        return log_probs

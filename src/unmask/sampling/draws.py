"""How a token is drawn from a law: at random, the most likely one, or forced to a given text.

The categorical draw is exact for rare tokens whatever the vocabulary. A float32 Gumbel race is not: its noise lives on
a grid of 2^-24, so that tokens rarer than about 6e-8 per step can never win (arXiv 2409.02908). Here the inverse of
the cumulative distribution is taken in two levels, first among chunks of the vocabulary and then inside the chosen
chunk, each from its own 53-bit uniform number; float64 is used for chunk sums and for one chunk, never for a whole
vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.parts import Draw
from unmask.sampling.randomness import TOKEN_CHUNK, TOKEN_WITHIN, uniforms
from unmask.sampling.slices import slices

_CHUNK = 256


def _inverse(weights: Tensor, u: Tensor) -> Tensor:
    """Index of the first cumulative weight above u times the total: (N, K) float64 and (N,) to (N,); never a zero
    weight.
    """
    cumulative = weights.cumsum(-1)
    total = cumulative[:, -1]
    target = torch.minimum(u * total, torch.nextafter(total, torch.zeros_like(total)))
    return (cumulative > target[:, None]).byte().argmax(-1)


def categorical(log_probs: Tensor, chunk_uniforms: Tensor, within_uniforms: Tensor) -> Tensor:
    """Exact draws from N laws: (N, V) log-probabilities and two (N,) float64 uniforms to (N,) tokens."""
    parts = slices(log_probs)
    size = max(1, len(parts[0]))
    uniforms_of = zip(torch.split(chunk_uniforms, size), torch.split(within_uniforms, size), strict=True)
    return torch.cat([_categorical(part, *pair) for part, pair in zip(parts, uniforms_of, strict=True)])


def _categorical(log_probs: Tensor, chunk_uniforms: Tensor, within_uniforms: Tensor) -> Tensor:
    vocab_size = log_probs.shape[-1]
    probabilities = log_probs.exp()
    chunks = vocab_size // _CHUNK  # whole ones
    whole = chunks * _CHUNK
    sums = probabilities[:, :whole].view(-1, chunks, _CHUNK).sum(-1) if whole else probabilities[:, :0]
    if whole < vocab_size:
        sums = torch.cat([sums, probabilities[:, whole:].sum(-1, keepdim=True)], dim=-1)
    chunk = _inverse(sums.double(), chunk_uniforms)
    columns = chunk[:, None] * _CHUNK + torch.arange(min(_CHUNK, vocab_size), device=log_probs.device)
    inside = probabilities.gather(-1, columns.clamp(max=vocab_size - 1)).double()
    inside = torch.where(columns < vocab_size, inside, 0.0)
    return chunk * _CHUNK + _inverse(inside, within_uniforms)


@dataclass(frozen=True)
class Categorical(Draw):
    """Draw from the law, exactly."""

    def __call__(self, log_probs: Tensor, positions: Positions, canvas: Canvas) -> Tensor:
        seeds = canvas.seeds[positions.rows]
        first = uniforms(seeds, canvas.step, positions.columns, TOKEN_CHUNK)
        second = uniforms(seeds, canvas.step, positions.columns, TOKEN_WITHIN)
        return categorical(log_probs, first, second)


@dataclass(frozen=True)
class Greedy(Draw):
    """The most likely token; of several, the smallest id. Not sampling: the output has no law to compare."""

    def __call__(self, log_probs: Tensor, positions: Positions, canvas: Canvas) -> Tensor:
        return log_probs.argmax(-1)


@dataclass(frozen=True, eq=False)
class Forced(Draw):
    """The tokens of given texts, (rows, L): this is how the loop that samples also scores."""

    tokens: Tensor

    def __call__(self, log_probs: Tensor, positions: Positions, canvas: Canvas) -> Tensor:
        return self.tokens[positions.rows, positions.columns]

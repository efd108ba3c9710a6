"""Samplers with a fixed number of steps whose order reads the model."""

from typing import Any

from unmask.sampling.priorities import (
    Confidence,
    DrawnConfidence,
    EndOfTextLast,
    LowEntropy,
    Margin,
    Moment,
    Noisy,
    as_order,
)
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import DreamCounts, Sizes
from unmask.sampling.windows import Blocks, Whole
from unmask.theory.schedule import Schedule


def maskgit(steps: int = 12, temperature: float = 4.5) -> Sampler:
    """MaskGIT (Chang et al., CVPR 2022): cosine sizes; draw everywhere, keep the most likely draws, with annealed
    noise.

    It reads drawn tokens, so it samples a sharpened law whatever the number of steps.
    """
    order = Noisy(DrawnConfidence(), temperature, steps)
    return Sampler(order, Sizes(steps, Schedule.cosine), name="maskgit", source="maskgit")


def moment(steps: int = 12, temperature: float = 4.5) -> Sampler:
    """The moment sampler (Hayakawa et al., arXiv 2510.04525): MaskGIT's choice of positions, made before drawing."""
    order = Noisy(Moment(temperature, steps), 1.0)
    return Sampler(order, Sizes(steps, Schedule.cosine), name="moment", source="moment")


def llada(steps: int = 128, block_length: int | None = 128, end_of_text_last: bool = False) -> Sampler:
    """LLaDA's low-confidence remasking in semi-autoregressive blocks (Nie et al., arXiv 2502.09992).

    Equal sizes inside each block; the order reads the drawn token unless the draw is greedy, as in the paper
    (`llada(128, 32).drawing(temperature=0)`). It never takes back a committed token, whatever its name says.
    """
    order = EndOfTextLast(DrawnConfidence()) if end_of_text_last else DrawnConfidence()
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(order, Sizes(steps), window, name="llada", source="llada")


def dream(
    steps: int = 512, order: Any = None, temperature: float = 0.2, top_p: float = 0.95, noise: float = 0.0
) -> Sampler:
    """Dream's sampler (Ye et al., arXiv 2508.15487), with counts for each row.

    Args:
        order: `orders.LowEntropy()` (the default), `orders.Margin()`, `orders.Confidence()`, or one of `unmask.orders`.
        noise: Dream's `alg_temp`: positions by chance, the surer the likelier.
    """
    order = LowEntropy() if order is None else as_order(order)
    order = Noisy(order, noise) if noise else order
    return Sampler(order, DreamCounts(steps), name="dream", source="dream").drawing(temperature, top_p=top_p)


def margin(steps: int) -> Sampler:
    """Equal sizes, largest difference of the two best probabilities first (Kim et al., arXiv 2502.06768)."""
    return Sampler(Margin(), Sizes(steps), name="margin", source="margin")


def confidence(steps: int) -> Sampler:
    """Equal sizes, largest probability first; positions are chosen before tokens are drawn."""
    return Sampler(Confidence(), Sizes(steps), name="confidence")

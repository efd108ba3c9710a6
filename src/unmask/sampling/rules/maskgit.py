"""MaskGIT: draw everywhere, keep the likeliest draws."""

import math

from unmask.sampling.priorities import DrawnConfidence, Noisy
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.theory.schedule import Schedule


def floored_cosine(length: int, steps: int) -> Schedule:
    """MaskGIT's sizes: after step t, from 1, `floor(length cos(pi t / (2 steps)))` positions are masked.

    At least one position is revealed in every step and one is left for the last; `Schedule.cosine` rounds instead.

    Examples:
        >>> from unmask.sampling.rules.maskgit import floored_cosine
        >>> floored_cosine(256, 12).sizes[:4]
        (3, 6, 11, 15)
    """
    masked, sizes = length, []
    for taken in range(1, steps):
        left = max(1, min(masked - 1, math.floor(length * math.cos(math.pi * taken / (2 * steps)))))
        sizes.append(masked - left)
        masked = left
    return Schedule([*sizes, masked])


def maskgit(steps: int = 12, temperature: float = 4.5, rounded: bool = False) -> Sampler:
    """MaskGIT (Chang et al., CVPR 2022): cosine sizes; draw everywhere, keep the most likely draws, with annealed
    noise.

    It reads drawn tokens, so it samples a sharpened law whatever the number of steps. The published rule with the
    published sizes, whose masked counts are rounded down; `rounded` takes `Schedule.cosine`, as other rules here do.
    """
    order = Noisy(DrawnConfidence(), temperature, steps)
    family = Schedule.cosine if rounded else floored_cosine
    return Sampler(order, Sizes(steps, family), name="maskgit", source="maskgit")


RULE = Rule(
    maskgit,
    does="cosine sizes, likeliest drawn tokens first, with noise",
    paper="Chang et al., MaskGIT: Masked Generative Image Transformer, CVPR 2022, arXiv 2202.04200",
    ladder=STEPS,
    example="4",
)

"""MaskGIT: draw everywhere, keep the likeliest draws."""

from unmask.sampling.priorities import DrawnConfidence, Noisy
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.theory.schedule import Schedule


def maskgit(steps: int = 12, temperature: float = 4.5) -> Sampler:
    """MaskGIT (Chang et al., CVPR 2022): cosine sizes; draw everywhere, keep the most likely draws, with annealed
    noise.

    It reads drawn tokens, so it samples a sharpened law whatever the number of steps.
    """
    order = Noisy(DrawnConfidence(), temperature, steps)
    return Sampler(order, Sizes(steps, Schedule.cosine), name="maskgit", source="maskgit")


RULE = Rule(
    maskgit,
    does="cosine sizes, likeliest drawn tokens first, with noise",
    paper="Chang et al., MaskGIT: Masked Generative Image Transformer, CVPR 2022, arXiv 2202.04200",
    ladder=STEPS,
    example="4",
)

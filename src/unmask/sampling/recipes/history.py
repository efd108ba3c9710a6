"""Samplers that remember earlier predictions."""

from unmask.sampling.history import Credit, Stable
from unmask.sampling.priorities import Confidence
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each, Threshold
from unmask.sampling.windows import Blocks, Whole


def klass(
    threshold: float = 0.9, epsilon: float = 0.01, history: int = 2, otherwise: int = 1, block_length: int | None = None
) -> Sampler:
    """Sure positions whose law has come to rest (KLASS, Kim et al., arXiv 2511.05664), else the `otherwise` surest.

    The paper tunes both knobs to the task: LLaDA 0.6 and 0.015 (GSM8K), 0.7 and 0.01 (MBPP), 0.9 and 0.01 (HumanEval),
    Dream 0.9 and 0.005 (MATH).
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = Stable(threshold, epsilon, history, Each(otherwise))
    return Sampler(Confidence(), selection, window, name="klass", source="klass")


def credit(
    threshold: float = 0.9,
    strength: float = 0.7,
    power: float = 0.2,
    decay: float = 0.8,
    block_length: int | None = None,
) -> Sampler:
    """Threshold decoding on laws that give credit to earlier favourites (CreditDecoding, arXiv 2510.06133).

    It changes the law that tokens are drawn from, even at one token a step.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    reading = Credit(strength, power, decay)
    return Sampler(Confidence(), Threshold(threshold), window, reading, name="credit", source="credit")

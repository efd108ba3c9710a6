"""Running confidence: P2 with the highest confidence a token ever had."""

from unmask.sampling.rules.p2 import BestOfAll, best_of_all
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler


def rcr(steps: int = 128) -> Sampler:
    """P2 with the highest confidence a token ever had since it was revealed (running confidence, arXiv 2508.13148)."""
    return best_of_all(BestOfAll(steps, running=True))


RULE = Rule(
    rcr,
    does="as p2, by the most confidence a token ever had",
    paper="He et al., MDPO: Overcoming the Training-Inference Divide of Masked Diffusion Language Models, arXiv "
    "2508.13148",
    ladder=STEPS,
    by_default=False,
    example="6",
)

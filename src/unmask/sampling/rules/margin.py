"""Equal sizes, the largest difference of the two best probabilities first."""

from unmask.sampling.priorities import Margin
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes


def margin(steps: int) -> Sampler:
    """Equal sizes, largest difference of the two best probabilities first (Kim et al., arXiv 2502.06768).

    The published rule at every temperature: it ranks by the model's own laws. Dream's `topk_margin` ranks by the laws
    after temperature and top-p: `dream(order=priorities.Margin())`.
    """
    return Sampler(Margin(), Sizes(steps), name="margin", source="margin")


RULE = Rule(
    margin,
    does="a fixed number of steps, clearest choices first",
    paper="Kim et al., Train for the Worst, Plan for the Best: Understanding Token Ordering in Masked Diffusions, "
    "ICML 2025, arXiv 2502.06768",
    ladder=STEPS,
    example="4",
)

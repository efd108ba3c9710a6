"""First-hitting sampling: masked positions are hit one by one in random order."""

from unmask.sampling.priorities import Arranged
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.theory.reveal_orders import Uniform


def first_hitting() -> Sampler:
    """First-hitting sampling (Zheng et al., arXiv 2409.02908): masked positions are hit one by one in random order.

    The hitting times matter only to networks that read the time; mask predictors do not, and without the times this is
    `one_by_one` in uniformly random order: the published rule at every temperature.
    """
    return Sampler(Arranged(Uniform()), Each(), name="first_hitting", source="first_hitting")


RULE = Rule(
    first_hitting,
    does="one token a step in random order, at its hitting time",
    paper="Zheng et al., Masked Diffusion Models are Secretly Time-Agnostic Masked Models and Exploit Inaccurate "
    "Categorical Sampling, ICLR 2025, arXiv 2409.02908",
    ladder=("",),
    by_default=False,
)

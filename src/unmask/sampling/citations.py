"""References of the parts a sampler is made of: `unmask.cite(sampler)`.

A part says in `source` where it is from: the name of a rule, in whose file the paper stands, or the reference itself.
"""

from unmask.sampling.parts import Part
from unmask.sampling.rule_names import as_sampler
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.sampler import Sampler
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


def cite(sampler: Sampler | RevealPlan | Schedule) -> str:
    """The references of exactly the parts this sampler (or plan) uses, one a line; empty when none has a paper.

    Examples:
        >>> unmask.cite(unmask.recipes.klass())
        'Kim et al., KLASS: KL-Guided Fast Inference in Masked Diffusion Models, NeurIPS 2025, arXiv 2511.05664'
    """
    sampler = as_sampler(sampler)
    keys = [sampler.source, *(key for part in sampler.parts if part is not None for key in sources_of(part))]
    papers = (CATALOGUE[key].paper if key in CATALOGUE else key for key in keys)
    return "\n".join(dict.fromkeys(paper for paper in papers if paper))


def sources_of(part: Part) -> list[str]:
    """The sources of a part and of the parts it is made of."""
    values = [value for value in vars(part).values() if isinstance(value, Part | tuple)]
    inner = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
    return [part.source, *(key for one in inner if isinstance(one, Part) for key in sources_of(one))]

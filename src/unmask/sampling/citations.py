"""References of the parts a sampler is made of: `unmask.cite(sampler)`.

A part says in `source` where it is from: the name of a rule, in whose file the paper stands, or the reference itself.
"""

from typing import Any

from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.rules.planned import as_sampler


def cite(sampler: Any) -> str:
    """The references of exactly the parts this sampler (or plan) uses, one a line; empty when none has a paper.

    Examples:
        >>> unmask.cite(unmask.recipes.klass())
        'Kim et al., KLASS: KL-Guided Fast Inference in Masked Diffusion Models, NeurIPS 2025, arXiv 2511.05664'
    """
    sampler = as_sampler(sampler)
    keys = [sampler.source, *(key for part in sampler.parts for key in sources_of(part))]
    papers = (CATALOGUE[key].paper if key in CATALOGUE else key for key in keys)
    return "\n".join(dict.fromkeys(paper for paper in papers if paper))


def sources_of(part: Any) -> list[str]:
    """The sources of a part and of the parts it wraps."""
    inner = [getattr(part, name, None) for name in ("order", "selection")]
    inner += list(getattr(part, "parts", ()))
    found = [getattr(part, "source", "")] if part is not None else []
    return found + [key for wrapped in inner if wrapped is not None for key in sources_of(wrapped)]

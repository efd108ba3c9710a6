"""Recipes: the named samplers, with their papers' defaults. A recipe only puts parts together.

    unmask.sample(predictor, unmask.recipes.entropy_bound(0.1), n=4)

The knob comes first. Every recipe but `dream` and `renoise` draws from the raw law at temperature 1; vary it with
`.drawing(temperature=0.7, top_p=0.95)`, `.in_blocks(32)`, `.ending(unmask.stopping.EndOfText())`.
`sampler.predictable` and `sampler.scorable` say what may be claimed for the result, and `unmask.cite(sampler)` prints
the papers of the parts in use.

The imports are there for editors and type checkers; a rule that is a file of `sampling.rules` and no more is found too.

Examples:
    >>> rule = unmask.recipes.threshold(0.9)
    >>> rule.name, rule.predictable
    ('threshold', False)
"""

from collections.abc import Callable

from unmask.sampling.rule_names import as_sampler as as_sampler
from unmask.sampling.rules.ancestral import ancestral as ancestral
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.rules.confidence import confidence as confidence
from unmask.sampling.rules.credit import credit as credit
from unmask.sampling.rules.dependence import dependence as dependence
from unmask.sampling.rules.dilated import dilated as dilated
from unmask.sampling.rules.dream import dream as dream
from unmask.sampling.rules.edit import edit as edit
from unmask.sampling.rules.entropy_bound import entropy_bound as entropy_bound
from unmask.sampling.rules.entropy_sum import entropy_sum as entropy_sum
from unmask.sampling.rules.entropy_threshold import entropy_threshold as entropy_threshold
from unmask.sampling.rules.exact import exact as exact
from unmask.sampling.rules.factor import factor as factor
from unmask.sampling.rules.first_hitting import first_hitting as first_hitting
from unmask.sampling.rules.frechet import frechet as frechet
from unmask.sampling.rules.hierarchy import hierarchy as hierarchy
from unmask.sampling.rules.info_gain import info_gain as info_gain
from unmask.sampling.rules.klass import klass as klass
from unmask.sampling.rules.left_to_right import left_to_right as left_to_right
from unmask.sampling.rules.less import less as less
from unmask.sampling.rules.llada import llada as llada
from unmask.sampling.rules.margin import margin as margin
from unmask.sampling.rules.maskgit import maskgit as maskgit
from unmask.sampling.rules.moment import moment as moment
from unmask.sampling.rules.one_by_one import one_by_one as one_by_one
from unmask.sampling.rules.p2 import p2 as p2
from unmask.sampling.rules.pc_sampler import pc_sampler as pc_sampler
from unmask.sampling.rules.pipeline import pipeline as pipeline
from unmask.sampling.rules.planned import planned as planned
from unmask.sampling.rules.prophet import prophet as prophet
from unmask.sampling.rules.punt import punt as punt
from unmask.sampling.rules.rcr import rcr as rcr
from unmask.sampling.rules.remdm import remdm as remdm
from unmask.sampling.rules.renoise import renoise as renoise
from unmask.sampling.rules.sched import sched as sched
from unmask.sampling.rules.slow_fast import slow_fast as slow_fast
from unmask.sampling.rules.spaced import spaced as spaced
from unmask.sampling.rules.threshold import threshold as threshold
from unmask.sampling.rules.wino import wino as wino
from unmask.sampling.sampler import Sampler

__all__ = sorted([*CATALOGUE, "as_sampler"])


def __getattr__(name: str) -> Callable[..., Sampler]:
    """A rule that has no import above."""
    if name in CATALOGUE:
        return CATALOGUE[name].recipe
    raise AttributeError(f"unmask.recipes has no rule {name!r}")

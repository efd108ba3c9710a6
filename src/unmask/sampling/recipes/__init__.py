"""Recipes: the named samplers, with their papers' defaults. A recipe only puts parts together.

    unmask.sample(predictor, unmask.recipes.entropy_bound(0.1), n=4)

The knob comes first. Every recipe but `dream` and `renoise` draws from the raw law at temperature 1; vary it with
`.drawing(temperature=0.7, top_p=0.95)`, `.in_blocks(32)`, `.ending(stops.EndOfText())`. `sampler.predictable` and
`sampler.scorable` say what may be claimed for the result, and `unmask.cite(sampler)` prints the papers of the parts in
use.
"""

from unmask.sampling.recipes.adaptive import entropy_bound, entropy_sum, factor, spaced, threshold
from unmask.sampling.recipes.ahead import (
    ancestral,
    as_sampler,
    dilated,
    first_hitting,
    left_to_right,
    one_by_one,
    planned,
)
from unmask.sampling.recipes.history import credit, klass
from unmask.sampling.recipes.probing import prophet, punt, wino
from unmask.sampling.recipes.revising import edit, p2, rcr, remdm, renoise
from unmask.sampling.recipes.steps import confidence, dream, llada, margin, maskgit, moment

__all__ = [
    "ancestral",
    "as_sampler",
    "confidence",
    "credit",
    "dilated",
    "dream",
    "edit",
    "entropy_bound",
    "entropy_sum",
    "factor",
    "first_hitting",
    "klass",
    "left_to_right",
    "llada",
    "margin",
    "maskgit",
    "moment",
    "one_by_one",
    "p2",
    "planned",
    "prophet",
    "punt",
    "rcr",
    "remdm",
    "renoise",
    "spaced",
    "threshold",
    "wino",
]

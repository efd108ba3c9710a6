"""`unmask.score`: the likelihood of texts under a sampler, and what the sampler costs beyond one token at a time.

    unmask.score(model, "threshold:0.9", texts).price

Likelihoods are `unmask.sampling.score`; here one token at a time is scored beside it, on the same texts, so that what
makes a text hard falls out of the difference.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.models.predictor import Predictor
from unmask.sampling import recipes
from unmask.sampling import score as scoring
from unmask.sampling.sampler import Sampler
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class Score(scoring.Score):
    """Log-likelihood of texts under a sampler, and its price.

    Attributes:
        request: what was scored: the predictor, the texts and the further arguments of `score`.

    All further attributes are those of `unmask.sampling.score.Score`.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> found = unmask.score(unmask.oracle(law), unmask.Schedule([1, 1, 2]), law.sample(20, seed=0))
        >>> round(4 * found.price.value, 4)  # the last two tokens are drawn apart: log 2 nats of a text
        0.6931
    """

    request: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @functools.cached_property
    def alone(self) -> scoring.Score:
        """The same texts one token at a time, in uniformly random order. Computed when it is first asked for."""
        return scoring.score(sampler=recipes.one_by_one(), **self.request)

    @functools.cached_property
    def price(self) -> Estimate:
        """Nats per token beyond one token at a time, paired text by text; of a single text without an interval.

        Raises:
            InputError: when a text has probability zero under the sampler or one token at a time.
        """
        nats = (self.alone.log_prob - self.log_prob).numpy()
        if not np.isfinite(nats).all():
            raise InputError("a text has probability 0, so there is no price; score.log_prob says which")
        per_token = len(nats) / int(self.scored.sum())
        if len(nats) == 1:
            return Estimate(float(nats[0]) * per_token, -np.inf, np.inf, 0.95, 1, 1)
        return Estimate.of_mean(nats).scaled(per_token)

    __repr__ = scoring.Score.__repr__


def score(
    predictor: Predictor,
    sampler: str | Sampler | RevealPlan | Schedule,
    tokens: Any,
    *,
    seed: int = 0,
    seeds: Any = None,
    random_orders: int | None = None,
    given: Any = 0,
    prompt: Any = None,
    batch_size: int | None = None,
    estimate: int | None = None,
) -> Score:
    """Log-likelihood of texts under the sampler that is run; `.price` is what it costs beyond one token at a time.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        sampler: a rule's name such as "threshold:0.9", a recipe, a plan, or a schedule.
        tokens: a text or several; or token ids, (n, L) or (L,), or rows of different lengths.
        seed, seeds, random_orders, given, prompt, batch_size, estimate: as for `unmask.sampling.score.score`.

    Raises:
        InputError: bad arguments, or a sampler whose likelihood cannot be computed; the message says why.

    Examples:
        >>> toy = unmask.oracle(unmask.laws.toy_grammar())
        >>> texts = toy.decode(toy.law.sample(8, seed=0))
        >>> unmask.score(toy, "one_by_one", texts).price.value
        0.0
    """
    found = scoring.score(
        predictor, sampler, tokens, seed=seed, seeds=seeds, random_orders=random_orders, given=given, prompt=prompt,
        batch_size=batch_size, estimate=estimate,
    )  # fmt: skip
    request = {"predictor": predictor, "tokens": tokens, "seed": seed, "given": given, "prompt": prompt}
    return Score(**vars(found), request=request | {"batch_size": batch_size})

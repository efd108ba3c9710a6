"""What the rule that reads dependence really costs a step, so that its knob is a promise.

The rule bounds the nats it predicts a step to cost. A prediction made of pairs is wrong in both directions: three
tokens can depend on each other where no two do, and many can tell the same. So the rule is replayed on held-out texts
at several bounds, its exact price divided by its network calls, and a rising curve put through what was found;
`profile.bound(gamma)` reads it backwards. Prices are against one token at a time in uniform order, of the same texts.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from torch import Tensor

from unmask.errors import InputError
from unmask.measuring.texts import block_ranges, check_texts, known_positions
from unmask.models.predictor import Predictor
from unmask.sampling import recipes
from unmask.sampling.score import score
from unmask.theory.dependence_profile import DependenceProfile

BOUNDS = (0.03, 0.1, 0.3, 1.0, 3.0, 8.0)


def calibrated(
    predictor: Predictor,
    profile: DependenceProfile,
    texts: npt.ArrayLike | Tensor,
    seed: int = 0,
    *,
    bounds: Sequence[float] = BOUNDS,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    random_orders: int = 2,
    batch_size: int | None = None,
) -> DependenceProfile:
    """The profile with its `promises`: at which bound a step costs how many nats, on these texts.

    Args:
        predictor: of which the profile was measured.
        texts: (N, length) held-out texts, at least 2, that the profile was not measured on.
        seed: of the random orders.
        bounds: nats predicted a step at the most; the settings that are tried.
        given, block_length: as for `measure`.
        random_orders: that one token at a time, and the rule where its order is random, are averaged over.
        batch_size: texts a network call holds.

    Raises:
        InputError: on texts the model cannot score, fewer than two, or bounds that do not rise from above 0.

    Examples:
        >>> law = unmask.laws.IsingChain(8, 1.0)
        >>> model = unmask.oracle(law)
        >>> profile = calibrated(model, unmask.measure_dependence(model, law.sample(40, 0)), law.sample(40, 1))
        >>> profile.promises.shape  # bounds; bound, nats a step, standard error, network calls
        (6, 4)
    """
    tokens = check_texts(predictor, texts)
    known, _ = known_positions(given, tokens)
    block_ranges(known, block_length)
    tried = np.array(bounds, dtype=np.float64).ravel()
    if len(tokens) < 2:
        raise InputError(f"{len(tokens)} texts were given; a promise needs at least 2")
    if not tried.size or tried[0] <= 0 or np.any(np.diff(tried) <= 0) or not np.all(np.isfinite(tried)):
        raise InputError(f"bounds is {tried.tolist()}; expected nats that rise, such as 0.1, 0.3, 1")
    bare = replace(profile, promises=np.zeros((0, 4)))
    options: dict[str, Any] = {"given": known, "seed": seed, "batch_size": batch_size}
    alone = recipes.one_by_one()
    alone = alone if block_length is None else alone.in_blocks(block_length)
    first = score(predictor, alone, tokens, random_orders=random_orders, **options).log_prob.numpy()
    rows = []
    for bound in tried:
        rule = recipes.dependence(float(bound), bare, block_length=block_length)
        found = score(predictor, rule, tokens, random_orders=random_orders if rule.random else 1, **options)
        prices, calls = first - found.log_prob.numpy(), found.network_calls.numpy()
        cost = prices.sum() / calls.sum()
        error = (prices - cost * calls).std(ddof=1) / np.sqrt(len(tokens)) / calls.mean()
        rows.append((bound, cost, error, calls.mean()))
    table = np.array(rows)
    table[:, 1] = np.maximum(isotonic_regression(table[:, 1]).x, 0.0)
    return replace(profile, promises=table)

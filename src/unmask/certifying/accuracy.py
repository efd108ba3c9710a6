"""From nats to accuracy: how often a plan passes a yes/no check, at least, without a single text from outside.

With `a` the rate of one token at a time along the path, `b` that of the plan, and KL the divergence between the two
samplers (nats per sequence), data processing says `kl(a || b) <= KL`. Both are known from the model's own samples:
`a` from counting (Clopper & Pearson, 1934), the KL from betting on the prices of the same samples. Where the path is
random, both sides are means over paths, and the inequality holds for the means (kl is jointly convex). Each part may
fail with half of the error that is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unmask.certifying.confidence_sequences import Betting
from unmask.certifying.mixtures_of_samplers import Fallback
from unmask.certifying.own_samples import own_samples
from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.theory.bounds import rate_at_least

DEFAULT_CAP = 12.0


@dataclass(frozen=True)
class Accuracy:
    """What a plan or rule gets right, at least.

    Attributes:
        at_least: the share of outputs that pass the check is at least this, with probability `confidence`.
        one_at_a_time: the share of the samples that passed, drawn one token at a time. one_at_a_time_at_least: of all.
        kl: nats per sequence; the mean price of the samples. kl_at_most: its upper limit.
        confidence: how often all of it holds, at least.
        samples, network_calls: what it took.
    """

    at_least: float
    one_at_a_time: float
    one_at_a_time_at_least: float
    kl: float
    kl_at_most: float
    confidence: float
    samples: int
    network_calls: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {"format": "unmask.accuracy/1", **asdict(self)}

    def __str__(self) -> str:
        return (
            f"accuracy at least {self.at_least:.4g} ({self.confidence:.0%}): one token at a time at least "
            f"{self.one_at_a_time_at_least:.4g} ({self.one_at_a_time:.2%} of {self.samples} samples), parallel KL at "
            f"most {self.kl_at_most:.4g} nats per sequence ({self.kl:.4g} on average)"
        )


def certify_accuracy(
    predictor: Predictor,
    plan: Any,
    check: Callable[[Any], bool],
    samples: int = 500,
    *,
    confidence: float = 0.95,
    cap: float = DEFAULT_CAP,
    seed: int = 0,
    length: int | None = None,
    batch_size: int | None = None,
) -> Accuracy:
    """A lower limit on how often the outputs of a plan or a rule pass a check.

    The KL is bounded for the sampler of which a share `e = exp(-cap)` of the rows draws its steps one at a time. That
    sampler passes with rate `(1 - e) b + e a`, so the plan alone passes with rate `b >= (rate - e) / (1 - e)`.

    Args:
        predictor, plan, seed, length, batch_size: as for `own_samples`.
        check: called with a list of tokens; true when they pass.
        samples: how many are drawn.
        confidence: how often the limit holds, at least.
        cap: nats per sequence no sample can cost more than.

    Raises:
        InputError: as `own_samples` does; a check that fails or returns no yes or no; numbers out of range.

    Example:
        >>> import unmask
        >>> law = unmask.laws.Permutation(3)
        >>> found = certify_accuracy(unmask.oracle(law), unmask.Schedule([1, 2]), lambda row: len(set(row)) == 3)
        >>> found.at_least < math.exp(-math.log(2)) < 0.51  # the exact rate, exp(-KL) = 1/2
        True
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
    drawn = own_samples(predictor, plan, samples, seed=seed, length=length, batch_size=batch_size)
    passed = np.array([_asked(check, row) for row in drawn.tokens.tolist()])
    each = 1 - (1 - confidence) / 2
    share = math.exp(-Fallback(cap).cap)
    prices = np.minimum(-np.logaddexp(math.log1p(-share) - drawn.prices.numpy(), -cap), cap)
    kl = max(0.0, Betting(cap, each).upper(prices))
    rate = rate_lower_limit(int(passed.sum()), samples, each)
    return Accuracy(
        at_least=max(0.0, (rate_at_least(rate, kl) - share) / (1 - share)),
        one_at_a_time=float(passed.mean()),
        one_at_a_time_at_least=rate,
        kl=float(drawn.prices.mean()),
        kl_at_most=kl,
        confidence=confidence,
        samples=samples,
        network_calls=drawn.network_calls,
    )


def rate_lower_limit(passed: int, samples: int, confidence: float) -> float:
    """The one-sided lower limit of Clopper & Pearson (Biometrika 26, 1934) on a rate."""
    from scipy.stats import beta

    return float(beta.ppf(1 - confidence, passed, samples - passed + 1)) if passed else 0.0


def _asked(check: Callable[[Any], bool], row: list[int]) -> bool:
    try:
        answer = check(row)
    except Exception as error:
        raise InputError(f"the check failed on {row}: {type(error).__name__}: {error}") from error
    if not isinstance(answer, bool | np.bool_):
        raise InputError(f"the check answered {answer!r}; expected True or False")
    return bool(answer)

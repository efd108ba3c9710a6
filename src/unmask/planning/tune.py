"""Tune: the setting of a decoding rule that meets a budget, by exact score.

Serving guides leave `entropy_bound` or `threshold` to guessing. Here the rule is replayed on held-out texts at several
settings; every replay is the exact likelihood of the texts under the sampler that is run, so that its price against
one token at a time is known text by text (F12, [DUEL] arXiv 2603.01367). Settings are tried from the loosest down, so
that the cheap ones come first, until one keeps the budget; then between the last two, where a monotone fit of the
prices crosses it. One token at a time is scored with the same random orders, so that a rule in random order differs
from it only by what it reveals together.

A rule that reads a dependence profile is given one, measured on the texts it is tuned on.

The setting is chosen on one half of the texts; price, interval and calls are those on the other half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmask.errors import InputError
from unmask.measuring.dependence_profile import measure_dependence_profile
from unmask.measuring.estimate import Estimate
from unmask.measuring.model_identity import describe_model
from unmask.measuring.texts import block_ranges, check_texts, identify, known_positions
from unmask.models.predictor import Predictor
from unmask.planning.tunable_rules import Rule, rule_named
from unmask.planning.tuned_rule import TunedRule
from unmask.sampling import recipes
from unmask.sampling.sampler import Sampler
from unmask.sampling.score import score
from unmask.theory.curve import FloatArray

FIRST = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Looseness of the settings that are tried first, until one keeps the budget."""
ORDERS = 4
CLOSE = 1 / 64  # two settings this near, of a range of 1, need no third between them


@dataclass(frozen=True)
class Tried:
    """One setting, scored.

    Attributes:
        looseness: from 0 to 1, where it stands in the rule's range.
        value: the setting.
        prices: (n,) nats, each text's price. calls: (n,) network calls of each text.
    """

    looseness: float
    value: float
    prices: FloatArray
    calls: FloatArray

    @property
    def price(self) -> float:
        return float(self.prices.mean())


def tune(
    predictor: Predictor,
    rule: str | Rule,
    texts: npt.ArrayLike | torch.Tensor,
    budget: float,
    *,
    seed: int = 0,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    random_orders: int = ORDERS,
    points: int = 14,
    confidence: float = 0.95,
    batch_size: int | None = None,
    source: str = "",
    progress: Callable[[str], object] | None = None,
) -> TunedRule:
    """The loosest setting of a rule that keeps a budget, with its price and its network calls.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        rule: "entropy_bound", "entropy_sum", "threshold", "factor", "klass", or a `Rule` of your own.
        texts: (N, length) held-out texts, at least 4. Half of them choose, the other half say the price.
        budget: nats per token beyond one token at a time in uniform order.
        seed: of all random orders; every setting, and one token at a time, is scored with the same ones.
        given: positions that are always known, as in `measure`.
        block_length: the rule works in blocks of so many tokens from left to right.
        random_orders: random orders that one token at a time, and a rule in random order, are averaged over.
        points: most settings that are tried.
        confidence: of the intervals.
        batch_size: texts a network call holds.
        source: as in `measure`: set where the texts are independent draws.
        progress: called with a sentence on what is being done.

    Raises:
        InputError: no setting keeps the budget (the message names the cheapest), or bad arguments.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> tuned = unmask.tune(unmask.oracle(law), "threshold", law.sample(20, seed=0), budget=0.3)
        >>> tuned.price.high <= 8 * 0.3
        True
    """
    rule = rule_named(rule) if isinstance(rule, str) else rule
    if not np.isfinite(budget):
        raise InputError(f"budget is {budget}; expected nats per token, such as 0.05")
    if points < len(FIRST):
        raise InputError(f"points is {points}; expected at least {len(FIRST)}")
    texts = check_texts(predictor, texts)
    if len(texts) < 4:
        raise InputError(f"{len(texts)} texts were given; choosing on one half and pricing on the other needs 4")
    known, _ = known_positions(given, texts)
    length = int((~known[0]).sum())
    block_ranges(known, block_length)  # says so when the block does not fit
    order = np.argsort(identify(texts, source))  # by digest: the order in which the texts come does not matter
    say = progress or (lambda sentence: None)

    profile = None
    if rule.measured:
        say("what depends on what")
        first = order[::2]
        profile = measure_dependence_profile(
            predictor, texts[first], seed, given=known[first], block_length=block_length, source=source
        )
        rule = rule.reading(profile)

    def half(rows: npt.NDArray[np.int64]) -> _Scorer:
        return _Scorer(predictor, rule, texts[rows], known[rows], block_length, seed, random_orders, batch_size, say)

    chosen, tried = _search(half(order[::2]), budget * length, points, length)
    held = half(order[1::2]).score(chosen.looseness)
    return TunedRule(
        rule.name,
        chosen.value,
        Estimate.of_mean(held.prices, confidence),
        Estimate.of_mean(held.calls, confidence),
        length,
        predictor.mask_token_id,
        describe_model(predictor),
        tuple((entry.value, entry.price, float(entry.calls.mean())) for entry in tried),
        block_length,
        profile,
    )


class _Scorer:
    """Scores settings of one rule on some texts, relative to one token at a time in uniform order.

    Row for row the random orders are the same every time.
    """

    def __init__(
        self,
        predictor: Predictor,
        rule: Rule,
        texts: npt.NDArray[np.int64],
        known: npt.NDArray[np.bool_],
        block_length: int | None,
        seed: int,
        random_orders: int,
        batch_size: int | None,
        say: Callable[[str], object],
    ) -> None:
        self.predictor, self.rule, self.block_length, self.say, self.random_orders = (
            predictor,
            rule,
            block_length,
            say,
            random_orders,
        )
        self.texts, self.known = torch.from_numpy(texts), torch.from_numpy(known)
        self.options: dict[str, Any] = {"seed": seed, "batch_size": batch_size}
        self.window = block_length or int((~known[0]).sum())
        say("one token at a time, to compare with")
        alone = recipes.one_by_one()
        self.baselines, _ = self._losses(alone if block_length is None else alone.in_blocks(block_length))
        if not np.isfinite(self.baselines).all():
            impossible = texts[int(np.argmin(np.isfinite(self.baselines)))].tolist()
            raise InputError(
                f"the text {impossible!s:.60}… has probability 0 under the model; check that they share a vocabulary"
            )

    def value(self, looseness: float) -> float:
        return self.rule.value(looseness, self.window, self.predictor.vocab_size)

    def score(self, looseness: float) -> Tried:
        """One setting."""
        value = self.value(looseness)
        self.say(f"{self.rule.name} = {value:g}")
        losses, calls = self._losses(self.rule.sampler(value, self.block_length))
        return Tried(looseness, value, losses - self.baselines, calls)

    def _losses(self, sampler: Sampler) -> tuple[FloatArray, FloatArray]:
        """Nats and network calls of each text, (n,) each."""
        orders = self.random_orders if sampler.random else 1
        found = score(self.predictor, sampler, self.texts, given=self.known, random_orders=orders, **self.options)
        return -found.log_prob.numpy(), found.network_calls.numpy()


def _search(scorer: _Scorer, budget: float, points: int, length: int) -> tuple[Tried, list[Tried]]:
    """The loosest setting whose price is within the budget (nats per sequence), and all that were tried."""
    tried: list[Tried] = []

    def attempt(looseness: float) -> bool:
        tried.append(scorer.score(looseness))
        return tried[-1].price <= budget

    if not any(attempt(looseness) for looseness in FIRST):
        least = min(tried, key=lambda entry: entry.price)
        raise InputError(
            f"budget is {budget / length:g} nats per token, but {scorer.rule.name} gets down to "
            f"{least.price / length:.4g} at the least (at {least.value:g}, {least.calls.mean():.4g} network calls); "
            "allow more"
        )
    while len(tried) < points:
        tried.sort(key=lambda entry: entry.looseness)
        place = max(place for place, entry in enumerate(tried) if entry.price <= budget)
        looser = tried[place + 1 :][:1]
        if not looser or looser[0].looseness - tried[place].looseness <= CLOSE:
            break
        # By halves every other time: prices may rise in one jump, which no interpolation finds.
        between = _crossing(tried, place, budget) if len(tried) % 2 else _middle(tried, place)
        nothing_to_gain = np.array_equal(tried[place].calls, looser[0].calls)
        if nothing_to_gain or scorer.value(between) in {entry.value for entry in tried}:
            break
        attempt(between)
    tried.sort(key=lambda entry: entry.looseness)
    return [entry for entry in tried if entry.price <= budget][-1], tried


def _middle(tried: list[Tried], place: int) -> float:
    return (tried[place].looseness + tried[place + 1].looseness) / 2


def _crossing(tried: list[Tried], place: int, budget: float) -> float:
    """The looseness at which the least-squares non-decreasing fit of the prices crosses the budget."""
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression([entry.price for entry in tried]).x
    low, high = tried[place].looseness, tried[place + 1].looseness
    rise = fitted[place + 1] - fitted[place]
    share = (budget - fitted[place]) / rise if rise > 0 else 0.5
    return float(low + min(max(share, 0.1), 0.9) * (high - low))

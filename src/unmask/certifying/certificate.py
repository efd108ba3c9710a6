"""Certify: prove, with a guarantee that holds for finitely many texts, that a plan or a rule keeps its budget.

A text is worth one number: what it costs to draw the tokens of each step together, beyond one token at a time along the
same path (`paths`). Its mean over the population the texts come from is the *parallel price*. An interval of Student's
t is only right for many texts or well-behaved ones: a text in a thousand that costs hundreds of nats is not seen in a
hundred. Here the sampler is first changed, by very little, so that no text can cost more than a known number of nats,
and then the price is bounded by betting (`confidence_sequences`), at every moment: measuring stops as soon as the
budget is proved.

What is changed, and so what is certified, is a choice:

- `Fallback`: one row in `exp(cap)` draws its steps one token at a time, so no text costs more than `cap` nats beyond.
- `UniformShare`: every prediction is mixed with `epsilon` of the uniform law, so no token costs more than
  `log(V / epsilon)`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.certifying.confidence_sequences import Betting
from unmask.certifying.mixtures_of_samplers import Fallback, Mixing
from unmask.certifying.paths import FloatArray, Replay, TokenArray
from unmask.certifying.plan_replay import PlanReplay
from unmask.certifying.rule_replay import RuleReplay
from unmask.certifying.unmeasured_texts import check_unused
from unmask.display import Displayed
from unmask.errors import InputError
from unmask.files import write_json
from unmask.measuring.losses import LossReader
from unmask.measuring.model_identity import describe_model
from unmask.measuring.texts import check_texts
from unmask.models.predictor import Predictor
from unmask.sampling.rule_names import from_name
from unmask.sampling.sampler import Sampler

FORMAT = "unmask.certificate/2"


@dataclass(frozen=True)
class Certificate(Displayed):
    """What was proved about the parallel price of a plan or a rule.

    Attributes:
        upper: nats per sequence; the parallel price is below it with probability `confidence`, whenever measuring
            stopped.
        proved: whether `upper` is within the budget.
        budget: nats per token.
        mean: nats per sequence, the mean price of the texts that were read; no guarantee goes with it.
        confidence: how often certificates hold, at least.
        length: L.
        texts, network_calls: what it took: texts read, network calls spent.
        largest: nats per sequence no text can cost more than.
        needed: about how many texts would prove the budget if more came like these; None when none would.
        what: in words, the sampler it is about.
        assumes: in words, what the texts have to be for the confidence to hold.
        model: name and digest of the model.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> found = unmask.certify(unmask.oracle(law), unmask.Schedule([1] * 8), law.sample(40, seed=0), budget=0.5)
        >>> found.upper <= 8 * 0.5
        True
    """

    upper: float
    proved: bool
    budget: float
    mean: float
    confidence: float
    length: int
    texts: int
    network_calls: int
    largest: float
    needed: int | None
    what: str
    assumes: str
    model: dict[str, str]

    @property
    def upper_per_token(self) -> float:
        """Nats per token."""
        return self.upper / self.length

    @property
    def mean_per_token(self) -> float:
        """Nats per token."""
        return self.mean / self.length

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        per_token = {"upper_per_token": self.upper_per_token, "mean_per_token": self.mean_per_token}
        return {"format": FORMAT, **asdict(self), **per_token}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.certificate.json` (format unmask.certificate/1), whole or not at all."""
        return write_json(path, self.to_dict())

    def __str__(self) -> str:
        held = "proved" if self.proved else "not proved"
        return (
            f"parallel price at most {self.upper_per_token:.4g} nats/token ({self.confidence:.0%}), "
            f"budget {self.budget:g} {held}: "
            f"{self.texts} texts with a mean of {self.mean_per_token:.4g}, {self.network_calls} network calls"
        )


def certify(
    predictor: Predictor,
    plan: Any,
    texts: npt.ArrayLike | Iterable[npt.ArrayLike],
    budget: float,
    *,
    confidence: float = 0.95,
    mixing: Mixing | None = None,
    bound: Callable[[float, float], Any] = Betting,
    stop: bool = True,
    random_orders: int = 1,
    calls: int | None = None,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    documents: npt.ArrayLike | None = None,
    batch_size: int = 16,
    seed: int = 0,
    progress: Callable[[int, float, int], object] | None = None,
) -> Certificate:
    """Prove that a plan or a rule costs at most `budget` nats per token beyond one token at a time along its path.

    The guarantee is for independent texts of one population which the plan was not fitted on. Windows cut side by side
    from one file are not quite that; they are read in random order, so that it is at least about the whole file. With
    `documents`, one text of each document is read, and documents have to be independent of each other.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        plan: a Plan, a Schedule (in uniform order), or anything with a length that draws a permutation and sizes; or a
            rule with an exact likelihood: a sampler of `unmask.recipes`, or its name, such as "threshold:0.9".
        texts: (N, L) tokens, read in random order; or an iterator of such batches, read as they come.
        budget: nats per token.
        confidence: how often a certificate holds, at least, over all moments of stopping together.
        mixing: what makes the price bounded: `Fallback(cap)` or `UniformShare(epsilon)`. By default the former,
            with a cap of six times the budget and at least log(1,000) nats per sequence.
        bound: `Betting`, or the looser `EmpiricalBernstein`.
        stop: stop as soon as the budget is proved; False reads all texts, for the smallest limit.
        random_orders: paths each text is read on, its price their mean: spreads less where texts are few.
        calls: stop before more network calls than this are spent.
        given: as for `measure`: leading tokens, or a mask of positions, that are always known.
        block_length: as for `measure`: blocks from left to right; the plan is that of one block.
        documents: (N,) the document of each text, any labels, -1 where it is not known: one text of each is drawn.
        batch_size: texts in a network call.
        seed: of the order the texts are read in, and of the paths.
        progress: called after each batch with texts read, their mean price in nats per token, and calls spent.

    Raises:
        InputError: on texts that do not fit the model, texts that the plan was made from (their digests are
            `plan.texts`), a plan of another length, a rule without an exact likelihood or
            with a law of its own, or arguments out of range.

    Examples:
        >>> law = unmask.laws.Repeated(8, 2, noise=0.2)
        >>> found = unmask.certify(unmask.oracle(law), "threshold:0.9", law.sample(300, 0), budget=0.2)
        >>> found.proved
        True
    """
    if not math.isfinite(budget):
        raise InputError(f"budget is {budget}; expected nats per token, such as 0.05")
    if batch_size < 1 or random_orders < 1:
        raise InputError(f"batch_size is {batch_size}, random_orders {random_orders}; expected at least 1 of each")
    run: _Run | None = None
    used = frozenset(getattr(plan, "texts", ()))
    for batch in _batches(predictor, texts, batch_size, seed, documents, used):
        if run is None:
            routes = replay_of(plan, batch.shape[1], given, block_length, seed)
            allowed = budget * routes.length
            chosen = mixing if mixing is not None else Fallback(max(math.log(1000), 6 * allowed))
            limit = bound(chosen.largest(predictor, routes), confidence)
            run = _Run(predictor, routes, chosen, limit, allowed, random_orders)
        if not run.read(batch, calls):
            break
        if progress is not None:
            progress(len(run.prices), float(run.prices.mean()) / routes.length, run.spent)
        if stop and run.proved:
            break
    if run is None:
        raise InputError("texts is empty; give at least one text")
    return run.certificate(budget, ASSUMES if documents is None else ASSUMES_DOCUMENTS)


ASSUMES = "the texts are independent draws of one population and had no part in choosing what is certified"
ASSUMES_DOCUMENTS = (
    "the documents are independent draws of one population and had no part in choosing what is certified; "
    "one text of each was read"
)


def replay_of(plan: Any, total: int, given: npt.ArrayLike | int, block_length: int | None, seed: int) -> Replay:
    """How texts of `total` tokens are revealed by a plan, a rule, or the rule of that name."""
    if isinstance(plan, str | Sampler):
        replay = RuleReplay(from_name(plan) if isinstance(plan, str) else plan, total, given, block_length, seed)
        replay.what = f"rule {plan}" if isinstance(plan, str) else replay.what
        return replay
    return PlanReplay(plan, total, given, block_length, seed)


class _Run:
    """Texts read so far, and what they prove."""

    def __init__(
        self, predictor: Predictor, routes: Replay, mixing: Mixing, limit: Any, allowed: float, draws: int
    ) -> None:
        self._reader = LossReader(mixing.predictor(predictor))
        self._routes, self._mixing, self._limit, self._allowed, self._draws = routes, mixing, limit, allowed, draws
        self._model = describe_model(predictor)
        self._calls_per_text = mixing.calls(routes) * predictor.calls_per_query * draws
        self.prices: FloatArray = np.zeros(0)
        self.proved = limit.largest <= allowed

    @property
    def spent(self) -> int:
        """Network calls so far."""
        return self._reader.calls

    def read(self, texts: TokenArray, calls: int | None) -> bool:
        """Read these texts, as many as the calls allow; False when they allow none."""
        if calls is not None:
            texts = texts[: max(0, calls - self.spent) // self._calls_per_text]
            if not len(texts) and not self.spent:
                raise InputError(f"calls is {calls}, but one text takes {self._calls_per_text}")
        if not len(texts):
            return False
        again, first = np.repeat(texts, self._draws, axis=0), len(self.prices) * self._draws
        fresh = self._mixing.prices(self._reader, self._routes, again, first)
        self.prices = np.append(self.prices, fresh.reshape(-1, self._draws).mean(axis=1))
        self.proved = self.proved or bool(self._limit.proved(self.prices, self._allowed)[-1])
        return True

    def certificate(self, budget: float, assumes: str) -> Certificate:
        upper = self._limit.upper(self.prices)
        betting = Betting(self._limit.largest, self._limit.confidence)
        return Certificate(
            upper=min(upper, self._allowed) if self.proved else upper,  # they agree, but for the last digit
            proved=self.proved,
            budget=budget,
            mean=float(self.prices.mean()),
            confidence=self._limit.confidence,
            length=self._routes.length,
            texts=len(self.prices),
            network_calls=self.spent,
            largest=self._limit.largest,
            needed=betting.texts_needed(self.prices, self._allowed),
            what=self._mixing.said(self._routes.what),
            assumes=assumes,
            model=self._model,
        )


def _batches(
    predictor: Predictor,
    texts: npt.ArrayLike | Iterable[npt.ArrayLike],
    batch_size: int,
    seed: int,
    documents: npt.ArrayLike | None,
    used: frozenset[str],
) -> Iterator[TokenArray]:
    """Texts of an array in random order, or those of an iterator as they come, at most `batch_size` together."""
    if isinstance(texts, Iterator):
        if documents is not None:
            raise InputError(
                "documents was given, but texts is an iterator; give an array, or one text of each document"
            )
        length = None
        for given in texts:
            some = check_texts(predictor, np.atleast_2d(given))
            if length not in (None, some.shape[1]):
                raise InputError(
                    f"texts has rows of {length} and of {some.shape[1]} tokens; certify each length by itself"
                )
            length = some.shape[1]
            check_unused(some, used)
            yield from (some[start : start + batch_size] for start in range(0, len(some), batch_size))
        return
    whole = check_texts(predictor, texts)  # type: ignore[arg-type]
    check_unused(whole, used)
    rows = np.random.default_rng([seed, 3]).permutation(len(whole))
    if documents is not None:
        labels = np.asarray(documents)
        if labels.shape != (len(whole),):
            raise InputError(f"documents has shape {labels.shape}; expected one label for each of {len(whole)} texts")
        labels = np.where(labels == -1, [f"text {row}" for row in range(len(labels))], labels.astype(str))
        # Of a random order of all texts, the first of each document is a random text of it; which document comes first
        # must not depend on how many texts it has, so documents are put in random order once more.
        rows = rows[np.unique(labels[rows], return_index=True)[1]]
        rows = np.random.default_rng([seed, 5]).permutation(rows)
    yield from (whole[rows[start : start + batch_size]] for start in range(0, len(rows), batch_size))

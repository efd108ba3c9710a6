"""One rule tried: scored by replay where it can be, sampled, and what it wrote looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.evaluation.compare import exact
from unmask.evaluation.compare.ground import Ground, TokenArray, step_prices
from unmask.evaluation.compare.rules import Entry
from unmask.evaluation.compare.trial import Calls, Timing, Trial
from unmask.evaluation.share import Share
from unmask.evaluation.text_quality import TextQuality, text_quality
from unmask.measuring.estimate import Estimate
from unmask.models.capabilities import decoder_of
from unmask.sampling import recipes
from unmask.sampling.ends import shown_length
from unmask.sampling.recipes import as_sampler
from unmask.sampling.sample import Output, sample
from unmask.sampling.sampler import Sampler
from unmask.sampling.score import score

MOST_PARTS = 48
"""Rows and columns of the reveal-order map, at the most."""
SHOWN_TEXTS = 3
OWN_TEXTS = 16
"""Drawn texts of a rule that the model itself is asked about, one token at a time."""


@dataclass(eq=False)
class Attempts:
    """Tries rules on one ground.

    Args:
        samples: texts drawn with every rule.
        judge: says nats per token of texts under another model; None without one.
        mauve: says MAUVE of texts against real ones; None unless asked for.
    """

    ground: Ground
    samples: int
    judge: Any = None
    mauve: Callable[[list[str], list[str]], float] | None = None

    def attempt(self, entry: Entry) -> Trial:
        """Everything about one rule. A rule that cannot be run comes back with its `error`, never as an exception."""
        try:
            return self.trial(entry)
        except Exception as error:  # the other rules go on, whatever this one ran into
            words = str(error).strip().splitlines() or [type(error).__name__]
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            return Trial(entry.key, entry.rule, entry.setting, error=kind + words[0])

    def trial(self, entry: Entry) -> Trial:
        """The same, but what goes wrong is raised."""
        sampler = as_sampler(entry.make())
        scored = self._scored(sampler)
        out = self.draw(sampler, self.samples)
        tokens = self.texts(out)
        reveals, per_row = reveal_map(out, self.ground.given)
        task = self.ground.task
        written = [self.decode(row) for row in self.ended(out)]
        right = () if task is None else tuple(bool(one) for one in task.is_valid(out.tokens.numpy()))
        return Trial(
            key=entry.key,
            rule=entry.rule,
            setting=entry.setting,
            how=str(sampler.scorable),
            why_no_prediction=sampler.why_not_predictable,
            predicted=entry.predicted(),
            exact=self._exact(sampler),
            calls=Calls.of(out.network_calls.tolist()),
            tokens_per_call=out.tokens_per_call,
            reveals=reveals,
            reveal_steps=per_row,
            quality=self.quality(tokens),
            valid=None if task is None else Share(sum(right), len(tokens)),
            judge=None if self.judge is None else self.judge(written),
            mauve=None if self.mauve is None else self.mauve(written, self.real_texts(len(written))),
            texts=tuple(written[:SHOWN_TEXTS]),
            notes=tuple(out.notes),
            canvases=float(out.canvases.double().mean()),
            own_nats=self.own_nats(out),
            reveal_row=reveal_row(out),
            texts_right=right[:SHOWN_TEXTS],
            **scored,
        )

    def _exact(self, sampler: Sampler) -> float | None:
        law, plan = self.ground.law, getattr(sampler.selection, "plan", None)
        if law is None or self.ground.given:
            return None
        if sampler == recipes.one_by_one():
            return 0.0
        return None if plan is None else exact.price_of(law, plan)

    def _scored(self, sampler: Sampler) -> dict[str, Any]:
        """The fields of a trial that the exact score gives; none where there is no exact score."""
        if not sampler.scorable:
            return {}
        baseline = sampler == recipes.one_by_one()
        found = self.ground.alone if baseline else self.ground.score(sampler)
        nats = -found.log_prob.numpy()
        if not np.isfinite(nats).all():
            raise InputError("a held-out text has probability 0 under this rule")
        prices, sizes = step_prices(found, self.ground.cumulative)
        return {
            "scored": Estimate.exactly(0.0) if baseline else Estimate.of_mean(nats - self.ground.baseline),
            "nats": float(nats.mean()),
            "scored_calls": float(found.network_calls.mean()),
            "step_prices": prices,
            "step_sizes": sizes,
        }

    def draw(self, sampler: Any, n: int, seed: int | None = None) -> Output:
        """n texts, after the prompts of the held-out ones where something is given."""
        ground = self.ground
        shared: dict[str, Any] = {"seed": ground.seed if seed is None else seed, "batch_size": ground.batch_size}
        if ground.prompts is None:
            return sample(ground.predictor, sampler, n=n, length=ground.length, **shared)
        prompts = ground.prompts[np.arange(n) % len(ground.prompts)]
        return sample(ground.predictor, sampler, prompt=prompts, length=ground.length + ground.given, **shared)

    def own_nats(self, out: Output) -> float | None:
        """Nats per token of the first drawn texts under the model itself, one token at a time in uniform order.

        None where a text holds a token the model may never draw, as rules that put in tokens of their own can.
        """
        found = score(
            self.ground.predictor, recipes.one_by_one(), out.tokens[:OWN_TEXTS], seed=self.ground.seed,
            prompt=self.ground.given, random_orders=1, batch_size=self.ground.batch_size,
        )  # fmt: skip
        return found.per_token if bool(found.log_prob.isfinite().all()) else None

    def texts(self, out: Output) -> TokenArray:
        """(n, L) the tokens that were drawn."""
        return np.asarray(out.tokens.numpy()[:, self.ground.given :])

    def ended(self, out: Output) -> list[Any]:
        """The tokens of each row up to its end of text."""
        end = self.ground.predictor.end_of_text_id
        pairs = zip(out.tokens, ~out.given, strict=True)
        return [row[: shown_length(row, drawn, end)].numpy() for row, drawn in pairs]

    @property
    def real(self) -> int:
        """How many held-out texts stand beside the drawn ones."""
        return min(self.samples, len(self.ground.scored_texts))

    def quality(self, tokens: TokenArray) -> TextQuality:
        """Statistics of drawn tokens beside the measured texts, as many of them."""
        reference = self.ground.measured_texts[:, self.ground.given :]
        return text_quality(tokens, reference, self._words)

    def real_texts(self, n: int) -> list[str]:
        """n held-out texts, as a person reads them."""
        rows = self.ground.scored_texts
        return [self.decode(rows[number % len(rows)]) for number in range(n)]

    def decode(self, row: Any) -> str:
        """A text a person reads: words where the model or the law has them, token ids otherwise."""
        tokens = [int(token) for token in row]
        return " ".join(map(str, tokens)) if self._words is None else self._words(tokens)

    @property
    def _words(self) -> Callable[[list[int]], str] | None:
        predictor = self.ground.predictor
        decode = decoder_of(predictor)
        if decode is None:
            return None
        try:
            decode([0])
        except (InputError, TypeError):  # a chain that was not fitted on text has no letters
            return None
        return lambda tokens: str(decode(tokens))


def drawing(attempts: Attempts, sampler: Any) -> Callable[[int, int], object]:
    """What `times` runs of a sampler."""
    return lambda n, seed: attempts.draw(sampler, n, seed)


def times(acts: dict[str, Callable[[int, int], object]], length: int, batch: int, rounds: int) -> dict[str, Timing]:
    """Wall time of everything that draws, each in turn in every round, so that what else the machine does falls on all.

    Args:
        acts: name -> what draws (n texts, with a seed). length: tokens drawn in a text.
    """
    alone: dict[str, list[float]] = {key: [] for key in acts}
    together: dict[str, list[float]] = {key: [] for key in acts}
    for number in range(rounds):
        for key, act in acts.items():
            alone[key].append(seconds(partial(act, 1, number)))
            together[key].append(seconds(partial(act, batch, number)))
    return {
        key: Timing(float(np.median(alone[key])), batch * length / float(np.median(together[key])), batch, rounds)
        for key in acts
    }


def seconds(act: Callable[[], object]) -> float:
    """Wall time of one call."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def reveal_row(out: Output) -> tuple[int, ...]:
    """(L,) the step, from 0, in which each position of the first text was revealed last; -1 where it was given."""
    steps = np.full(out.tokens.shape[1], -1, dtype=np.int64)
    for line in out.trace.row(0):
        steps[line["positions"]] = line["step"]
    return tuple(int(step) for step in steps)


def reveal_map(out: Output, given: int = 0) -> tuple[tuple[tuple[float, ...], ...], int]:
    """(steps x positions) when tokens were revealed where, columns summing to 1; and the steps a row stands for."""
    lines = out.trace.steps()
    length = out.tokens.shape[1] - given
    last = max(line["step"] for line in lines) + 1
    per_row = -(-last // MOST_PARTS)
    columns = min(length, MOST_PARTS)
    shares = np.zeros((-(-last // per_row), columns))
    for line in lines:
        places = (np.array(line["positions"], dtype=np.int64) - given) * columns // length
        np.add.at(shares, (line["step"] // per_row, places), 1.0)
    shares /= np.maximum(shares.sum(axis=0), 1.0)
    return tuple(tuple(row) for row in shares.tolist()), per_row

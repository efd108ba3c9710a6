"""Likelihood of given texts under the sampler that is actually run, by replaying it with the tokens forced.

The probability of a text, given the positions each step reveals, is a product of the laws the sampler would have drawn
from. When the choice of positions never reads a token drawn in the same step, replaying the rule on the text visits
the very canvases sampling would have visited, so the product is exact ([DUEL] arXiv 2603.01367; F12).

- Positions chosen ahead (plans, data-independent orders): every canvas is known beforehand, and all steps of many
  texts go through the network as one batch.
- Rules that read the model's laws: the same loop that samples, with a forced draw.
- Rules that read drawn tokens, revise, or decode greedily: refused, with the reason. On laws small enough to enumerate
  `estimate=` counts how often the sampler says the text, and labels the number as a Monte-Carlo estimate.

Where the order is random, `log_prob` is its mean over drawn orders, E_M log p(x | M) (F3), and `bound` the logarithm
of the mean probability: in expectation a lower bound on log p(x) of the output law, and closer to it with every order.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.canvas import Canvas
from unmask.sampling.chosen_ahead import ChosenAhead
from unmask.sampling.draws import Forced
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.request import Row, counted, texts_of
from unmask.sampling.rule_names import as_sampler
from unmask.sampling.sample import batches, canvas_of, check_seeds, laws_that_fit, rows_that_fit, sample
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Step
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule

_SALT = 1  # so that the orders texts are scored with have nothing to do with those they were sampled with
_DEFAULT_ORDERS = 4


@dataclass(frozen=True)
class Score(Displayed):
    """Log-likelihood of texts under a sampler.

    Attributes:
        log_prob: (n,) float64, nats; the mean over orders where the order is random. stderr: (n,) float64; its
        standard error over the orders: 0 where the order is fixed, NaN for a single random one. bound: (n,) float64;
        log-mean-exp over the orders, a bound on the log-probability of the output law. exact: whether every term is an
        exact probability given the order; False for a Monte-Carlo estimate. how: "planned", "replay" or "estimate".
        random_orders: number of orders averaged over. order_log_probs: (orders, n, L) float64; of each token in each
        order; 0 where given, NaN for an estimate. order_steps: (orders, n, L) int64; the step that revealed it, -1
        where given and for an estimate. scored: (n, L) bool; the tokens that count: neither given nor padding.
        network_calls: (n,) float64; those the sampler needs for each text, mean over orders. network_calls_spent: those
        of scoring. end: (n,) int64; scored tokens up to and including the first end of text. sampler: the one that
        was scored.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> score = unmask.score(unmask.oracle(law), unmask.Schedule([4]), law.sample(3, seed=0))
        >>> score.how, score.exact
        ('planned', True)
    """

    log_prob: Tensor
    stderr: Tensor
    bound: Tensor
    exact: bool
    how: str
    random_orders: int
    order_log_probs: Tensor
    order_steps: Tensor
    scored: Tensor
    network_calls: Tensor
    network_calls_spent: int
    end: Tensor
    sampler: Sampler

    @property
    def token_log_probs(self) -> Tensor:
        """(n, L) float64; log-probability of each token, mean over the orders; 0 where given."""
        return self.order_log_probs.mean(0)

    @property
    def per_token(self) -> float:
        """Mean nats per scored token, `-sum log p / tokens`."""
        return -float(self.log_prob.sum()) / int(self.scored.sum())

    @property
    def mean(self) -> float:
        """Mean log-probability of a text, nats."""
        return float(self.log_prob.mean())

    @property
    def mean_stderr(self) -> float:
        """Standard error of `mean` over the texts (and, through them, over the orders); NaN for a single text."""
        n = len(self.log_prob)
        return float(self.log_prob.std() / math.sqrt(n)) if n > 1 else math.nan

    @property
    def tokens_per_call(self) -> float:
        """Scored tokens for each network call the sampler needs."""
        return int(self.scored.sum()) / float(self.network_calls.sum())

    @property
    def tokens_before_end_per_call(self) -> float:
        """The same without what comes after the end of the text, which engines like to count."""
        return int(self.end.sum()) / float(self.network_calls.sum())

    def to_dict(self) -> dict[str, Any]:
        return {
            "sampler": self.sampler.name,
            "how": self.how,
            "exact": self.exact,
            "random_orders": self.random_orders,
            "log_prob": self.log_prob.tolist(),
            "stderr": self.stderr.tolist(),
            "bound": self.bound.tolist(),
            "nats_per_token": self.per_token,
            "network_calls": self.network_calls.tolist(),
            "tokens_per_call": self.tokens_per_call,
            "tokens_before_end_per_call": self.tokens_before_end_per_call,
            "network_calls_spent": self.network_calls_spent,
        }

    def __repr__(self) -> str:
        kind = "exact" if self.exact else "MONTE-CARLO ESTIMATE"
        if self.exact and self.random_orders > 1:
            kind = f"exact given the order, mean of {self.random_orders} orders"
        return (
            f"Score(texts={len(self.log_prob)}, nats per text={-self.mean:.4f} ± {self.mean_stderr:.4f}, "
            f"nats per token={self.per_token:.4f}, tokens per call={self.tokens_per_call:.2f}; {kind}, {self.how})"
        )


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
    """Log-likelihood of texts under the sampler that is run.

    Args:
        predictor, sampler: as for `sample`.
        tokens: a text or several texts; or token ids: (n, L), one row (L,), or rows of different lengths.
        seed: seed of the orders; they are unrelated to those of `sample` with the same seed.
        seeds: (n,) row seeds instead: `seeds=out.seeds` replays the very orders `out` was sampled with.
        random_orders: orders drawn to average over; 4 by default, 1 with `seeds`. A rule without randomness needs one.
        given: positions that are given and not scored: a number of leading tokens, one for each text, or booleans
            like `tokens` or (L,).
        prompt: the short form of `given` for leading tokens: how many, a number or one for each text.
        batch_size: rows that go through the network together.
        estimate: when given, sample this many texts and count, instead of computing; for small laws only.

    Raises:
        InputError: bad arguments, or a sampler whose likelihood cannot be computed; the message says why.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> score = unmask.score(unmask.oracle(law), unmask.Schedule([4]), law.sample(3, seed=0))
        >>> score.log_prob.round(decimals=3).tolist()  # four independent tokens: -4 log 4
        [-5.545, -5.545, -5.545]
    """
    sampler = as_sampler(sampler).fitting(predictor)
    rows, scored = texts_of(predictor, tokens, given, prompt)
    n = len(rows)
    if estimate is not None:
        return _estimated(predictor, sampler, rows, scored, seed, estimate)
    how = sampler.scorable
    if not how:
        raise InputError(
            f"{sampler.name or 'this sampler'} cannot be scored: {how}; estimate=100000 counts (small laws)"
        )
    if random_orders is None:
        random_orders = 1 if seeds is not None or not sampler.random else _DEFAULT_ORDERS
    if random_orders < 1:
        raise InputError(f"random_orders is {random_orders}; expected at least 1")
    if seeds is not None and random_orders != 1:
        raise InputError(f"random_orders is {random_orders}, but seeds fixes one order a text; give seed= instead")

    one_order = _planned if how.kind == "planned" else _replayed
    results = []
    for number in range(random_orders):
        order_seeds = check_seeds(seeds, seed, n, salt=_SALT + number)
        results.append(one_order(predictor, sampler, rows, order_seeds, batch_size))
    return _gather(results, rows, scored, how.kind, sampler, predictor)


Result = tuple[Tensor, Tensor, Tensor, int]
"""(n, L) log-probabilities of tokens; (n, L) steps; (n,) calls a sampling run needs; calls spent."""


def _planned(predictor: Predictor, sampler: Sampler, rows: list[Row], seeds: Tensor, batch_size: int | None) -> Result:
    """All steps of all texts at once: step t of text r is a canvas of its own, with its own wanted positions."""
    log_probs, steps = _grid(rows), _grid(rows, -1)
    network_calls = torch.zeros(len(rows), dtype=torch.float64)
    for names in batches(rows, sampler, predictor, len(rows), limited=False):
        canvas = canvas_of([rows[name] for name in names], seeds[names], predictor)
        texts = torch.stack([rows[name].tokens for name in names])
        step_of = ChosenAhead(sampler, canvas).step_of  # (R, L), -1 where given
        steps[names, : canvas.length] = step_of
        for row, number, wanted in _pairs(step_of, predictor, batch_size):
            shown = (step_of[row] < number[:, None]) & (step_of[row] != -1) | canvas.frozen.cpu()[row]
            part = Canvas(texts[row], shown, seeds[names][row], canvas.filler, canvas.device)
            pairs, columns = wanted
            step = Step(part, ModelCalls(predictor, part))
            step.positions = Positions(pairs.to(part.device), columns.to(part.device))
            laws = step.door.ask(part.tokens, part.known, step.positions, torch.arange(len(row)))
            step.door.used(laws)
            step.door.check()
            step.log_probs = sampler.reading(laws, step.positions, step)
            shaped = sampler.shape(step.log_probs, step.positions, step).cpu()
            drawn = texts[row[pairs], columns]
            found = shaped.gather(-1, drawn[:, None]).squeeze(-1).double()
            log_probs[torch.tensor(names)[row[pairs]], columns] = found
            network_calls.index_add_(0, torch.tensor(names)[row], part.calls.double())
    return log_probs, steps, network_calls, int(network_calls.sum())


def _pairs(
    step_of: Tensor, predictor: Predictor, batch_size: int | None
) -> Iterator[tuple[Tensor, Tensor, tuple[Tensor, Tensor]]]:
    """The (row, step) pairs in batches: rows (P,), steps (P,), and their wanted positions (pair, column)."""
    rows, length = step_of.shape
    steps = int(step_of.max()) + 1
    keys = torch.where(step_of < 0, -1, torch.arange(rows)[:, None] * steps + step_of).ravel()
    keys, places = keys.sort(stable=True)
    places = places[keys >= 0]
    found = np.unique(keys[keys >= 0].numpy(), return_inverse=True, return_counts=True)
    pair_keys, pair_of, sizes = (torch.from_numpy(array) for array in found)
    most_pairs = batch_size or rows_that_fit(1, 1, length)
    most_laws = laws_that_fit(predictor.vocab_size)
    begin, ends = 0, sizes.cumsum(0)
    while begin < len(pair_keys):
        done = int(ends[begin - 1]) if begin else 0
        end = int(torch.searchsorted(ends, done + most_laws, right=True))
        end = min(max(end, begin + 1), begin + most_pairs)
        here = slice(done, int(ends[end - 1]))
        wanted = (pair_of[here] - begin, places[here] % length)
        yield pair_keys[begin:end] // steps, pair_keys[begin:end] % steps, wanted
        begin = end


def _replayed(predictor: Predictor, sampler: Sampler, rows: list[Row], seeds: Tensor, batch_size: int | None) -> Result:
    """The sampling loop itself, with each drawn token replaced by the text's."""
    log_probs, steps = _grid(rows), _grid(rows, -1)
    network_calls = torch.zeros(len(rows), dtype=torch.float64)
    for names in batches(rows, sampler, predictor, batch_size):
        canvas = canvas_of([rows[name] for name in names], seeds[names], predictor)
        texts = torch.stack([rows[name].tokens for name in names]).to(canvas.device)
        replace(sampler, draw=Forced(texts)).run(canvas, ModelCalls(predictor, canvas))
        log_probs[names, : canvas.length] = canvas.log_probs.cpu().double()
        for event in canvas.trace.events:
            steps[torch.tensor(names)[event.where.rows.cpu()], event.where.columns.cpu()] = event.step
        impossible = (canvas.tokens != texts).any(1).cpu()  # the rule ended the text before the text did
        log_probs[torch.tensor(names)[impossible], -1] = -torch.inf
        network_calls[names] = canvas.calls.double()
    return log_probs, steps, network_calls, int(network_calls.sum())


def _grid(rows: list[Row], value: float = 0.0) -> Tensor:
    """(n, L) float64 for log-probabilities, int64 for steps."""
    kind = torch.int64 if isinstance(value, int) else torch.float64
    return torch.full((len(rows), max(len(row.tokens) for row in rows)), value, dtype=kind)


def _gather(
    results: list[Result], rows: list[Row], scored: Tensor, how: str, sampler: Sampler, predictor: Predictor
) -> Score:
    """Mean, standard error and log-mean-exp over the orders."""
    orders = len(results)
    by_token = torch.stack([log_probs for log_probs, _, _, _ in results])  # (orders, n, L)
    by_order = by_token.sum(2)
    mean = by_order.mean(0)
    if orders > 1:
        stderr = torch.where(mean.isinf(), torch.nan, by_order.std(0) / math.sqrt(orders))
    else:
        stderr = torch.full_like(mean, math.nan if sampler.random else 0.0)
    return Score(
        log_prob=mean,
        stderr=stderr,
        bound=by_order.logsumexp(0) - math.log(orders),
        exact=True,
        how=how,
        random_orders=orders,
        order_log_probs=by_token,
        order_steps=torch.stack([steps for _, steps, _, _ in results]),
        scored=scored,
        network_calls=torch.stack([network_calls for _, _, network_calls, _ in results]).mean(0),
        network_calls_spent=sum(calls for _, _, _, calls in results),
        end=_ends(rows, scored, predictor.end_of_text_id),
        sampler=sampler,
    )


def _ends(rows: list[Row], scored: Tensor, end_of_text: int | None) -> Tensor:
    """(n,) scored tokens up to and including the first end of text among them; all of them when there is none."""
    pairs = zip(rows, scored, strict=True)
    return torch.tensor([counted(row.tokens, mask[: len(row.tokens)], end_of_text) for row, mask in pairs])


def _estimated(predictor: Predictor, sampler: Sampler, rows: list[Row], scored: Tensor, seed: int, count: int) -> Score:
    """Count how often each text is sampled, in each context that occurs among the texts."""
    if count < 1:
        raise InputError(f"estimate is {count}; expected a number of samples, at least 1")
    masked = int(scored.sum(1).max())
    if masked * math.log(predictor.vocab_size) > math.log(1e7):
        raise InputError(
            f"estimate counts whole texts, and there are {predictor.vocab_size}^{masked} of them; it is for small laws"
        )
    frequency, network_calls, spent = (
        torch.zeros(len(rows), dtype=torch.float64),
        torch.zeros(len(rows), dtype=torch.float64),
        0,
    )
    contexts: dict[tuple[int, ...], list[int]] = {}
    for number, row in enumerate(rows):
        given = torch.where(row.known, row.tokens, -1)
        contexts.setdefault(tuple(given.tolist()), []).append(number)
    for number, names in enumerate(contexts.values()):
        row = rows[names[0]]
        seeds = check_seeds(None, seed, count, salt=-1 - number)
        out = sample(predictor, sampler, n=count, infill=(row.tokens, row.known), seeds=seeds)
        for name in names:
            frequency[name] = (out.tokens == rows[name].tokens).all(1).double().mean()
        network_calls[names] = out.network_calls.double().mean()
        spent += int(out.network_calls.sum())
    log_prob = frequency.log()
    stderr = torch.where(frequency > 0, ((1 - frequency) / (frequency * count)).sqrt(), torch.nan)
    return Score(
        log_prob=log_prob,
        stderr=stderr,
        bound=log_prob,
        exact=False,
        how="estimate",
        random_orders=count,
        order_log_probs=torch.full((1, *scored.shape), math.nan, dtype=torch.float64),
        order_steps=torch.full((1, *scored.shape), -1),
        scored=scored,
        network_calls=network_calls,
        network_calls_spent=spent,
        end=_ends(rows, scored, predictor.end_of_text_id),
        sampler=sampler,
    )

"""Measure: what every number of revealed tokens leaves unknown, on held-out text.

For every text one permutation is drawn; at each of the chosen counts its first tokens are revealed and the losses of
all others are read from one network call (nested masks: one permutation serves every count). In uniform order the mean
loss at a count is the cross-entropy curve c_k; in any other reveal order a call gives a whole row of the table g(a, .)
(F11).

Texts are measured one batch at a time and each is whole when it is done, so measuring can stop when it is precise
enough and go on later with other texts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.planning.losses import LossReader
from unmask.planning.measurement import Measurement, OrderCosts, text_digest
from unmask.planning.precision import half_width
from unmask.theory import order as orders_module
from unmask.theory.order import Order, Uniform

DEFAULT_COUNTS = 17


def measure(
    predictor: Predictor,
    tokens: npt.ArrayLike | Tensor,
    seed: int = 0,
    order: str | Order = "uniform",
    *,
    orders: Iterable[str | Order] = (),
    counts: str | Sequence[int] | None = None,
    given: npt.ArrayLike | int = 0,
    precision: float | None = None,
    calls: int | None = None,
    batch_size: int = 16,
    resume: Measurement | None = None,
    settings: dict[str, Any] | None = None,
    progress: Callable[[int, int, Measurement], None] | None = None,
) -> Measurement:
    """The cross-entropy curve of a predictor on held-out texts, and the tables of other reveal orders.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        tokens: (N, length) whole texts, each the same length.
        seed: of the permutations; that of a text depends on the seed and its tokens alone, not on its place.
        order, orders: reveal orders to measure besides the uniform one, names or orders of `unmask.orders`.
        counts: revealed counts: None for about 17 cosine-spaced ones (all when L <= 64), "all", or a list from 0.
        given: positions that are always known: a number of leading tokens (a prompt), or (length,) booleans.
        precision: stop once every price is known to this many nats per token (95 %; see `precision.half_width`).
        calls: stop before more network calls than this are spent.
        batch_size: texts a network call holds.
        resume: an earlier measurement to go on with; texts it has are skipped.
        settings: notes kept in the file.
        progress: called after each batch with texts done, texts in all, and the measurement so far.

    Raises:
        InputError: on texts of another length than the model's, tokens outside the vocabulary, counts out of range, or
            a budget too small for two texts.
    """
    texts = _check_texts(predictor, tokens)
    free = _free_positions(given, texts.shape[1])
    length = int(free.sum())
    grid = choose_counts(counts, length)
    wanted = [_as_order(one) for one in (order, *orders)]
    wanted = [one for one in dict.fromkeys(wanted) if not isinstance(one, Uniform)]
    plan = _Batches(predictor, seed, free, grid, wanted, settings or {})
    done = [resume] if resume is not None else []
    known = set(resume.texts) if resume is not None else set()
    digests = identify(texts)
    fresh = [row for row, digest in enumerate(digests) if digest not in known]
    per_text = len(grid) * (1 + len(wanted))
    if calls is not None:
        fresh = fresh[: calls // (per_text * predictor.calls_per_query)]
    total = len(known) + len(fresh)
    if total < 2:
        raise InputError(
            f"only {total} texts can be measured (each takes {per_text} network calls); at least 2 are needed"
        )
    for start in range(0, len(fresh), batch_size):
        batch = fresh[start : start + batch_size]
        done = [Measurement.merge([*done, plan.measure(texts[batch], tuple(digests[row] for row in batch))])]
        if progress is not None:
            progress(len(done[0].texts), total, done[0])
        if precision is not None and half_width(done[0]) <= precision:
            break
    return done[0]


def choose_counts(counts: str | Sequence[int] | None, length: int) -> npt.NDArray[np.int64]:
    """The revealed counts at which the network is asked, ascending from 0 to L - 1."""
    if isinstance(counts, str):
        if counts != "all":
            raise InputError(f"counts is {counts!r}; expected 'all' or a list of revealed counts")
        return np.arange(length)
    if counts is None:
        if length <= 64:
            return np.arange(length)
        # Finer where the curve of a text is steep, at both ends.
        spaced = (1 - np.cos(np.linspace(0, np.pi, DEFAULT_COUNTS))) / 2 * (length - 1)
        return np.unique(np.rint(spaced).astype(np.int64))
    grid = np.unique(np.asarray(counts, dtype=np.int64))
    if len(grid) == 0 or grid[0] != 0 or grid[-1] != length - 1:
        raise InputError(f"counts must hold 0 and L - 1 = {length - 1}, got {list(counts)[:8]}")
    return grid


class _Batches:
    """Measures batches of texts, all in the same way."""

    def __init__(
        self,
        predictor: Predictor,
        seed: int,
        free: npt.NDArray[np.bool_],
        counts: npt.NDArray[np.int64],
        orders: list[Order],
        settings: dict[str, Any],
    ) -> None:
        self.predictor, self.seed, self.free, self.counts, self.orders = predictor, seed, free, counts, orders
        self.settings = {"seed": seed, "given": int((~free).sum()), **settings}
        self.reader = LossReader(predictor)

    def measure(self, texts: npt.NDArray[np.int64], digests: tuple[str, ...]) -> Measurement:
        length = int(self.free.sum())
        tokens = torch.from_numpy(texts)
        ranks = self._ranks(Uniform(), digests)
        rows = [self.reader.at(tokens, ranks, int(count)) for count in self.counts]
        measured = {}
        for one in self.orders:
            measured[order_key(one)] = OrderCosts(
                one, self.counts, self._costs(tokens, self._ranks(one, digests), length)
            )
        return Measurement(
            length,
            self.predictor.vocab_size,
            self.predictor.mask_token_id,
            describe_model(self.predictor),
            self.settings,
            digests,
            self.counts,
            np.stack([losses.mean(axis=1) for losses, _ in rows], axis=1),
            np.stack([entropies.mean(axis=1) for _, entropies in rows], axis=1),
            measured,
        )

    def _ranks(self, one: Order, digests: tuple[str, ...]) -> Tensor:
        """(N, length) place of every position in the text's reveal order, -1 where given."""
        places = np.flatnonzero(self.free)
        ranks = np.full((len(digests), len(self.free)), -1, dtype=np.int64)
        for row, digest in enumerate(digests):
            rng = np.random.default_rng([self.seed, int(digest, 16)])
            ranks[row, places[one.draw(len(places), rng)]] = np.arange(len(places))
        return torch.from_numpy(ranks)

    def _costs(self, tokens: Tensor, ranks: Tensor, length: int) -> npt.NDArray[np.float64]:
        costs = np.zeros((len(tokens), len(self.counts), len(self.counts)))
        for row, count in enumerate(self.counts):
            losses, _ = self.reader.at(tokens, ranks, int(count))
            costs[:, row, row:] = np.add.reduceat(losses, self.counts[row:] - count, axis=1)
        return costs


def order_key(one: Order) -> str:
    """The name an order is measured under; given permutations are told apart by their digest."""
    permutation = getattr(one, "permutation", None)
    return one.name if permutation is None else f"{one.name}:{text_digest(permutation)[:8]}"


def describe_model(predictor: Predictor) -> dict[str, str]:
    """Name and digest of a predictor, as kept in measurements and plans."""
    name = getattr(predictor, "name", None) or repr(predictor)
    return {"name": str(name), "digest": str(getattr(predictor, "digest", "") or "")}


def _as_order(one: str | Order) -> Order:
    return orders_module.from_name(one) if isinstance(one, str) else one


def _check_texts(predictor: Predictor, tokens: npt.ArrayLike | Tensor) -> npt.NDArray[np.int64]:
    texts = np.ascontiguousarray(tokens.cpu().numpy() if isinstance(tokens, Tensor) else np.asarray(tokens))
    if texts.ndim != 2 or not len(texts) or not np.issubdtype(texts.dtype, np.integer):
        raise InputError(
            f"tokens has shape {texts.shape} and type {texts.dtype}; expected (texts, length) whole numbers"
        )
    if predictor.length is not None and texts.shape[1] != predictor.length:
        raise InputError(f"tokens has rows of {texts.shape[1]} tokens; the model takes exactly {predictor.length}")
    if texts.min() < 0 or texts.max() >= predictor.vocab_size:
        raise InputError(f"tokens has ids {texts.min()}..{texts.max()}; the model knows 0..{predictor.vocab_size - 1}")
    forbidden = np.isin(texts, list(predictor.forbidden_ids))
    if forbidden.any():
        raise InputError(
            f"tokens holds the id {texts[forbidden][0]}, which the model may never draw (a mask or padding id)"
        )
    return texts.astype(np.int64)


def identify(texts: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """The digest of each text; the second, third, .. time the same text comes it gets a digest of its own."""
    seen: dict[str, int] = {}
    found = []
    for text in texts:
        digest = text_digest(text)
        seen[digest] = seen.get(digest, 0) + 1
        found.append(digest if seen[digest] == 1 else text_digest([*text, seen[digest]]))
    return tuple(found)


def _free_positions(given: npt.ArrayLike | int, length: int) -> npt.NDArray[np.bool_]:
    if isinstance(given, int):
        free = np.arange(length) >= given
    else:
        free = ~np.asarray(given, dtype=bool)
        if free.shape != (length,):
            raise InputError(
                f"given has shape {free.shape}; expected a number of leading tokens or ({length},) booleans"
            )
    if not free.any() or (isinstance(given, int) and given < 0):
        raise InputError(f"given leaves no position to reveal in texts of {length} tokens; give fewer")
    return free

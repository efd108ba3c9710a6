"""Measure: what every number of revealed tokens leaves unknown, on held-out text.

For every text one permutation is drawn; at each of the chosen counts its first tokens are revealed and the losses of
all others are read from one network call (nested masks: one permutation serves every count). In uniform order the mean
loss at a count is the cross-entropy curve c_k; in any other reveal order a call gives a whole row of the table g(a, .)
(F11). One canvas more at a random rank of each interval between counts says, without bias, what revealing the interval
at once costs (`interval_costs`), so that the price of every schedule whose steps begin at counts is known.

Texts are measured one batch at a time and each is whole when it is done, so measuring can stop when it is precise
enough and go on later with other texts.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from unmask.errors import InputError
from unmask.measuring.allocation import PILOT
from unmask.measuring.batches import Batches
from unmask.measuring.documents import document_names
from unmask.measuring.measurement import Measurement, text_digest
from unmask.measuring.precision import half_width
from unmask.measuring.texts import block_ranges, check_texts, identify, known_positions
from unmask.models.predictor import Predictor
from unmask.theory import reveal_orders
from unmask.theory.reveal_orders import Order, Uniform

ALL_UP_TO = 32
"""Texts of at most so many tokens are measured at every count unless told otherwise."""
ONE_BY_ONE = 12
EQUAL_PARTS = 16
"""Longer ones where this many equal steps begin, and ever more closely towards both ends."""

CHECKPOINT_SECONDS = 30.0

Orders = Iterable[str | Order] | Mapping[str, Order]


def measure(
    predictor: Predictor,
    tokens: npt.ArrayLike | Tensor,
    seed: int = 0,
    order: str | Order = "uniform",
    *,
    orders: Orders = (),
    order_counts: Mapping[str, Sequence[int]] | None = None,
    counts: str | int | Sequence[int] | None = None,
    canvases: int | str = 1,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    precision: float | None = None,
    calls: int | None = None,
    batch_size: int = 16,
    source: str = "",
    documents: npt.ArrayLike | None = None,
    resume: Measurement | None = None,
    shard: tuple[int, int] = (0, 1),
    settings: dict[str, Any] | None = None,
    progress: Callable[[int, int, Measurement], None] | None = None,
    checkpoint: Callable[[Measurement], object] | None = None,
) -> Measurement:
    """The cross-entropy curve of a predictor on held-out texts, and the tables of other reveal orders.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        tokens: (N, length) whole texts, each the same length.
        seed: of the permutations; that of a text depends on the seed and its tokens alone, not on its place.
        order, orders: reveal orders to measure besides the uniform one: names, orders of `unmask.orders`, or a dict
            with names of your own.
        order_counts: revealed counts of single orders, by name, instead of `counts`.
        counts: revealed counts, where the steps of a plan may begin: None for those where 16 equal steps begin and
            ever closer ones towards both ends (all when L <= 32), how many cosine-spaced ones, "all", or a list from 0
            to L - 1. Other orders get besides, unless it is a list, the counts at which halvings end.
        canvases: extra canvases at random ranks inside every interval between counts; "auto" measures 16 texts with
            two of them, and the others with as many in each interval as pay. What a text gives then depends on those
            16 texts too.
        given: positions that are always known: a number of leading tokens (a prompt), or booleans, (length,) or, with
            as many in every text, (N, length) (infilling).
        block_length: reveal in blocks of so many tokens from left to right, as block-causal models do; everything
            measured is then that of one block given all before it, the mean over the blocks of a text.
        precision: stop once every price is known to this many nats per token (95 %; see `precision.half_width`).
        calls: stop before more network calls than this are spent.
        batch_size: texts a network call holds.
        source: set it where the texts are independent draws, so that the same sequence drawn twice counts twice.
        documents: (N,) number of the document each text is of, -1 where it is not known; intervals are then over
            documents, and plans are fitted and priced on different ones. Numbers are those of one `source` or file.
        resume: an earlier measurement to go on with, at its counts and in its orders unless others are given; texts
            it has, or that its orders were searched on, are skipped.
        shard: (i, n) measures every n-th of the fresh texts from the i-th on; the shards merge to the whole. `resume`
            is part of what the first one returns.
        settings: notes kept in the file.
        progress: called after each batch with texts done, texts in all, and the curve's measurement so far.
        checkpoint: called with everything so far every half minute, and when measuring is interrupted.

    Raises:
        InputError: on texts of another length than the model's, tokens outside the vocabulary, counts out of range, or
            a budget too small for two texts.

    Examples:
        >>> law = unmask.laws.Permutation(8)
        >>> measured = unmask.measure(unmask.oracle(law), law.sample(20, seed=0))
        >>> measured.losses.shape  # texts, counts
        (20, 8)
    """
    texts = check_texts(predictor, tokens)
    known, words = known_positions(given, texts)
    ranges = block_ranges(known, block_length)
    wanted = named_orders(order, orders)
    if resume is not None:
        counts = resume.counts.tolist() if counts is None else counts
        if not wanted:
            wanted = {name: costs.order for name, costs in resume.orders.items()}
            order_counts = {name: costs.counts.tolist() for name, costs in resume.orders.items()}
    grid = choose_counts(counts, ranges[0][1] - ranges[0][0])
    halvings = halving_counts(grid[-1] + 1) if counts is None or isinstance(counts, int) else []
    usual = np.union1d(grid, halvings).astype(np.int64)
    grids = {name: _starts((order_counts or {}).get(name, usual), grid[-1] + 1) for name in wanted}
    notes = {"seed": seed, "given": words, "block_length": block_length, "searched": [], **(settings or {})}
    if canvases != "auto" and (isinstance(canvases, bool | str) or canvases < 1):
        raise InputError(f"canvases is {canvases}; expected how many inside every interval, at least 1, or 'auto'")
    pilot = PILOT if canvases == "auto" else 0
    several = None if isinstance(canvases, str) else canvases
    batches = Batches(predictor, seed, ranges, grid, wanted, grids, several, notes)
    digests = identify(texts, source)
    names = document_names(documents, f"{source} {notes.get('data', '')}", digests)
    rank, world = shard
    done = [resume] if resume is not None and rank == 0 else []
    skipped = set(notes["searched"])
    if resume is not None:
        skipped |= {*resume.texts, *resume.settings.get("searched", [])}
    fresh = [row for row, digest in enumerate(digests) if digest not in skipped]
    if calls is not None:
        fresh = fresh[: calls // batches.calls_per_text]
    total = len(fresh) + (0 if resume is None else len(resume.texts))
    if total < 2 or (world > 1 and len(fresh) < 2 * world):
        raise InputError(
            f"only {total} texts can be measured (each takes {batches.calls_per_text} network calls); "
            f"at least 2 {'in each process ' if world > 1 else ''}are needed"
        )
    fresh = fresh[rank::world]
    if precision is not None:
        precision *= world**0.5  # each process sees its own share of the texts
    saved = time.monotonic()
    try:
        for start, end in _batches(len(fresh), batch_size, pilot):
            rows = fresh[start:end]
            labels = (tuple(kind[row] for row in rows) for kind in (digests, names))
            done.append(batches.measure(texts[rows], known[rows], *labels))
            if pilot and end == min(pilot, len(fresh)) and end > 1:
                batches.allocate(Measurement.merge(done[1:] if resume is not None and rank == 0 else done))
            if len(done) == 2 and resume is not None and rank == 0:
                resume.check_same(done[1])  # now, not after hours
            if progress is not None or precision is not None:
                so_far = Measurement.merge([part.only([]) for part in done])
                if progress is not None:
                    progress(len(so_far.texts), total, so_far)
                if precision is not None and half_width(so_far) <= precision:
                    break
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                checkpoint(Measurement.merge(done))
                saved = time.monotonic()
    except KeyboardInterrupt:
        if checkpoint is not None and done:
            checkpoint(Measurement.merge(done))
        raise
    return Measurement.merge(done)


def _batches(texts: int, batch_size: int, pilot: int) -> list[tuple[int, int]]:
    """Where batches begin and end; one ends with the pilot."""
    edges = {*range(0, pilot, batch_size), *range(min(pilot, texts), texts, batch_size), texts}
    return list(pairwise(sorted(edge for edge in edges if edge <= texts)))


def choose_counts(counts: str | int | Sequence[int] | None, length: int) -> npt.NDArray[np.int64]:
    """The revealed counts at which the network is asked, ascending from 0 to L - 1."""
    if counts is None:
        return np.arange(length) if length <= ALL_UP_TO else _equal_parts(length)
    if isinstance(counts, str):
        if counts != "all":
            raise InputError(f"counts is {counts!r}; expected 'all', or a list of revealed counts")
        return np.arange(length)
    if isinstance(counts, int):
        if not min(2, length) <= counts <= length:
            raise InputError(f"counts is {counts}; expected how many, from {min(2, length)} to L = {length}")
        # Finer where the curve of a text is steep, at both ends.
        spaced = (1 - np.cos(np.linspace(0, np.pi, counts))) / 2 * (length - 1)
        return np.arange(length) if counts == length else np.unique(np.rint(spaced).astype(np.int64))
    grid = np.unique(np.asarray(counts, dtype=np.int64))
    if len(grid) == 0 or grid[0] != 0 or grid[-1] != length - 1:
        raise InputError(f"counts must hold 0 and L - 1 = {length - 1}, got {list(counts)[:8]}")
    return grid


def _equal_parts(length: int) -> npt.NDArray[np.int64]:
    """Where 16 equal steps begin, so that 8, 4 and 2 do too, and ever closer counts towards both ends.

    The first few are taken one by one: there the curves of laws that are soon known fall, and a step of one token more
    or less matters most. An interval of two tokens is cut, which takes as many calls as a canvas inside it.
    """
    sizes = np.diff([length * part // EQUAL_PARTS for part in range(EQUAL_PARTS + 1)])
    starts = np.append(0, np.cumsum(np.sort(sizes)[::-1])[:-1])  # the larger steps first, as in `Schedule.uniform`
    powers = 1 << np.arange(int(length).bit_length())
    near = np.concatenate([np.arange(ONE_BY_ONE + 1), powers, 3 * powers // 2])
    found = np.union1d(starts, np.concatenate([near[near < length // 8], length - powers[powers < starts[1]]]))
    found = np.union1d(found, near[near <= min(ONE_BY_ONE, length // 4)])
    pairs = found[:-1][np.diff(found) == 2]
    return np.union1d(found, pairs + 1).astype(np.int64)


def halving_counts(length: int) -> list[int]:
    """Where the generations of bit reversal, strides and bisection end: ceil(L/2^j), and 2^j - 1."""
    powers = [1 << j for j in range(int(length).bit_length())]
    counts = {-(-length // power) for power in powers} | {power - 1 for power in powers}
    return sorted(int(count) for count in counts if count < length)


def _starts(counts: npt.ArrayLike, length: int) -> npt.NDArray[np.int64]:
    found = np.unique(np.asarray(counts, dtype=np.int64))
    if not len(found) or found[0] != 0 or found[-1] >= length:
        raise InputError(f"order_counts must begin at 0 and stay below L = {length}, got {found[:8].tolist()}")
    return found


def named_orders(order: str | Order, orders: Orders = ()) -> dict[str, Order]:
    """The orders besides the uniform one, by the names they are measured under."""
    if isinstance(orders, Mapping):
        found = dict(orders)
    elif isinstance(orders, str):
        raise InputError(f"orders is {orders!r}; expected a list of orders (order= takes a single one)")
    else:
        found = {order_key(one): one for one in map(_as_order, orders)}
    single = _as_order(order)
    if not isinstance(single, Uniform):
        found.setdefault(order_key(single), single)
    return {name: one for name, one in found.items() if not isinstance(one, Uniform)}


def order_key(one: Order) -> str:
    """The name an order is measured under; given permutations are told apart by their digest."""
    permutation = getattr(one, "permutation", None)
    return one.name if permutation is None else f"{one.name}:{text_digest(permutation)[:8]}"


def _as_order(one: str | Order) -> Order:
    if isinstance(one, str):
        return reveal_orders.from_name(one)
    if not isinstance(one, Order):
        raise InputError(f"order is {one!r}; expected a name or an order such as unmask.orders.BitReversal()")
    return one

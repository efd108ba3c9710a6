"""`unmask.measure`: text or tokens in, a measurement out, with the orders that are worth measuring searched for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from torch import Tensor

from unmask.errors import InputError
from unmask.measuring import measure as measuring
from unmask.measuring.measure import Orders, named_orders
from unmask.measuring.measurement import Measurement
from unmask.measuring.text_files import windows_of
from unmask.measuring.texts import check_texts, identify
from unmask.models.predictor import Predictor
from unmask.order_search.search import LEAST_TEXTS, SEARCH_CALLS, Found, SearchOptions, search, share_for_search
from unmask.theory.reveal_orders import Order


def measure(
    predictor: Predictor,
    texts: str | Sequence[str] | npt.ArrayLike | Tensor,
    seed: int = 0,
    order: str | Order = "uniform",
    *,
    orders: str | Orders = "auto",
    search_calls: int = SEARCH_CALLS,
    length: int | None = None,
    allow_unknown: bool = False,
    given: npt.ArrayLike | int = 0,
    block_length: int | None = None,
    batch_size: int = 16,
    source: str = "",
    documents: npt.ArrayLike | None = None,
    settings: dict[str, Any] | None = None,
    say: Callable[[str], object] = lambda words: None,
    **options: Any,
) -> Measurement:
    """What every number of revealed tokens leaves unknown, on held-out texts, in the orders that are worth it.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        texts: one long text (documents separated by blank lines), a list of texts, or (N, L) tokens. Text is cut into
            windows side by side.
        seed: of everything random.
        order, orders: reveal orders besides the uniform one: "auto" searches for them on a quarter of the texts, which
            are then not priced (with fewer than 24 texts, or when `order` names one, none is searched); "uniform" for
            no other; else names, orders of `unmask.orders`, or a dict with names of your own.
        search_calls: network calls the search may take.
        length: tokens of a window, for models that take any length.
        allow_unknown: go on where more than a few per cent of the tokens are unknown words; windows that hold one are
            left out, and `settings["read"]` says how many.
        given, block_length, batch_size, source, documents, settings: as for `unmask.measuring.measure.measure`, as are
            all further options (counts, canvases, precision, calls, resume, progress, ..).
        say: told what is being done.

    Raises:
        InputError: on texts that do not fit the model, or options out of range.

    Examples:
        >>> law = unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 8)
        >>> measured = unmask.measure(unmask.oracle(law), law.sample(40, seed=0), search_calls=500)
        >>> len(measured.texts), len(measured.settings["searched"])
        (30, 10)
    """
    found = None
    if _is_text(texts):
        found = windows_of(predictor, texts, length, allow_unknown)
        documents = found.documents if documents is None else documents
        tokens = found.rows
    else:
        tokens = check_texts(predictor, texts)
    notes = dict(settings or {}) | ({"read": list(found.said)} if found is not None and found.said else {})
    searched = Found()
    if isinstance(orders, str) and orders not in ("auto", "uniform"):
        raise InputError(f"orders is {orders!r}; expected 'auto', 'uniform' or a list of orders (order= takes one)")
    wanted: Orders = () if isinstance(orders, str) else orders
    is_auto = orders == "auto" and not named_orders(order) and options.get("resume") is None
    if is_auto and len(tokens) >= LEAST_TEXTS:
        rows = share_for_search(len(tokens), seed)
        shown = given if isinstance(given, int) or np.ndim(given) == 1 else np.asarray(given)[rows]
        how = SearchOptions(calls=search_calls, seed=seed, batch_size=batch_size)
        searched = search(predictor, tokens[rows], given=shown, block_length=block_length, options=how, say=say)
        digests = identify(tokens, source)
        notes["searched"] = sorted(digests[row] for row in rows)
        wanted = searched.orders
        if options.get("counts") is not None:  # asked for: then for all orders
            searched.counts.clear()
    options.setdefault("order_counts", searched.counts or None)
    return measuring.measure(
        predictor, tokens, seed, order, orders=wanted, given=given, block_length=block_length, batch_size=batch_size,
        source=source, documents=documents, settings=notes, **options,
    )  # fmt: skip


def _is_text(texts: object) -> TypeGuard[str | Sequence[str]]:
    return isinstance(texts, str) or (
        isinstance(texts, list | tuple) and bool(texts) and all(isinstance(text, str) for text in texts)
    )

"""What it costs to reveal an interval of ranks at once rather than one at a time, from a few canvases inside it.

Let l_k(a) be the loss of the token of rank k when the ranks below a are shown, and let the order inside the interval
[a, a+w) be uniformly random. One at a time, the token that comes after r others of the interval is equally likely to be
any of those still hidden, so that revealing the interval at once costs

    sum over r = 1..w-1 of E mean over the hidden k of  l_k(a) - l_k(a+r),

the r = 0 term being 0. The hidden k are those of the interval; in uniform order all tokens are alike, and the mean may
run over every token still masked, which spreads less [D]. Of the sum one r is drawn from each of a few strata: without
bias, and both losses are of the same token of the same text, where most of the spread between them cancels.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.measuring.losses import GIVEN, FloatArray, LossReader

IntArray = npt.NDArray[np.int64]


def strata(width: int, canvases: int) -> list[tuple[int, int]]:
    """Ranges [low, high) that cover r = 1..width-1, as many as there are canvases, or one for every r."""
    edges = np.linspace(1, width, min(canvases, width - 1) + 1).round().astype(int).tolist()
    return list(pairwise(edges)) if width > 1 else []


def alike(counts: IntArray, length: int, canvases: int, is_uniform: bool) -> IntArray:
    """(C,) as many canvases for every interval between counts, and twice as many where few tokens are left.

    In uniform order a canvas averages over all tokens that are still masked: elsewhere over many, but near the end
    over few. So an interval that is most of what is left has twice as many.
    """
    is_most = 2 * _widths(counts, length) > length - counts
    return np.where(is_most & is_uniform, 2 * canvases, canvases)


def inside(counts: IntArray, length: int, canvases: IntArray) -> list[list[tuple[int, int]]]:
    """The strata of each interval between counts, from how many canvases each has."""
    widths = _widths(counts, length)
    return [strata(width, several) for width, several in zip(widths.tolist(), canvases.tolist(), strict=True)]


def _widths(counts: IntArray, length: int) -> IntArray:
    return np.diff(np.append(counts, length))


def lever(width: int, low: int, high: int, shown: IntArray) -> FloatArray:
    """What the rank that was drawn leaves to be expected: `sum of r/w over the stratum` less `(high - low) shown/w`.

    Its mean is 0 whatever the text and the order, so any multiple may be added to the estimate. The multiple is the
    fall of the losses over the whole interval, known from both its counts: where they fall evenly, the estimate no
    longer depends on the rank that was drawn.
    """
    return np.asarray((high - low) * ((low + high - 1) / 2 - shown) / width)


def cost_at_once(
    reader: LossReader,
    tokens: Tensor,
    ranks: Tensor,
    start: int,
    end: int,
    shown: IntArray,
    at_start: Sequence[FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Mean of l_k(start) - l_k(start + shown) over the tokens still hidden, for losses and for entropies, (N,) each.

    Args:
        tokens, ranks: as for `LossReader.at`.
        start: a. end: tokens of ranks below it are averaged over: a + w, or all there are in uniform order.
        shown: (N,) r of each text, at least 1 and less than the interval's width.
        at_start: losses and entropies of the ranks from `start` on, (N, at least end - start) each.
    """
    first = int((ranks[0] == GIVEN).sum())  # given positions sort first
    hidden = np.arange(end - start) >= shown[:, None]  # (N, end - start), by rank
    places = np.argsort(~hidden, axis=1, kind="stable")[:, : int(hidden.sum(axis=1).max())]
    asked = np.take_along_axis(hidden, places, axis=1)
    places = np.where(asked, places, end - start - 1)  # rows with fewer hidden tokens ask for their last one again
    by_rank = torch.argsort(ranks, dim=1, stable=True)[:, first + start : first + end]
    columns = by_rank.gather(1, torch.from_numpy(places))
    known = ranks < torch.from_numpy(start + shown)[:, None]
    count = asked.sum(axis=1)
    later = reader.of(tokens, known, columns)
    fall = [
        (asked * (np.take_along_axis(before, places, axis=1) - after)).sum(axis=1) / count
        for before, after in zip(at_start, later, strict=True)
    ]
    return np.asarray(fall[0]), np.asarray(fall[1])

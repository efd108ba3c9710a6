"""How many canvases the intervals of an order get: more where one more makes prices known the sooner.

With V_q the variance that the one canvas of interval q adds to the price of a text, R that of everything else, and m_q
canvases in interval q, a price is known to a given precision after a number of network calls proportional to

    (R + sum_q V_q / m_q) (rows + sum_q m_q),

which is made small one canvas at a time. The gain of every further canvas of an interval is smaller than that of the
last, so that for each number of canvases in all the largest gains are the best ones; of these the best number is taken.
"""

import numpy as np
import numpy.typing as npt

from unmask.measuring.order_costs import OrderCosts
from unmask.theory.curve import FloatArray
from unmask.theory.schedule import Schedule

PILOT = 16
PILOT_CANVASES = 2
"""So many texts are measured with two canvases in every interval, to see what each adds."""


def allocation(added: FloatArray, rest: float, widths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(C,) canvases of each interval, 0 of those of one token and at most one for every rank inside.

    Args:
        added: (C,) V, of one canvas. rest: R.
        widths: (C,) tokens of each interval; each costs one call besides.
    """
    canvases = (widths > 1).astype(np.int64)
    spread, calls = rest + float(added[canvases > 0].sum()), len(widths) + int(canvases.sum())
    best, least = canvases.copy(), spread * calls
    while True:
        is_open = (canvases > 0) & (canvases < widths - 1)
        gains = np.where(is_open, added / np.maximum(canvases * (canvases + 1), 1), 0.0)
        place = int(np.argmax(gains))
        if gains[place] <= 0:
            return best
        canvases[place] += 1
        spread, calls = spread - float(gains[place]), calls + 1
        if spread * calls < least:
            best, least = canvases.copy(), spread * calls


def allocated(costs: OrderCosts, halves: FloatArray) -> npt.NDArray[np.int64]:
    """(C,) canvases of each interval, after a pilot with two of them in each.

    Args:
        costs: of the pilot's texts.
        halves: (N, C) what the first canvas says less what the second says, of every text.
    """
    # Two canvases each stand for half of the ranks: a single one for all of them spreads four times as much as either.
    added = 2 * halves.var(axis=0, ddof=1)
    starts = costs.counts[::2]
    prices = costs.parallel_prices(Schedule(np.diff([*starts.tolist(), costs.length]).tolist()))
    return allocation(added, max(float(prices.var(ddof=1) - added.sum() / 2), 0.0), costs.widths)

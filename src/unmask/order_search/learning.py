"""Learning an order for one number of steps: proposed by stand-ins, compared and improved on canvases of the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unmask.order_search.annealing import Remembering, StandIn, anneal, cost
from unmask.order_search.calibration import ExpectedLosses, adjusted
from unmask.order_search.partition import Partition, improve

IntArray = npt.NDArray[np.int64]

RESTARTS = 6  # annealing runs of each stand-in from random partitions, fewer in long texts, besides the best start
PROPOSED = 3  # partitions of each stand-in that the model is asked about


def learn(
    steps: int,
    starts: Sequence[IntArray],
    stand_ins: Sequence[StandIn],
    field: ExpectedLosses,
    calls: int,
    seed: int = 0,
) -> Partition | None:
    """The best partition found, within about `calls` network calls; None where they pay for no comparison.

    Args:
        steps: T.
        starts: (n,) partitions of T steps that are known to be good, the best first.
        stand_ins: what proposes others.
    """
    per_canvas = field.texts * field.field.calls_per_query
    affordable = calls // (steps * per_canvas)
    if affordable < 1:
        return None
    limit = field.calls + calls
    tried = list(starts[: max(1, affordable // 2)])
    for stand_in in stand_ins:
        tried += proposals(stand_in, steps, starts, seed)[: max(1, (affordable - len(tried)) // len(stand_ins))]
    distinct = list({labels.tobytes(): labels for labels in tried[:affordable]}.values())
    compared = [Partition.of(labels, field) for labels in distinct]
    best = likeliest(compared, stand_ins)
    if limit - field.calls < 2 * field.size * per_canvas:  # not one look at all moves
        return best
    # Single moves are chosen and confirmed on the same few texts again and again, so that some that pass are wrong:
    # what they led to is one more proposal, which the stand-ins, who saw none of that, have a say in.
    return likeliest([*compared, improve(best, field, limit - field.calls, seed)], stand_ins)


def likeliest(partitions: Sequence[Partition], stand_ins: Sequence[StandIn]) -> Partition:
    """The partition with the largest expected gain over the first, given what was measured and what stand-ins say.

    Each source has a variance: that of what was measured is its squared standard error; that of a stand-in is how far
    it is from what was measured, over all partitions, beyond what chance explains. The gain is their mean weighted by
    precision (empirical Bayes): a stand-in that has been right so far decides between partitions that the texts cannot
    tell apart, and one that has been wrong does not count.
    """
    gains = [adjusted(partitions[0].costs - partition.costs) for partition in partitions]
    measured = np.array([gain.mean() for gain in gains])
    variances = np.array([gain.var(ddof=1) / len(gain) for gain in gains]) + 1e-12
    totals, weights = measured / variances, 1 / variances
    for stand_in in stand_ins:
        told = np.array([cost(stand_in, partition.labels) for partition in partitions])
        told = told[0] - told
        others = slice(1, None)
        if len(partitions) > 1:
            off = float(np.mean((told - measured)[others] ** 2 - variances[others]))
            off = max(off, float(np.mean(variances[others])) / len(partitions))
            totals, weights = totals + told / off, weights + 1 / off
    expected = totals / weights
    expected[0] = 0.0
    return partitions[int(np.argmax(expected))]


def proposals(stand_in: StandIn, steps: int, starts: Sequence[IntArray], seed: int = 0) -> list[IntArray]:
    """The cheapest different partitions that annealing finds, the cheapest first."""
    size = len(starts[0])
    stand_in = Remembering(stand_in)
    rng = np.random.default_rng([seed, 8, steps])
    best = min(starts, key=lambda labels: cost(stand_in, labels))
    shuffled = [rng.permutation(np.arange(size) * steps // size) for _ in range(min(RESTARTS, 1 + 200 // size))]
    budget = min(200 * size, 3000)
    found = [anneal(stand_in, np.asarray(start), budget, rng) for start in [best, *shuffled]]
    distinct = {labels.tobytes(): labels for labels, _ in sorted(found, key=lambda pair: pair[1])}
    return list(distinct.values())[:PROPOSED]

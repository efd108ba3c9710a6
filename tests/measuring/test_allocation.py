"""Canvases go where they make prices known the sooner, and leave them without bias."""

import itertools

import numpy as np

import unmask
from unmask.laws import catalogue
from unmask.measuring.allocation import allocation
from unmask.measuring.batches import Batches
from unmask.measuring.measure import _batches, measure
from unmask.theory.schedule import Schedule

COARSE = [0, 4, 16, 24, 31]


def test_no_other_allocation_needs_fewer_calls():
    rng = np.random.default_rng(0)
    for _ in range(20):
        widths = rng.integers(1, 6, size=4)
        added = rng.exponential(size=4) * 3 * (widths > 1)
        rest = float(rng.exponential())

        def calls(canvases, widths=widths, added=added, rest=rest):
            shares = [value / several for value, several in zip(added, canvases, strict=True) if several]
            return (rest + sum(shares)) * (len(widths) + sum(canvases))

        found = allocation(added, rest, widths)
        choices = [range(1, width) if width > 1 else [0] for width in widths.tolist()]
        assert calls(found.tolist()) <= min(map(calls, itertools.product(*choices))) + 1e-12


def test_where_nothing_is_added_one_canvas_is_enough():
    assert allocation(np.zeros(3), 1.0, np.array([1, 4, 9])).tolist() == [0, 1, 1]


def test_allocated_canvases_leave_prices_without_bias():
    """4.5 standard errors of 5 prices: a right program fails once in 30,000 seeds."""
    law = catalogue.from_name("markov_chain:length=32,vocab_size=3")
    texts = law.sample(400, 3)
    found = measure(unmask.oracle(law), texts, counts=COARSE, canvases="auto", batch_size=96)
    assert len(found.texts) == 400
    for starts in ([0], [0, 16], [0, 4, 16], [0, 16, 24], COARSE):
        schedule = Schedule(np.diff([*starts, 32]).tolist())
        prices = found.parallel_prices(schedule)
        error = prices.std(ddof=1) / 20
        assert abs(prices.mean() - unmask.price(law.curve(), schedule)) < 4.5 * error + 1e-5


def test_the_pilot_ends_with_a_batch():
    assert _batches(100, 64, 16) == [(0, 16), (16, 80), (80, 100)]
    assert _batches(40, 10, 16) == [(0, 10), (10, 16), (16, 26), (26, 36), (36, 40)]
    assert _batches(10, 4, 16) == [(0, 4), (4, 8), (8, 10)]
    assert _batches(10, 4, 0) == [(0, 4), (4, 8), (8, 10)]


def test_the_pilot_sees_what_every_interval_adds_the_last_ones_too():
    """Two canvases in each interval of more than one token: what they say differs, in uniform order at the end too."""
    law = catalogue.from_name("markov_chain:length=32,vocab_size=2")
    texts = law.sample(8, 0)
    batches = Batches(unmask.oracle(law), 0, [(0, 32)], np.array([0, 8, 16, 24, 31]), {}, {}, None, {})
    names = tuple(f"{row:x}" for row in range(8))
    batches.measure(texts, np.zeros(texts.shape, dtype=bool), names, names)
    spreads = np.concatenate(batches._halves["uniform"]).std(axis=0)
    assert (spreads[:4] > 0).all()
    assert spreads[4] == 0

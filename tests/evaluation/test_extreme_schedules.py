"""The worst schedule of a largest step is the worst of all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask import laws
from unmask.errors import InputError
from unmask.evaluation.claims.training_error import compositions
from unmask.evaluation.schedules import random_first_step, worst_schedule
from unmask.theory.curve import InformationCurve
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

CURVES = st.lists(st.floats(0, 3), min_size=1, max_size=9).map(lambda values: InformationCurve(sorted(values)[::-1]))


@given(CURVES)
def test_no_schedule_with_that_largest_step_costs_more(curve):
    for largest in range(1, curve.length + 1):
        found = worst_schedule(curve, largest)
        prices = [price(curve, Schedule(sizes)) for sizes in compositions(curve.length) if max(sizes) == largest]
        assert found.largest == largest
        assert found.length == curve.length
        assert price(curve, found) == pytest.approx(max(prices), abs=1e-12)


def test_the_worst_schedule_of_parity_ends_with_the_largest_step():
    assert worst_schedule(laws.Parity(10).curve(), 4).sizes[-1] >= 2


@pytest.mark.parametrize("largest", [0, 11])
def test_a_largest_step_outside_the_sequence_is_refused(largest):
    with pytest.raises(InputError, match="between 1 and the length 10"):
        worst_schedule(laws.Parity(10).curve(), largest)


def test_a_random_first_step_is_the_mean_over_first_steps():
    curve = laws.Permutation(7).curve()
    sizes = [(1, 3, 3), (2, 3, 2), (3, 3, 1)]
    assert random_first_step(curve, 3) == pytest.approx(np.mean([price(curve, Schedule(size)) for size in sizes]))
    assert all(later <= 3 for later in itertools.chain(*sizes))

"""Schedules as objects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.strategies import schedules
from unmask import InputError
from unmask.theory.schedule import Schedule


def test_a_schedule_knows_where_its_steps_start():
    schedule = Schedule([3, 5, 8])
    assert (schedule.length, schedule.steps, schedule.largest) == (16, 3, 8)
    assert schedule.sizes == (3, 5, 8) == tuple(schedule)
    assert schedule.revealed.tolist() == [0, 3, 8]
    assert len(schedule) == 3


@given(st.integers(1, 20).flatmap(lambda length: schedules(length)))
def test_overshoot_is_the_distance_to_the_end_of_the_step(schedule):
    expected = []
    for start, size in zip(schedule.revealed.tolist(), schedule.sizes, strict=True):
        expected += [start + size - inside for inside in range(start + 1, start + size)] + [0]
    assert schedule.overshoot.tolist() == expected[:-1]  # K = L is not inside


@pytest.mark.parametrize(
    "sizes", [[], [0], [3, -1], [1.5], [True], [2, 0, 2], [float("nan")], 5, None, [None], [[1, 2]], "35"]
)
def test_sizes_that_are_not_positive_whole_numbers_are_refused(sizes):
    with pytest.raises(InputError, match="sizes"):
        Schedule(sizes)


def test_a_schedule_of_another_length_is_refused_with_both_lengths():
    with pytest.raises(InputError, match="schedule reveals 4 tokens in all, but the length is 5"):
        Schedule([2, 2]).check_length(5)


def test_whole_floats_and_numpy_integers_are_sizes():
    assert Schedule(np.array([2, 3])) == Schedule([2.0, 3.0]) == Schedule([2, 3])
    assert hash(Schedule([2, 3])) == hash(Schedule((2, 3)))


def test_long_schedules_print_short():
    assert repr(Schedule([1, 2])) == "Schedule([1, 2])  # L=3, T=2"
    assert len(repr(Schedule.uniform(1000, 500))) < 120

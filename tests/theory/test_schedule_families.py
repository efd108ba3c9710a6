"""Named schedules: exactly T steps, and the minimax ones against every composition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import falling_curves
from unmask import InputError
from unmask.theory import bounds, schedule_families
from unmask.theory.schedule import Schedule

FAMILIES = {
    "uniform": Schedule.uniform,
    "cosine": Schedule.cosine,
    "arccos": Schedule.arccos,
    "power": lambda length, steps: Schedule.power(length, steps, 2.5),
    "exponential": Schedule.exponential,
    "logarithmic": Schedule.logarithmic,
    "geometric": Schedule.geometric,
    "shrinking geometric": lambda length, steps: Schedule.geometric(length, steps, 0.8),
    "total_correlation": Schedule.total_correlation,
    "dual_total_correlation": Schedule.dual_total_correlation,
    "logit": Schedule.logit,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_exactly_t_steps_for_every_t(family):
    for length in [*range(1, 34), 100]:
        for steps in range(1, length + 1):
            schedule = FAMILIES[family](length, steps)
            assert (schedule.length, schedule.steps) == (length, steps)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("length", "steps", "name"), [(8, 9, "steps"), (8, 0, "steps"), (0, 1, "length"), (8, 2.5, "steps")]
)
def test_more_steps_than_tokens_or_none_at_all_is_refused(family, length, steps, name):
    with pytest.raises(InputError, match=f"{name} is"):
        FAMILIES[family](length, steps)


@pytest.mark.parametrize("family", FAMILIES)
def test_long_sequences_are_no_trouble(family):
    assert FAMILIES[family](65536, 300).length == 65536


def test_even_split_gives_the_remainder_to_the_first_steps():
    assert schedule_families.uniform(10, 4) == [3, 3, 2, 2]


def test_cosine_follows_maskgit_where_no_step_is_empty():
    masked = np.rint(256 * np.cos(np.pi / 2 * np.arange(9) / 8))
    assert schedule_families.cosine(256, 8) == (-np.diff(masked)).tolist()


def test_geometric_sizes_grow_by_the_ratio_and_start_at_one_token_by_default():
    assert schedule_families.geometric(1023, 10) == [2**k for k in range(10)]
    assert schedule_families.geometric(62, 5, ratio=2.0) == [2, 4, 8, 16, 32]
    assert schedule_families.geometric(62, 5, ratio=0.5) == [32, 16, 8, 4, 2]


def test_exponential_reveals_geometric_counts():
    assert np.cumsum(schedule_families.exponential(1024, 10)).tolist() == [2**k for k in range(1, 11)]


@pytest.mark.parametrize(
    ("family", "factor"),
    [
        (schedule_families.total_correlation, bounds.total_correlation_factor),
        (schedule_families.dual_total_correlation, bounds.dual_total_correlation_factor),
        (schedule_families.logit, bounds.growth_complexity_factor),
        (schedule_families.uniform, bounds.total_information_factor),
    ],
)
@pytest.mark.parametrize("length", [1, 2, 7, 12])
def test_minimax_schedules_have_the_least_certificate_of_all_compositions(family, factor, length):
    for steps in range(1, length + 1):
        least = min(factor(Schedule(sizes)) for sizes in brute_force.compositions(length, steps))
        assert factor(Schedule(family(length, steps))) == pytest.approx(least, rel=1e-12, abs=1e-15)


def test_minimax_schedules_put_their_small_steps_where_the_doubt_is():
    assert schedule_families.total_correlation(64, 6) == sorted(
        schedule_families.total_correlation(64, 6), reverse=True
    )
    small_first = schedule_families.dual_total_correlation(64, 6)[:-1]  # the last step takes what is left
    assert small_first == sorted(small_first)
    logit = schedule_families.logit(64, 9)
    assert logit[0] < logit[4] > logit[-1]


@given(st.integers(1, 60), st.data())
def test_equal_steps_start_with_the_given_one_and_end_with_the_rest(length, data):
    size = data.draw(st.integers(1, length))
    first = data.draw(st.integers(1, size))
    sizes = schedule_families.equal_steps(length, size, first)
    assert (sizes[0], sum(sizes)) == (first, length)
    assert all(s == size for s in sizes[1:-1])
    assert 1 <= sizes[-1] <= size


@given(falling_curves(max_length=30), st.floats(0.01, 30))
def test_entropy_budget_fills_each_step_up_to_the_budget(curve, eta):
    schedule = Schedule.entropy_budget(curve, eta)
    assert schedule.length == curve.length
    for revealed, size in zip(schedule.revealed, schedule.sizes, strict=True):
        entropy = curve.values[revealed]
        assert size == 1 or size * entropy <= eta * (1 + 1e-12)
        assert revealed + size == curve.length or (size + 1) * entropy > eta * (1 - 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedule_families.geometric(8, 2, ratio=0.0), "ratio is 0"),
        (lambda: schedule_families.geometric(8, 2, ratio=float("inf")), "ratio is inf"),
        (lambda: schedule_families.power(8, 2, -1.0), "exponent is -1"),
        (lambda: schedule_families.equal_steps(8, 9, 1), "size is 9"),
        (lambda: schedule_families.equal_steps(8, 3, 4), r"first is 4; it must be a whole number, in 1..3"),
        (lambda: schedule_families.entropy_budget([1.0, 0.5], 0.0), "eta is 0"),
        (lambda: schedule_families.entropy_budget([1.0, 0.5], float("nan")), "eta is nan"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()

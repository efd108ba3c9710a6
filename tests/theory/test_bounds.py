"""Every bound holds for every falling curve and schedule, and is attained where it is said to be."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import brute_force
from reference.strategies import falling_curves, schedules
from unmask import InputError, laws
from unmask.theory import bounds
from unmask.theory.curve import InformationCurve
from unmask.theory.optimal import best_schedule, fewest_steps
from unmask.theory.price import price
from unmask.theory.schedule import Schedule

SLACK = 1e-9


def mds(length, dimension):
    """The curve of an MDS code, in units of log q."""
    return InformationCurve([1.0] * dimension + [0.0] * (length - dimension))


# The paper's theorems


@given(falling_curves(max_length=20), st.data())
def test_upper_bounds_are_ordered_and_above_every_schedule(curve, data):
    schedule = data.draw(schedules(curve.length))
    exact = price(curve, schedule)
    sharp, linear = bounds.sharp_upper(curve, schedule), bounds.linear_upper(curve, schedule)
    assert exact <= sharp + SLACK
    assert sharp <= linear + SLACK
    assert linear <= bounds.li_cai_upper(curve, schedule) + SLACK
    assert exact <= bounds.li_cai_sum_upper(curve, schedule.largest) + SLACK


@settings(max_examples=60)
@given(falling_curves(min_length=2, max_length=10))
def test_some_schedule_of_every_largest_step_exceeds_the_lower_bound(curve):
    dearest = {}
    for sizes in brute_force.compositions(curve.length):
        dearest[max(sizes)] = max(dearest.get(max(sizes), 0.0), price(curve, Schedule(sizes)))
    for largest, cost in dearest.items():
        assert bounds.li_cai_lower(curve, largest, constant=1 / 8) <= cost + SLACK


@given(falling_curves(), st.data())
def test_uniform_sizes_obey_the_corollary(curve, data):
    steps = data.draw(st.integers(1, curve.length))
    assert price(curve, Schedule.uniform(curve.length, steps)) <= bounds.li_cai_corollary(curve, steps) + SLACK


def test_the_papers_bound_is_attained_by_equal_tokens():
    equal = mds(16, 1)
    for first in (1, 2, 4, 8, 16):
        schedule = Schedule([first] * (16 // first))
        assert price(equal, schedule) == bounds.li_cai_upper(equal, schedule)


def test_the_papers_bounds_by_hand():
    curve = InformationCurve([3.0, 2.0, 1.5, 1.0])  # sum_i I = 4 * 2 = 8
    assert bounds.li_cai_upper(curve, Schedule([3, 1])) == pytest.approx(3 / 4 * 8)
    # s_max = 3: sizes of W are 4 - 3, 4 - 2, then 4 - 1 for ever; Z = 0, 1, 1.5, 2
    expected = 3 * (1.0 + 1.5 / 2 + 2 * (1 / 4 + 1 / 8 + 1 / 16 + 1 / 16))
    assert bounds.li_cai_sum_upper(curve, 3) == pytest.approx(expected)
    assert bounds.li_cai_lower(curve, 3) == pytest.approx(expected / 16)
    assert bounds.li_cai_lower(curve, 3, constant=1 / 8) == pytest.approx(expected / 8)
    assert bounds.li_cai_lower(curve, 1) == 0


def test_training_error_is_added_as_it_is():
    curve = mds(8, 3)
    for bound in (
        lambda error: bounds.li_cai_upper(curve, Schedule([4, 4]), error),
        lambda error: bounds.li_cai_corollary(curve, 2, error),
        lambda error: bounds.li_cai_lower(curve, 1, error),
        lambda error: bounds.li_cai_lower(curve, 4, error),
        lambda error: bounds.li_cai_sum_upper(curve, 4, error),
    ):
        assert bound(0.25) - bound(0.0) == pytest.approx(0.25)


# Sharp constants


@given(falling_curves(), st.data())
def test_equal_steps_after_a_uniform_first_one_cost_exactly_this(curve, data):
    size = data.draw(st.integers(1, curve.length))
    costs = [price(curve, Schedule.equal_steps(curve.length, size, first)) for first in range(1, size + 1)]
    assert bounds.equal_steps(curve, size) == pytest.approx(np.mean(costs), abs=SLACK)


@given(falling_curves(), st.data())
def test_equal_steps_lie_between_half_of_the_sharp_bound_and_all_of_it(curve, data):
    size = data.draw(st.integers(1, curve.length))
    sharp = bounds.sharp_upper(curve, Schedule.equal_steps(curve.length, size, size))
    assert sharp / 2 - SLACK <= bounds.equal_steps(curve, size) <= sharp + SLACK


@pytest.mark.parametrize("length", [5, 12, 31])
def test_mds_codes_attain_the_sharp_bound(length):
    for size in range(1, length):
        # one step of this size from one token before the dimension on: every later token of it is determined
        dimension = length - size + 1
        schedule = Schedule([1] * (length - size) + [size])
        assert price(mds(length, dimension), schedule) == bounds.sharp_upper(mds(length, dimension), schedule)


@given(falling_curves())
def test_as_many_steps_as_distinct_values_cost_nothing_and_fewer_do_not(curve):
    steps = bounds.exact_steps(curve)
    assert price(curve, best_schedule(curve, steps)) <= 1e-6
    if steps > 1:
        assert price(curve, best_schedule(curve, steps - 1)) > 1e-10


@given(falling_curves(min_length=2), st.data())
def test_a_random_first_step_obeys_its_bound_in_the_calls_that_are_made(curve, data):
    size = data.draw(st.integers(1, curve.length))
    made = [Schedule.equal_steps(curve.length, size, first).steps for first in range(1, size + 1)]
    calls = bounds.equal_steps_calls(curve.length, size)
    assert calls == pytest.approx(np.mean(made))
    assert bounds.equal_steps(curve, size) <= bounds.equal_steps_upper(curve, calls) + SLACK
    if calls > 1:
        weaker = bounds.li_cai_corollary(curve, 1, constant=0.5 / (calls - 1))  # C / T with C = T / (2(T - 1))
        assert bounds.equal_steps_upper(curve, calls) <= weaker + SLACK


def test_half_the_information_over_the_calls_that_are_made_is_no_bound():
    """Equal tokens, steps of 63 of 64: always two calls, and more than ½·ΣI/2."""
    equal = mds(64, 1)
    assert bounds.equal_steps_calls(64, 63) == 2
    assert bounds.equal_steps(equal, 63) > 1.9 * bounds.li_cai_corollary(equal, 2, constant=0.5)
    for size in (2, 5, 63, 64):
        calls = bounds.equal_steps_calls(64, size)
        assert bounds.equal_steps_upper(equal, calls) == pytest.approx(bounds.equal_steps(equal, size))
    assert bounds.equal_steps_upper(equal, 64) == bounds.equal_steps(equal, 1) == 0


# Single outputs


def binary_divergence(a, b):
    return sum(x * math.log(x / y) for x, y in ((a, b), (1 - a, 1 - b)) if x > 0)


@given(st.floats(0.01, 1.0), st.floats(0.0, 5.0))
def test_the_smallest_rate_is_as_far_from_the_rate_as_the_kl_allows(rate, kl):
    found = bounds.rate_at_least(rate, kl)
    assert 0 < found <= rate
    assert binary_divergence(rate, found) == pytest.approx(kl, abs=1e-6)


def test_rates_at_the_ends():
    assert bounds.rate_at_least(1.0, 0.1) == math.exp(-0.1)
    assert bounds.rate_at_least(0.0, 0.1) == 0.0
    assert bounds.rate_at_least(0.7, 0.0) == pytest.approx(0.7)
    assert bounds.impossible_at_most(0.1) == pytest.approx(1 - bounds.rate_at_least(1.0, 0.1))
    assert bounds.impossible_at_most(0.0) == 0
    assert bounds.impossible_at_most(math.inf) == 1


@pytest.mark.parametrize("sizes", [(4,), (1, 3), (2, 2), (3, 1)])
def test_checks_are_passed_no_less_often_than_data_processing_allows(sizes):
    """A wrong law in place of the sampler: all 16 texts, every set of them a check, the first rounds of subsets."""
    rng = np.random.default_rng(len(sizes))
    p = rng.dirichlet(np.full(16, 0.5))
    law = laws.Table(p.reshape((2,) * 4))
    texts = law.support()
    output = brute_force_output(law, texts, sizes)
    kl = float(p @ (np.log(p) - np.log(output)))
    for _ in range(200):
        chosen = rng.random(16) < 0.5
        assert output[chosen].sum() >= bounds.rate_at_least(min(1.0, float(p[chosen].sum())), kl) - 1e-12


def brute_force_output(law, texts, sizes):
    """(16,) probability of each text when the positions are revealed from left to right in steps of these sizes."""
    found, start = np.ones(len(texts)), 0
    for size in sizes:
        known = np.tile(np.arange(law.length) < start, (len(texts), 1))
        conditionals = law.conditionals(texts, known)
        for place in range(start, start + size):
            found = found * conditionals[np.arange(len(texts)), place, texts[:, place]]
        start += size
    return found


# Certificates


@given(falling_curves(max_length=16), st.data())
def test_certificates_hold_for_every_schedule_and_law(curve, data):
    schedule = data.draw(schedules(curve.length))
    known = {
        "total_correlation": curve.total_correlation,
        "dual_total_correlation": curve.dual_total_correlation,
        "growth_complexity": curve.growth_complexity,
        "total_information": curve.total_information,
    }
    singly = [bounds.certificate(schedule, **{name: value}) for name, value in known.items()]
    assert price(curve, schedule) <= min(singly) + SLACK
    assert bounds.certificate(schedule, **known) == min(singly)


@given(st.integers(2, 16).flatmap(schedules))
def test_every_certificate_is_attained_by_an_mds_code(schedule):
    length = schedule.length
    codes = [mds(length, dimension) for dimension in range(1, length)]
    for summary, factor in [
        ("total_correlation", bounds.total_correlation_factor),
        ("dual_total_correlation", bounds.dual_total_correlation_factor),
        ("growth_complexity", bounds.growth_complexity_factor),
    ]:
        ratios = [price(code, schedule) / getattr(code, summary) for code in codes]
        assert max(ratios) == pytest.approx(factor(schedule), abs=1e-12)


@given(st.integers(2, 10), st.data())
def test_no_schedule_promises_less_than_the_minimax_certificate(length, data):
    steps = data.draw(st.integers(1, length))
    for name in ("total_correlation", "dual_total_correlation", "growth_complexity", "total_information"):
        least = min(bounds.certificate(Schedule(s), **{name: 1.0}) for s in brute_force.compositions(length, steps))
        assert bounds.minimax_certificate(length, steps, **{name: 1.0}) == pytest.approx(least, abs=1e-12)


@given(falling_curves(), st.floats(1e-3, 5))
def test_chen_cong_li_steps_suffice(curve, epsilon):
    needed = fewest_steps(curve, epsilon / curve.length).steps
    assert needed <= bounds.chen_cong_li_steps(curve.total_correlation, curve.length, epsilon)
    assert needed <= bounds.chen_cong_li_steps(curve.dual_total_correlation, curve.length, epsilon)


def test_chen_cong_li_steps_by_hand():
    assert bounds.chen_cong_li_steps(2.5, 100, 1.0) == pytest.approx(2 + (1 + math.log(100)) * 4)


# Entropy budgets, estimates


@given(falling_curves(max_length=30), st.floats(0.01, 20))
def test_entropy_budgets_keep_their_promises(curve, eta):
    schedule = Schedule.entropy_budget(curve, eta)
    assert price(curve, schedule) <= bounds.entropy_budget_upper(curve, eta) + SLACK
    assert schedule.steps <= bounds.entropy_budget_steps(curve, eta) + SLACK


def test_an_entropy_budget_promises_nothing_when_the_last_token_is_certain():
    assert bounds.entropy_budget_upper(InformationCurve([1.0, 0.0]), 0.5) == math.inf
    assert bounds.entropy_budget_upper(InformationCurve([0.0, 0.0]), 0.5) == 0


def test_the_square_root_rule_gets_closer_as_steps_get_shorter_than_the_curve():
    curve = InformationCurve(3.0 * np.exp(-np.arange(4096) / 1000))
    for steps, tolerance in [(8, 0.1), (32, 0.03), (128, 0.01)]:
        best = price(curve, best_schedule(curve, steps))
        assert bounds.square_root_rule(curve, steps) == pytest.approx(best, rel=tolerance)


def test_the_rule_of_thumb_is_exact_on_a_linear_curve_up_to_one_part_in_l():
    curve = InformationCurve(np.linspace(1.0, 0.0, 64))
    for steps in (1, 2, 8, 32, 64):
        exact = price(curve, Schedule.uniform(64, steps))
        assert bounds.rule_of_thumb(curve, steps) == pytest.approx(exact * 63 / 64, abs=1e-12)


@given(falling_curves(min_length=3), st.data())
def test_planning_on_an_estimate_loses_at_most_the_regret(curve, data):
    noise = data.draw(st.lists(st.floats(-0.5, 0.5), min_size=curve.length, max_size=curve.length))
    estimate = InformationCurve(np.maximum(curve.values + noise, 0))
    for steps in range(1, curve.length + 1):
        loss = price(curve, best_schedule(estimate, steps)) - price(curve, best_schedule(curve, steps))
        assert loss <= bounds.regret(estimate, curve) + SLACK


# Bad input

RISING = InformationCurve([1.0, 2.0])
FALLING = InformationCurve([2.0, 1.0])


@pytest.mark.parametrize(
    "bound",
    [
        lambda curve: bounds.li_cai_upper(curve, Schedule([2])),
        lambda curve: bounds.li_cai_corollary(curve, 1),
        lambda curve: bounds.li_cai_lower(curve, 1),
        lambda curve: bounds.li_cai_lower(curve, 2),
        lambda curve: bounds.li_cai_sum_upper(curve, 2),
        lambda curve: bounds.equal_steps_upper(curve, 2),
        lambda curve: bounds.sharp_upper(curve, Schedule([2])),
        lambda curve: bounds.linear_upper(curve, Schedule([2])),
        lambda curve: bounds.exact_steps(curve),
        lambda curve: bounds.entropy_budget_upper(curve, 1.0),
        lambda curve: bounds.entropy_budget_steps(curve, 1.0),
        lambda curve: bounds.square_root_rule(curve, 1),
        lambda curve: bounds.rule_of_thumb(curve, 1),
    ],
)
def test_bounds_on_the_kl_need_a_falling_curve(bound):
    with pytest.raises(InputError, match="needs a non-increasing curve"):
        bound(RISING)
    bound(FALLING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.li_cai_upper(FALLING, Schedule([3])), "schedule reveals 3"),
        (lambda: bounds.li_cai_lower(FALLING, 3), r"s_max is 3; it must be a whole number, in 1..2"),
        (lambda: bounds.li_cai_corollary(FALLING, 3), "steps is 3"),
        (lambda: bounds.equal_steps(FALLING, 0), "size is 0"),
        (lambda: bounds.certificate(Schedule([2])), "certificate needs one of total_correlation"),
        (lambda: bounds.certificate(Schedule([2]), total_correlation=-1.0), "total_correlation is -1"),
        (lambda: bounds.certificate(Schedule([2]), growth_complexity=math.nan), "growth_complexity is nan"),
        (lambda: bounds.minimax_certificate(4, 2), "minimax_certificate needs one of"),
        (lambda: bounds.chen_cong_li_steps(1.0, 4, 0.0), "epsilon is 0"),
        (lambda: bounds.training_error(FALLING, InformationCurve([1.0]), Schedule([1])), "cross_entropy has length 2"),
        (lambda: bounds.equal_steps_calls(2, 3), "size is 3"),
        (lambda: bounds.equal_steps_upper(FALLING, 1.2), "calls is 1.2; a random first step takes 1.5 to 2"),
        (lambda: bounds.rate_at_least(1.2, 0.1), "rate is 1.2"),
        (lambda: bounds.rate_at_least(0.5, -0.1), "kl is -0.1"),
        (lambda: bounds.impossible_at_most(math.nan), "kl is nan"),
        (lambda: bounds.regret(FALLING, InformationCurve([1.0])), "estimate has length 2 and truth 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()

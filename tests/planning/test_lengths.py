"""Plans of a few lengths serve all: between measured lengths the exact price lies in the interval that is stated."""

import pytest

import unmask
from unmask.laws import catalogue
from unmask.planning.lengths import PlansByLength
from unmask.sampling.sample import sample


def law_of(length):
    return catalogue.from_name(f"markov_chain:length={length},vocab_size=2")


def exact(plan):
    return unmask.price(law_of(plan.length).curve(), plan.schedule) / plan.length


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_between_measured_lengths_the_exact_price_is_between_theirs(steps):
    """Exact curves of 16 and 64 tokens, no chance in it: what is interpolated is within a fifth, or a thousandth."""
    plans = PlansByLength([unmask.plan(law_of(length).curve(), steps=steps) for length in (64, 16)])
    for length in (20, 27, 32, 48, 57):
        found = plans.for_length(length)
        assert (found.length, found.steps, found.measured_length in (16, 64)) == (length, steps, True)
        price = exact(found)
        assert found.parallel_price.low - 1e-9 <= price <= found.parallel_price.high + 1e-9
        assert price == pytest.approx(found.parallel_price.value, rel=0.2, abs=1e-3)
        assert "interpolated between those measured at 16 and at 64" in found.notes[-1]
        assert not plans.is_extrapolated(length)


def test_at_a_measured_length_it_is_that_plan_and_beyond_it_says_extrapolated():
    made = [unmask.plan(law_of(length).curve(), steps=4) for length in (16, 64)]
    plans = PlansByLength(made)
    assert plans.for_length(16) is made[0]
    assert plans.for_length(64) is made[1]
    for length, end in ((8, made[0]), (128, made[1])):
        found = plans.for_length(length)
        assert "beyond the measured lengths" in found.notes[-1]
        assert found.parallel_price == end.parallel_price
        assert plans.is_extrapolated(length)
    assert plans.for_length(3).parallel_price.value == 0  # three steps of one token


def test_it_is_sampled_with_prompts_of_any_length():
    plans = PlansByLength([unmask.plan(law_of(length).curve(), steps=4) for length in (4, 12)])
    predictor = unmask.oracle(law_of(12))
    for prompt in ([], [0, 1], [0] * 8, [1] * 11):
        out = sample(predictor, plans, n=2, prompt=prompt or None)
        assert out.network_calls.tolist() == [min(4, 12 - len(prompt))] * 2


def test_plans_that_do_not_go_together_are_refused():
    plan = unmask.plan(law_of(8).curve(), steps=2)
    with pytest.raises(unmask.InputError, match="at least one plan"):
        PlansByLength([])
    with pytest.raises(unmask.InputError, match=r"of lengths \[8, 8\]"):
        PlansByLength([plan, plan])

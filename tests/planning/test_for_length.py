"""A plan for another length: the same shares of the tokens at every step, with its price per token carried over.

Exact prices of laws say how well that holds: where tokens depend on what is near them the price per token depends on
shares alone but for the ends of a text; where all depends on all it does not.
"""

import itertools

import numpy as np
import pytest

import unmask
from unmask.laws import catalogue
from unmask.planning.plan import Plan, stretched
from unmask.sampling.recipes import planned
from unmask.theory.reveal_orders import BitReversal, Given
from unmask.theory.schedule import Schedule

CHAIN = "markov_chain:length={},vocab_size=2"


def exact(length, schedule, order=None):
    """Nats per token under the chain of that length."""
    law = catalogue.from_name(CHAIN.format(length))
    costs = law.curve() if order is None else law.order_table(order.draw(length))
    return unmask.price(costs, schedule) / length


def test_stretched_sizes_add_up_and_are_nearest_to_the_shares():
    for sizes, length in itertools.product([(1,), (3, 5), (1, 1, 6), (5, 2, 1), (8, 8, 8, 40)], range(1, 70)):
        schedule = Schedule(sizes)
        found = stretched(schedule, length)
        assert found.length == length
        assert found.steps == min(schedule.steps, length)
        if length >= schedule.length:  # then no step is squeezed
            assert np.abs(found.revealed / length - schedule.revealed / schedule.length).max() <= 0.5 / length + 1e-12
    assert stretched(Schedule((3, 5)), 8).sizes == (3, 5)
    assert stretched(Schedule((3, 5)), 16).sizes == (6, 10)


def test_on_a_chain_the_price_per_token_is_carried_over():
    """From 32 tokens in uniform order to 16 .. 128: within a sixth; shorter texts cost less, longer ones more."""
    plan = unmask.plan(catalogue.from_name(CHAIN.format(32)).curve(), steps=4)
    prices = {length: exact(length, plan.for_length(length).schedule) for length in (16, 24, 48, 64, 128)}
    assert list(prices.values()) == sorted(prices.values())
    for length, price in prices.items():
        assert plan.for_length(length).parallel_price == plan.parallel_price
        assert price == pytest.approx(plan.parallel_price.value, rel=1 / 6), length


def test_where_so_many_tokens_fix_all_others_the_price_is_not_carried_over():
    """A code of 8 free tokens: 2 steps of 8 are free in 16 tokens, and of 128 the first 64 are drawn as if free."""
    plan = unmask.plan(catalogue.from_name("mds_code:length=16,dimension=8").curve(), steps=2)
    longer = plan.for_length(128)
    law = catalogue.from_name("mds_code:length=128,dimension=8,vocab_size=131")
    assert plan.schedule.sizes == (8, 8)
    assert longer.parallel_price.value == pytest.approx(0, abs=1e-12)
    assert unmask.price(law.curve(), longer.schedule) == pytest.approx((64 - 8) * np.log(131))


def test_a_plan_says_that_its_price_was_carried_over_and_from_where(tmp_path):
    law = catalogue.from_name(CHAIN.format(16))
    measured = unmask.measure(unmask.oracle(law), law.sample(40, 0), orders=[BitReversal(shift=False)])
    plan = unmask.plan(measured, steps=4)
    longer = plan.for_length(20).for_length(40)
    assert (longer.length, longer.steps, longer.measured_length) == (40, 4, 16)
    assert "carried over from 16 tokens to 40" in longer.notes[-1]
    assert longer.for_length(16).schedule == plan.schedule
    assert plan.for_length(16) is plan
    loaded = Plan.load(longer.save(tmp_path / "p.plan.json"))
    assert loaded.to_dict() == longer.to_dict()


def test_with_no_more_tokens_than_steps_it_is_one_at_a_time_and_free():
    plan = unmask.plan(catalogue.from_name(CHAIN.format(16)).curve(), steps=6)
    short = plan.for_length(5)
    assert short.schedule == Schedule([1] * 5)
    assert short.parallel_price.value == short.at_most == 0
    assert short.step_prices == (0.0,) * 5
    np.testing.assert_allclose(exact(5, short.schedule), 0, atol=1e-12)


def test_a_permutation_serves_its_own_length_alone():
    law = catalogue.from_name(CHAIN.format(8))
    mine = {"mine": Given([3, 1, 2, 0, 7, 6, 5, 4])}
    measured = unmask.measure(unmask.oracle(law), law.sample(40, 0), orders=mine)
    plan = unmask.plan(measured, steps=3, order="mine")
    with pytest.raises(unmask.InputError, match="permutation of 8 positions and there are 6"):
        plan.for_length(6)
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(unmask.InputError, match="expected a number of tokens, at least 1"):
            plan.for_length(wrong)


def test_sampling_takes_prompts_of_any_length_and_costs_what_the_stretched_plan_does():
    """Exact score of what is run after a prompt, against that of the plan for the tokens that are left."""
    law = catalogue.from_name(CHAIN.format(12))
    predictor = unmask.oracle(law)
    plan = unmask.plan(law.curve(), steps=4)
    prompts = [[0], [0, 1, 1], [0] * 9]
    rows = [unmask.sample(predictor, planned(plan), n=2, prompt=prompt) for prompt in prompts]
    assert [out.network_calls.tolist() for out in rows] == [[4, 4], [4, 4], [3, 3]]
    for out, prompt in zip(rows, prompts, strict=True):
        assert (out.tokens[:, : len(prompt)].numpy() == prompt).all()
        again = unmask.sample(predictor, plan.for_length(12 - len(prompt)), n=2, prompt=prompt)
        assert (again.tokens == out.tokens).all()
    with pytest.raises(unmask.InputError, match=r"reveals 12 tokens, but there are 9 masked .*\(3 are given\)"):
        unmask.sample(predictor, plan.schedule, prompt=[0, 1, 1])  # bare sizes are what they are

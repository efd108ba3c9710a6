"""Choosing plans: the best by the fitting half, priced on the other, and every wish that cannot be met."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.laws import catalogue
from unmask.measuring.estimate import Estimate
from unmask.measuring.measure import measure
from unmask.planning.known_curve import KnownCurve, read_curve
from unmask.planning.planner import ONLY_UNIFORM, BudgetNotKept, Planner
from unmask.theory.curve import InformationCurve
from unmask.theory.reveal_orders import Uniform
from unmask.theory.schedule import Schedule


def compositions(length, steps):
    for cuts in itertools.combinations(range(1, length), steps - 1):
        yield Schedule(np.diff([0, *cuts, length]).tolist())


@pytest.mark.parametrize("steps", [2, 4])
def test_no_order_and_sizes_are_cheaper_by_the_models_own_entropies(measured, steps):
    """On the fitting half, with what the orders cost one at a time where that is told from nothing."""
    fit, _ = measured.split()
    planner = Planner(measured)
    best = min(
        fit.costs_of(name).parallel_prices(sizes, "entropies").mean()
        for name in ["uniform", *fit.orders]
        for sizes in compositions(12, steps)
    )
    assert planner.ranked(steps)[0].fitted_price == pytest.approx(best, abs=0.02)
    assert all(choice.fitted_price >= best - 1e-9 for choice in planner.ranked(steps))


@pytest.mark.parametrize("steps", [1, 3, 5, 12])
def test_both_prices_are_stated_on_the_other_half(measured, steps):
    plan = unmask.plan(measured, steps)
    _, held = measured.split()
    name = next((name for name, costs in measured.orders.items() if costs.order == plan.order), "uniform")
    prices, effects = held.parallel_prices(plan.schedule, name) / 12, held.order_effects(name) / 12
    assert plan.parallel_price.value == pytest.approx(prices.mean(), abs=1e-12)
    assert plan.parallel_price.half_width == pytest.approx(Estimate.of_mean(prices, 0.95).half_width)
    assert plan.price.value == pytest.approx((prices + effects).mean(), abs=1e-12)
    assert plan.price.half_width == pytest.approx(Estimate.of_mean(prices + effects, 0.95).half_width)
    assert plan.order_effect.value == pytest.approx(effects.mean())
    assert plan.at_most == pytest.approx(Estimate.of_mean(prices, 0.9, held.documents).high)
    assert plan.price.count == 200
    assert plan.one_at_a_time == pytest.approx(held.curve.entropy / 12)
    assert sum(plan.step_prices) == pytest.approx(plan.parallel_price.value, abs=1e-9)
    assert plan.bounds["uniform_schedule"] == pytest.approx(held.price(Schedule.uniform(12, steps)) / 12)
    assert plan.bounds["li_cai_lower"] <= plan.bounds["li_cai_upper"]
    assert (plan.steps, plan.length, plan.curve_digest) == (steps, 12, measured.digest)


def test_in_one_step_all_orders_are_the_uniform_one(measured):
    assert unmask.plan(measured, 1).order == Uniform()
    assert unmask.plan(measured, 1, order="left_to_right").order.name == "left_to_right"


def test_a_wider_confidence_makes_a_wider_interval(measured):
    narrow, wide = (unmask.plan(measured, 3, confidence=share).price for share in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high


def test_an_order_by_name_is_kept_to(measured):
    assert unmask.plan(measured, 3, order="uniform").order == Uniform()
    assert unmask.plan(measured, 3, order="left_to_right").order.name == "left_to_right"


def test_a_budget_is_kept_by_the_last_of_the_plans_that_pass_one_after_the_other(measured):
    planner = Planner(measured)
    limits = [planner.plan(steps).at_most for steps in range(1, 13)]
    for budget in (0.002, 0.05, 0.3, 5.0):
        steps = planner.plan(budget=budget).steps
        assert all(limit <= budget for limit in limits[steps - 1 :])
        assert steps == 1 or limits[steps - 2] > budget
        estimated = planner.plan(budget=budget, at_estimate=True)
        assert estimated.steps <= steps
        assert estimated.parallel_price.value <= budget


def test_a_budget_that_no_number_of_steps_is_known_to_keep_says_what_would_help(chain):
    few = measure(unmask.oracle(chain), chain.sample(12, 0))
    with pytest.raises(
        BudgetNotKept, match=r"no number of steps below 12 is 95% sure to cost at most 1e-05 nats"
    ) as caught:
        unmask.plan(few, budget=1e-5, order="uniform")
    assert re.search(r"11 steps cost \S+, at most \S+; allow", str(caught.value))
    assert not isinstance(caught.value, InputError)


def test_a_budget_holds_as_often_as_it_says(chain):
    """60 repetitions on 60 texts, exact prices. More than 9 of 60 above the budget when 1 in 20 may be: once in 900."""
    curve, above = chain.curve(), 0
    for repetition in range(60):
        found = measure(
            unmask.oracle(chain), chain.sample(60, 3000 + repetition), seed=repetition, batch_size=60,
            source=str(repetition),
        )  # fmt: skip
        plan = unmask.plan(found, budget=0.05)
        above += unmask.price(curve, plan.schedule) / 12 > 0.05
    assert above <= 9


def test_more_steps_never_cost_more_by_what_they_are_fitted_to(measured):
    planner = Planner(measured)
    for order in ("uniform", "bit_reversal"):
        prices = [next(c for c in Planner(measured, order).ranked(steps)).fitted_price for steps in range(1, 13)]
        assert np.all(np.diff(prices) <= 0.02)
    assert planner.ranked(12)[0].fitted_price == pytest.approx(0, abs=0.02)


def test_sizes_of_a_noisy_repetition_are_fitted_to_shape_not_to_noise():
    """Fitted to the losses of 30 texts, 16 steps cost 0.6 nats; equal sizes 0.675, the best 0.013."""
    law = catalogue.from_name("repeated:length=64,vocab_size=3,noise=0.4")
    prices = []
    for repetition in range(4):
        texts = law.sample(60, np.random.default_rng([repetition, 5]))
        found = measure(unmask.oracle(law), texts, seed=repetition, batch_size=60, source=str(repetition))
        prices.append(unmask.price(law.curve(), unmask.plan(found, 16).schedule))
    assert np.mean(prices) < 0.07


def test_sizes_are_fitted_to_losses_where_entropies_tell_another_price(measured):
    """A model that is four times too sure of what one token says of another."""
    wrong = replace(
        measured.uniform, entropies=measured.uniform.entropies / 4,
        parallel_entropies=measured.uniform.parallel_entropies / 4,
    )  # fmt: skip
    plan = unmask.plan(replace(measured, uniform=wrong, orders={}), 4)
    assert "order uniform: the model's own entropies put equal steps at" in plan.notes[0]
    assert "sizes are fitted to its losses" in plan.notes[0]
    assert unmask.plan(replace(measured, orders={}), 4).notes == (ONLY_UNIFORM,)


def test_a_plan_is_no_dearer_than_equal_sizes_in_the_same_order():
    """Ising chain, 30 texts to fit: exact prices of 8 plans of 16 steps, against equal sizes, 0.581 nats."""
    law = catalogue.from_name("ising_chain:length=64,coupling=0.8")
    equal = unmask.price(law.curve(), Schedule.uniform(64, 16))
    for repetition in range(8):
        texts = law.sample(60, 100 + repetition)
        found = measure(unmask.oracle(law), texts, seed=repetition, batch_size=60, source=str(repetition))
        assert unmask.price(law.curve(), unmask.plan(found, 16).schedule) < 1.03 * equal


def test_more_steps_than_counts_split_what_was_measured(chain):
    counts = [0, 2, 6, 11]
    found = measure(
        unmask.oracle(chain), chain.sample(80, 0), counts=counts, orders=["left_to_right"],
        order_counts={"left_to_right": counts},
    )  # fmt: skip
    planner = Planner(found, "left_to_right")
    finest = planner.plan(4)
    assert np.cumsum(finest.schedule.sizes).tolist() == [2, 6, 11, 12]
    assert not finest.notes
    finer = planner.plan(7)
    assert set(np.cumsum(finest.schedule.sizes)) < set(np.cumsum(finer.schedule.sizes))
    assert 0 < finer.parallel_price.value < finest.parallel_price.value
    assert "steps begin between the measured counts of order left_to_right" in finer.notes[0]
    exact = unmask.price(chain.order_table(np.arange(12)), finer.schedule) / 12
    assert finer.parallel_price.low < exact < finer.parallel_price.high
    assert planner.plan(12).parallel_price.value == 0


def test_a_file_is_planned_by_its_path(measured, tmp_path):
    path = measured.save(tmp_path / "m.curve.json")
    assert unmask.plan(path, 4) == unmask.plan(str(path), 4) == unmask.plan(measured, 4)


@pytest.mark.parametrize("price_per_call", [0.0, 0.01, 0.3, 2.0, 50.0])
def test_calls_are_bought_while_they_are_worth_their_price(measured, price_per_call):
    planner = Planner(measured)
    totals = [planner.ranked(steps)[0].fitted_price + price_per_call * steps for steps in range(1, 13)]
    steps = planner.plan(price_per_call=price_per_call).steps
    assert totals[steps - 1] == pytest.approx(min(totals), abs=1e-6)


def test_a_plan_of_several_parts_costs_their_mean(measured):
    plan = unmask.plan(measured, 4, parts=3)
    _, held = measured.split()
    names = [choice.order for choice in Planner(measured).ranked(4)[:3]]
    prices = [held.price(part.schedule, name) for part, name in zip(plan.parts, names, strict=True)]
    assert plan.price.value == pytest.approx(np.mean(prices) / 12)
    assert sum(plan.step_prices) == pytest.approx(plan.parallel_price.value)
    assert plan.steps == 4


def test_uniform_order_is_not_fitted_to_noise(chain):
    """40 texts: the raw curve rises somewhere, and sizes that live off that would promise less than nothing."""
    noisy = measure(unmask.oracle(chain), chain.sample(40, 5))
    assert not noisy.curve.is_monotone
    assert all(Planner(noisy).ranked(steps)[0].fitted_price >= -1e-9 for steps in range(1, 13))


# Curves alone


@pytest.mark.parametrize("name", ["markov_chain", "permutation", "polya_urn"])
def test_a_curve_alone_is_planned_exactly(name):
    curve = catalogue.from_name(name).curve()
    for steps in (1, 3, 8, curve.length):
        plan = unmask.plan(curve, steps)
        best = unmask.best_schedule(curve, steps)
        assert plan.price.is_exact
        assert plan.price.value == pytest.approx(unmask.price(curve, best) / curve.length, abs=1e-9)
        assert plan.parallel_price == plan.price
    assert unmask.plan(curve, budget=0.01).steps == unmask.fewest_steps(curve, 0.01).steps


def test_a_curve_with_errors_but_without_texts_gets_an_interval_for_the_worst_case():
    curve = InformationCurve([2.0, 1.0, 0.5, 0.5], [0.1, 0.1, 0.0, 0.0])
    found = KnownCurve(curve).interval(Schedule([2, 2]))
    assert found.value == pytest.approx(2 * 2.0 + 2 * 0.5 - 4.0)
    assert found.high - found.value == pytest.approx(1.96 * (1 * 0.1 + 1 * 0.1), rel=1e-3)


def test_a_curve_alone_has_no_other_order():
    with pytest.raises(InputError, match="prices in uniform order only; measure the model"):
        unmask.plan(InformationCurve([2.0, 1.0]), 1, order="bit_reversal")


def test_a_curve_is_read_from_a_list_or_an_object(tmp_path):
    path = tmp_path / "c.json"
    path.write_text("[2.0, 1.0, 0.5]")
    assert read_curve(path).values.tolist() == [2.0, 1.0, 0.5]
    path.write_text('{"values": [2.0, 1.0], "stderr": [0.1, 0.2]}')
    assert read_curve(path).stderr.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1.0, -2.0]", "never negative"),
        ('["a"]', "expected a number"),
        ("{}", "holds no curve"),
        ("3", "holds no curve"),
        ("[", "not a JSON file"),
        ('{"values": [[1.0]]}', "expected a number"),
    ],
)
def test_a_file_without_a_curve_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_curve(path)
    assert str(path) in str(caught.value)


# Wishes that cannot be met


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "exactly one of steps"),
        ({"steps": 3, "budget": 0.1}, "exactly one of steps"),
        ({"steps": 0}, "steps is 0; expected a whole number from 1 to 12"),
        ({"steps": 13}, "steps is 13; expected a whole number from 1 to 12"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"budget": -1.0}, "budget is -1.0; expected nats per token above 0, such as 0.05"),
        ({"budget": 0}, "budget is 0; expected nats per token above 0"),
        ({"budget": 0.1, "confidence": 0.4}, "confidence is 0.4; a budget is kept with one above 0.5"),
        ({"budget": float("nan")}, "budget is nan"),
        ({"price_per_call": -1.0}, "price_per_call is -1.0"),
        ({"steps": 3, "order": "bisection"}, "order 'bisection' was not measured; measured are uniform, bit_reversal"),
        ({"steps": 3, "confidence": 95}, "confidence is 95"),
        ({"steps": 3, "parts": 5}, "parts is 5; 4 orders were measured"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(measured, options, words):
    with pytest.raises(InputError, match=words) as caught:
        unmask.plan(measured, **options)
    assert "\n" not in str(caught.value)


def test_too_few_texts_cannot_be_fitted_and_priced(chain):
    few = measure(unmask.oracle(chain), chain.sample(3, 0))
    with pytest.raises(InputError, match="3 texts were measured; fitting on one half and pricing on the other needs 4"):
        unmask.plan(few, 3)

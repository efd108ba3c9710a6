"""Choosing plans: the best by the fitting half, priced on the other, and every wish that cannot be met."""

import itertools

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.laws import catalogue
from unmask.planning.known_curve import KnownCurve, read_curve
from unmask.planning.planner import Planner
from unmask.theory.curve import InformationCurve
from unmask.theory.reveal_orders import Uniform
from unmask.theory.schedule import Schedule


def compositions(length, steps):
    for cuts in itertools.combinations(range(1, length), steps - 1):
        yield Schedule(np.diff([0, *cuts, length]).tolist())


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_no_order_and_sizes_are_cheaper_on_the_fitting_half(measured, steps):
    fit, _ = measured.split()
    best = min((fit.price(sizes, name), name) for name in ["uniform", *fit.orders] for sizes in compositions(12, steps))
    chosen = Planner(measured).ranked(steps)[0]
    assert chosen.order == best[1]
    assert chosen.fitted_price == pytest.approx(best[0], abs=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 5, 12])
def test_the_price_is_stated_on_the_other_half(measured, steps):
    plan = unmask.plan(measured, steps)
    _, held = measured.split()
    name = next((name for name, costs in measured.orders.items() if costs.order == plan.order), "uniform")
    assert plan.price == held.interval(plan.schedule, 0.95, name)
    assert plan.price.count == 200
    assert plan.one_at_a_time == pytest.approx(held.curve.entropy)
    assert sum(plan.step_prices) == pytest.approx(plan.price.value, abs=1e-9)
    assert plan.bounds["uniform_schedule"] == pytest.approx(held.price(Schedule.uniform(12, steps)))
    assert plan.bounds["li_cai_lower"] <= plan.bounds["li_cai_upper"]
    assert (plan.steps, plan.length, plan.curve_digest) == (steps, 12, measured.digest)


def test_a_wider_confidence_makes_a_wider_interval(measured):
    narrow, wide = (unmask.plan(measured, 3, confidence=share).price for share in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high


def test_an_order_by_name_is_kept_to(measured):
    assert unmask.plan(measured, 3, order="uniform").order == Uniform()
    assert unmask.plan(measured, 3, order="left_to_right").order.name == "left_to_right"


def test_the_fewest_steps_within_a_budget(measured):
    planner = Planner(measured)
    fitted = [planner.ranked(steps)[0].fitted_price / 12 for steps in range(1, 13)]
    for budget in (0.0, 0.002, 0.05, 0.3, 5.0):
        steps = planner.plan(budget=budget).steps
        assert fitted[steps - 1] <= budget + 1e-9
        assert all(price > budget for price in fitted[: steps - 1])


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
    assert plan.price.value == pytest.approx(np.mean(prices))
    assert sum(plan.step_prices) == pytest.approx(np.mean(prices))
    assert plan.steps == 4


def test_uniform_order_is_not_fitted_to_noise(chain):
    """40 texts: the raw curve rises somewhere, and sizes that live off that would promise less than nothing."""
    noisy = unmask.measure(unmask.oracle(chain), chain.sample(40, 5))
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
        assert plan.price.value == pytest.approx(unmask.price(curve, best), abs=1e-9)
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
        ({"budget": -1.0}, "budget is -1 nats per token, but the measured orders get down to"),
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
    few = unmask.measure(unmask.oracle(chain), chain.sample(3, 0))
    with pytest.raises(InputError, match="3 texts were measured; fitting on one half and pricing on the other needs 4"):
        unmask.plan(few, 3)

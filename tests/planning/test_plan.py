"""The plan: what the sampler draws from it, blocks, and its file."""

import json

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.measuring.estimate import Estimate
from unmask.planning.plan import Part, Plan
from unmask.theory.reveal_orders import BitReversal, Given, LeftToRight, Uniform
from unmask.theory.schedule import Schedule


def made(*parts):
    return Plan(
        tuple(Part(*part) for part in parts), Estimate(0.6, 0.3, 0.9, 0.95, 100, 9), 20.0, (0.1, 0.4),
        {"li_cai_upper": 2.0}, 7, {"name": "m"}, notes=("only the uniform order was measured",),
        parallel_price=Estimate(0.5, 0.4, 0.6, 0.95, 100, 9), order_effect=Estimate(0.1, 0.0, 0.2, 0.95, 100, 9),
        at_most=0.58,
    )  # fmt: skip


TWO = made((Uniform(), Schedule([2, 6])), (Given([7, 6, 5, 4, 3, 2, 1, 0]), Schedule([3, 5])))


def test_a_row_uses_one_of_the_parts_each_equally_often():
    """1,000 draws of two parts: four standard deviations of the binomial are 63."""
    seen = [TWO.draw(seed) for seed in range(1000)]
    second = [schedule.sizes == (3, 5) for _, schedule in seen]
    assert abs(sum(second) - 500) < 63
    for permutation, schedule in seen:
        assert sorted(permutation) == list(range(8))
        if schedule.sizes == (3, 5):
            assert permutation.tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_the_same_seed_draws_the_same_row():
    for seed in range(20):
        assert TWO.draw(seed)[0].tolist() == TWO.draw(seed)[0].tolist()


def test_a_plan_says_how_many_calls_a_row_takes():
    assert TWO.steps == 2
    assert made((Uniform(), Schedule([8])), (Uniform(), Schedule([3, 5]))).steps == 1.5
    assert (TWO.length, TWO.schedule.sizes, TWO.order) == (8, (2, 6), Uniform())
    assert TWO.price_per_token == TWO.price


def test_what_is_saved_comes_back(tmp_path):
    again = Plan.load(TWO.save(tmp_path / "p.plan.json"))
    assert again == TWO
    for seed in range(5):
        assert again.draw(seed)[0].tolist() == TWO.draw(seed)[0].tolist()


def test_the_file_says_what_it_is_valid_for(tmp_path):
    stored = json.loads(TWO.save(tmp_path / "p.plan.json").read_text())
    assert stored["format"] == "unmask.plan/2"
    assert (stored["order"], stored["sizes"], stored["mask_token_id"]) == ("uniform", [2, 6], 7)
    assert "temperature 1" in stored["valid_for"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("format", "unmask.curve/1", "has format 'unmask.curve/1'"),
        ("sizes", [2, 0, 6], r"sizes\[1\] is 0"),
        ("sizes", [2, 7], "reveals 9 tokens|reveals 8 tokens"),
        ("length", 9, "but the length is 9"),
        ("order", "sideways", "there is no reveal order 'sideways'"),
        ("order", [0, 0, 1, 2, 3, 4, 5, 6], "permutation must hold each"),
        ("order", [1, 0], "for length 2"),
        ("format", "unmask.plan/1", "has format 'unmask.plan/1'; expected 'unmask.plan/2'"),
        ("price", {"value": 1}, "not a whole unmask.plan/2 file"),
        ("parallel_price", 0.5, "not a whole unmask.plan/2 file"),
        ("alternatives", None, "not a whole unmask.plan/2 file"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_one_line(tmp_path, field, value, words):
    path = TWO.save(tmp_path / "p.plan.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(InputError, match=words) as caught:
        Plan.load(path)
    assert "\n" not in str(caught.value)


def test_a_plan_for_a_block_is_repeated_from_left_to_right():
    plan = made((BitReversal(shift=False), Schedule([1, 3])), (Given([3, 2, 1, 0]), Schedule([2, 2]))).repeated(2)
    assert plan.length == 8
    assert plan.steps == 4
    assert (plan.parallel_price.value, plan.one_at_a_time) == (0.5, 20.0)  # per token, whatever the blocks
    assert plan.step_prices == (0.05, 0.2, 0.05, 0.2)
    drawn = {schedule.sizes: permutation.tolist() for permutation, schedule in map(plan.draw, range(20))}
    assert drawn == {(1, 3, 1, 3): [0, 2, 1, 3, 4, 6, 5, 7], (2, 2, 2, 2): [3, 2, 1, 0, 7, 6, 5, 4]}
    with pytest.raises(InputError, match="times is 0"):
        plan.repeated(0)


def test_a_repeated_plan_survives_its_file(tmp_path):
    plan = made((LeftToRight(), Schedule([1, 3])), (Given([3, 2, 1, 0]), Schedule([2, 2]))).repeated(3)
    assert Plan.load(plan.save(tmp_path / "p.plan.json")) == plan


def test_parts_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="reveals 9 tokens"):
        made((Uniform(), Schedule([8])), (Uniform(), Schedule([9])))
    with pytest.raises(InputError, match="parts is empty"):
        made()


def test_the_sampler_reveals_what_the_plan_says(chain):
    order = Given(np.random.default_rng(0).permutation(12))
    plan = Plan((Part(order, Schedule([1, 4, 7])),), Estimate.exactly(0.0), 1.0, (0.0,) * 3)
    out = unmask.sample(unmask.oracle(chain), plan, n=3, seed=0)
    assert out.network_calls.tolist() == [3, 3, 3]

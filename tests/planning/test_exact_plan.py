"""Draft sizes and what they cost, against brute force and against every run of the sampler."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import unmask
from reference.every_run import Chosen, chance_of_speculation, every_run
from unmask import recipes
from unmask.measuring import overlaps as overlaps_module
from unmask.measuring.overlap_table import Overlaps
from unmask.measuring.overlaps import measure_overlaps
from unmask.planning.exact_plan import ExactPlan, best_sizes, foretold, plan_exact

LENGTH, LARGEST = 5, 4


def random_survival(seed, texts=8, length=LENGTH, largest=LARGEST):
    rng = np.random.default_rng(seed)
    table = np.cumprod(rng.uniform(0.3, 1, (texts, length, largest)), axis=2)
    inside = np.arange(1, largest + 1) <= length - np.arange(length)[:, None]
    inside[0] = False
    return np.where(inside, table, 0.0)


def overlaps(*seeds):
    orders = {f"order {seed}": (unmask.orders.LeftToRight(), random_survival(seed)) for seed in seeds}
    return Overlaps(LENGTH, LARGEST, "token", tuple(f"{n:x}" for n in range(8)), orders, {"name": "a table"}, {})


def walked(survival, sizes, revealed=1):
    """Rounds and canvases from here on, outcome by outcome."""
    length = len(survival)
    if revealed == length:
        return np.zeros(2)
    size = min(sizes[revealed], length - revealed)
    stands = [1.0, *survival[revealed, :size]]
    total = np.array([1.0, size])
    for count in range(size):
        total += (stands[count] - stands[count + 1]) * walked(survival, sizes, revealed + count + 1)
    return total + stands[size] * walked(survival, sizes, revealed + size)


@pytest.mark.parametrize("seed", range(3))
def test_the_chain_is_the_walk_over_all_outcomes(seed):
    survival, sizes = random_survival(seed), [1, 3, 1, 2, 1]
    rounds, canvases = foretold(survival, sizes)
    for row in range(len(survival)):
        assert [rounds[row], canvases[row]] == pytest.approx(1 + walked(survival[row], sizes))


@pytest.mark.parametrize("price", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_sizes_cost_less(seed, price):
    survival = random_survival(seed)[0]
    cost = lambda sizes: float(walked(survival, sizes) @ [1, price])  # noqa: E731
    every = itertools.product([1], *(range(1, min(LARGEST, LENGTH - a) + 1) for a in range(1, LENGTH)))
    assert cost(best_sizes(survival, price)) == pytest.approx(min(map(cost, every)))


def test_canvases_that_are_free_ask_for_the_longest_drafts_and_dear_ones_for_single_tokens():
    assert best_sizes(random_survival(0)[0], 0.0).tolist() == [1, 4, 3, 2, 1]
    assert best_sizes(random_survival(0)[0], 10.0).tolist() == [1] * 5


def test_the_cheapest_order_is_chosen_on_one_half_and_foretold_on_the_other():
    found = overlaps(0, 1, 2)
    plan = plan_exact(found, 0.1)
    choosing, foretelling = found.halves()
    costs = {}
    for name in found.orders:
        sizes = best_sizes(found.survival(name)[choosing].mean(0), 0.1)
        rounds, canvases = foretold(found.survival(name)[choosing], sizes)
        costs[name] = (rounds + 0.1 * canvases).mean()
    name = min(costs, key=costs.get)
    rounds, canvases = foretold(found.survival(name)[foretelling], plan.sizes)
    assert plan.rounds.value == pytest.approx(rounds.mean())
    assert plan.canvases.value == pytest.approx(canvases.mean())
    assert plan.rounds.low < plan.rounds.value < plan.rounds.high
    assert plan.cost == pytest.approx(plan.rounds.value + 0.1 * plan.canvases.value)
    assert plan_exact(found, 0.1, order="order 1").rounds.value != plan.rounds.value or name == "order 1"


def test_one_size_throughout_can_be_foretold_too():
    plan = plan_exact(overlaps(0), 0.1, draft=2)
    assert plan.sizes == (1, 2, 2, 2, 1)


def test_the_file_is_read_back_as_it_was_written(tmp_path):
    plan = plan_exact(overlaps(0), 0.1)
    path = plan.save(tmp_path / "a.json")
    assert ExactPlan.load(path) == plan
    path.write_text(path.read_text().replace('"length": 5', '"length": 6'))
    with pytest.raises(unmask.InputError, match="5 sizes for 6 tokens"):
        ExactPlan.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price_per_canvas": -1}, "price_per_canvas is -1; expected a number of rounds"),
        ({"order": "sideways"}, "order 'sideways' was not measured; there are order 0"),
        ({"draft": 5}, "draft is 5; expected 1 to 4"),
    ],
)
def test_a_bad_argument_is_said_in_one_line(arguments, message):
    with pytest.raises(unmask.InputError, match=message):
        plan_exact(overlaps(0), **arguments)


def test_too_few_texts_are_said_in_one_line():
    found = overlaps(0)
    few = Overlaps(5, 4, "token", ("a", "b"), found.orders, {}, {})
    with pytest.raises(unmask.InputError, match="needs 4"):
        plan_exact(few)


@pytest.mark.parametrize("rule", ["token", "block"])
def test_what_is_foretold_is_what_all_runs_cost_on_average(monkeypatch, rule):
    """Every run of the sampler on a law, and every text of the law with its probability: no sample on either side.

    A forecast takes tokens that stand to be like any others, which is not quite so: 1 % is allowed for it.
    """
    weights = np.random.default_rng(0).dirichlet(np.full(16, 0.7)).reshape((2,) * 4)
    law = unmask.laws.Table(weights)
    network, sizes = unmask.oracle(law), (1, 3, 2, 1)
    sampler = recipes.exact("left_to_right", sizes, rule)
    monkeypatch.setattr(overlaps_module, "DRAWS", 400)
    texts = np.array(list(itertools.product(range(2), repeat=4)))
    found = measure_overlaps(network, texts, ("left_to_right",), verification=rule)
    rounds, canvases = foretold(found.survival("left_to_right"), sizes)
    chances = np.exp(law.log_prob(texts))

    def program(choose):
        chance_of_speculation(monkeypatch, choose)
        return unmask.sample(network, replace(sampler, draw=Chosen(choose)))

    runs = [(chance, int(out.network_calls), int(out.canvases)) for chance, out in every_run(program)]
    chance, calls, asked = map(np.array, zip(*runs, strict=True))
    assert chances @ rounds == pytest.approx(chance @ calls, rel=0.01)
    assert chances @ canvases == pytest.approx(chance @ asked, rel=0.01)


def test_a_plan_is_sampled_as_it_is():
    plan = plan_exact(overlaps(0), 0.1)
    network = unmask.oracle(unmask.laws.Table(np.full((2,) * 5, 1 / 32)))
    assert unmask.sample(network, plan).rows() == unmask.sample(network, plan.sampler()).rows()

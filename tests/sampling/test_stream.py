"""`stream`: the steps of `sample`, one at a time; what is seen on the way adds up to what `sample` returns."""

import math
from dataclasses import replace

import pytest
import torch

import unmask
from reference.seeing_network import SeeingNetwork
from reference.tiny_network import TinyNetwork
from unmask import laws, recipes
from unmask.measuring.estimate import Estimate
from unmask.planning.plan import Part, Plan
from unmask.sampling import rule_names, stopping
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.stream import step_prices

LENGTH = 9
SAMPLERS = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in CATALOGUE.items() if rule.named}
SAMPLERS["planned"] = recipes.planned(unmask.Schedule([1, 2, 6]))
SAMPLERS["ending early"] = recipes.left_to_right().ending(stopping.EndOfText(3))
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


@every_sampler
def test_the_steps_add_up_to_what_sample_returns(sampler):
    options = {"n": 5, "length": LENGTH, "seed": 2, "batch_size": 2}
    out = unmask.sample(SeeingNetwork(), sampler, **options)
    last, canvases = {}, torch.full((5, LENGTH), -1)
    for step in unmask.stream(SeeingNetwork(), sampler, **options):
        assert step.row not in last or not last[step.row].finished
        assert step.row not in last or step.step > last[step.row].step
        canvases[step.row, list(step.released)] = -1
        canvases[step.row, list(step.revealed)] = torch.tensor(step.tokens, dtype=torch.int64)
        canvases[step.row, list(step.rewritten)] = torch.tensor(step.rewritten_tokens, dtype=torch.int64)
        if not (sampler.revision is not None or sampler.stop.reads_tokens or sampler.stop.commits):
            assert canvases[step.row].tolist() == list(step.canvas)
        last[step.row] = step
    for row in range(5):
        assert last[row].finished
        assert list(last[row].canvas) == out.tokens[row].tolist()
        assert last[row].network_calls == int(out.network_calls[row])
        assert last[row].seed == int(out.seeds[row])
        if not (sampler.revision or sampler.stop.commits):
            assert last[row].nats == pytest.approx(-float(out.log_prob[row]), rel=1e-5)


@every_sampler
def test_a_row_is_streamed_the_same_whatever_shares_its_batch(sampler):
    together = [*unmask.stream(SeeingNetwork(), sampler, n=4, length=LENGTH, seed=5)]
    seeds = unmask.sample(SeeingNetwork(), sampler, n=4, length=LENGTH, seed=5).seeds
    for row in range(4):
        alone = [*unmask.stream(SeeingNetwork(), sampler, length=LENGTH, seeds=seeds[row : row + 1])]
        assert alone == [replace(step, row=0) for step in together if step.row == row]


def test_closing_the_iterator_asks_the_network_no_more():
    network = TinyNetwork()
    steps = unmask.stream(network, recipes.one_by_one(), n=3, length=LENGTH)
    next(steps)
    steps.close()
    assert network.forwards == 1
    assert [*steps] == []


def test_nothing_is_asked_before_the_first_step_but_arguments_are_checked_at_once():
    network = TinyNetwork()
    unmask.stream(network, recipes.one_by_one(), length=LENGTH)
    assert network.forwards == 0
    with pytest.raises(unmask.InputError, match="the predictor takes canvases of any length"):
        unmask.stream(network, recipes.one_by_one())


def test_gradients_are_on_again_between_two_steps():
    steps = unmask.stream(TinyNetwork(), recipes.one_by_one(), length=LENGTH)
    next(steps)
    assert torch.is_grad_enabled()


def test_entropies_are_those_of_the_laws_when_they_are_asked_for():
    uniform = unmask.oracle(laws.Permutation(4))
    first = next(unmask.stream(uniform, unmask.Schedule([1, 3]), entropies=True))
    assert first.entropies == pytest.approx([math.log(4)])
    assert next(unmask.stream(uniform, unmask.Schedule([1, 3]))).entropies == ()


def test_text_is_words_with_holes_and_none_without_a_tokenizer():
    toy = unmask.oracle(laws.toy_grammar())
    texts = [step.text for step in unmask.stream(toy, recipes.left_to_right(), seed=1)]
    assert texts[0].split(" ")[1:] == ["░"] * 16
    assert "░" not in texts[-1]
    assert texts[-1].startswith(texts[7].partition(" ░")[0])
    assert next(unmask.stream(TinyNetwork(), recipes.one_by_one(), length=LENGTH)).text is None


def priced_plan():
    parts = (Part(unmask.orders.Uniform(), unmask.Schedule([1, 3])),)
    return Plan(parts, Estimate(0.5, 0.4, 0.6, 0.95, 100), 3.0, (0.0, 0.5))


def test_a_step_has_a_price_where_the_plan_that_is_followed_says_one():
    steps = [*unmask.stream(unmask.oracle(laws.Permutation(4)), priced_plan())]
    assert [step.price for step in steps] == [0.0, 0.5]
    assert [step.price for step in unmask.stream(unmask.oracle(laws.Permutation(4)), unmask.Schedule([4]))] == [None]


def test_no_price_is_said_for_a_changed_law_or_another_order():
    sampler = recipes.planned(priced_plan())
    assert step_prices(sampler) == (0.0, 0.5)
    assert step_prices(sampler.drawing(temperature=0.5)) == ()
    assert step_prices(sampler.in_blocks(2)) == ()
    assert step_prices(replace(sampler, order=recipes.one_by_one().order)) == ()
    assert step_prices(recipes.margin(4)) == ()

"""`sample`: arguments, outputs and the trace."""

import json
import math

import numpy as np
import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask import laws, orders, recipes

ORACLE = unmask.oracle(laws.Permutation(4))


def test_a_schedule_or_a_plan_is_a_sampler():
    class Plan:
        length = 4

        def draw(self, seed):
            return np.array([3, 1, 0, 2]), unmask.Schedule([1, 3])

    out = unmask.sample(ORACLE, Plan(), n=2)
    assert [line["positions"] for line in out.trace.row(1)] == [[3], [0, 1, 2]]
    assert unmask.sample(ORACLE, unmask.Schedule([2, 2])).network_calls.tolist() == [2]
    assert unmask.sample(TinyNetwork(), Plan(), prompt=[1, 2]).lengths.tolist() == [
        6
    ]  # the plan's length after the prompt


def test_each_row_has_its_own_draw_of_the_plan():
    class Plan:
        length = 4

        def draw(self, seed):
            rng = np.random.default_rng(seed)
            return rng.permutation(4), unmask.Schedule([1, 3] if rng.random() < 0.5 else [2, 1, 1])

    out = unmask.sample(ORACLE, Plan(), n=40)
    assert set(out.network_calls.tolist()) == {2, 3}
    assert len({tuple(out.trace.row(row)[0]["positions"]) for row in range(40)}) > 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": [0, 1, 2, 3]}, "the prompt has 4 tokens and the canvas 4 positions"),
        ({"prompt": [9]}, "row 0 has token 9; allowed are 0..3"),
        ({"prompt": [[0], [-1]]}, "row 1 has token -1"),
        ({"prompt": "text"}, "this law has no words: give token ids"),
        ({"prompt": [0.5]}, "token ids are whole numbers"),
        ({"prompt": [[0], ["a"]]}, "not a list of token ids"),
        ({"prompt": [[0], [1]], "n": 3}, "n is 3, but 2 rows were given"),
        ({"n": 0}, "n is 0"),
        ({"n": 2.0}, "n is 2.0"),
        ({"length": 5}, "row 0 has 5 positions; the predictor's length is 4"),
        ({"length": 0}, "length is 0"),
        ({"new_tokens": 0}, "new_tokens is 0"),
        ({"new_tokens": 2, "length": 4}, "were both given"),
        ({"infill": ([0, 1, 2, 3], [True] * 4)}, "no masked position"),
        ({"infill": ([0, 1, 2, 3], [1, 0, 0, 0])}, "expected booleans"),
        ({"infill": ([0, 1, 2, 3], [True])}, "expected the same"),
        ({"infill": ([0, 1, 2, 3],)}, "not a pair"),
        ({"infill": ([0, 1, 2, 3], [False] * 4), "prompt": [1]}, "prompt and infill were both given"),
        ({"infill": ([0, 1, 2, 3], [False] * 4), "length": 3}, "length is 3, but infill has 4"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"seeds": [1, 2]}, "expected 1 whole numbers"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_bad_input_is_one_clear_line(options, message):
    with pytest.raises(unmask.InputError, match=message.replace("(", r"\(")) as caught:
        unmask.sample(ORACLE, recipes.one_by_one(), **options)
    assert "\n" not in str(caught.value)


def test_what_is_not_a_sampler_is_refused():
    with pytest.raises(unmask.InputError, match="there is no rule 'lada'"):
        unmask.sample(ORACLE, "lada")
    with pytest.raises(unmask.InputError, match="expected a Plan or a Schedule"):
        recipes.planned([1, 2])
    with pytest.raises(unmask.InputError, match="order is only for a Schedule"):
        recipes.planned(recipes.planned(unmask.Schedule([4])).order.plan, order=orders.Uniform())
    with pytest.raises(unmask.InputError, match="law is 3"):
        unmask.oracle(3)


def test_a_network_of_any_length_needs_one():
    with pytest.raises(unmask.InputError, match="give length= or new_tokens="):
        unmask.sample(TinyNetwork(), recipes.one_by_one())


def test_a_plan_for_another_length_says_which_plan_is_needed():
    with pytest.raises(
        unmask.InputError, match=r"the plan reveals 3 tokens, but there are 4 masked.*give sizes of 4 tokens$"
    ):
        unmask.sample(ORACLE, unmask.Schedule([1, 2]))
    with pytest.raises(unmask.InputError, match=r"there are 3 masked positions \(1 are given\)"):
        unmask.sample(ORACLE, unmask.Schedule([2, 2]), prompt=[0])


def test_the_output_reads_well_and_can_be_saved():
    out = unmask.sample(ORACLE, unmask.Schedule([2, 2]), n=6)
    assert "rows=6, length=4, sampler=planned, calls=2.0/row, tokens per call=2.00" in repr(out)
    assert "2 rows more" in repr(out)
    assert out.to_dict()["network_calls"] == [2] * 6
    assert json.dumps(out.to_dict())


def test_the_trace_adds_up_and_can_be_written(tmp_path):
    out = unmask.sample(TinyNetwork(), recipes.entropy_bound(1.0), n=3, length=7, batch_size=2)
    for row in range(3):
        lines = out.trace.row(row)
        assert sorted(column for line in lines for column in line["positions"]) == list(range(7))
        assert [line["network_calls"] for line in lines] == list(range(1, int(out.network_calls[row]) + 1))
        assert lines[-1]["nats"] == pytest.approx(-float(out.log_prob[row]), abs=1e-5)
        for line in lines:
            assert [int(out.tokens[row, column]) for column in line["positions"]] == line["tokens"]
            assert all(0 <= h <= math.log(11) + 1e-6 for h in line["entropies"])
    path = out.trace.write(tmp_path / "run.trace.jsonl")
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert written == out.trace.steps()
    assert set(written[0]) == {"row", "step", "network_calls", "nats", "positions", "tokens", "log_probs", "entropies"}


def test_seeds_can_be_given_row_by_row():
    first = unmask.sample(ORACLE, recipes.one_by_one(), n=5, seed=8)
    again = unmask.sample(ORACLE, recipes.one_by_one(), n=2, seeds=first.seeds[3:])
    assert torch.equal(again.tokens, first.tokens[3:])


def test_prompts_come_as_lists_or_tensors_of_one_row_or_many():
    for prompt in ([2, 1], torch.tensor([2, 1]), np.array([2, 1]), [[2, 1]], torch.tensor([[2, 1]])):
        out = unmask.sample(ORACLE, recipes.one_by_one(), prompt=prompt)
        assert out.tokens[0, :2].tolist() == [2, 1]
    assert unmask.sample(ORACLE, recipes.one_by_one(), prompt=[2, 1], n=3).tokens.shape == (3, 4)
    assert unmask.sample(ORACLE, recipes.one_by_one(), prompt=np.array([[2], [1]])).tokens[:, 0].tolist() == [2, 1]

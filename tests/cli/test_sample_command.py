"""`unmask sample`, and rules by name: the command line only chooses parts; the numbers are those of `unmask.sample`."""

import json
import re

import numpy as np
import pytest

import unmask
from unmask import cli, laws, recipes
from unmask.sampling import rule_names
from unmask.sampling.rules.remdm import LeastConfident

PERMUTATION = "law:permutation:length=6"
ORACLE = unmask.oracle(laws.Permutation(6))


def run(capsys, *arguments):
    """The JSON object a command prints."""
    assert cli.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    """The one line on standard error of a command that exits with 2."""
    assert cli.main(list(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err.strip()


# -- rules by name --


@pytest.mark.parametrize(
    ("rule", "sampler"),
    [
        ("one_by_one", recipes.one_by_one()),
        ("entropy_bound:0.1", recipes.entropy_bound(0.1)),
        ("entropy-bound:0.1", recipes.entropy_bound(0.1)),
        ("margin:8", recipes.margin(8)),
        ("llada:steps=16,block_length=4,end_of_text_last=true", recipes.llada(16, 4, True)),
        ("llada:16,block_length=none", recipes.llada(16, None)),
        ("klass:threshold=0.7,epsilon=0.01", recipes.klass(0.7, 0.01)),
        ("threshold:0.9,order=margin", recipes.threshold(0.9, order=rule_names.ORDERS["margin"]())),
        ("entropy_bound:0.2,order=left_to_right", recipes.entropy_bound(0.2, unmask.orders.LeftToRight())),
        ("remdm:steps=20,remasking=conf", recipes.remdm(20, remasking=LeastConfident)),
        ("prophet:8,gaps=3/2/1,region=0/4", recipes.prophet(8, (3.0, 2.0, 1.0), (0, 4))),
    ],
)
def test_a_rule_by_name_is_the_recipe(rule, sampler):
    assert rule_names.from_name(rule) == sampler


@pytest.mark.parametrize("name", rule_names.RULES)
def test_every_rule_runs_by_its_name(capsys, name):
    knob = ":6" if rule_names.takes(name, "steps") else ""
    found = run(capsys, "sample", PERMUTATION, "--rule", name + knob, "-n", "2")
    assert found["sampler"] == name
    assert len(found["tokens"]) == 2


def test_the_help_lists_every_rule(capsys):
    assert cli.main(["sample", "--help"]) == 0
    listed = re.search(r"Rules: (.*?)\. Their", " ".join(capsys.readouterr().out.split())).group(1)
    assert set(listed.split(", ")) == set(rule_names.RULES)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("entropi_bound", "there is no rule 'entropi_bound'; did you mean 'entropy_bound'?"),
        ("zzz", "there is no rule 'zzz'; there are"),
        ("planned", "there is no rule 'planned'"),
        ("margin", "the rule 'margin' needs steps: margin:steps=…"),
        ("margin:few", "steps of margin is 'few'; expected a whole number"),
        ("margin:2.5", "steps of margin is '2.5'; expected a whole number"),
        ("margin:0", "steps is 0; expected at least 1"),
        ("threshold:high", "threshold of threshold is 'high'; expected a number"),
        ("klass:epsilom=0.1", "no parameter 'epsilom'; did you mean 'epsilon'?"),
        ("klass:0.1,0.2", "expected klass:parameter=value"),
        ("klass:0.1,threshold=0.2", "gives threshold twice"),
        ("first_hitting:3", "no parameter '3'; it takes none"),
        ("llada:end_of_text_last=maybe", "expected true or false"),
        ("prophet:gaps=1", "expected 3 numbers such as 1/2/3"),
        ("remdm:remasking=all", "there are cap, rescale, conf"),
        ("threshold:order=sideways", "or one that reads the model: confidence, margin, entropy"),
    ],
)
def test_a_bad_rule_is_one_clear_line(capsys, rule, message):
    assert message in refused(capsys, "sample", PERMUTATION, "--rule", rule)


# -- the command --


def test_the_command_samples_what_python_samples(capsys):
    found = run(capsys, "sample", PERMUTATION, "--rule", "entropy_bound:0.5", "-n", "4", "--seed", "3")
    out = unmask.sample(ORACLE, recipes.entropy_bound(0.5), n=4, seed=3)
    assert found["tokens"] == out.rows()
    assert found["network_calls"] == out.network_calls.tolist()
    assert found["log_prob"] == out.log_prob.tolist()
    assert found["scorable"] == "replay"
    assert any("2505.24857" in line for line in found["cite"])


def test_without_a_rule_it_is_one_by_one_and_with_steps_a_uniform_schedule(capsys):
    assert run(capsys, "sample", PERMUTATION)["tokens"] == unmask.sample(ORACLE, recipes.one_by_one()).rows()
    found = run(capsys, "sample", PERMUTATION, "--steps", "3", "--order", "left_to_right", "-n", "3")
    plan = recipes.planned(unmask.Schedule([2, 2, 2]), unmask.orders.LeftToRight())
    assert found["tokens"] == unmask.sample(ORACLE, plan, n=3).rows()
    assert found["network_calls"] == [3] * 3
    assert found["predictable"] is True


def test_the_options_of_the_draw_and_of_blocks_change_the_sampler(capsys):
    options = ["--temperature", "0.5", "--top-p", "0.9", "--top-k", "3", "--block-length", "2"]
    found = run(capsys, "sample", PERMUTATION, "--rule", "margin", "--steps", "3", *options)
    sampler = recipes.margin(3).drawing(0.5, 3, 0.9).in_blocks(2)
    assert found["tokens"] == unmask.sample(ORACLE, sampler).rows()
    edit = run(capsys, "sample", PERMUTATION, "--rule", "edit:0.5", "--block-length", "2")
    assert edit["tokens"] == unmask.sample(ORACLE, recipes.edit(0.5, block_length=2)).rows()  # its own kind of blocks


def test_a_prompt_is_kept_and_steps_count_what_is_left(capsys):
    found = run(capsys, "sample", PERMUTATION, "--prompt", "5 0", "--steps", "2", "-n", "3")
    assert all(row[:2] == [5, 0] for row in found["tokens"])
    assert found["network_calls"] == [2] * 3
    same = run(capsys, "sample", PERMUTATION, "--prompt-tokens", "5,0", "--steps", "2", "-n", "3")
    assert same["tokens"] == found["tokens"]


def test_laws_with_words_speak_and_say_whether_it_is_right(capsys):
    found = run(capsys, "sample", "law:toy", "--prompt", "ben has 3", "-n", "3")
    assert all(text.startswith("ben has 3 ") for text in found["texts"])
    assert found["valid"] == [True] * 3
    assert cli.main(["sample", "law:toy", "-n", "2", "--steps", "2"]) == 0
    printed = capsys.readouterr().out
    assert "valid" in printed
    assert "price: predictable; likelihood: planned" in printed


def test_a_plan_file_is_followed(capsys, tmp_path):
    measured = unmask_plan(tmp_path)
    found = run(capsys, "sample", PERMUTATION, "--plan", str(measured), "-n", "2")
    assert found["sampler"] == "planned"
    assert found["network_calls"] == [3, 3]
    found = run(capsys, "sample", "law:permutation:length=8", "--plan", str(measured))
    assert (found["network_calls"], len(found["tokens"][0])) == ([3], 8)
    assert cli.main(["sample", PERMUTATION, "--plan", str(measured), "--prompt", "1 2"]) == 0
    assert "price per token are carried over from 6 tokens to 4" in " ".join(capsys.readouterr().out.split())
    assert "a plan is a rule of its own" in refused(
        capsys, "sample", PERMUTATION, "--plan", str(measured), "--rule", "margin:2"
    )
    assert "--plan and --steps" in refused(capsys, "sample", PERMUTATION, "--plan", str(measured), "--steps", "2")


def unmask_plan(folder):
    """A plan file for six tokens in three steps."""
    from unmask.measuring.estimate import Estimate
    from unmask.planning.plan import Part, Plan

    part = Part(unmask.orders.Uniform(), unmask.Schedule([1, 2, 3]))
    return Plan((part,), Estimate.exactly(0.1), 6.5, (0.0, 0.05, 0.05)).save(folder / "p.plan.json")


def test_texts_and_trace_are_written(capsys, tmp_path):
    lines, array, plain, trace = (tmp_path / name for name in ("a.jsonl", "a.npy", "a.txt", "a.trace.jsonl"))
    for path in (lines, array, plain):
        found = run(capsys, "sample", PERMUTATION, "-n", "3", "--out", str(path), "--trace", str(trace))
    assert [json.loads(line)["tokens"] for line in lines.read_text().splitlines()] == found["tokens"]
    assert np.load(array).tolist() == found["tokens"]
    assert plain.read_text().splitlines() == found["texts"]
    steps = [json.loads(line) for line in trace.read_text().splitlines()]
    assert len(steps) == 18
    assert all(len(step["entropies"]) == 1 for step in steps)
    assert cli.main(["score", PERMUTATION, "--tokens", str(lines), "--random-orders", "2"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["law:permutatoin"], "permutatoin"),
        (["no/such/model"], "no/such/model"),
        ([PERMUTATION, "--prompt", "0 1 2 3 4 5"], "the prompt has 6 tokens and the canvas 6 positions"),
        ([PERMUTATION, "--prompt", "0 1 2 3 4 5", "--steps", "2"], "nothing is left to fill"),
        ([PERMUTATION, "--prompt", "9"], "token 9; allowed are 0..5"),
        ([PERMUTATION, "--prompt", "hello"], "this law has no words: give token ids"),
        (["law:toy", "--prompt", "zoe has"], "the word 'zoe'"),
        ([PERMUTATION, "--prompt-tokens", "a"], "expected token ids such as 3,0,7"),
        ([PERMUTATION, "--prompt", "1", "--prompt-tokens", "1"], "were both given"),
        ([PERMUTATION, "--length", "7"], "the predictor's length is 6"),
        ([PERMUTATION, "--length", "6", "--new-tokens", "2"], "were both given"),
        ([PERMUTATION, "--steps", "9"], "9"),
        ([PERMUTATION, "--steps", "2", "--order", "margin"], "--order margin reads the model"),
        ([PERMUTATION, "--rule", "margin:3", "--steps", "2"], "gives steps twice"),
        ([PERMUTATION, "--rule", "punt", "--steps", "2"], "has no parameter 'steps'"),
        ([PERMUTATION, "--rule", "punt", "--order", "uniform"], "has no parameter 'order'"),
        ([PERMUTATION, "--temperature", "-1"], "temperature is -1"),
        ([PERMUTATION, "--top-p", "0"], "--top-p is 0"),
        ([PERMUTATION, "--stop-at-end"], "no end-of-text id"),
        ([PERMUTATION, "--plan", "nothing.plan.json"], "nothing.plan.json"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(capsys, arguments, message):
    assert message in refused(capsys, "sample", *arguments)


def test_a_model_that_returns_nan_is_one_clear_line(capsys, monkeypatch):
    from unmask.models import resolve

    class Broken(type(ORACLE)):
        def log_probs(self, tokens, known, wanted):
            return super().log_probs(tokens, known, wanted) * float("nan")

    monkeypatch.setattr(resolve, "resolve", lambda *_, **__: Broken(laws.Permutation(6)))
    for rule in ("one_by_one", "threshold:0.5", "punt"):
        assert "returned NaN" in refused(capsys, "sample", "broken", "--rule", rule)

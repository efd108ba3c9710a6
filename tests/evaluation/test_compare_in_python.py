"""`unmask.compare` from Python: rules by name and at hand, texts of every kind, a verdict of one's own."""

import json
import math

import numpy as np
import pytest
from matplotlib.figure import Figure

import unmask
from unmask import InputError, laws, recipes
from unmask.evaluation.compare.leaderboards import accuracy_under_parallelism, most_tokens_per_call
from unmask.evaluation.compare.trial import Trial

LAW = laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 8)


def my_rule(gamma=0.3):
    return recipes.entropy_bound(gamma)


@pytest.fixture(scope="module")
def found():
    rules = ["planned", "threshold:0.8", "one_by_one", my_rule, unmask.Schedule([4, 4]), recipes.llada(4)]
    return unmask.compare(unmask.oracle(LAW), rules, LAW.sample(60, seed=0), steps=[2, 4], samples=8)


def by_rule(found):
    return {trial.rule: trial for trial in found.trials}


def test_rules_are_names_functions_samplers_and_schedules(found):
    assert [trial.error for trial in found.trials] == [None] * 7
    assert list(by_rule(found)) == ["planned", "threshold", "one_by_one", "my_rule", "schedule", "llada"]
    twin = unmask.compare(unmask.oracle(LAW), "entropy_bound:0.3", LAW.sample(60, seed=0), steps=[2], samples=8)
    assert by_rule(found)["my_rule"].scored == twin.trials[0].scored
    assert not by_rule(found)["llada"].is_scored


def test_a_comparison_is_a_table_a_picture_and_a_page(found, tmp_path):
    table = found.to_dataframe()
    assert list(table["key"]) == [trial.key for trial in found.trials]
    price = table.set_index("key")["price"]
    assert price["threshold:0.8"] == by_rule(found)["threshold"].scored.value
    assert found.plot(Figure().add_subplot()).has_data()
    assert any(said.startswith("Your rule my rule") for said in found.summary().splitlines())
    assert "<svg" in found._repr_html_()
    page = found.save(tmp_path / "page")
    assert page.is_file()
    assert json.loads((page.parent / "comparison.json").read_text())["length"] == 8


def test_texts_may_be_words(tmp_path):
    toy = unmask.oracle(laws.toy_grammar())
    texts = toy.decode(toy.law.sample(16, seed=0))
    spoken = unmask.compare(toy, "threshold:0.8", texts, samples=4, steps=[2])
    told = unmask.compare(toy, "threshold:0.8", toy.encode(texts), samples=4, steps=[2])
    assert spoken.trials[0].scored == told.trials[0].scored


def test_a_law_draws_its_own_texts_and_judges_them():
    found = unmask.compare(unmask.oracle(laws.Permutation(4)), "one_by_one,equal_sizes:1", samples=8, steps=[2])
    assert found.trials[0].valid.value == 1.0
    assert found.trials[0].texts_right == (True, True, True)


def test_a_check_of_ones_own_says_what_is_right(tmp_path):
    def ordered(text):
        return text.split() == sorted(text.split())

    file = tmp_path / "verdict.py"
    file.write_text("def ordered(text):\n    return text.split() == sorted(text.split())\n")
    texts = LAW.sample(20, seed=0)
    found = [
        unmask.compare(unmask.oracle(LAW), "one_by_one", texts, samples=8, steps=[2], check=check)
        for check in (ordered, f"{file}:ordered")
    ]
    drawn = unmask.sample(unmask.oracle(LAW), "one_by_one", n=8, length=8, seed=0).tokens.numpy()
    assert [one.trials[0].valid.count for one in found] == [int((np.diff(drawn, axis=1) >= 0).all(1).sum())] * 2
    assert found[1].task == "ordered"


def test_a_check_that_fails_says_on_which_text():
    def wrong(text):
        raise KeyError(text)

    found = unmask.compare(unmask.oracle(LAW), "one_by_one", LAW.sample(20, seed=0), samples=4, steps=[2], check=wrong)
    assert "the check wrong failed on" in found.trials[0].error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"rules": []}, "rules is empty"),
        ({"rules": ["treshold"]}, "there is no rule 'treshold'"),
        ({"rules": [3]}, "sampler is 3"),
        ({"texts": [[0] * 8] * 3}, "there are 3 texts"),
        ({"check": "verdict"}, "expected FILE.py:FUNCTION"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, said):
    with pytest.raises(InputError, match=said):
        unmask.compare(unmask.oracle(LAW), **{"rules": "one_by_one", "texts": LAW.sample(20, seed=0)} | arguments)


def test_own_nats_of_one_token_at_a_time_are_the_entropy_and_of_narrow_rules_less(found):
    """16 texts of 8 tokens: the mean of 128 token losses, at most log 10 apart; seven standard errors are allowed."""
    alone = by_rule(found)["one_by_one"].own_nats
    assert abs(alone - LAW.entropy / 8) < 0.25
    greedy = unmask.compare(
        unmask.oracle(LAW), [recipes.one_by_one().drawing(0.0)], LAW.sample(20, seed=0), samples=8, steps=[2]
    )
    assert greedy.trials[0].own_nats < 0.6 * LAW.entropy / 8


def test_new_facts_of_a_trial_survive_its_file_and_older_files_are_read(found, tmp_path):
    trial = by_rule(found)["threshold"]
    again = Trial.load(trial.save(tmp_path / "trial.json"))
    assert (again.canvases, again.own_nats, again.reveal_row) == (trial.canvases, trial.own_nats, trial.reveal_row)
    stored = json.loads((tmp_path / "trial.json").read_text())
    older = {name: value for name, value in stored.items() if name not in ("canvases", "own_nats", "reveal_row")}
    (tmp_path / "trial.json").write_text(json.dumps(older))
    assert Trial.load(tmp_path / "trial.json").reveal_row == ()


def test_reveal_rows_say_the_step_of_every_position(found):
    row = by_rule(found)["schedule"].reveal_row
    assert sorted(row) == [0] * 4 + [1] * 4


def test_a_rule_of_ones_own_is_run_again_in_a_folder_and_others_are_taken_up(tmp_path):
    def changing():
        return recipes.entropy_bound(GAMMA[0])

    GAMMA = [0.01]
    texts = LAW.sample(20, seed=0)
    for gamma, least in ((0.01, 5), (9.0, 1)):
        GAMMA[0] = gamma
        found = unmask.compare(unmask.oracle(LAW), [changing], texts, samples=4, steps=[2], folder=tmp_path / "kept")
        assert found.trials[0].mean_calls >= least
    assert found.trials[0].mean_calls == 1


def test_accuracy_under_parallelism_is_the_weighted_area():
    points = [(4.0, 0.6), (1.0, 0.8), (2.0, 0.78)]  # the last is more than five points below the first
    weighted = [100 * y * math.exp(-3 * (1 - y / 0.8)) for y in (0.8, 0.78)]
    assert accuracy_under_parallelism(points, 0.8) == pytest.approx(80 + (weighted[0] + weighted[1]) / 2)
    assert accuracy_under_parallelism([], 0.8) == 0.0


def test_most_tokens_per_call_at_a_level_of_accuracy():
    points = [(1.0, 0.9), (4.0, 0.8), (8.0, 0.5)]
    assert most_tokens_per_call(points, 0.8) == 4.0
    assert most_tokens_per_call(points, 0.95) is None

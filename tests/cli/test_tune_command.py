"""`unmask tune`: what it prints, writes and refuses."""

import json

import numpy as np
import pytest

from unmask import cli
from unmask.planning.tuned_rule import TunedRule

LAW = "law:markov_chain:length=6"


def run(*arguments):
    return cli.main(["tune", *map(str, arguments)])


def test_the_table_marks_the_setting_and_the_file_holds_it(tmp_path, capsys):
    out = tmp_path / "m.tuned.json"
    assert run(LAW, "--rule", "entropy_sum", "--budget", "0.05", "--texts", "60", "--out", out) == 0
    printed = capsys.readouterr().out
    knob = TunedRule.load(out)
    assert f"entropy_sum = {knob.value:g}: " in printed
    assert printed.count("←") == 1
    assert "network calls" in printed
    assert f"next: unmask export {out} --to ENGINE" in printed
    assert knob.price.count == 30
    assert knob.length == 6


def test_json_is_one_object_and_says_what_the_python_call_says(capsys):
    import unmask
    from unmask.laws import catalogue

    assert run(LAW, "--rule", "threshold", "--budget", "0.05", "--texts", "40", "--seed", "3", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    law = catalogue.from_name(LAW.removeprefix("law:"))
    knob = unmask.tune(unmask.oracle(law), "threshold", law.sample(40, 3), 0.05, seed=3, source=f"{LAW} seed 3")
    assert printed["value"] == knob.value
    assert printed["network_calls"] == knob.network_calls.to_dict()
    assert printed["price_per_token"] == knob.price_per_token.to_dict()
    assert printed["budget"] == 0.05


def test_texts_are_read_from_token_files_and_cut_to_a_limit(tmp_path, capsys):
    from unmask.laws import catalogue

    np.save(tmp_path / "texts.npy", catalogue.from_name(LAW.removeprefix("law:")).sample(50, 0))
    given = ["--tokens", tmp_path / "texts.npy", "--texts", "12"]
    assert run(LAW, "--rule", "factor", "--budget", "9", *given, "--json") == 0
    assert json.loads(capsys.readouterr().out)["price"]["count"] == 6


def test_blocks_and_prompts_are_passed_on(capsys):
    options = ["--texts", "12", "--block-length", "2", "--given", "2", "--json"]
    assert run(LAW, "--rule", "factor", "--budget", "9", *options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["length"], printed["block_length"], printed["network_calls"]["value"]) == (4, 2, 2.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "treshold", "--budget", "0.1"], "rule 'treshold' has no knob to tune; did you mean 'threshold'?"),
        (["--rule", "threshold", "--budget", "-1"], "budget is -1 nats per token, but threshold gets down to"),
        (["--rule", "threshold"], "--budget"),
        (["--rule", "threshold", "--budget", "1", "--tokens", "no.npy"], "cannot read no.npy"),
        (["--rule", "threshold", "--budget", "1", "--tokens", "no.npy", "--data", "x.txt"], "give one of them"),
        (["--rule", "threshold", "--budget", "1", "--out", "no/folder/k.json"], "there is no folder no/folder"),
        (["--rule", "threshold", "--budget", "1", "--texts", "3"], "3 texts were given"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(capsys, arguments, words):
    extra = [] if "--texts" in arguments or "--tokens" in arguments else ["--texts", "8"]
    assert run(LAW, *arguments, *extra) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_an_unknown_rule_is_said_before_the_model_is_loaded(capsys):
    assert run("no/such/model", "--rule", "zzz", "--budget", "1") == 2
    assert "rule 'zzz'" in capsys.readouterr().err


def test_a_model_of_ours_is_tuned_on_its_own_text_when_none_is_given(capsys):
    assert run("toy", "--rule", "threshold", "--budget", "1", "--texts", "20", "--json") == 0
    assert json.loads(capsys.readouterr().out)["price_per_token"]["count"] == 10

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
    out = tmp_path / "m.knob.json"
    assert run(LAW, "--rule", "entropy_sum", "--budget", "0.05", "--samples", "60", "--out", out) == 0
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

    assert run(LAW, "--rule", "threshold", "--budget", "0.05", "--samples", "40", "--seed", "3", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    law = catalogue.from_name(LAW.removeprefix("law:"))
    knob = unmask.tune(unmask.oracle(law), "threshold", 0.05, law.sample(40, 3), seed=3, source=f"{LAW} seed 3")
    assert printed["value"] == knob.value
    assert printed["calls"] == knob.calls.to_dict()
    assert printed["price_per_token"] == knob.price_per_token.to_dict()
    assert printed["budget"] == 0.05


def test_texts_are_read_from_token_files_and_cut_to_a_limit(tmp_path, capsys):
    from unmask.laws import catalogue

    np.save(tmp_path / "texts.npy", catalogue.from_name(LAW.removeprefix("law:")).sample(50, 0))
    given = ["--tokens", tmp_path / "texts.npy", "--limit", "12"]
    assert run(LAW, "--rule", "factor", "--budget", "9", *given, "--json") == 0
    assert json.loads(capsys.readouterr().out)["price"]["count"] == 6


def test_blocks_and_prompts_are_passed_on(capsys):
    options = ["--samples", "12", "--block", "2", "--prompt-tokens", "2", "--json"]
    assert run(LAW, "--rule", "factor", "--budget", "9", *options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["length"], printed["block"], printed["calls"]["value"]) == (4, 2, 2.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "treshold", "--budget", "0.1"], "rule 'treshold' has no knob to tune; did you mean 'threshold'?"),
        (["--rule", "threshold", "--budget", "-1"], "budget is -1 nats per token, but threshold gets down to"),
        (["--rule", "threshold"], "--budget"),
        (["--rule", "threshold", "--budget", "1", "--tokens", "no.npy"], "cannot read no.npy"),
        (["--rule", "threshold", "--budget", "1", "--tokens", "no.npy", "--samples", "9"], "give one of them"),
        (["--rule", "threshold", "--budget", "1", "--out", "no/folder/k.json"], "there is no folder no/folder"),
        (["--rule", "threshold", "--budget", "1", "--samples", "3"], "--samples"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(capsys, arguments, words):
    extra = [] if "--samples" in arguments or "--tokens" in arguments else ["--samples", "8"]
    assert run(LAW, *arguments, *extra) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_an_unknown_rule_is_said_before_the_model_is_loaded(capsys):
    assert run("no/such/model", "--rule", "zzz", "--budget", "1") == 2
    assert "rule 'zzz'" in capsys.readouterr().err


def test_a_model_that_is_no_law_needs_text(capsys):
    assert run("toy", "--rule", "threshold", "--budget", "1") == 2
    assert "--data is missing" in capsys.readouterr().err

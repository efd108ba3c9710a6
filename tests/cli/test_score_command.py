"""`unmask score`: the exact likelihood of texts, as `unmask.score` computes it."""

import json
import math

import numpy as np
import pytest

import unmask
from unmask import cli, laws, recipes

PERMUTATION = "law:permutation:length=4"
ORACLE = unmask.oracle(laws.Permutation(4))


def run(capsys, *arguments):
    assert cli.main(["score", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_scores_what_python_scores(capsys, tmp_path):
    texts = laws.Permutation(4).sample(5, 1)
    np.save(tmp_path / "texts.npy", texts)
    found = run(capsys, PERMUTATION, "--steps", "2", "--tokens", str(tmp_path / "texts.npy"), "--random-orders", "3")
    score = unmask.score(ORACLE, unmask.Schedule([2, 2]), texts, random_orders=3)
    assert found["log_prob"] == score.log_prob.tolist()
    assert found["exact"] is True
    assert found["random_orders"] == 3
    assert found["network_calls"] == [2.0] * 5


def test_one_token_at_a_time_is_the_law_itself(capsys):
    found = run(capsys, PERMUTATION, "--text", "2 0 3 1", "--random-orders", "2")
    assert found["log_prob"] == [pytest.approx(-math.log(24), abs=1e-5)]
    assert found["mean_stderr"] is None  # of a single text


def test_an_impossible_text_is_null_in_json_and_inf_on_paper(capsys):
    assert run(capsys, PERMUTATION, "--text", "0 0 1 2")["log_prob"] == [None]
    assert cli.main(["score", PERMUTATION, "--text", "0 0 1 2"]) == 0
    assert "-inf" in capsys.readouterr().out


def test_value_adaptive_rules_are_replayed_and_drawing_rules_counted(capsys):
    replay = run(capsys, PERMUTATION, "--rule", "entropy_bound:0.1", "--texts", "3")
    assert replay["how"] == "replay"
    assert cli.main(["score", PERMUTATION, "--rule", "llada:4", "--texts", "3"]) == 2
    assert "reads tokens drawn" in capsys.readouterr().err
    counted = run(capsys, PERMUTATION, "--rule", "llada:4", "--texts", "3", "--estimate", "500")
    assert counted["how"] == "estimate"
    assert counted["exact"] is False


def test_given_tokens_are_not_scored(capsys):
    found = run(capsys, PERMUTATION, "--text", "2 0 3 1", "--given", "2", "--steps", "2")
    assert found["log_prob"] == [pytest.approx(-math.log(2), abs=1e-5)]
    scored = unmask.score(ORACLE, recipes.planned(unmask.Schedule([1, 1])), [[2, 0, 3, 1]], prompt=2)
    assert found["nats_per_token"] == pytest.approx(scored.per_token)


def test_texts_of_a_law_with_words_are_read_and_shown(capsys, tmp_path):
    sentence = "ben has 3 red plums , emil has 9 more : in all 12 red plums ."
    file = tmp_path / "texts.txt"
    file.write_text(f"{sentence}\n{sentence}\n")
    found = run(capsys, "law:toy", "--data", str(file), "--lines", "--random-orders", "1", "--texts", "1")
    assert found["texts"] == 1
    expected = laws.toy_grammar().log_prob([laws.toy_grammar().encode(sentence)])[0]
    assert found["log_prob"] == [pytest.approx(float(expected), abs=1e-4)]
    assert cli.main(["score", "law:toy", "--text", sentence, "--out", str(tmp_path / "score.json")]) == 0
    assert "ben has 3 red" in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "score.json").read_text())["texts"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([PERMUTATION, "--text", "0 1 2 3", "--data", "x.txt"], "give one of --text, --data and --tokens"),
        ([PERMUTATION, "--text", "0 1 2"], "the predictor's length is 4"),
        ([PERMUTATION, "--text", "0 1 2 7"], "token 7; allowed are 0..3"),
        ([PERMUTATION, "--text", "0 1 2 3", "--given", "4"], "no masked position"),
        ([PERMUTATION, "--text", "0 1 2 3", "--given", "4", "--steps", "1"], "no masked position"),
        ([PERMUTATION, "--tokens", "nowhere.npy"], "nowhere.npy"),
        ([PERMUTATION, "--text", "0 1 2 3", "--rule", "wino"], "taken back or rewritten"),
        ([PERMUTATION, "--text", "0 1 2 3", "--rule", "margn:2"], "did you mean 'margin'"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(capsys, arguments, message):
    assert cli.main(["score", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err

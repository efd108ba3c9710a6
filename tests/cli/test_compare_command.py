import csv
import json

import pytest

from unmask.cli import main

CHAIN = "law:markov_chain:length=8,vocab_size=2"
QUICK = ["--texts", "40", "--samples", "8", "--rounds", "1", "--throughput-batch", "2", "--random-orders", "1"]


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_comparison_leaves_a_page_tables_figures_and_every_trial(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("compare", CHAIN, "--rules", "equal_sizes,planned,threshold:0.9,llada:2", "--out", out, *QUICK) == 0
    said = capsys.readouterr().out
    assert "equal_sizes" in said
    assert "Measured only" in said
    assert {"index.html", "comparison.json", "trials.csv", "quality.csv", "frontier.svg", "frontier.png"} <= {
        path.name for path in out.iterdir()
    }
    page = (out / "index.html").read_text()
    assert "src=" not in page
    assert "http" not in page
    found = json.loads((out / "comparison.json").read_text())
    rows = list(csv.DictReader((out / "trials.csv").open()))
    assert [row["key"] for row in rows] == [trial["key"] for trial in found["trials"]]
    assert len(list((out / "trials").iterdir())) == len(rows)
    scored = {row["key"]: row for row in rows}
    assert scored["llada:2"]["price"] == ""
    assert float(scored["equal_sizes:1"]["calls"]) == 1


def test_more_rules_can_be_added_to_a_folder(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("compare", CHAIN, "--rules", "equal_sizes:2", "--out", out, *QUICK) == 0
    assert run("compare", CHAIN, "--rules", "equal_sizes:2,margin:2", "--out", out, "--resume", "--json", *QUICK) == 0
    found = json.loads(capsys.readouterr().out.partition("index.html")[2].partition("\n")[2])
    assert [trial["key"] for trial in found["trials"]] == ["equal_sizes:2", "margin:2"]


def test_a_task_is_judged_by_right_answers(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("compare", "law:list_copy", "--task", "list_copy", "--rules", "equal_sizes:1", "--out", out, *QUICK) == 0
    trial = json.loads((out / "comparison.json").read_text())["trials"][0]
    assert trial["valid"] == {"count": 8, "total": 8}
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rules", "treshold"], "did you mean 'threshold'"),
        (["--rules", "threshold:high"], "expected a number"),
        (["--rules", "equal_sizes:99"], "from 1 to 8"),
        (["--steps", "many"], "expected numbers of steps"),
        (["--task", "sudoku"], "train one with"),
        (["--task", "sudok"], "did you mean 'sudoku'"),
        (["--task", "permutation", "--data", "x.txt"], "leave out --data"),
        (["--judge", "nowhere"], "nowhere"),
        (["--mauve"], "needs --judge"),
        (["--plan", "no.plan.json"], "cannot read"),
        (["--autoregressive", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, says):
    out = tmp_path / "out"
    assert run("compare", CHAIN, "--out", out, *QUICK, *arguments) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not list(out.glob("trials/*"))


def test_text_shorter_than_the_model_is_refused(tmp_path, capsys):
    short = tmp_path / "short.txt"
    short.write_text("A few words.")
    assert run("compare", "manual", "--data", short, "--out", tmp_path / "out") == 2
    assert "fewer than one window of 64" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert run("compare", CHAIN, "--rules", "equal_sizes:2", "--out", tmp_path, *QUICK) == 2
    assert "not empty" in capsys.readouterr().err
    assert run("compare", CHAIN, "--rules", "equal_sizes:2", "--out", tmp_path, "--force", *QUICK) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_check_of_ones_own_judges_what_is_drawn(tmp_path, capsys):
    (tmp_path / "verdict.py").write_text("def starts(text):\n    return text.startswith('0')\n")
    check = f"{tmp_path / 'verdict.py'}:starts"
    law = "law:permutation:length=4"
    words = [
        "compare",
        law,
        "--rules",
        "one_by_one",
        "--check",
        check,
        "--texts",
        "20",
        "--samples",
        "60",
        "--rounds",
        "0",
    ]
    assert main([*words, "--out", str(tmp_path / "out")]) in (None, 0)
    stored = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert stored["task"] == "starts"
    (trial,) = stored["trials"]
    assert trial["valid"]["total"] == 60
    assert 4 <= trial["valid"]["count"] <= 30  # a quarter of 60; outside by chance once in a thousand
    assert "--check" in (tmp_path / "out" / "index.html").read_text()

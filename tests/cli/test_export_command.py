"""`unmask export`: what it prints, writes and refuses."""

import json

import pytest

from reference import exported_plans
from unmask import cli
from unmask.theory.reveal_orders import BitReversal, Uniform


@pytest.fixture
def plan(tmp_path):
    return exported_plans.plan_of((Uniform(), [1, 3, 4])).save(tmp_path / "m.plan.json")


@pytest.fixture
def knob(tmp_path):
    return exported_plans.knob_of("threshold", 0.9).save(tmp_path / "m.tuned.json")


def run(*arguments):
    return cli.main(["export", *map(str, arguments)])


def test_it_names_the_files_and_says_what_is_lost(plan, tmp_path, capsys):
    assert run(plan, "--to", "llama.cpp", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert str(tmp_path / "out" / "command.txt") in printed
    assert "What llama.cpp does not honour:\n  Sizes cannot be given" in printed
    assert "0.0625 nats/token (0.05 to 0.075 at 95%)" in printed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "command.txt"]


def test_it_says_when_nothing_is_lost(plan, tmp_path, capsys):
    assert run(plan, "--to", "sglang", "--out", tmp_path / "out") == 0
    assert "does not honour:\n  nothing: positions, sizes and law are honoured." in capsys.readouterr().out


def test_json_is_one_object_and_the_files_are_there(plan, tmp_path, capsys):
    assert run(plan, "--to", "diffusers", "--out", tmp_path / "out", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["engine"] == "diffusers"
    assert printed["not_honoured"] == []
    assert [path.removeprefix(str(tmp_path / "out") + "/") for path in printed["files"]] == [
        "planned_scheduler.py",
        "scheduler/scheduler_config.json",
        "README.md",
    ]
    assert all((tmp_path / "out" / name).is_file() for name in ("planned_scheduler.py", "README.md"))


def test_a_knob_is_exported_like_a_plan(knob, tmp_path, capsys):
    assert run(knob, "--to", "sglang", "--out", tmp_path / "out") == 0
    assert "threshold = 0.9: 5 network calls for 32 tokens" in capsys.readouterr().out
    assert "threshold: 0.9\n" in (tmp_path / "out" / "lowconfidence.yaml").read_text()


def test_exporting_again_replaces_its_own_files_and_no_others(plan, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(plan, "--to", "llada", "--out", out) == 0
    (out / "mine.txt").write_text("mine")
    other = exported_plans.plan_of((BitReversal(), [4, 4])).save(tmp_path / "other.plan.json")
    assert run(other, "--to", "llada", "--out", out) == 0
    assert "SIZES = [4, 4]" in (out / "llada_counts.py").read_text()
    assert (out / "mine.txt").read_text() == "mine"
    capsys.readouterr()
    (out / "README.md").write_text("# My project\n")
    assert run(other, "--to", "llada", "--out", out) == 2
    assert "is about something else and would be replaced; choose another folder" in capsys.readouterr().err
    assert (out / "README.md").read_text() == "# My project\n"


@pytest.mark.parametrize(
    ("file", "engine", "out", "words"),
    [
        ("plan", "sglan", "out", "engine 'sglan' is unknown; did you mean 'sglang'"),
        ("plan", "vllm", "out", "vllm takes a tuned rule (unmask tune --rule entropy_bound), not a plan"),
        ("knob", "vllm", "out", "vllm takes a tuned rule of entropy_bound, not of threshold"),
        ("knob", "llada", "out", "llada takes a plan (unmask plan), not the tuned rule threshold"),
        ("plan", "llada", "m.plan.json", "m.plan.json is a file; give a folder"),
        ("missing", "llada", "out", "cannot read"),
        ("text", "llada", "out", "is not a JSON file"),
        ("curve", "llada", "out", "has format 'unmask.curve/1'; expected a plan"),
        ("list", "llada", "out", "has format null; expected a plan"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(plan, knob, tmp_path, capsys, file, engine, out, words):
    (tmp_path / "text").write_text("not json")
    (tmp_path / "curve").write_text(json.dumps({"format": "unmask.curve/1"}))
    (tmp_path / "list").write_text("[1, 2]")
    path = {"plan": plan, "knob": knob}.get(file, tmp_path / file)
    assert run(path, "--to", engine, "--out", tmp_path / out) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert words in printed.err
    assert not (tmp_path / "out").exists()

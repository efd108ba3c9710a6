"""`unmask plan`: the table, the file, the drawings, without torch, and every mistake in one line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import unmask
from unmask.cli import main
from unmask.laws import catalogue
from unmask.planning.plan import Plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def curve_file(tmp_path_factory):
    law = catalogue.from_name("markov_chain:length=12,vocab_size=3")
    found = unmask.measure(unmask.oracle(law), law.sample(120, 0), orders=["bit_reversal", "left_to_right"])
    return found.save(tmp_path_factory.mktemp("plan") / "m.curve.json")


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_table_shows_every_doubling_and_marks_the_choice(curve_file, capsys):
    status, printed, _ = run(capsys, "plan", curve_file, "--steps", 3)
    assert status == 0
    rows = [line.split() for line in printed.splitlines() if re.match(r"\s*→?\s+\d+\s+\w", line)]
    assert [row[0] if row[0] != "→" else row[1] for row in rows] == ["1", "2", "3", "4", "8", "12"]
    assert [row[1] for row in rows if row[0] == "→"] == ["3"]
    assert "on 60 texts that neither order nor sizes were fitted on" in printed
    assert re.search(
        r"^3 network calls instead of 12: perplexity × 1\.\d+, 95 % sure that it is at most × ", printed, re.M
    )
    assert re.search(r"Parallel price \S+ \(\S+ to \S+\) nats/token; order effect ", printed)
    assert "temperature 1" in printed


def test_json_and_file_are_the_plan_of_the_library(curve_file, tmp_path, capsys):
    out = tmp_path / "p.plan.json"
    status, printed, _ = run(capsys, "plan", curve_file, "--budget", 0.05, "--confidence", 0.9, "--out", out, "--json")
    assert status == 0
    expected = unmask.plan(unmask.Measurement.load(curve_file), budget=0.05, confidence=0.9)
    report = json.loads(printed)
    assert Plan.load(out) == expected
    assert report["chosen"] == expected.to_dict()
    chosen = next(row for row in report["frontier"] if row["steps"] == expected.steps)
    assert chosen["price"] == pytest.approx(expected.price.value)
    assert chosen["parallel_price"] == pytest.approx(expected.parallel_price.value)
    assert chosen["gain"] == pytest.approx(expected.bounds["uniform_schedule"] - chosen["parallel_price"])


def test_a_budget_that_is_not_known_to_be_kept_is_one_line_and_exit_status_1(curve_file, tmp_path, capsys):
    out = tmp_path / "p.plan.json"
    arguments = ["plan", curve_file, "--budget", 1e-7, "--order", "uniform", "--out", out]
    status, printed, error = run(capsys, *arguments)
    assert (status, printed, out.exists()) == (1, "", False)
    assert error.count("\n") == 1
    assert "no number of steps below 12 is 95% sure to cost at most 1e-07 nats per token" in error
    assert run(capsys, *arguments[:2], "--budget", 0.05, "--at-estimate")[0] == 0


def test_a_measurement_in_uniform_order_alone_says_so(tmp_path, capsys):
    law = catalogue.from_name("markov_chain:length=12,vocab_size=3")
    found = unmask.measure(unmask.oracle(law), law.sample(40, 0), orders="uniform")
    _, printed, _ = run(capsys, "plan", found.save(tmp_path / "m.curve.json"), "--steps", 3)
    assert "only the uniform order was measured" in printed


def test_an_order_a_price_per_call_and_parts_can_be_asked_for(curve_file, capsys):
    for options in (
        ["--order", "left_to_right", "--steps", 4],
        ["--price-per-call", 0.2],
        ["--steps", 4, "--parts", 2],
    ):
        status, printed, _ = run(capsys, "plan", curve_file, *options, "--json")
        assert status == 0
        assert json.loads(printed)["chosen"]["length"] == 12
    assert len(json.loads(printed)["chosen"]["alternatives"]) == 1


def test_the_frontier_is_drawn_in_the_terminal_and_into_a_file(curve_file, tmp_path, capsys):
    figure = tmp_path / "f.svg"
    status, printed, _ = run(capsys, "plan", curve_file, "--steps", 4, "--show", "--plot", figure)
    assert status == 0
    assert "→ T=4" in printed
    assert "█" in printed
    assert "steps T" in figure.read_text()


def test_a_law_and_a_bare_curve_are_planned_exactly(tmp_path, capsys):
    status, printed, _ = run(capsys, "plan", "law:polya_urn", "--steps", 4, "--json")
    assert status == 0
    curve = catalogue.from_name("polya_urn").curve()
    exact = unmask.price(curve, unmask.best_schedule(curve, 4))
    assert json.loads(printed)["chosen"]["price"]["value"] == pytest.approx(exact / curve.length)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(curve.values.tolist()))
    status, printed, _ = run(capsys, "plan", path, "--steps", 4)
    assert status == 0
    assert "a curve alone, in uniform order (F3)" in printed


def test_a_plan_of_blocks_is_repeated(tmp_path, capsys):
    curve, plan = tmp_path / "b.curve.json", tmp_path / "b.plan.json"
    assert (
        run(capsys, "measure", "law:markov_chain:length=12", "--texts", 20, "--block-length", 4, "--out", curve)[0] == 0
    )
    assert run(capsys, "plan", curve, "--steps", 2, "--blocks", 3, "--out", plan)[0] == 0
    found = Plan.load(plan)
    assert (found.length, found.steps, found.order.name) == (12, 6, "blocks:block_length=4,inner=uniform")
    law = catalogue.from_name("markov_chain:length=12")
    assert unmask.sample(unmask.oracle(law), found, n=2).network_calls.tolist() == [6, 6]


def test_planning_needs_neither_torch_nor_scipy_nor_matplotlib(curve_file):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        f"from unmask.cli import main\nstatus = main(['plan', {str(curve_file)!r}, '--steps', '4', '--show'])\n"
        "heavy = [name for name in ('torch', 'scipy', 'matplotlib', 'transformers') if name in sys.modules]\n"
        "print('\\nloaded:', status, *heavy)"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "loaded: 0"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "exactly one of steps"),
        (["--steps", 4, "--budget", 0.1], "exactly one of steps"),
        (["--steps", 13], "steps is 13; expected a whole number from 1 to 12"),
        (["--steps", 0], "steps is 0"),
        (["--budget", -2], "budget is -2.0; expected nats per token above 0"),
        (["--budget", "nan"], "budget is nan; expected"),
        (["--steps", 4, "--at-estimate"], "--at-estimate goes with --budget"),
        (["--price-per-call", -1], "is -1.0; expected nats per sequence, 0 or more"),
        (["--steps", 4, "--order", "bisection"], "'bisection' was not measured; measured are uniform, bit_reversal"),
        (["--steps", 4, "--confidence", 1.5], "confidence is 1.5"),
        (["--steps", 4, "--parts", 9], "parts is 9"),
        (["--steps", 4, "--plot", "f.gif"], "--plot is f.gif; expected a file ending in"),
        (["--steps", 4, "--plot", "no/f.png"], "there is no folder no"),
        (["--steps", 4, "--out", "no/p.plan.json"], "cannot write no/p.plan.json"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_line_and_exit_status_2(
    curve_file, tmp_path, monkeypatch, capsys, options, words
):
    monkeypatch.chdir(tmp_path)
    status, printed, error = run(capsys, "plan", curve_file, *options)
    assert (status, printed) == (2, "")
    assert error.count("\n") == 1
    assert words in error


def test_a_file_that_is_no_measurement_is_one_line(curve_file, tmp_path, capsys):
    damaged = tmp_path / "d.curve.json"
    damaged.write_text(curve_file.read_text()[:5000])
    plan = tmp_path / "p.plan.json"
    assert run(capsys, "plan", curve_file, "--steps", 3, "--out", plan)[0] == 0
    empty = tmp_path / "e.json"
    empty.write_text("")
    for path, words in [
        (damaged, "is not a JSON file"),
        (plan, "has format 'unmask.plan/2'"),
        (empty, "is not a JSON file"),
        (tmp_path / "none.curve.json", "No such file"),
        ("law:nothing", "there is no law"),
    ]:
        status, printed, error = run(capsys, "plan", path, "--steps", 3)
        assert (status, printed) == (2, "")
        assert error.count("\n") == 1
        assert words in error

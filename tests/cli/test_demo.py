"""`unmask demo`: what it prints and writes, and its page, which needs nothing else."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

import unmask
from unmask import cli
from unmask.evaluation.demo.sentences import read
from unmask.measuring.estimate import Estimate
from unmask.reports import demo as report
from unmask.reports import demo_page
from unmask.reports.compare import finite

FIGURES = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo")
    (path / "mine.txt").write_text("mine")
    return path


@pytest.fixture(scope="module")
def made(folder):
    """One quick run through the command line, and the object that was shown."""
    shown = []
    show = report.show
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "show", lambda demo, console: (shown.append(demo), show(demo, console)))
        assert cli.main(["demo", "--quick", "--seed", "3", "--out", str(folder)]) == 0
    return shown[0]


@pytest.fixture(scope="module")
def page(made, folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_numbers_plans_and_figures_are_written_and_other_files_left_alone(made, folder):
    names = {path.name for path in folder.iterdir()}
    assert {"demo.json", "grammar.csv", "prose.csv", "grammar.plan.json", "prose.plan.json", "index.html"} <= names
    assert (folder / "mine.txt").read_text() == "mine"
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(folder.glob("*.png"))) == FIGURES
    written = json.loads((folder / "demo.json").read_text())
    assert written == json.loads(json.dumps(finite(made.to_dict())))


def test_the_files_can_be_planned_from_and_sampled_with(made, folder):
    plan = unmask.Plan.load(folder / "grammar.plan.json")
    assert plan.steps == 4
    assert unmask.sample(unmask.load("toy"), plan, n=1).network_calls.tolist() == [4]
    measured = unmask.Measurement.load(folder / "prose.curve.json")
    assert unmask.plan(measured, steps=3).steps == 3


def test_csv_files_hold_every_trial(made, folder):
    with open(folder / "grammar.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    trials = made.grammar.comparison.trials
    assert len(rows) == len(trials)
    for row, trial in zip(rows, trials, strict=True):
        assert row["key"] == trial.key
        assert float(row["price"]) == trial.scored.value
        assert (row["predicted"] == "") == (trial.predicted is None)


def test_the_page_refers_to_nothing_outside_itself(page):
    # What a model wrote may hold the word "http:"; what must not is a tag, an attribute or a style.
    markup = "".join(re.findall(r"<style>.*?</style>|<[^>]+>", page, re.DOTALL))
    markup = re.sub(r'"data:image/png;base64,[^"]*"', '""', markup)  # a map of when tokens are revealed
    assert len(markup) > 1000
    assert not re.search(r"https?:|//[a-z]|@import|<link|<img|<iframe|<script|\bsrc=", markup)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert all(target.startswith(("#", "data:image/png")) for target in re.findall(r'href="([^"]*)"', page))


def test_every_id_of_the_page_is_unique_and_every_reference_has_a_target(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r"url\(#([^)]*)\)", page)) | set(re.findall(r'href="#([^"]*)"', page))
    assert targets <= set(ids)


def test_the_tags_of_the_page_are_balanced(page):
    class Balance(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_the_page_shows_every_way_every_figure_and_that_the_run_was_quick(made, page):
    assert page.count("<svg") == FIGURES
    assert "far too few texts" in page
    for trial in made.grammar.shown:
        assert report.title(trial) in page
    for sentence in read(made.grammar.planned.texts):
        assert (sentence.fault is None) or sentence.fault.replace('"', "&#34;") in page


def test_making_the_page_again_gives_the_same_page(made, page, folder):
    assert demo_page.page(made, f"unmask demo --quick --seed 3 --out {folder}") == page


@pytest.mark.parametrize("width", [80, 100])
def test_tables_fit_the_terminal(made, width):
    text = io.StringIO()
    report.show(made, Console(file=text, width=width))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    ways = ("planned ", "one token at a time  ", "threshold ", "most confident first  ")
    table = [line for line in lines if line.lstrip(" ●").startswith(ways)]
    assert len(table) >= 8
    assert not any("…" in line for line in lines)


def test_json_is_the_only_thing_printed(made, capsys, monkeypatch):
    monkeypatch.setattr("unmask.evaluation.demo.whole.demo", lambda *_, **__: made)
    assert cli.main(["demo", "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["grammar"]["shown"][0] == "planned:4"


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_computed(tmp_path, capsys, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr("unmask.evaluation.demo.whole.demo", lambda *_, **__: pytest.fail("computed"))
    assert cli.main(["demo", "--out", str(tmp_path / "taken")]) == 2
    assert "is a file; give a folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--seed", "x"], ["--fast"], ["extra"]])
def test_bad_options_are_one_line_and_status_2(capsys, arguments):
    assert cli.main(["demo", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("low", "high", "at_most", "tested", "says"),
    [
        (0.01, 0.05, 0.046, True, "it is at most 0.046 with 95 % confidence, so that the budget is kept"),
        (0.01, 0.054, 0.049, True, "it is at most 0.049 with 95 % confidence, so that the budget is kept"),
        (0.01, 0.054, 0.049, False, "the budget is not kept with that confidence"),  # one of many that were looked at
        (0.001, 0.081, 0.074, False, "the budget is not kept with that confidence"),
        (-0.4, 0.772, 0.7, True, "the budget is not kept with that confidence"),
    ],
)
def test_the_promise_says_what_the_test_of_this_run_s_plan_says(made, low, high, at_most, tested, says):
    price = Estimate((low + high) / 2, low, high, 0.95, 8)
    plan = replace(made.prose.plan, parallel_price=price, at_most=at_most)
    half = replace(made.prose, plan=plan, budget_kept=tested)
    assert says in report.promise(half)
    assert f"{(low + high) / 2:.3f} (95 %: {low:.3f} to {high:.3f})" in report.promise(half)


def test_the_page_and_the_terminal_make_the_promise_of_the_run(made, page):
    text = io.StringIO()
    report.show(made, Console(file=text, width=2000))
    assert report.promise(made.prose) in text.getvalue()
    assert report.promise(made.prose) in page
    assert "0.05 nats per token with 95 % confidence" not in page

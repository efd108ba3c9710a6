"""What `unmask verify --out` writes: the numbers that were computed, and a page that needs nothing else."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from rich.console import Console

from unmask import cli
from unmask.errors import InputError
from unmask.evaluation.result_table import Column, ResultTable
from unmask.evaluation.verify import verify
from unmask.reports import pages, verify_page
from unmask.reports import verify as report
from unmask.reports.tables import to_csv
from unmask.theory import bounds


@pytest.fixture(scope="module")
def verification():
    return verify(["markov", "independent", "code"], length=16)


@pytest.fixture(scope="module")
def folder(verification, tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    (path / "mine.txt").write_text("mine")
    (path / "index.html").write_text("an older report")
    verify_page.write(verification, path)
    return path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def same(cell, text):
    """Whether a cell of a CSV file is the number or the word in memory, to the last bit."""
    if cell is None:
        return text == ""
    return type(cell)(text) == cell


def test_csv_files_hold_the_numbers_in_memory(verification, folder):
    for claim in verification.claims:
        with open(folder / f"{claim.key}.csv", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [column.name for column in claim.data.columns]
        assert len(rows) == len(claim.data.rows)
        for row, texts in zip(claim.data.rows, rows, strict=True):
            assert all(same(cell, text) for cell, text in zip(row, texts, strict=True))


def test_curves_are_written_for_every_law_and_count(verification, folder):
    rows = list(csv.DictReader(io.StringIO((folder / "curves.csv").read_text())))
    assert [float(row["h"]) for row in rows if row["law"] == "markov"] == verification.subjects[0].curve.values.tolist()
    assert len(rows) == 3 * 16


def test_every_figure_is_written_as_png_and_svg(folder):
    names = {path.stem for path in folder.glob("*.png")}
    assert names == {"signature", "rate", "linear", "linear-families", "few-steps", "bounds", "training-error"}
    for name in names:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")


def test_the_json_file_is_what_the_json_option_prints(verification, folder):
    assert json.loads((folder / "verification.json").read_text()) == verification.to_dict()


def test_the_page_refers_to_nothing_outside_itself(page):
    assert not re.search(r"https?:|//[a-z]|@import|<link|<img|<iframe|\bsrc=", page.replace("// stays", ""))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))


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
            if tag not in {"meta", "input"}:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_the_interactive_picture_has_the_numbers_in_memory(verification, page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    laws = {law["name"]: law for law in json.loads(found.group(1))}
    rows = verification.claim("few-steps").data.where(law="markov")
    assert laws["markov"]["kl_even"] == pytest.approx(rows.column("kl_even"), abs=1e-6)
    assert laws["markov"]["kl_best"] == pytest.approx(rows.column("kl_best"), abs=1e-6)
    for steps, sizes in enumerate(laws["code"]["best"], 1):
        assert len(sizes) == steps
        assert sum(sizes) == 16


def test_the_page_follows_dark_mode_in_its_figures_too(page):
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) > 10
    assert all("var(--ink)" in figure for figure in figures if "<path" in figure)


def test_making_the_page_again_gives_the_same_page(verification, page):
    assert verify_page.page(verification) == page


def test_files_that_are_not_of_the_report_are_left_alone(folder):
    assert (folder / "mine.txt").read_text() == "mine"
    assert (folder / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_about_failures_says_so_and_laws_without_information_have_one_too(monkeypatch):
    monkeypatch.setattr(bounds, "li_cai_upper", lambda *_: -1.0)
    found = verify_page.page(verify(["independent"], length=9))
    assert "checks failed" in found
    assert "should be at most -1" in found
    assert "nothing to lose" in found


def test_tables_fit_a_terminal_of_eighty_columns():
    text = io.StringIO()
    report.show(verify(length=16), Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert lines[-1].startswith("all ")


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_computed(tmp_path, capsys, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr("unmask.evaluation.verify.verify", lambda *_, **__: pytest.fail("computed"))
    assert cli.main(["verify", "--out", str(tmp_path / "taken")]) == 2
    assert "is a file; give a folder" in capsys.readouterr().err
    with pytest.raises(InputError, match="cannot be made"):
        pages.check_folder(tmp_path / "taken" / "below")


def test_json_is_the_only_thing_printed(capsys):
    assert cli.main(["verify", "--laws", "parity", "--length", "8", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["holds"] is True
    assert value["claims"][0]["rows"][0]["law"] == "parity"


def test_a_missing_number_is_an_empty_cell_in_files_and_a_dash_for_people():
    table = ResultTable.of([Column("a", "A", ".2f"), Column("b")], [(None, "x"), (0.1 + 0.2, "y,z")])
    assert to_csv(table) == 'a,b\n,x\n0.30000000000000004,"y,z"\n'
    assert [table.columns[0].show(cell) for cell in table.column("a")] == ["–", "0.30"]

"""Tokens and names that would steer a terminal, a table, a figure or a page are shown as what they are."""

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from unmask import cli
from unmask.evaluation.result_table import Column, ResultTable
from unmask.reports.figures import png, style, svg
from unmask.reports.tables import to_csv, to_markdown, to_rich
from unmask.visible import in_figure, in_markdown, shortened, visible

NASTY = [
    "[/red]", "[bold]x", "$\\frac{$", "$x$", "# heading", "a|b", "\x1b[31mred", "\x1b]0;title\x07", "\u202eabc\u202c",
    "\u2066x\u2069", "a\rb", "\x00", "\x9b31m", "</svg><script>", "*b* _i_ `c`", "a\nb", "![x](y)", "\ud83d\ude00",
]  # fmt: skip
ACTING = ("Cc", "Cf", "Zl", "Zp")


def table(words):
    return ResultTable.of([Column("text", "text"), Column("price", "price", ".3f")], [[words, 1.0], ["plain", 2.0]])


def acting(text):
    return [one for one in text if unicodedata.category(one) in ACTING and one not in "\n\u200d\u200c\u00ad"]


@pytest.mark.parametrize("words", [word.encode("utf-16", "surrogatepass").decode("utf-16") for word in NASTY])
def test_no_medium_obeys_a_token(words):
    printed = io.StringIO()
    Console(file=printed, force_terminal=True, color_system=None, width=80).print(to_rich(table(words)))
    assert not acting(printed.getvalue())
    assert visible(words).replace("\n", "\\x0a") in printed.getvalue()
    lines = to_markdown(table(words)).splitlines()
    assert len(lines) == 4
    assert all(len(line.replace("\\|", "").split("|")) == 4 for line in lines)
    assert not acting("".join(lines))
    assert to_csv(table(words)).endswith("plain,2.0\n")


@pytest.mark.parametrize("words", NASTY[:-1])
def test_a_figure_shows_a_name_as_it_is(words):
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(2, 1))
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], label=in_figure(words))
        axes.set_title(in_figure(words))
        axes.legend()
        assert png(figure).startswith(b"\x89PNG")
        assert b"\x1b" not in svg(figure)


@given(st.text())
def test_what_is_visible_prints_and_plain_text_is_left_alone(text):
    assert not acting(visible(text))
    assert "\n" not in visible(text)
    assert visible("plain Δ text") == "plain Δ text"
    assert visible(visible(text)) == visible(text)


def test_marks_of_each_medium_are_written_out():
    assert visible("a\x1b[31mb\u202e\n") == "a\\x1b[31mb\\u202e\\x0a"
    assert in_markdown("# a|b [x](y)") == "\\# a\\|b \\[x\\](y)"
    assert in_figure("$x$\nb\x1b") == "\\$x\\$\nb\\x1b"
    assert (
        shortened(f"there is no rule '{'x' * 5000}'; there are a, b")
        == f"there is no rule '{'x' * 80}…'; there are a, b"
    )
    assert len(shortened("y" * 5000)) == 601


def test_a_command_prints_a_token_that_steers_as_what_it_is(tmp_path, capsys):
    assert cli.main(["sample", "law:\x1b[31mno\u202e"]) == 2
    said = capsys.readouterr().err
    assert not acting(said)
    assert "\\x1b[31mno\\u202e" in said


def test_the_table_of_a_command_prints_marks_of_rich_and_of_terminals(capsys):
    from unmask.cli.common import print_json, print_table

    print_table("[/red]\x1b[2J", ["[bold]", "n"], [["[/red]\u202e\x1b[31m", 1]])
    shown = capsys.readouterr().out
    assert "[/red]\\x1b[2J" in shown
    assert "[/red]\\u202e\\x1b[31m" in shown
    assert "[bold]" in shown
    print_json({"text": "\x1b[31m\u202e"})
    assert json.loads(capsys.readouterr().out) == {"text": "\x1b[31m\u202e"}

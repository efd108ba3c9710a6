"""The command line itself: exit statuses, one-line errors, and nothing imported that is not asked for."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from unmask import cli
from unmask.errors import CheckFailed, InputError


@pytest.fixture
def command(monkeypatch):
    """Make a command called `probe` out of a function, as if it stood in a file of its own."""

    def install(function):
        module = types.ModuleType("unmask.cli.probe")
        module.probe = function
        monkeypatch.setitem(sys.modules, "unmask.cli.probe", module)
        monkeypatch.setitem(cli.COMMANDS, "probe", "Probe.")

    return install


def error_line(capsys) -> str:
    """The one line on standard error; nothing may be on standard output."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err.strip()


def test_an_unknown_command_exits_with_2_and_suggests_the_nearest(capsys):
    assert cli.main(["verfy"]) == 2
    line = error_line(capsys)
    assert "'verfy'" in line
    assert "did you mean 'verify'" in line


def test_a_command_like_no_other_gets_the_list(capsys):
    assert cli.main(["zzzz"]) == 2
    line = error_line(capsys)
    assert all(name in line for name in cli.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [(["--colour"], "--colour"), (["probe", "--colour"], "--colour"), (["probe"], "count"), (["probe", "few"], "few"),
     (["probe", "3", "4"], "4")],
)  # fmt: skip
def test_a_usage_error_exits_with_2_in_one_line_that_says_what_was_wrong(command, capsys, arguments, wrong):
    def probe(count: int) -> None: ...

    command(probe)
    assert cli.main(arguments) == 2
    line = error_line(capsys)
    assert wrong in line.lower()  # typer's versions differ in case
    assert "--help" in line


def test_bad_input_exits_with_2_and_one_line_even_if_the_message_has_more(command, capsys):
    def probe() -> None:
        raise InputError("steps is 9;\nexpected 1..8")

    command(probe)
    assert cli.main(["probe"]) == 2
    assert error_line(capsys) == "unmask: steps is 9; expected 1..8"


def test_a_failed_check_exits_with_1(command, capsys):
    def probe() -> None:
        raise CheckFailed("the bound does not hold")

    command(probe)
    assert cli.main(["probe"]) == 1
    assert error_line(capsys) == "unmask: the bound does not hold"


def test_an_interrupt_exits_with_130(command, capsys):
    def probe() -> None:
        raise KeyboardInterrupt

    command(probe)
    assert cli.main(["probe"]) == 130


def test_a_bug_keeps_its_traceback(command):
    def probe() -> None:
        raise ZeroDivisionError

    command(probe)
    with pytest.raises(ZeroDivisionError):
        cli.main(["probe"])


def test_a_command_runs_and_exits_with_0(command, capsys):
    def probe(count: int) -> None:
        print(count + 1)

    command(probe)
    assert cli.main(["probe", "3"]) == 0
    assert capsys.readouterr().out == "4\n"


def test_without_arguments_the_help_is_printed(capsys):
    assert cli.main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in cli.COMMANDS)
    assert "..." not in printed.split("Commands:")[1]  # every one-line help fits


def test_the_module_runs_as_the_command_and_its_status_is_the_process_s():
    source = Path(cli.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "unmask", "verfy"], capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(source), "PATH": ""},
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.startswith("unmask: ")


def test_version_is_printed(capsys):
    import unmask

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"unmask {unmask.__version__}\n"


def test_laws_as_json_is_one_object_with_the_facts_of_the_law(capsys):
    import math

    assert cli.main(["laws", "law:permutation:length=4", "--json"]) == 0
    (law,) = json.loads(capsys.readouterr().out)["laws"]
    assert (law["length"], law["vocab_size"], law["curve"]) == (4, 4, "exact")
    assert law["entropy"] == pytest.approx(math.log(24), abs=1e-12)
    assert law["total_information"] == pytest.approx(4 * math.log(4), abs=1e-12)


def test_every_law_is_listed_with_what_it_is_and_the_kinds_of_its_parameters(capsys):
    from unmask.laws import catalogue

    assert cli.main(["laws", "--json"]) == 0
    found = {law["law"]: law for law in json.loads(capsys.readouterr().out)["laws"]}
    assert tuple(found) == catalogue.names()
    assert all(law["description"].endswith(".") for law in found.values())
    assert found["tree"]["parameters"][2] == {"name": "stay", "type": "a number", "default": 0.9}
    assert cli.main(["laws"]) == 0
    assert "side_by_side=0.3" in capsys.readouterr().out


def test_an_unknown_law_exits_with_2(capsys):
    assert cli.main(["laws", "permutatoin"]) == 2
    assert "permutatoin" in error_line(capsys)


def test_tables_print_words_as_they_are_and_numbers_to_six_digits(capsys):
    from unmask.cli.common import print_table

    print_table("A title", ["word", "number"], [["[red]", 1 / 3], ["b", 2]])
    printed = capsys.readouterr().out
    assert all(piece in printed for piece in ("A title", "[red]", "0.333333", "2"))

"""Options that several commands share mean one thing, and are said in one way."""

import importlib
import inspect
import typing
from collections import defaultdict

import pytest

from unmask import cli

SAME = [
    "--data",
    "--tokens",
    "--lines",
    "--length",
    "--device",
    "--trust-remote-code",
    "--seed",
    "--json",
    "--batch-size",
]


def options():
    """option -> {help text: commands}."""
    found = defaultdict(lambda: defaultdict(list))
    for command in cli.COMMANDS:
        function = getattr(importlib.import_module(f"unmask.cli.{command}"), command)
        for name, hint in typing.get_type_hints(function, include_extras=True).items():
            for said in getattr(hint, "__metadata__", ()):
                words = [getattr(said, "default", ""), *(getattr(said, "param_decls", None) or ())]
                names = [one for one in words if isinstance(one, str) and one.startswith("--")]
                if type(said).__name__ == "OptionInfo":
                    found[(names or [f"--{name.replace('_', '-')}"])[0]][said.help].append(command)
    return found


@pytest.mark.parametrize("option", SAME)
def test_an_option_of_several_commands_has_one_text(option):
    texts = {
        text: [one for one in commands if one not in ("train", "verify", "sample")]
        for text, commands in options()[option].items()
    }
    assert len([text for text, commands in texts.items() if commands]) == 1, texts


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_no_option_has_an_old_name(command):
    function = getattr(importlib.import_module(f"unmask.cli.{command}"), command)
    gone = {"block", "draws", "limit", "batch", "nfe"}
    assert not gone & set(inspect.signature(function).parameters)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_help_of_a_command_has_an_example_whose_options_exist(command, capsys):
    assert cli.main([command, "-h"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    example = cli.EXAMPLES[command].split()
    assert example[:2] == ["unmask", command]
    assert f"Example: {' '.join(example)}" in printed
    assert all(f" {option} " in printed for option in example if option.startswith("-"))


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_the_help_names_no_type_where_a_switch_takes_no_value(command, capsys):
    assert cli.main([*command.split(), "-h"]) == 0
    assert "bool" not in capsys.readouterr().out.lower()

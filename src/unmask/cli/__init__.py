"""The command line: one short file per command, found here by its name.

A command called NAME is a function `NAME` in `unmask/cli/NAME.py` and one line of `COMMANDS`. Its file is imported when
the command is run or its own help is asked for, never for `unmask --help`, so a slow import in one slows no other.

Exit status: 0 done, 1 a check that was asked for did not hold, 2 bad input. Errors are one line on standard error;
anything else that is raised is a bug and keeps its traceback.
"""

import difflib
import importlib
import re
import sys
import typing
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from unmask.errors import CheckFailed, InputError
from unmask.visible import shortened, visible

COMMANDS = {
    "demo": "The whole flow, in two minutes, on the two shipped models.",
    "verify": "Check the paper's claims exactly, law by law.",
    "laws": "List the distributions whose every answer is known.",
    "rules": "List the decoding rules, and what may be claimed for each.",
    "inspect": "Say what a model is and test that it is run as it was trained.",
    "train": "Train a masked language model from text or from a law.",
    "measure": "Measure a model on held-out text.",
    "plan": "Plan order and sizes for a number of steps or a budget.",
    "certify": "Prove on fresh texts that a plan keeps its budget.",
    "sample": "Sample text by any decoding rule or plan.",
    "score": "Exact likelihood of texts under the sampler that is run.",
    "compare": "Decoding rules side by side, on one page.",
    "tune": "Find the setting of a decoding rule that keeps a budget.",
    "serve": "Serve a model over HTTP, with the price of every text.",
    "export": "Write a plan or a tuned rule for the engine that will serve it.",
}

EXAMPLES = {
    "demo": "unmask demo --out demo",
    "verify": "unmask verify --laws markov,permutation:length=8 --out verified",
    "laws": "unmask laws markov_chain:length=32 list_sort",
    "inspect": "unmask inspect toy",
    "train": "unmask train --data notes/ --out my-model --minutes 30",
    "measure": "unmask measure toy --orders auto --out toy.curve.json",
    "plan": "unmask plan toy.curve.json --budget 0.05 --out toy.plan.json",
    "certify": "unmask certify toy.plan.json toy --budget 0.1 --texts 400",
    "sample": "unmask sample toy --plan toy.plan.json -n 4",
    "score": "unmask score toy --rule entropy_bound:0.1 --texts 100",
    "compare": "unmask compare toy --rules planned,threshold,entropy_bound --out comparison",
    "tune": "unmask tune toy --rule threshold --budget 0.05 --out toy.tuned.json",
    "rules": "unmask rules",
    "serve": "unmask serve toy --plan toy.plan.json --port 8000",
    "export": "unmask export toy.plan.json --to diffusers --out engine",
}
"""One command line that works, for the help of each command."""

HELP = {"help_option_names": ["-h", "--help"]}

# Where the class behind typer's own errors lives depends on typer's version; its place among the ancestors does not.
ClickException: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class WithHelp:
    """What has a help option, which typer would call a <bool>."""

    def get_help_option(self, ctx: Any) -> Any:
        """`-h` and `--help`."""
        option: Any = super().get_help_option(ctx)  # type: ignore[misc]
        option.metavar = ""
        return option


class LazyCommands(WithHelp, TyperGroup):
    """Lists `COMMANDS` without importing them; imports the one that is resolved."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The name and one-line help, enough for a list of commands."""
        return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, about to run or to print its help."""
        name, *rest = args
        if name not in COMMANDS:
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            known = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(COMMANDS)}"
            ctx.fail(f"there is no command {name!r}; {known}")
        return name, load(name), rest


class OneCommand(WithHelp, TyperCommand):
    """A command whose errors name its options, where the library names the arguments of Python."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from unmask.cli.checked import check_options  # a page of help needs none of it

        check_options(self, ctx)
        try:
            return super().invoke(ctx)
        except InputError as error:
            options = {
                one.name: max(one.opts, key=len)
                for one in self.params
                if one.name is not None and one.opts[0].startswith("-")
            }
            raise InputError(_in_options(str(error), options)) from error


def _in_options(message: str, options: dict[str, str]) -> str:
    """`message` with the argument it begins with, and those it has in backticks, as options."""
    message = re.sub(r"`(\w+)`", lambda found: options.get(found[1], found[0]), message)
    first, space, rest = message.partition(" ")
    return options.get(first, first) + space + rest


def load(name: str) -> Any:
    """The command `name`, made from the function of that name in the module of that name."""
    function = getattr(importlib.import_module(f"unmask.cli.{name}"), name)
    _name_values(function)
    single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    example = f"Example: `{EXAMPLES[name]}`" if name in EXAMPLES else None
    single.command(name=name, cls=OneCommand, epilog=example, context_settings=HELP)(function)
    return typer.main.get_command(single)


def _name_values(function: Any) -> None:
    """Give every option without a word for its value one: N, X, FILE or NAME rather than the name of a type."""
    for hint in typing.get_type_hints(function, include_extras=True).values():
        whole, *_ = typing.get_args(hint) or (hint,)
        kinds = [kind for kind in (whole, *typing.get_args(whole)) if kind in _VALUES]
        for said in getattr(hint, "__metadata__", ()):
            if kinds and getattr(said, "metavar", "") is None:
                said.metavar = _VALUES[kinds[0]]


_VALUES: dict[type, str] = {bool: "", int: "N", float: "X", Path: "FILE", str: "NAME"}  # a switch takes no value


app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, context_settings=HELP, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", metavar="", help="Print the version and exit."),
) -> None:
    """Parallel sampling for masked diffusion language models, with the price known before it is paid."""
    if version:
        from unmask import __version__

        typer.echo(f"unmask {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (the process's own by default) and return the exit status."""
    try:
        status = app(arguments, prog_name="unmask", standalone_mode=False)
    except InputError as error:
        return _complain(str(error), 2)
    except ClickException as error:  # an unknown option or command, a missing or malformed argument
        return _complain(_usage(error), 2)
    except CheckFailed as error:
        return _complain(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted", 130)
    except BrokenPipeError:  # who reads the output has seen enough
        sys.stdout = None
        return 0
    except OSError as error:  # the disk is full, a file vanished: nothing a traceback would explain
        return _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 2)
    except MemoryError:
        return _complain("this needs more memory than there is; ask for fewer or shorter texts, or a smaller model", 2)
    return status if isinstance(status, int) else 0


def _usage(error: Any) -> str:
    message = error.format_message().rstrip(".")
    if hasattr(error.__cause__, "errors"):  # typer leaves the value that was wrong to pydantic
        message += f"; got {error.__cause__.errors()[0]['input']!r}"
    where = getattr(getattr(error, "ctx", None), "command_path", "unmask")
    return f"{message} (see {where} --help)"


def _complain(message: str, status: int) -> int:
    print(f"unmask: {shortened(visible(' '.join(message.split())))}", file=sys.stderr)
    return status

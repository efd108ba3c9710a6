"""The Python of the guides is run, page by page, in a folder of its own."""

import doctest
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

import unmask
from unmask import cli
from unmask.serving.fields import Ours

DOCS = Path(__file__).parent.parent / "docs"
# The name of the file a block is, if it has a title, and its code.
BLOCK = re.compile(r'```python(?: title="(.+?)")?\n(.*?)```', re.DOTALL)


def blocks_of(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, from which files can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ["sampling.md", "extending.md", "exact.md", "dependence.md", "compare.md"])
def test_every_python_block_of_a_guide_runs(page, folder):
    blocks = blocks_of(page)
    assert blocks
    names: dict[str, object] = {"__name__": "guide"}
    for file, code in blocks:
        if file:
            (folder / file).write_text(code, encoding="utf-8")
        exec(compile(code, page, "exec", dont_inherit=True), names)


def test_every_command_of_extending_runs_on_the_files_of_the_page(folder, capsys):
    """Rule, law, exporter and task are used where they lie."""
    for file, code in blocks_of("extending.md"):
        if file:
            (folder / file).write_text(code, encoding="utf-8")
    unmask.plan(unmask.laws.Permutation(6).curve(), steps=3).save("echo.plan.json")
    page = (DOCS / "extending.md").read_text(encoding="utf-8")
    commands = re.findall(r"^unmask (.+)$", page, re.MULTILINE)
    own = [word for command in commands for word in re.findall(r"\b(\w+\.py):", command)]
    assert set(own) == {"my_rules.py", "my_law.py", "my_engine.py", "my_task.py"}
    for command in commands:
        assert cli.main(command.split()) in (None, 0), capsys.readouterr().err
        if "--rule " in command:
            assert "replay" in capsys.readouterr().out  # how a rule that reads the model is scored
    assert json.loads((folder / "judged" / "comparison.json").read_text())["task"] == "my_task.py:echo"


@pytest.mark.parametrize("name", sorted({*unmask.__all__} - {"__version__"}))
def test_a_public_name_has_an_example_that_is_true(name, folder):
    thing = getattr(unmask, name)
    text = inspect.getdoc(thing) or ""
    assert "Examples:\n    >>> " in text, f"unmask.{name} has no example"
    example = doctest.DocTestParser().get_doctest(text, {"unmask": unmask}, name, None, None)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert not said, "".join(said)


def test_the_reference_begins_with_every_public_name_once():
    listed = re.findall(r"<!-- public name: (\w+) -->", (DOCS / "reference" / "index.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(unmask.__all__)


def texts():
    """Every guide and every module, by its path: names may stand in a sentence, an example or a docstring."""
    root = DOCS.parent
    for path in (root / "README.md", root / "CONTRIBUTING.md", *DOCS.rglob("*.md"), *(root / "src").rglob("*.py")):
        yield str(path.relative_to(root)), path.read_text(encoding="utf-8")


def is_module(parts: list[str]) -> bool:
    path = DOCS.parent.joinpath("src", *parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


def leads_somewhere(name: str) -> bool:
    """Whether the dotted `name` is a public name, a module of ours or something in one; modules are not run for it."""
    parts = name.split(".")
    home = unmask._HOMES.get(parts[1], "")
    if home:
        parts = [*home.replace(":", ".").split("."), *parts[2:]]
    inside: list[str] = []
    while not is_module(parts):
        inside.insert(0, parts.pop())
    if not inside:
        return True
    thing = importlib.import_module(".".join(parts))
    for part in inside:
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def test_every_dotted_name_of_ours_in_documents_and_docstrings_exists():
    """`unmask.json` is a file, and `unmask.curve/1` the format of one; a server's requests have an object `unmask`."""
    names: dict[str, str] = {}
    for path, text in texts():
        for name in re.findall(r"(?<![\w/.-])unmask(?:\.[A-Za-z_]\w*)+\b(?!/\d)", text):
            names.setdefault(name, path)
        for name in re.findall(r"`((?:bounds|laws|orders|recipes|stopping|windows)\.[A-Za-z_]\w*)", text):
            names.setdefault(f"unmask.{name}", path)
    names.pop("unmask.json")
    for field in Ours.model_fields:
        names.pop(f"unmask.{field}", None)
    assert len(names) > 100
    assert not {name: path for name, path in names.items() if not leads_somewhere(name)}

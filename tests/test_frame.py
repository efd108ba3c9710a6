"""The frame: what importing costs, which names are public, what the wheel holds, what the repository must not hold."""

import importlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import unmask

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "matplotlib", "transformers")


def python(code: str, **options) -> str:
    """Run `code` in a new interpreter that finds the package in the source tree, and return what it prints."""
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=120, **options
    ).stdout


@pytest.mark.parametrize(
    "code",
    [
        "import unmask",
        "import unmask; unmask.__version__; dir(unmask)",
        "from unmask.cli import main; main(['--help'])",
        "from unmask.cli import main; main(['laws', '--help'])",
        "import unmask.theory.bounds, unmask.theory.optimal, unmask.theory.reveal_orders, unmask.theory.price",
        "import unmask.laws",
    ],
)
def test_nothing_heavy_is_imported_by(code):
    printed = python(f"{code}\nprint('\\nloaded:', *(m for m in {HEAVY} if m in sys.modules))")
    assert printed.splitlines()[-1].split() == ["loaded:"]


def test_importing_unmask_does_not_even_import_numpy():
    assert python("import unmask\nprint('numpy' in sys.modules)").strip() == "False"


def test_help_of_all_commands_imports_none_of_them():
    from unmask.cli import COMMANDS

    loaded = python(
        "from unmask.cli import main\nmain(['--help'])\nprint([m for m in sys.modules if 'unmask.cli.' in m])"
    )
    assert loaded.splitlines()[-1] == "[]"
    assert all(name in loaded for name in COMMANDS)


@pytest.mark.parametrize("name", unmask.__all__)
def test_every_public_name_is_there(name):
    assert getattr(unmask, name) is not None
    assert name in dir(unmask)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'unmusk'"):
        _ = unmask.unmusk


def test_a_public_name_survives_the_import_of_a_submodule_of_that_name():
    code = (
        "import unmask\nfirst = unmask.price\nimport unmask.theory.price\nprint(unmask.price is first, callable(first))"
    )
    assert python(code).split() == ["True", "True"]


def test_the_package_says_it_is_typed():
    assert (Path(unmask.__file__).parent / "py.typed").is_file()


def test_every_module_imports_and_says_what_it_is_for():
    """Every module of the package has a docstring, apart from empty `__init__` files."""
    source = ROOT / "src"
    for path in sorted((source / "unmask").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not text.strip() or text.lstrip().startswith(('"""', 'r"""')), f"{path} does not say what it is for"


def test_the_repository_holds_no_path_or_address_of_a_workplace():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tracked = [name for name in listed.split("\0") if name]
    assert not [name for name in tracked if Path(name).name in ("uv" + ".lock", "pip" + ".conf", "poetry" + ".lock")]
    needles = [
        "/" + "work/", "/" + "home/", "/" + "root/", "file:" + "//", "--index" + "-url", "--extra-index" + "-url",
        "files.pythonhosted" + ".org", "pypi" + ".org/simple", "find" + "-links",
    ]  # fmt: skip
    for name in tracked:
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        found = [needle for needle in needles if needle.encode() in content]
        assert not found, f"{name} contains {found}"


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_imports_in_a_clean_place(tmp_path):
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, ROOT],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("unmask-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "clean")
        metadata = next(name for name in held if name.endswith("METADATA"))
        entry_points = archive.read(next(name for name in held if name.endswith("entry_points.txt"))).decode()
        described = archive.read(metadata).decode()
    package = ROOT / "src" / "unmask"
    expected = {
        f"unmask/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in held if name.startswith("unmask/")} == expected
    assert {name.split("/")[0] for name in held} == {"unmask", metadata.split("/")[0]}
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert "unmask = unmask.cli:main" in entry_points
    assert "License-Expression: Apache-2.0" in described
    clean = tmp_path / "clean"
    code = (
        f"import sys; sys.path[:] = [{str(clean)!r}] + [p for p in sys.path if not p.endswith('src')]\n"
        "import unmask; print(unmask.__file__); print(unmask.Schedule.uniform(8, 2).sizes)"
    )
    printed = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert printed == [str(clean / "unmask" / "__init__.py"), "(4, 4)"]


def test_the_version_in_the_source_is_that_of_the_project():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = (ROOT / "src" / "unmask" / "__init__.py").read_text(encoding="utf-8")
    assert f'return "{project["version"]}"' in source
    assert f"version: {project['version']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_command_listed_has_its_file_and_function():
    from unmask.cli import COMMANDS

    for name in COMMANDS:
        assert callable(getattr(importlib.import_module(f"unmask.cli.{name}"), name))

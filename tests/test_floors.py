"""The house: every room imports only from its own floor and those below, and no file imports itself in a circle."""

import ast
from pathlib import Path

import pytest

import unmask
from unmask.sampling.rules import catalogue

PACKAGE = Path(unmask.__file__).parent
FLOORS = [
    "theory",
    "laws",
    "models",
    "sampling",
    "measuring",
    "order_search",
    "planning",
    "certifying",
    "exporting",
    "training",
    "evaluation",
    "reports",
    "serving",
    "cli",
]
BELOW_ALL = ("display", "errors", "files", "own_files", "schemas", "spec", "visible")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def resolved(name: str) -> str | None:
    """The module that the dotted `name` leads to: public names of `unmask` live where `_HOMES` says."""
    parts = name.split(".")
    if parts[0] != "unmask":
        return None
    if len(parts) > 1 and parts[1] in unmask._HOMES:
        home = unmask._HOMES[parts[1]].partition(":")[0]
        if ".".join(parts[:2]) not in MODULES:
            return home
    while ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts)


def imports(module: str, source: str, is_package: bool = False) -> set[str]:
    """Modules of the package that `source` imports anywhere: in functions and under TYPE_CHECKING too."""
    tree, found, aliases = ast.parse(source), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {resolved(alias.name) for alias in node.names}
            aliases |= {alias.asname or "unmask" for alias in node.names if alias.name == "unmask"}
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parts = module.split(".")
                base = parts[: len(parts) - node.level + is_package]
                start = ".".join([*base, start] if start else base)
            found |= {resolved(f"{start}.{alias.name}") for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            found.add(resolved(f"unmask.{node.attr}"))
    return found - {None, "unmask", module}  # the root only lists where the public names live


GRAPH = {
    name: imports(name, path.read_text(encoding="utf-8"), path.name == "__init__.py")
    for name, path in MODULES.items()
    if name != "unmask"
}
CATALOGUE = "unmask.sampling.rules.catalogue"
GRAPH[CATALOGUE] |= {f"unmask.sampling.rules.{name}" for name in catalogue.CATALOGUE}  # found by looking, not by a line


def floor(module: str) -> int:
    room = module.split(".")[1]
    if room == "__main__":
        return len(FLOORS)
    return -1 if room in BELOW_ALL else FLOORS.index(room)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of files of which each imports, at length, every other."""

    def reached(start):
        seen, todo = set(), [start]
        while todo:
            for target in graph.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return seen

    reach = {name: reached(name) for name in graph}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
        for name in graph
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


@pytest.mark.parametrize("room", [*BELOW_ALL, *FLOORS])
def test_a_room_imports_only_from_its_own_floor_and_those_below(room):
    upward = [
        f"{name} imports {target}"
        for name, targets in GRAPH.items()
        if name.split(".")[1] == room
        for target in sorted(targets)
        if floor(target) > floor(name)
    ]
    assert not upward


def test_no_file_imports_itself_in_a_circle():
    assert not circles(GRAPH)


@pytest.mark.parametrize(
    "source",
    [
        "from unmask import cite",
        "import unmask\nunmask.cite(1)",
        "import unmask as u\nu.cite",
        "def late():\n    from unmask.sampling.citations import cite",
        "if TYPE_CHECKING:\n    import unmask.sampling.citations",
        "from ..sampling import citations",
    ],
)
def test_an_import_is_seen_however_it_is_written(source):
    assert imports("unmask.measuring.measure", source) == {"unmask.sampling.citations"}


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]

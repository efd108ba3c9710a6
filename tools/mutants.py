"""Change one operator or number of the package at a time and see whether the tests that mirror the file notice.

    python tools/mutants.py theory [sampling planning certifying] [--count 60] [--seed 0] [--seconds 120]

Places are drawn at random from all there are (`--count`; 0 for all). Each change is made in a copy of the package below
build/mutants and judged by the mirrored test file, `tests/ROOM/test_NAME.py`, or by all of tests/ROOM where there is
none, and by tests/reliability/test_laws_that_broke.py; these must pass without a change. What was judged is kept in
build/mutants/results.jsonl, so a run that is cut off goes on where it stopped; a file that changed is judged anew.

Survivors are listed. Those that change nothing that can be seen stand with the reason in tools/mutants.json, as
"FILE: LINE OF CODE: CHANGE": they are not counted. Exit status 1 when fewer than 95 % of the others were noticed.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutants"
REASONS = ROOT / "tools" / "mutants.json"
GOAL = 0.95

COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: the number of its place in the file (in the order of `ast.walk`), and what it is in words."""

    file: str
    place: int
    line: int
    change: str

    def name(self, lines: list[str]) -> str:
        return f"{self.file}: {lines[self.line - 1].strip()}: {self.change}"


def changed(node: ast.AST) -> str | None:
    """Change a node in place; the change in words, or None where there is none to make."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        old, new = type(node.ops[0]), COMPARISONS[type(node.ops[0])]
        node.ops[0] = new()
        return f"{old.__name__} to {new.__name__}"
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        old, new = type(node.op), OPERATORS[type(node.op)]
        node.op = new()
        return f"{old.__name__} to {new.__name__}"
    if isinstance(node, ast.BoolOp):
        old = type(node.op)
        node.op = ast.Or() if old is ast.And else ast.And()
        return f"{old.__name__} to {type(node.op).__name__}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        old = type(node.op).__name__
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else node.op
        if old != "USub":
            node.operand = ast.UnaryOp(node.op, node.operand)
        return f"without {old}"
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        old_value = node.value
        node.value = old_value + 1
        return f"{old_value} to {node.value}"
    return None


def is_code(tree: ast.Module) -> set[int]:
    """Nodes that do something: not annotations, not the arguments of what is raised (words for people)."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        hidden: list[ast.AST | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            hidden = [node.annotation]
        elif isinstance(node, ast.FunctionDef):
            hidden = [node.returns, *(node.body if node.name == "__repr__" else [])]
        elif isinstance(node, ast.Raise):
            hidden = [node.exc]
        for one in hidden:
            if one is not None:
                skipped |= {id(inner) for inner in ast.walk(one)}
    return {id(node) for node in ast.walk(tree)} - skipped


def mutants(file: str) -> list[Mutant]:
    source = (ROOT / file).read_text(encoding="utf-8")
    tree, found = ast.parse(source), []
    seen = is_code(tree)
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in seen:
            line = getattr(node, "lineno", 0)
            change = changed(node) if line else None
            if change is not None:
                found.append(Mutant(file, place, line, change))
    return found


def written(mutant: Mutant) -> str:
    tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
    for place, node in enumerate(ast.walk(tree)):
        if place == mutant.place:
            changed(node)
            return ast.unparse(ast.fix_missing_locations(tree))
    raise ValueError(f"{mutant.file} has no place {mutant.place}")


def judges(file: str) -> list[str]:
    path = Path(file)
    room = Path("tests", *path.parts[2:-1])
    mirror = room / f"test_{path.name}"
    return [str(mirror if (ROOT / mirror).is_file() else room), "tests/reliability/test_laws_that_broke.py"]


def tested(file: str, seconds: int) -> str:
    """What the judges of a file say of the copy: "passed", "failed", or "endless" after so much CPU time."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    environment = {**os.environ, "PYTHONPATH": str(WORK / "src"), "OMP_NUM_THREADS": "1", "CI": "1"}
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider",
        "-o", f"pythonpath={WORK / 'src'} tests", *judges(file),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, preexec_fn=limited)
    return {0: "passed", -signal.SIGXCPU: "endless", -signal.SIGKILL: "endless"}.get(done.returncode, "failed")


def judged(mutant: Mutant, seconds: int) -> str:
    """ "killed", "survived" or "endless", which is noticing too."""
    copy = WORK / "src" / Path(mutant.file).relative_to("src")
    text = copy.read_text(encoding="utf-8")
    try:
        copy.write_text(written(mutant), encoding="utf-8")
        return {"passed": "survived", "failed": "killed"}.get(said := tested(mutant.file, seconds), said)
    finally:
        copy.write_text(text, encoding="utf-8")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("rooms", nargs="+")
    options.add_argument("--count", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--seconds", type=int, default=120, help="CPU time that a judge may take")
    said = options.parse_args()
    shutil.rmtree(WORK / "src", ignore_errors=True)
    shutil.copytree(ROOT / "src", WORK / "src", ignore=shutil.ignore_patterns("__pycache__"))
    files = sorted(
        str(path.relative_to(ROOT)) for room in said.rooms for path in (ROOT / "src/unmask" / room).rglob("*.py")
    )
    every = [mutant for file in files for mutant in mutants(file)]
    chosen = random.Random(said.seed).sample(every, min(len(every), said.count or len(every)))
    results = WORK / "results.jsonl"
    known = {}
    if results.is_file():
        known = {entry["key"]: entry["result"] for entry in map(json.loads, results.read_text().splitlines())}

    def keep(key: str, result: str) -> None:
        known[key] = result
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "result": result}) + "\n")

    reasons = json.loads(REASONS.read_text(encoding="utf-8")) if REASONS.is_file() else {}
    counts: dict[str, int] = {}
    for number, mutant in enumerate(chosen, 1):
        lines = (ROOT / mutant.file).read_text(encoding="utf-8").splitlines()
        name = mutant.name(lines)
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
        key = f"{name} {mutant.place} {digest}"
        if key not in known:
            unchanged = f"{mutant.file} as it is {digest}"
            if unchanged not in known:
                keep(unchanged, tested(mutant.file, said.seconds))
            if known[unchanged] != "passed":
                print(f"{mutant.file}: its tests {known[unchanged]} without a change", flush=True)
                return 1
            keep(key, judged(mutant, said.seconds))
        result = "same" if known[key] == "survived" and name in reasons else known[key]
        counts[result] = counts.get(result, 0) + 1
        if result in ("survived", "same"):
            print(f"{number}/{len(chosen)} {result}: {name} (line {mutant.line}) {reasons.get(name, '')}", flush=True)
    noticed, missed = counts.get("killed", 0) + counts.get("endless", 0), counts.get("survived", 0)
    rate = noticed / max(1, noticed + missed)
    print(f"{len(chosen)} of {len(every)} places in {', '.join(said.rooms)}: {counts}; noticed {rate:.1%}")
    return int(rate < GOAL)


if __name__ == "__main__":
    sys.exit(main())

"""A rule is one file: what is dropped into the folder of rules is found everywhere."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unmask.sampling import recipes
from unmask.sampling.rules.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Runs Python on a copy of the package with the guide's rule in its folder of rules and nothing else new."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src" / "unmask", folder / "unmask", ignore=shutil.ignore_patterns("__pycache__"))
    guide = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    found = re.search(r'```python title="my_rules.py"\n(.*?)```', guide, re.DOTALL)
    assert found
    (folder / "unmask" / "sampling" / "rules" / "near_surest.py").write_text(found[1], encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(folder)}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    return run


def test_a_new_file_is_a_recipe_and_a_name(extended):
    script = "import unmask; from unmask.sampling import rule_names\n"
    script += "print(unmask.recipes.near_surest(0.8), rule_names.from_name('near_surest:0.5').scorable)\n"
    script += "print('near_surest' in unmask.recipes.__all__)"
    said = extended("-c", script).splitlines()
    assert said[0].startswith("Sampler(near_surest: Confidence(), NearSurest(share=0.8)")
    assert said[0].endswith("replay")
    assert said[1] == "True"


def test_a_new_file_is_listed_and_run_by_the_command_line(extended):
    listed = json.loads(extended("-m", "unmask", "rules", "--json"))
    rules = {line["rule"]: line for line in (listed["rules"] if isinstance(listed, dict) else listed)}
    assert rules["near_surest"]["does"] == "every token nearly as sure as the surest"
    assert rules["near_surest"]["knob"] == "share = 0.9"
    assert "near_surest" in extended("-m", "unmask", "sample", "law:permutation:length=4", "--rule", "near_surest:0.9")


def test_a_new_file_is_held_to_the_contracts_of_all_rules(extended):
    options = ("-o", "pythonpath=tests", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider")
    collected = extended("-m", "pytest", *options, "--collect-only", "-q", "tests/sampling/test_recipes.py")
    tests = {line.partition("::")[2].partition("[")[0] for line in collected.splitlines() if "[near_surest]" in line}
    assert "test_a_batch_of_eight_equals_eight_batches_of_one" in tests
    assert len(tests) > 5


def test_every_published_rule_is_imported_where_editors_and_type_checkers_look():
    tree = ast.parse(Path(recipes.__file__).read_text(encoding="utf-8"))
    imported = {
        (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name  # `import x as x`: visible from outside
    }
    missing = [name for name in CATALOGUE if (f"unmask.sampling.rules.{name}", name) not in imported]
    assert not missing, f"recipes.py has no import of {', '.join(missing)}"

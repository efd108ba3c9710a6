"""What a type checker and an editor see of the public names: signatures, completions, and mistakes where they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import unmask

SCRIPT = """\
import unmask

model = unmask.load("toy")
reveal_type(unmask.load)
reveal_type(unmask.sample)
out = unmask.sample(model, unmask.recipes.threshold(0.9), n=2)
unmask.score(model, unmask.Schedule([2, 2]), out.tokens)
out.sampler.order.nonsense()
unmask.score(model, 42, out.tokens)
unmask.sampel(3)
from torch import Tensor
from unmask.sampling.parts import Selection
from unmask.sampling.step import Ranked
class Own(Selection):
    def __call__(self, step: Ranked) -> Tensor:
        return step.first(step.open_counts) & step.picked
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What `mypy --strict` says of each line of the script."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    source = Path(unmask.__file__).parents[1]
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", "script.py"]
    found = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(source)}
    )
    said: dict[int, str] = {}
    for line in found.stdout.splitlines():
        name, number, words = line.split(":", 2)
        assert name == "script.py", line
        said[int(number)] = words
    return said


def test_public_functions_show_their_signatures(lines):
    assert "adapter.Pretrained" in lines[4]
    assert "predictor: unmask.models.predictor.Predictor" in lines[5]
    assert "sample.Output" in lines[5]


def test_a_loaded_model_a_recipe_and_a_schedule_are_accepted(lines):
    assert not {3, 6, 7} & set(lines)


def test_mistakes_are_errors_and_nothing_else_is(lines):
    assert '"Priority" has no attribute "nonsense"' in lines[8]
    assert 'Argument 2 to "score" has incompatible type "int"' in lines[9]
    assert 'Module has no attribute "sampel"' in lines[10]
    assert set(lines) == {4, 5, 8, 9, 10, 16}


def test_a_part_cannot_read_what_a_later_stage_of_the_step_has(lines):
    assert '"Ranked" has no attribute "picked"' in lines[16]


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("unmask.", set(unmask.__all__) - {"__version__"}),
        ("unmask.recipes.", set(unmask.recipes.__all__)),
        ("unmask.sample(model, unmask.recipes.threshold(0.9)).", {"tokens", "network_calls", "trace"}),
    ],
)
def test_an_editor_completes_public_names(typed, known, tmp_path):
    """jedi is what Jupyter, IPython and many editors complete with; it reads sources and runs nothing."""
    jedi = pytest.importorskip("jedi")
    project = jedi.Project(tmp_path, added_sys_path=[str(Path(unmask.__file__).parents[1])])
    found = {one.name for one in jedi.Script(f"import unmask\n{typed}", project=project).complete()}
    assert known <= found, known - found


def test_only_public_names_are_visible():
    assert not {"Any", "importlib", "annotations"} & set(vars(unmask))
    assert set(unmask.__all__) == {"__version__", *unmask._HOMES}

"""`unmask rules`, and rules in a file of one's own."""

import json

import pytest

from unmask import cli
from unmask.evaluation.compare.rules import chosen
from unmask.sampling import rule_names

OWN = """
from unmask.sampling.priorities import Confidence
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each


def far(steps: int = 4, depth: int | None = None) -> Sampler:
    \"\"\"So many at a time, surest first.\"\"\"
    assert depth is None or isinstance(depth, int)
    return Sampler(Confidence(), Each(depth or steps), name="far")


def nothing():
    return 3


def bare():
    return Sampler(Confidence(), lambda step: step.open)


def forgotten():
    return Sampler(Confidence())


def _helper():
    pass
"""
LAW = "law:permutation:length=6"


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "my_rules.py"
    path.write_text(OWN)
    return path


def test_every_rule_is_listed_with_what_may_be_claimed(capsys):
    assert cli.main(["rules", "--json"]) == 0
    rows = {row["rule"]: row for row in json.loads(capsys.readouterr().out)["rules"]}
    assert set(rows) == set(rule_names.RULES)
    bound = rows["entropy_bound"]
    assert (bound["knob"], bound["reads"], bound["likelihood"]) == ("gamma = 0.1", "model", "replay")
    assert "2505.24857" in bound["paper"]
    assert (rows["maskgit"]["reads"], rows["maskgit"]["likelihood"]) == ("draw", "measured")


def test_the_table_is_for_people(capsys):
    assert cli.main(["rules"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in rule_names.RULES)


def test_a_rule_in_a_file_works_where_a_name_works(own, capsys):
    assert cli.main(["sample", LAW, "--rule", f"{own}:far:depth=3", "-n", "1", "--json"]) == 0
    assert cli.main(["rules", f"{own}:far"]) == 0
    assert "steps = 4" in capsys.readouterr().out
    assert rule_names.from_name(f"{own}:far:8").selection.size == 8
    assert rule_names.takes(f"{own}:far", "steps")
    assert chosen(f"planned,{own}:far:steps=8,depth=2,threshold:0.9") == [
        "planned",
        f"{own}:far:steps=8,depth=2",
        "threshold:0.9",
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{own}", "say which function makes the rule"),
        ("{own}:fra", "has no function 'fra'; did you mean 'far'?"),
        ("{own}:nothing", "made 3; expected a Sampler"),
        ("{own}:bare", "expected a Selection of sampling.parts"),
        ("{own}:forgotten", "missing 1 required positional argument: 'selection'"),
        ("{own}:far:size=3", "has no parameter 'size'"),
        ("{own}:far:depth=2.5", "expected a whole number, or none"),
        ("missing.py:far", "there is no file missing.py"),
    ],
)
def test_a_bad_rule_file_is_one_clear_line(own, capsys, rule, message):
    assert cli.main(["sample", LAW, "--rule", rule.format(own=own)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_a_file_that_is_no_python_is_one_clear_line(tmp_path, capsys):
    path = tmp_path / "broken.py"
    path.write_text("def far(:")
    assert cli.main(["sample", LAW, "--rule", f"{path}:far"]) == 2
    assert "cannot be read as Python: SyntaxError" in capsys.readouterr().err

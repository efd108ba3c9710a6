"""What a user's type checker says of a script that uses the library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

SCRIPT = """
import unmask

unmask.sampel
reveal_type(unmask.load)
reveal_type(unmask.sample)
"""


@pytest.mark.slow
def test_public_names_have_signatures_and_a_misspelt_one_is_an_error(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    # `silent`: the library's own modules are read, and what they import is no subject here.
    asked = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--ignore-missing-imports"]
    asked += ["--config-file=", f"--cache-dir={tmp_path / 'cache'}", str(script)]
    found = subprocess.run(
        asked,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(Path(__file__).parent.parent / "src")},
    )
    assert found.returncode == 1, found.stderr
    said = found.stdout.replace("unmask.sampling.sample.", "")
    assert re.search(r'script\.py:4: error: Module has no attribute "sampel"', said), said
    assert re.search(r'script\.py:5: note: Revealed type is "def \(.+\) -> unmask\..+Pretrained"', said), said
    assert re.search(r'script\.py:6: note: Revealed type is "def \(.+\) -> Output"', said), said

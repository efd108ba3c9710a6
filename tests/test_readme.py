"""The README's Python is run, in order, and must print what the README says it prints."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# A Python block and the text block after it, if one follows at once.
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", README, re.DOTALL)


def test_every_python_block_prints_what_the_readme_says():
    assert BLOCKS
    names: dict[str, object] = {}
    for code, expected in BLOCKS:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "README.md", "exec"), names)
        assert printed.getvalue() == expected


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/theory.md"])
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_every_formula_cited_in_a_docstring_is_in_the_theory_page():
    """`F3` and `[LC]` in the source mean what docs/theory.md says they mean."""
    theory = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    numbered = set(re.findall(r"\*\*(F\d+)\*\*", theory))
    sources = set(re.findall(r"^\| (\[[A-Z]+\]) \|", theory, re.MULTILINE))
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'(?<!")\bF\d{1,2}\b(?!")', text)) <= numbered, path
        assert set(re.findall(r"\[(?:LC|CCL|W|LZ|ZC|CL|DHW|WLL|DUEL|EB|D)\]", text)) <= sources, path

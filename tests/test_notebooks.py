"""The notebooks run from the first cell to the last, and their results show themselves."""

from pathlib import Path

import matplotlib
import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.py"))


def cells_of(source: str) -> list[str]:
    """The cells of code of a file in percent format."""
    parts = [part.split("\n", 1) for part in source.split("# %%")[1:]]
    return [part[1] for part in parts if "[markdown]" not in part[0]]


def test_there_are_four_and_each_has_words_and_code():
    assert NOTEBOOKS == ["own_rule.py", "paper_in_pictures.py", "plan_to_sglang.py", "price_list.py"]
    for name in NOTEBOOKS:
        source = (FOLDER / name).read_text(encoding="utf-8")
        assert source.startswith("# %% [markdown]\n# # ")
        assert len(cells_of(source)) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path, monkeypatch, capsys):
    """Cell by cell; the value of a last line is shown as a notebook shows it."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "notebook"}
    shown = 0
    for cell in cells_of((FOLDER / name).read_text(encoding="utf-8")):
        exec(compile(cell, name, "exec", dont_inherit=True), names)
        last = cell.strip().splitlines()[-1]
        if last.isidentifier():
            assert "<table>" in names[last]._repr_html_()  # type: ignore[attr-defined]
            shown += 1
    assert shown or capsys.readouterr().out

"""Plans and tuned rules, translated for the engines that serve such models: one file per engine.

    unmask export my.plan.json --to sglang --out serving/

An exporter returns the files the engine reads, how to use them, and what the engine cannot honour of the plan: a price
holds only where positions, sizes and the drawn law are all honoured. To add an engine, write one file with a function
from `Plan` or `TunedRule` to `Exported`, and its name in `ENGINES`; `FILE.py:FUNCTION` is an exporter of your own.
"""

import os
from pathlib import Path

from unmask.errors import InputError
from unmask.exporting.engines import ENGINES, find
from unmask.exporting.exported_plan import Exported
from unmask.files import read_value, write_text
from unmask.planning.plan import FORMAT as PLAN_FORMAT
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import FORMAT as TUNED_FORMAT
from unmask.planning.tuned_rule import TunedRule
from unmask.schemas.strict_json import shown

__all__ = ["ENGINES", "Exported", "export", "load", "translate"]


def translate(what: Plan | TunedRule, engine: str) -> Exported:
    """What an engine needs to run a plan or a tuned rule.

    Args:
        what: a plan or a tuned rule.
        engine: its name, one of `ENGINES`, or `FILE.py:FUNCTION` for an exporter of your own.

    Raises:
        InputError: for an unknown engine, or one that cannot run this plan or tuned rule at all.
    """
    return find(engine)(what)


def export(what: Plan | TunedRule, engine: str, out: str | os.PathLike[str]) -> Exported:
    """Write what an engine needs into the folder `out` (made if missing), with a README that says how to use it.

    Examples:
        >>> plan = unmask.plan(unmask.laws.Permutation(8).curve(), steps=3)
        >>> unmask.export(plan, "llada", "engine").cannot  # what LLaDA's code does not honour of it
        ()

    Raises:
        InputError: as `translate`; when `out` is a file, cannot be written, or holds a README of something else.
    """
    exported = translate(what, engine)
    folder = Path(out)
    page = folder / "README.md"
    if page.exists() and not page.read_text(encoding="utf-8", errors="replace").startswith(
        f"# For {exported.engine}\n"
    ):
        raise InputError(f"{page} is about something else and would be replaced; choose another folder")
    try:
        for name in exported.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {error.strerror}; choose a folder") from error
    for name, content in exported.files.items():
        write_text(folder / name, content)
    write_text(page, exported.readme())
    return exported


def load(path: str | os.PathLike[str]) -> Plan | TunedRule:
    """Read a plan or a tuned rule; InputError when the file is neither."""
    try:
        data = read_value(path)
    except InputError:
        data = {"format": PLAN_FORMAT}  # whose reader says what is wrong with the file
    found = data.get("format") if isinstance(data, dict) else None
    if found == TUNED_FORMAT:
        return TunedRule.load(path)
    if found == PLAN_FORMAT:
        return Plan.load(path)
    raise InputError(
        f"{path} has format {shown(found)}; expected a plan ({PLAN_FORMAT}, by unmask plan) or a tuned rule "
        f"({TUNED_FORMAT}, by unmask tune)"
    )

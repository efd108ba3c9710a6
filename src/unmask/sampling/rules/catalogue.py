"""All rules of this folder, found by looking: a file that defines `RULE` is a rule."""

import importlib
import pkgutil

from unmask.sampling import rules
from unmask.sampling.rules.rule import Rule

NO_RULES = ("by_name", "catalogue", "rule")
"""Files of the folder that hold no rule; `by_name` imports the catalogue, so the catalogue must not import it."""


def _found() -> dict[str, Rule]:
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    modules = {name: importlib.import_module(f"{rules.__name__}.{name}") for name in names if name not in NO_RULES}
    return {name: module.RULE for name, module in modules.items() if hasattr(module, "RULE")}


CATALOGUE: dict[str, Rule] = _found()
"""Name of the file -> its rule, by name."""

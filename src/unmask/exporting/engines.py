"""All engines of this folder, found by looking: a file that defines `ENGINES` knows how to write for one or two."""

import importlib
import pkgutil
from collections.abc import Callable

from unmask import exporting, own_files, spec
from unmask.errors import InputError
from unmask.exporting.exported_plan import Exported
from unmask.planning.plan import Plan
from unmask.planning.tuned_rule import TunedRule

Translate = Callable[[Plan | TunedRule], Exported]

NO_ENGINES = ("engine_side", "engines", "export", "exported_plan")
"""What else is in the folder; `engine_side` runs inside engines and imports what they have."""


def _found() -> dict[str, Translate]:
    names = sorted(module.name for module in pkgutil.iter_modules(exporting.__path__))
    modules = [importlib.import_module(f"{exporting.__name__}.{name}") for name in names if name not in NO_ENGINES]
    return {engine: translate for module in modules for engine, translate in module.ENGINES.items()}


ENGINES: dict[str, Translate] = _found()
"""What `--to` says -> the exporter."""


def find(engine: str) -> Translate:
    """The exporter of a name: one of `ENGINES`, or `FILE.py:FUNCTION`, a function in a file of your own.

    Raises:
        InputError: there is none; it says what there is.
    """
    written = own_files.split(engine, "engine")
    if written is not None:
        return _of_file(*written)
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is unknown; {spec.nearest(engine, ENGINES)}")
    return ENGINES[engine]


def _of_file(file: str, name: str, rest: str) -> Translate:
    if rest:
        raise InputError(f"the engine {file}:{name} takes no settings; got {rest!r}")
    function = own_files.function(file, name, "engine")

    def translate(what: Plan | TunedRule) -> Exported:
        """As the file says, its mistakes in one line."""
        try:
            exported = function(what)
        except (TypeError, AttributeError, NameError) as error:
            raise InputError(f"the engine {file}:{name} failed: {error}") from error
        if not isinstance(exported, Exported):
            raise InputError(f"the engine {file}:{name} made {exported!r}; expected an Exported")
        return exported

    return translate

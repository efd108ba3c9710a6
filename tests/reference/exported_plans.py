"""Plans and knobs with made-up prices, for tests of what is written about them and from them."""

import importlib.util
import sys

from unmask.measuring.estimate import Estimate
from unmask.planning.plan import Part, Plan
from unmask.planning.tuned_rule import TunedRule
from unmask.theory.schedule import Schedule

PRICE = Estimate(0.5, 0.4, 0.6, 0.95, 100)


def plan_of(*parts, mask_token_id=None, bounds=None):
    """A plan of (order, sizes) pairs."""
    made = tuple(Part(order, Schedule(sizes)) for order, sizes in parts)
    return Plan(made, PRICE, 20.0, (0.5,), bounds or {}, mask_token_id, {"name": "m", "digest": ""})


def knob_of(rule, value, length=32, block_length=None, mask_token_id=None):
    return TunedRule(
        rule, value, PRICE, Estimate(5.0, 4.0, 6.0, 0.95, 100), length, mask_token_id, {"name": "m"}, (), block_length
    )


def load_module(path, name):
    """Import a written file as the module `name`; the caller takes it out of `sys.modules` again."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

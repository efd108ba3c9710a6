"""unmask: parallel sampling for masked diffusion language models, with the price known before it is paid.

    measure a model once -> say what every number of steps costs in nats -> plan -> sample -> prove it by exact score

Every public name is loaded when it is first used, so that `import unmask` stays fast and the theory never imports
torch.
"""

import importlib as _importlib
from typing import TYPE_CHECKING

# Public name -> where it lives ("module" for a module itself, "module:name" for something in it).
_HOMES = {
    "InformationCurve": "unmask.theory.curve:InformationCurve",
    "Schedule": "unmask.theory.schedule:Schedule",
    "OrderTable": "unmask.theory.reveal_orders:OrderTable",
    "price": "unmask.theory.price:price",
    "price_per_token": "unmask.theory.price:price_per_token",
    "nelbo": "unmask.theory.price:nelbo",
    "best_schedule": "unmask.theory.optimal:best_schedule",
    "fewest_steps": "unmask.theory.optimal:fewest_steps",
    "frontier": "unmask.theory.optimal:frontier",
    "cheapest": "unmask.theory.optimal:cheapest",
    "share_steps": "unmask.theory.optimal:share_steps",
    "BinomialGrid": "unmask.theory.grid:BinomialGrid",
    "DependenceProfile": "unmask.theory.dependence_profile:DependenceProfile",
    "bounds": "unmask.theory.bounds",
    "orders": "unmask.theory.reveal_orders",
    "laws": "unmask.laws",
    "InputError": "unmask.errors:InputError",
    "load": "unmask.models.pretrained:load",
    "oracle": "unmask.models.oracle:oracle",
    "Predictor": "unmask.models.predictor:Predictor",
    "measure": "unmask.order_search.measure_orders:measure",
    "measure_dependence": "unmask.measuring.dependence_profile:measure_dependence_profile",
    "Measurement": "unmask.measuring.measurement:Measurement",
    "plan": "unmask.planning.planner:plan",
    "Plan": "unmask.planning.plan:Plan",
    "tune": "unmask.planning.tune:tune",
    "TunedRule": "unmask.planning.tuned_rule:TunedRule",
    "recipes": "unmask.sampling.recipes",
    "Sampler": "unmask.sampling.sampler:Sampler",
    "stopping": "unmask.sampling.stopping",
    "windows": "unmask.sampling.windows",
    "sample": "unmask.sampling.sample:sample",
    "Output": "unmask.sampling.sample:Output",
    "stream": "unmask.sampling.stream:stream",
    "SampledStep": "unmask.sampling.stream:SampledStep",
    "score": "unmask.measuring.priced_score:score",
    "Score": "unmask.measuring.priced_score:Score",
    "per_token": "unmask.sampling.per_token:per_token",
    "compare": "unmask.evaluation.compare.compare:compare",
    "Comparison": "unmask.evaluation.compare.trial:Comparison",
    "cite": "unmask.sampling.citations:cite",
    "certify": "unmask.certifying.certificate:certify",
    "Certificate": "unmask.certifying.certificate:Certificate",
    "export": "unmask.exporting.export:export",
}

__all__ = [
    "BinomialGrid",
    "Certificate",
    "Comparison",
    "DependenceProfile",
    "InformationCurve",
    "InputError",
    "Measurement",
    "OrderTable",
    "Output",
    "Plan",
    "Predictor",
    "SampledStep",
    "Sampler",
    "Schedule",
    "Score",
    "TunedRule",
    "__version__",
    "best_schedule",
    "bounds",
    "certify",
    "cheapest",
    "cite",
    "compare",
    "export",
    "fewest_steps",
    "frontier",
    "laws",
    "load",
    "measure",
    "measure_dependence",
    "nelbo",
    "oracle",
    "orders",
    "per_token",
    "plan",
    "price",
    "price_per_token",
    "recipes",
    "sample",
    "score",
    "share_steps",
    "stopping",
    "stream",
    "tune",
    "windows",
]

if TYPE_CHECKING:
    __version__: str
    from unmask import laws as laws
    from unmask.certifying.certificate import Certificate as Certificate
    from unmask.certifying.certificate import certify as certify
    from unmask.errors import InputError as InputError
    from unmask.evaluation.compare.compare import compare as compare
    from unmask.evaluation.compare.trial import Comparison as Comparison
    from unmask.exporting.export import export as export
    from unmask.measuring.dependence_profile import measure_dependence_profile as measure_dependence
    from unmask.measuring.measurement import Measurement as Measurement
    from unmask.measuring.priced_score import Score as Score
    from unmask.measuring.priced_score import score as score
    from unmask.models.oracle import oracle as oracle
    from unmask.models.predictor import Predictor as Predictor
    from unmask.models.pretrained import load as load
    from unmask.order_search.measure_orders import measure as measure
    from unmask.planning.plan import Plan as Plan
    from unmask.planning.planner import plan as plan
    from unmask.planning.tune import tune as tune
    from unmask.planning.tuned_rule import TunedRule as TunedRule
    from unmask.sampling import recipes as recipes
    from unmask.sampling import stopping as stopping
    from unmask.sampling import windows as windows
    from unmask.sampling.citations import cite as cite
    from unmask.sampling.per_token import per_token as per_token
    from unmask.sampling.sample import Output as Output
    from unmask.sampling.sample import sample as sample
    from unmask.sampling.sampler import Sampler as Sampler
    from unmask.sampling.stream import SampledStep as SampledStep
    from unmask.sampling.stream import stream as stream
    from unmask.theory import bounds as bounds
    from unmask.theory import reveal_orders as orders
    from unmask.theory.curve import InformationCurve as InformationCurve
    from unmask.theory.dependence_profile import DependenceProfile as DependenceProfile
    from unmask.theory.grid import BinomialGrid as BinomialGrid
    from unmask.theory.optimal import best_schedule as best_schedule
    from unmask.theory.optimal import cheapest as cheapest
    from unmask.theory.optimal import fewest_steps as fewest_steps
    from unmask.theory.optimal import frontier as frontier
    from unmask.theory.optimal import share_steps as share_steps
    from unmask.theory.price import nelbo as nelbo
    from unmask.theory.price import price as price
    from unmask.theory.price import price_per_token as price_per_token
    from unmask.theory.reveal_orders import OrderTable as OrderTable
    from unmask.theory.schedule import Schedule as Schedule
else:
    # Hidden from type checkers: to them a module-level `__getattr__` would make every misspelt name a known one.
    def __getattr__(name):
        if name == "__version__":
            return _version()
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'unmask' has no attribute {name!r}")
        module, _, attribute = home.partition(":")
        loaded = _importlib.import_module(module)
        value = getattr(loaded, attribute) if attribute else loaded
        globals()[name] = value  # a submodule of the same name must not shadow the public function next time
        return value


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # as slow to import as the rest of `import unmask`

    try:
        return version("unmask")
    except PackageNotFoundError:  # run from a source tree that was not installed
        return "0.1.0"


def __dir__() -> list[str]:
    return sorted(__all__)

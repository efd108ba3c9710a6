"""How each kind of result says itself, becomes a table and is drawn: what `unmask.display` loads.

theory     InformationCurve, Schedule, Frontier
measured   Measurement, Plan, Certificate
sampled    Output, Score
compared   Comparison
"""

from __future__ import annotations

import importlib
from typing import Any

from unmask.reports.results.shown import Shown

_PLACES = {
    "InformationCurve": "theory",
    "Schedule": "theory",
    "Frontier": "theory",
    "Measurement": "measured",
    "Plan": "measured",
    "Certificate": "measured",
    "Output": "sampled",
    "Score": "sampled",
    "Comparison": "compared",
}


def of(result: Any) -> Shown[Any]:
    """How a result is shown, by the name of its class or of one it inherits from."""
    for kind in type(result).__mro__:
        if kind.__name__ in _PLACES:
            module = importlib.import_module(f"{__name__}.{_PLACES[kind.__name__]}")
            found: Shown[Any] = module.SHOWN[kind.__name__]
            return found
    raise TypeError(f"nothing says how a {type(result).__name__} is shown")

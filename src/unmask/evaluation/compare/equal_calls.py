"""The setting of a rule with a knob at which it takes a wanted number of network calls, found by replay on text.

`planning.tune` looks for the setting that keeps a budget of nats; here two rules are to take as many calls.
"""

from __future__ import annotations

from unmask.evaluation.compare.ground import Ground
from unmask.planning.tunable_rules import rule_named
from unmask.sampling import rule_names


def near(name: str, ground: Ground, calls: float, tries: int) -> str:
    """The rule at the setting that comes nearest to a number of calls, as `--rules` takes it.

    By bisection of the range that `tune` searches. Where the model is sure of many tokens at once, calls jump as the
    setting moves, and may not come very near.
    """
    rule = rule_named(name)
    tight, loose = 0.0, 1.0
    found: dict[str, float] = {}
    for _ in range(tries):
        middle = (tight + loose) / 2
        key = f"{name}:{rule.value(middle, ground.length, ground.predictor.vocab_size):.3g}"
        found[key] = float(ground.score(rule_names.from_name(key)).network_calls.mean())
        tight, loose = (tight, middle) if found[key] < calls else (middle, loose)
    return min(found, key=lambda key: abs(found[key] - calls))

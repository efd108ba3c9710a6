"""The fact that matters most on this ground, in a few sentences: where prices stop falling.

free     the rule with the fewest network calls whose price cannot be told from zero
within   the rule with the fewest network calls within a twentieth of a nat a token
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from unmask.evaluation.compare.rules import is_own
from unmask.evaluation.compare.trial import ROUNDING, Comparison, Trial, undominated
from unmask.measuring.estimate import Estimate

WITHIN = 0.05
"""Nats per token that are little: perplexity times 1.05."""
NOTHING = 0.005
"""Nats per token that are nothing, where zero is in the interval too."""
BIG_STEP = 1.5
"""So many times fewer calls are worth a second sentence."""


def free(found: Comparison, wide: bool = True) -> Trial | None:
    """The scored rule that costs nothing in the fewest calls; None where all of them need nearly L.

    Args:
        wide: whether it may ask about several canvases in a call.
    """
    trials = [trial for trial in found.scored if wide or not trial.is_wide]
    return _fewest(found, trials, lambda price: price.low <= ROUNDING and price.value <= NOTHING)


def within(found: Comparison, budget: float = WITHIN) -> Trial | None:
    """The scored rule with the fewest calls at a price of at most so many nats per token; None as above."""
    return _fewest(found, found.scored, lambda price: price.value <= budget)


def _fewest(found: Comparison, trials: list[Trial], cheap: Callable[[Estimate], bool]) -> Trial | None:
    for trial in undominated(trials):  # by calls
        assert trial.scored is not None
        if cheap(trial.scored.scaled(1 / found.length)) and trial.mean_calls <= 0.9 * found.length:
            return trial
    return None


def headline(found: Comparison) -> list[str]:
    """What the comparison came to: the free rule, the rule within a twentieth of a nat, or how far both are away."""
    if not found.scored:
        return _best_right(found, None)
    nothing, little = free(found), within(found)
    said = []
    if nothing is not None:
        said.append(f"{called(nothing)} costs nothing that can be measured: {_facts(found, nothing)}.")
        narrow = free(found, wide=False)
        if nothing.is_wide and narrow is not None:
            said.append(f"With one canvas a call it is {called(narrow)}: {_facts(found, narrow)}.")
    if little is not None and (nothing is None or little.mean_calls * BIG_STEP <= nothing.mean_calls):
        more = "For fewer calls" if nothing is not None else f"The fewest calls within {WITHIN:g} nats/token"
        said.append(f"{more}: {called(little)}, {_facts(found, little)}.")
    if not said:
        cheapest = [trial for trial in undominated(found.scored) if trial.mean_calls <= 0.9 * found.length]
        nearest = f" The cheapest: {called(cheapest[-1])}, {_facts(found, cheapest[-1])}." if cheapest else ""
        said.append(
            f"No rule that saves calls stays within {WITHIN:g} nats/token of one token at a time here.{nearest}"
        )
    return said + _best_right(found, nothing or little) + _own(found)


def _own(found: Comparison) -> list[str]:
    """Where rules of somebody's own stand: beaten, and by which, or not."""
    said = []
    for trial in (trial for trial in found.scored if is_own(trial.rule)):
        better = beaten_by(found, trial)
        verdict = "no rule compared is cheaper at as few calls" if better is None else f"beaten by {called(better)}"
        against = "" if better is None else f" ({_facts(found, better)})"
        said.append(f"Your rule {called(trial)}: {_facts(found, trial)}; {verdict}{against}.")
    return said


def beaten_by(found: Comparison, trial: Trial) -> Trial | None:
    """The cheapest rule that takes as few calls at a lower price, or fewer at the same; None where there is none."""
    assert trial.scored is not None
    better = [
        other
        for other in found.scored
        if other.scored is not None
        and other.mean_calls <= trial.mean_calls
        and other.scored.value < trial.scored.value + ROUNDING
        and (other.mean_calls < trial.mean_calls or other.scored.value < trial.scored.value - ROUNDING)
    ]
    return min(better, key=lambda other: other.scored.value if other.scored else 0.0, default=None)


def _best_right(found: Comparison, told: Trial | None) -> list[str]:
    """The rule with the most right texts, where right is defined and that is clearly not the rule told of already."""
    judged = [trial for trial in (*found.scored, *found.measured_only) if trial.valid is not None]
    few = [trial for trial in judged if trial.mean_calls <= (found.length / 2 if told is None else told.mean_calls)]
    best = max(few, key=lambda trial: (trial.valid.value if trial.valid else 0.0, -trial.mean_calls), default=None)
    if best is None or best is told or best.valid is None:
        return []
    if told is not None and told.valid is not None and best.valid.low <= told.valid.high:
        return []
    measured = "" if best.is_scored else ", a rule without nats"
    return [
        f"Most texts are right with {called(best)}{measured}: {best.valid.value:.0%} in {best.mean_calls:.3g} calls."
    ]


def called(trial: Trial, setting: bool = True) -> str:
    """A rule as a sentence names it; a function of somebody's file keeps its spelling, without the folder."""
    name = trial.name if setting else trial.rule
    file, colon, function = name.rpartition(".py:")
    return f"{Path(file).name}{colon}{function}" if colon else name.replace("_", " ")


def _facts(found: Comparison, trial: Trial) -> str:
    assert trial.scored is not None
    right = "" if trial.valid is None else f", {trial.valid.value:.0%} of its texts right"
    return f"{_nats(trial.scored.scaled(1 / found.length))} nats/token in {_calls(found, trial)}{right}"


def _calls(found: Comparison, trial: Trial) -> str:
    canvases = f" (on {trial.mean_canvases:.3g} canvases)" if trial.is_wide else ""
    return f"{trial.mean_calls:.3g} calls{canvases} for {found.length} tokens"


def _nats(price: Estimate) -> str:
    shown = f"{price.value:.3f}"
    shown = shown if float(shown) else "0.000"
    return shown if price.is_exact else f"{shown} ± {price.half_width:.3f}"

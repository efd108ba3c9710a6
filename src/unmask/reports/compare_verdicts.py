"""What a comparison came to, in sentences. Every number is one of its trials'; nothing is fitted or guessed."""

from __future__ import annotations

import math
from collections.abc import Callable

from unmask.evaluation.compare.trial import AutoregressiveLine, Comparison, Trial
from unmask.reports.compare_tables import aim, calls
from unmask.reports.demo import priced

REFERENCE = "threshold"
NEAR = 1.15
"""How many times the wanted number of calls still counts as about that number."""


def subject(comparison: Comparison) -> str:
    """What was compared on what."""
    size = "" if comparison.parameters is None else f" ({comparison.parameters:,} parameters)"
    given = f" after {comparison.given} given ones" if comparison.given else ""
    count = len(comparison.trials)
    return (
        f"{comparison.model.get('name', 'the model')}{size}: {count} {'rule' if count == 1 else 'rules'} on "
        f"{comparison.data}, {comparison.length} tokens a text{given}. Planned from {comparison.measured:,} texts, scored "
        f"on {comparison.texts:,} others; {comparison.samples:,} texts drawn under each rule, seed {comparison.seed}."
    )


def verdicts(comparison: Comparison) -> list[str]:
    """The sentences that apply, the most important first."""
    found = [_cheapest(comparison), _rival(comparison), _kept(comparison)]
    found += [latency(comparison), throughput(comparison), ar_price(comparison), _apart(comparison)]
    return [sentence for sentence in found if sentence]


def best(comparison: Comparison) -> Trial | None:
    """The cheapest scored rule of about an eighth of the calls; where there is none, the one of fewest calls."""
    few = [trial for trial in comparison.scored if trial.mean_calls <= NEAR * aim(comparison)] or comparison.scored[:1]
    return min(few, key=_price, default=None)


def _price(trial: Trial) -> float:
    return math.inf if trial.scored is None else trial.scored.value


def _cost(trial: Trial, length: int) -> str:
    times = math.exp(_price(trial) / length)
    return f"{priced(trial.scored, 3, 1 / length)} nats/token ({times:.3f} times the perplexity)"


def _cheapest(comparison: Comparison) -> str:
    found, wanted = best(comparison), aim(comparison)
    if found is None:
        return "No rule has an exact score: there is nothing to rank."
    if found.mean_calls > NEAR * wanted:
        return (
            f"No scored rule takes as few as {wanted:.3g} network calls; {found.name} takes the fewest, {calls(found)}, "
            f"and costs {_cost(found, comparison.length)}."
        )
    return (
        f"At about {wanted:.3g} network calls a text, instead of {comparison.length}, the cheapest scored rule is "
        f"{found.name}: {calls(found)} calls, {_cost(found, comparison.length)}."
    )


def _rival(comparison: Comparison) -> str:
    """What the rule that serving engines use costs at the same number of calls."""
    found = best(comparison)
    rivals = [trial for trial in comparison.scored if trial.rule == REFERENCE]
    if found is None or not rivals:
        return ""
    if found.rule == REFERENCE:
        rivals = [trial for trial in comparison.scored if trial.rule != REFERENCE]
        if not rivals:
            return ""
    near = min(rivals, key=lambda trial: abs(math.log(trial.mean_calls / found.mean_calls)))
    assert near.scored is not None
    assert found.scored is not None
    overlap = near.scored.low <= found.scored.high and found.scored.low <= near.scored.high
    sure = "; the two intervals overlap" if overlap else ""
    word = "its setting" if near.rule == REFERENCE else "the other rule"
    return (
        f"{near.name}, {word} nearest in calls ({calls(near)}), costs {priced(near.scored, 3, 1 / comparison.length)} "
        f"nats/token{sure}."
    )


def _kept(comparison: Comparison) -> str:
    """Whether predictions and scores agree."""
    pairs = [(trial.predicted, trial.scored) for trial in comparison.scored]
    promised = [(said, paid) for said, paid in pairs if said and paid and not (said.is_exact and paid.is_exact)]
    if not promised:
        return ""
    good = sum(said.low <= paid.high and paid.low <= said.high for said, paid in promised)
    return (
        f"Of {len(promised)} prices predicted beforehand, {good} "
        f"{'agrees' if good == 1 else 'agree'} with the score (their intervals overlap)."
    )


# -- the autoregressive model --------------------------------------------------------------------------------------


def latency(comparison: Comparison) -> str:
    """From how many calls on the autoregressive model writes one text sooner."""
    line = comparison.autoregressive
    if line is None:
        return ""
    opening = f"One text alone: the autoregressive model ({line.name}) takes {1000 * line.latency:.3g} ms"
    times = _timed(comparison, lambda trial: trial.timing.latency if trial.timing else math.nan)
    return _race(opening, line, times, sooner=lambda value: value < line.latency, show=lambda v: f"{1000 * v:.3g} ms")


def throughput(comparison: Comparison) -> str:
    """From how many calls on the autoregressive model writes more tokens a second."""
    line = comparison.autoregressive
    if line is None:
        return ""
    opening = f"{line.batch} texts together: the autoregressive model writes {line.throughput:,.0f} tokens/s"
    times = _timed(comparison, lambda trial: trial.timing.throughput if trial.timing else math.nan)
    return _race(opening, line, times, lambda value: value > line.throughput, lambda value: f"{value:,.0f} tokens/s")


def _timed(comparison: Comparison, measure: Callable[[Trial], float]) -> list[tuple[Trial, float]]:
    """Trials with wall time, by calls."""
    found = [(trial, measure(trial)) for trial in comparison.trials if trial.timing is not None]
    return sorted(found, key=lambda pair: pair[0].mean_calls)


def _race(
    opening: str,
    line: AutoregressiveLine,
    times: list[tuple[Trial, float]],
    sooner: Callable[[float], bool],
    show: Callable[[float], str],
) -> str:
    wins = [sooner(value) for _, value in times]
    if not times:
        return f"{opening}; no rule was timed."
    if all(wins):
        return f"{opening}; every rule here is faster."
    if not any(wins):
        return f"{opening} and is faster than every rule here."
    if wins[-1]:
        return f"{opening}; {sum(wins)} of {len(wins)} rules are faster, with no number of calls that divides them."
    last = len(wins) - 1 - wins[::-1].index(True)  # after it the autoregressive model always wins
    slow, fast = times[last + 1], times[last]
    return (
        f"{opening} and wins from {slow[0].mean_calls:.3g} calls on ({slow[0].name}: {show(slow[1])}); "
        f"{sum(wins)} of {len(wins)} rules are faster, the last of them {fast[0].name} with {calls(fast[0])} calls "
        f"({show(fast[1])})."
    )


def ar_price(comparison: Comparison) -> str:
    """What the autoregressive model's text costs, or that it cannot be said."""
    line = comparison.autoregressive
    if line is None:
        return ""
    if line.price is None:
        return f"The autoregressive model ({line.name}) is here for its speed alone: it was not trained, so it has no price."
    better = sum(_price(trial) < line.price.value for trial in comparison.scored)
    return (
        f"On the same texts the autoregressive model costs {priced(line.price, 3, 1 / comparison.length)} nats/token against "
        f"one token at a time of the masked model; {better} of {len(comparison.scored)} scored rules cost less."
    )


def _apart(comparison: Comparison) -> str:
    count = len(comparison.measured_only)
    if not count:
        return ""
    what = "1 rule has" if count == 1 else f"{count} rules have"
    return f"{what} no exact likelihood and {'is' if count == 1 else 'are'} not ranked; see “Measured only”."

"""What a schedule costs, exactly.

A schedule is priced against anything that says what each step costs: an `InformationCurve` (uniform reveal order) or an
`OrderTable` (any other order). Revealing the tokens a..b-1 in one step costs `w(a, b)` nats of cross-entropy; the sum
over steps is the T-step NELBO (F3, F11), and what it exceeds the one-token-at-a-time NELBO by is the price of T steps.
"""

from typing import Protocol

from unmask.errors import InputError
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.schedule import Schedule


class StepCosts(Protocol):
    """What every planner and price needs to know of a curve or of an order table."""

    @property
    def length(self) -> int:
        """L, the number of tokens."""
        ...

    @property
    def one_at_a_time(self) -> float:
        """NELBO of revealing one token a step, nats."""
        ...

    def step_costs(self, schedule: Schedule) -> FloatArray:
        """`w(a_t, a_t + s_t)` for every step, shape (T,), nats."""
        ...


def nelbo(curve: StepCosts, schedule: Schedule) -> float:
    """The T-step NELBO `sum_t s_t c_{a_t}` in nats per sequence (F3; `sum_t sum_k g(a_t, k)` in another order, F11).

    Raises:
        InputError: when the schedule's sizes do not add up to the curve's length.

    Examples:
        >>> curve = unmask.laws.Permutation(8).curve()
        >>> round(unmask.nelbo(curve, unmask.Schedule([3, 5])), 3)
        14.286
    """
    if not hasattr(curve, "step_costs"):
        raise InputError(f"curve is {curve!r:.80}; expected an InformationCurve (a law's is law.curve()) or OrderTable")
    if not isinstance(schedule, Schedule):
        raise InputError(f"schedule is {schedule!r:.80}; expected a Schedule, such as Schedule([3, 5, 8])")
    schedule.check_length(curve.length)
    return float(curve.step_costs(schedule).sum())


def price(curve: StepCosts, schedule: Schedule) -> float:
    """Nats per sequence that the schedule costs beyond revealing one token at a time in the same order (F3).

    For an exact information curve this is `E_M KL(p || p_{Y|M})` (F1, [CCL] Thm 4): the KL given the reveal order,
    averaged over orders, an upper bound on the KL of the output law. Never negative for a non-increasing curve.

    Examples:
        >>> curve = unmask.laws.Permutation(8).curve()
        >>> round(unmask.price(curve, unmask.Schedule([3, 5])), 3)
        3.681
        >>> unmask.price(curve, unmask.Schedule([1] * 8))
        0.0
    """
    return nelbo(curve, schedule) - curve.one_at_a_time


def price_per_token(curve: StepCosts, schedule: Schedule) -> float:
    """`price / L`; `exp` of it is the factor by which perplexity grows.

    Examples:
        >>> curve = unmask.laws.Permutation(8).curve()
        >>> round(unmask.price_per_token(curve, unmask.Schedule([3, 5])), 3)
        0.46
    """
    return price(curve, schedule) / curve.length


def overshoot_price(curve: InformationCurve, schedule: Schedule) -> float:
    """F2: `sum_K Delta_K R_K(s)`, the price with distribution and schedule separated ([W] eq. 52b). Equals `price`."""
    schedule.check_length(curve.length)
    return float(curve.increments @ schedule.overshoot)

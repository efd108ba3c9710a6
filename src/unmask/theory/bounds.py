"""What is known about the cost of parallel sampling before it is computed: one function for each named result.

All in nats per sequence, about `E_M KL(p || p_{Y|M})`, the KL given the reveal order averaged over uniform orders,
which bounds the KL of the output law from above. Bounds on this KL need a true information curve, which never increases
(`curve.monotone()` makes one from measurements). The exact value is `price(curve, schedule)`; these are for when
only one number of the law is known, for proofs, and for the comparison of rates.

Examples:
    >>> curve, schedule = unmask.laws.Permutation(8).curve(), unmask.Schedule([3, 5])
    >>> unmask.price(curve, schedule) <= unmask.bounds.sharp_upper(curve, schedule)
    True
"""

import math
from collections.abc import Callable

import numpy as np

from unmask.errors import InputError
from unmask.theory import schedule_families
from unmask.theory.curve import FloatArray, InformationCurve
from unmask.theory.schedule import Schedule
from unmask.theory.schedule_families import check_number, check_steps, check_whole

# The paper's theorems


def li_cai_upper(curve: InformationCurve, schedule: Schedule, training_error: float = 0.0) -> float:
    """[LC] Thm 1: `(2^ceil(log2 s_max) - 1)/L * sum_i I(X_i; X_-i) + training_error`, for every schedule.

    Attained when all tokens are equal and s_max is a power of two.
    """
    _check(curve, schedule, "li_cai_upper")
    power_of_two = 1 << (schedule.largest - 1).bit_length()
    return (power_of_two - 1) / curve.length * curve.total_information + training_error


def li_cai_corollary(curve: InformationCurve, steps: int, training_error: float = 0.0, constant: float = 1.0) -> float:
    """[LC] corollary: `(C/T) sum_i I(X_i; X_-i) + training_error` for balanced sizes.

    The error falls like 1/T, is linear in the information, and the bound holds for T < L. The paper leaves C open;
    C = 1 holds for `Schedule.uniform` (F8). A uniformly drawn first step halves it only against the nominal T = L/s:
    it costs up to one call more, see `equal_steps_upper`.
    """
    curve.require_monotone("li_cai_corollary")
    check_steps(curve.length, steps)
    return constant / steps * curve.total_information + training_error


def li_cai_lower(curve: InformationCurve, s_max: int, training_error: float = 0.0, constant: float = 1 / 16) -> float:
    """[LC] Thm 2: some schedule with this `s_max` costs at least this.

    `C s_max/L sum_i sum_{j>=0} 2^-j I(X_i; X_{W_j}) + training_error`, W_j a uniform set that does not contain i, with
    `|W_j| = max(L - ceil(s_max 2^-j), 0)`, so that the mean of I(X_i; X_{W_j}) over i and W_j is
    `Z_{|W_j|} = h_0 - h_{|W_j|}`. The paper has C = 1/16; C = 1/8 is true as well, and no larger one is ([D]: the
    theory page has the proof). With `s_max = 1` the sampler is exact and the bound is the training error.
    """
    curve.require_monotone("li_cai_lower")
    check_whole("s_max", s_max, 1, curve.length)
    if s_max == 1:
        return training_error
    return constant * li_cai_sum_upper(curve, s_max) + training_error


def li_cai_sum_upper(curve: InformationCurve, s_max: int, training_error: float = 0.0) -> float:
    """The sum of [LC] Thm 2 with C = 1: above every schedule of that s_max."""
    curve.require_monotone("li_cai_sum_upper")
    check_whole("s_max", s_max, 1, curve.length)
    halvings = (s_max - 1).bit_length()  # from here on ceil(s_max 2^-j) = 1
    sizes = [math.ceil(s_max / 2**j) for j in range(halvings)]
    terms = [curve.information[max(curve.length - size, 0)] / 2**j for j, size in enumerate(sizes)]
    tail = 2.0 * curve.information[curve.length - 1] / 2**halvings
    return float(s_max * (sum(terms) + tail)) + training_error


def training_error(cross_entropy: InformationCurve, information: InformationCurve, schedule: Schedule) -> float:
    """`eps_train = sum_t s_t (c_{a_t} - h_{a_t})` (F5, [LC]): what a learned predictor adds to a perfect one's KL."""
    schedule.check_length(information.length)
    if cross_entropy.length != information.length:
        raise InputError(
            f"cross_entropy has length {cross_entropy.length} and information {information.length}; they must be equal"
        )
    return float(np.sum(cross_entropy.step_costs(schedule) - information.step_costs(schedule)))


# Sharp constants


def sharp_upper(curve: InformationCurve, schedule: Schedule) -> float:
    """F8: `sum_{m=1}^{s_max-1} Z_{L-m}`, for every schedule. Attained by MDS codes. Never above `linear_upper`."""
    _check(curve, schedule, "sharp_upper")
    return float(np.sum(curve.information[curve.length - schedule.largest + 1 :]))


def linear_upper(curve: InformationCurve, schedule: Schedule) -> float:
    """F8, right side: `(s_max - 1)/L * sum_i I(X_i; X_-i)`, for every schedule. Never above `li_cai_upper`."""
    _check(curve, schedule, "linear_upper")
    return (schedule.largest - 1) / curve.length * curve.total_information


def equal_steps(curve: InformationCurve, size: int) -> float:
    """F9: the exact mean cost of steps of `size` after a first one drawn uniformly from 1..size.

    `sum_{m=1}^{s-1} ((s-m)/s) Z_{L-m}`: between 1/2 and 1 of F8 for the same s_max, for every law. True of any curve.
    """
    check_whole("size", size, 1, curve.length)
    missing = np.arange(1, size)
    return float(np.sum((size - missing) / size * curve.information[curve.length - missing]))


def equal_steps_calls(length: int, size: int) -> float:
    """`1 + (L-1)/s`: the mean network calls of steps of `size` after a first one drawn uniformly from 1..size."""
    check_whole("length", length, 1)
    check_whole("size", size, 1, length)
    return 1 + (length - 1) / size


def equal_steps_upper(curve: InformationCurve, calls: float) -> float:
    """`(L-T)/(2L(T-1)) sum_i I(X_i; X_-i)`: at most this is `equal_steps` at T mean network calls (F9, [D]).

    It is `(C/T) sum_i I(X_i; X_-i)` with `C = (1 - T/L) T/(2(T-1))`: 1 at two calls, near 1/2 at many. Attained when
    all tokens are equal.
    """
    curve.require_monotone("equal_steps_upper")
    check_number("calls", calls)
    least, most = equal_steps_calls(curve.length, curve.length), float(curve.length)
    if not least <= calls <= most:
        raise InputError(f"calls is {calls:g}; a random first step takes {least:g} to {most:g} calls on average")
    if calls == most:
        return 0.0
    return (most - calls) / (2 * most * (calls - 1)) * curve.total_information


def exact_steps(curve: InformationCurve) -> int:
    """F7: the fewest steps that cost nothing, one for each distinct value of h (up to rounding, 1e-9)."""
    curve.require_monotone("exact_steps")
    return 1 + int(np.sum(curve.increments > 1e-9 * max(1.0, float(curve.values[0]))))


# Certificates: any schedule, any law, one number known (F10)


def certificate(
    schedule: Schedule,
    total_correlation: float | None = None,
    dual_total_correlation: float | None = None,
    growth_complexity: float | None = None,
    total_information: float | None = None,
) -> float:
    """F10: at most this is the KL of the schedule for every law with the given numbers (nats); the least of them.

    Each is attained by some law. The schedules that are best when only one is known are
    `Schedule.total_correlation`, `.dual_total_correlation`, `.logit` and `.uniform`.
    """
    known: list[tuple[str, float | None, Callable[[Schedule], float]]] = [
        ("total_correlation", total_correlation, total_correlation_factor),
        ("dual_total_correlation", dual_total_correlation, dual_total_correlation_factor),
        ("growth_complexity", growth_complexity, growth_complexity_factor),
        ("total_information", total_information, total_information_factor),
    ]
    found = []
    for name, value, factor in known:
        if value is not None:
            check_number(name, value)
            found.append(value * factor(schedule))
    if not found:
        raise InputError(f"certificate needs one of {', '.join(name for name, _, _ in known)}; none was given")
    return min(found)


def total_correlation_factor(schedule: Schedule) -> float:
    """`max_K R_K / (L - K)`: KL <= TC times this (F10)."""
    return _worst(schedule, lambda inside, length: length - inside)


def dual_total_correlation_factor(schedule: Schedule) -> float:
    """`max_K R_K / K`: KL <= DTC times this (F10)."""
    return _worst(schedule, lambda inside, length: inside)


def growth_complexity_factor(schedule: Schedule) -> float:
    """`max_K R_K L / (K (L - K))`: KL <= U times this (F10, [W])."""
    return _worst(schedule, lambda inside, length: inside * (length - inside) / length)


def total_information_factor(schedule: Schedule) -> float:
    """`(s_max - 1)/L`: KL <= sum_i I(X_i; X_-i) times this (F8, F10)."""
    return (schedule.largest - 1) / schedule.length


def minimax_certificate(
    length: int,
    steps: int,
    total_correlation: float | None = None,
    dual_total_correlation: float | None = None,
    growth_complexity: float | None = None,
    total_information: float | None = None,
) -> float:
    """The least KL that T steps can promise for every law with these numbers, one schedule for each number (F10)."""
    known: list[tuple[str, float | None, Callable[[int, int], list[int]]]] = [
        ("total_correlation", total_correlation, schedule_families.total_correlation),
        ("dual_total_correlation", dual_total_correlation, schedule_families.dual_total_correlation),
        ("growth_complexity", growth_complexity, schedule_families.logit),
        ("total_information", total_information, schedule_families.uniform),
    ]
    found = [
        certificate(Schedule(family(length, steps)), **{name: value})
        for name, value, family in known
        if value is not None
    ]
    if not found:
        raise InputError(f"minimax_certificate needs one of {', '.join(name for name, _, _ in known)}; none was given")
    return min(found)


def chen_cong_li_steps(correlation: float, length: int, epsilon: float) -> float:
    """[CCL] Thm 9: `2 + (1 + ln L)(1 + ceil(TC/eps))` steps suffice for KL <= eps; the same with DTC for TC."""
    check_number("correlation", correlation)
    check_number("epsilon", epsilon, strict=True)
    check_whole("length", length, 1)
    return 2 + (1 + math.log(length)) * (1 + math.ceil(correlation / epsilon))


# What a KL says of single outputs, by data processing


def rate_at_least(rate: float, kl: float) -> float:
    """The smallest b with `kl(a||b) <= KL`: how often a check is passed, when one token at a time passes it a of 1.

    For any check of the output, `a` is its rate under p and b its rate under a sampler with `KL(p || sampler) <= kl`
    (nats per sequence); `kl(a||b) = a log(a/b) + (1-a) log((1-a)/(1-b))`. Data processing, so no sampler is worse.

    Example:
        >>> round(rate_at_least(1.0, 0.1), 4)  # a check that is always passed: exp(-KL)
        0.9048
    """
    if not 0 <= rate <= 1:
        raise InputError(f"rate is {rate}; expected a share from 0 to 1")
    _check_kl(kl)
    if rate in (0.0, 1.0):
        return math.exp(-kl) if rate else 0.0
    low, high = 0.0, rate  # kl(rate || .) falls from infinity to 0 between them
    while low < (middle := (low + high) / 2) < high:
        further = rate * math.log(rate / middle) + (1 - rate) * math.log((1 - rate) / (1 - middle))
        low, high = (middle, high) if further > kl else (low, middle)
    return low


def impossible_at_most(kl: float) -> float:
    """`1 - exp(-KL)`: how often a sampler says what p holds impossible, at most; equal for uniform permutations."""
    _check_kl(kl)
    return -math.expm1(-kl)


# Entropy budgets


def entropy_budget_upper(curve: InformationCurve, eta: float) -> float:
    """`eta ln(h_0 / h_{L-1})`: what `Schedule.entropy_budget(curve, eta)` costs at most ([CL]); inf if h_{L-1} = 0."""
    curve.require_monotone("entropy_budget_upper")
    check_number("eta", eta, strict=True)
    first, last = float(curve.values[0]), float(curve.values[-1])
    if first == 0:
        return 0.0
    return eta * math.log(first / last) if last > 0 else math.inf


def entropy_budget_steps(curve: InformationCurve, eta: float) -> float:
    """`2 (H(X) + KL)/eta + 1`: how many steps `Schedule.entropy_budget(curve, eta)` takes at most ([CL] idea)."""
    curve.require_monotone("entropy_budget_steps")
    schedule = Schedule.entropy_budget(curve, eta)
    return 2 * float(curve.step_costs(schedule).sum()) / eta + 1  # H + KL is the NELBO of the schedule


# Estimates, not bounds


def square_root_rule(curve: InformationCurve, steps: int) -> float:
    """`(1/2T)(sum_K sqrt(Delta_K))^2 - (h_0 - h_{L-1})/2`: what the best T steps cost in the continuum ([LZ]).

    An estimate, no bound: accurate when every step is long and h is smooth. The step size that goes with it is
    proportional to `1/sqrt(|h'|)`.
    """
    curve.require_monotone("square_root_rule")
    check_steps(curve.length, steps)
    roots = float(np.sum(np.sqrt(np.maximum(curve.increments, 0.0))))
    return roots**2 / (2 * steps) - float(curve.values[0] - curve.values[-1]) / 2


def rule_of_thumb(curve: InformationCurve, steps: int) -> float:
    """`(1/T - 1/L)/2 * sum_i I(X_i; X_-i)`: about what uniform sizes cost. An estimate, no bound."""
    curve.require_monotone("rule_of_thumb")
    check_steps(curve.length, steps)
    return 0.5 * (1 / steps - 1 / curve.length) * curve.total_information


def regret(estimate: InformationCurve, truth: InformationCurve) -> float:
    """`2 L max_k |c^_k - c_k|`: how much a schedule planned on the estimate costs beyond the best, at most."""
    if estimate.length != truth.length:
        raise InputError(f"estimate has length {estimate.length} and truth {truth.length}; they must be equal")
    return float(2 * truth.length * np.max(np.abs(estimate.values - truth.values)))


def _check(curve: InformationCurve, schedule: Schedule, name: str) -> None:
    curve.require_monotone(name)
    schedule.check_length(curve.length)


def _check_kl(kl: float) -> None:
    if not kl >= 0:  # infinite is a KL too
        raise InputError(f"kl is {kl}; expected nats per sequence, 0 or more")


def _worst(schedule: Schedule, weight: Callable[[FloatArray, int], FloatArray]) -> float:
    """`max_K R_K / weight(K, L)` over K = 1..L-1; 0 for one token a step."""
    inside = np.arange(1.0, schedule.length)
    return float(np.max(schedule.overshoot / weight(inside, schedule.length), initial=0.0))

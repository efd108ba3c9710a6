"""Named families of schedules: how many tokens each step reveals, when no curve is known (or only one number of it).

Every function returns a list of T positive sizes that add up to L, for every T in 1..L. Families given by a fraction of
masked tokens are rounded to whole tokens and keep at least one token per step, so that T steps are T steps (the usual
rounding drops empty steps and no longer reaches one token at a time at T = L).

Knows sizes only; `schedule.Schedule` wraps them, `optimal` finds the best ones for a curve.
"""

import heapq
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError

FloatArray = npt.NDArray[np.float64]


def check_steps(length: int, steps: int) -> None:
    """Raise InputError unless 1 <= steps <= length, both whole numbers."""
    check_whole("length", length, 1)
    check_whole("steps", steps, 1)
    if steps > length:
        raise InputError(f"steps is {steps}, but {length} tokens take at most {length} steps; give 1..{length}")


def check_whole(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise InputError unless `value` is a whole number in least..most."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"in {least}..{most}"
        raise InputError(f"{name} is {value!r}; it must be a whole number, {allowed}")


def check_number(name: str, value: float, least: float = 0.0, strict: bool = False) -> None:
    """Raise InputError unless `value` is finite and at least (above, when `strict`) `least`."""
    try:
        finite = math.isfinite(value)
    except TypeError:
        finite = False
    if not finite or value < least or (strict and value <= least):
        limit = "" if least == -math.inf else f" {'above' if strict else 'of at least'} {least:g}"
        raise InputError(f"{name} is {value!r}; it must be a finite number{limit}")


# Given by a formula


def uniform(length: int, steps: int) -> list[int]:
    """Even split, the remainder to the first steps (LLaDA, SUNDAE and most engines)."""
    check_steps(length, steps)
    size, longer = divmod(length, steps)
    return [size + 1] * longer + [size] * (steps - longer)


def cosine(length: int, steps: int) -> list[int]:
    """`cos(pi t / 2T)` of the tokens are masked after step t (MaskGIT, arXiv 2202.04200): small steps first."""
    check_steps(length, steps)
    return _from_revealed(length, 1 - np.cos(np.pi / 2 * np.arange(1, steps + 1) / steps))


def arccos(length: int, steps: int) -> list[int]:
    """`(2/pi) arccos(t/T)` are masked after step t (MaskGIT in PyTorch, arXiv 2310.14400): even, then a rush."""
    check_steps(length, steps)
    return _from_revealed(length, 1 - 2 / np.pi * np.arccos(np.arange(1, steps + 1) / steps))


def power(length: int, steps: int, exponent: float) -> list[int]:
    """`1 - (t/T)^exponent` are masked after step t (MaskGIT's linear, square, cubic, square root)."""
    check_steps(length, steps)
    check_number("exponent", exponent, strict=True)
    return _from_revealed(length, (np.arange(1, steps + 1) / steps) ** exponent)


def exponential(length: int, steps: int) -> list[int]:
    """`1 - L^(t/T - 1)` are masked after step t (MaskGIT's exponential): revealed counts grow geometrically, 1 to L."""
    check_steps(length, steps)
    return _from_revealed(length, float(length) ** (np.arange(1, steps + 1) / steps - 1))


def logarithmic(length: int, steps: int) -> list[int]:
    """`-log(t/T) / log L` are masked after step t (MaskGIT's logarithmic): large steps first."""
    check_steps(length, steps)
    if length == 1:
        return [1]
    return _from_revealed(length, 1 + np.log(np.arange(1, steps + 1) / steps) / math.log(length))


def geometric(length: int, steps: int, ratio: float | None = None) -> list[int]:
    """Sizes proportional to `ratio^t` ([LZ]); by default the ratio that makes the first step one token."""
    check_steps(length, steps)
    if ratio is None:
        ratio = _ratio_of_unit_start(length, steps)
    check_number("ratio", ratio, strict=True)
    logs = np.arange(steps) * math.log(ratio)
    weights = np.exp(logs - logs.max())  # in logs: ratio^T overflows
    revealed = np.cumsum(weights) / weights.sum()
    return _from_revealed(length, revealed)


def _from_revealed(length: int, fractions: FloatArray) -> list[int]:
    """Sizes whose running totals are as near to `length * fractions` as whole numbers with no empty step can be."""
    steps = len(fractions)
    spare = np.rint(length * np.clip(fractions, 0.0, 1.0)).astype(np.int64) - np.arange(1, steps + 1)
    spare = np.maximum.accumulate(np.clip(spare, 0, length - steps))  # tokens revealed beyond one a step
    spare[-1] = length - steps
    return [1 + extra for extra in np.diff(spare, prepend=0).tolist()]


def _ratio_of_unit_start(length: int, steps: int) -> float:
    """The ratio r >= 1 with `1 + r + .. + r^(T-1) = L`, by bisection."""
    if steps == 1 or steps == length:
        return 1.0
    low, high = 1.0, float(length)
    for _ in range(200):
        middle = (low + high) / 2
        # log of the geometric sum; in logs because r^T overflows
        exponent = steps * math.log(middle)
        total = exponent + math.log1p(-math.exp(-exponent)) - math.log(middle - 1) if middle > 1 else math.log(steps)
        low, high = (middle, high) if total < math.log(length) else (low, middle)
        if low == middle == high:
            break
    return high


# Minimax: the T-step schedule with the smallest certificate when only one number of the law is known (F10)


def total_correlation(length: int, steps: int) -> list[int]:
    """`s_t = 1 + floor(rho (L - a_t - 1))`, the smallest rho that needs at most T steps: large steps first."""
    return _minimax(length, steps, lambda inside: length - inside)


def dual_total_correlation(length: int, steps: int) -> list[int]:
    """`s_t = 1 + floor(rho (a_t + 1))`, the smallest rho that needs at most T steps: small steps first."""
    return _minimax(length, steps, lambda inside: inside)


def logit(length: int, steps: int) -> list[int]:
    """Steps while `end - K <= rho K (L-K) / L` (growth complexity, [W]): small at both ends, even in log-odds."""
    return _minimax(length, steps, lambda inside: inside * (length - inside) / length)


def _minimax(length: int, steps: int, weight: Callable[[int], float]) -> list[int]:
    """Smallest `max_K R_K / weight(K)` with at most T steps, then split to exactly T.

    All three certificates divide the overshoot `R_K = end - K` by a weight such that the quotient is largest at the
    first token inside the step, K = a + 1; so the longest step allowed from a is `1 + floor(rho weight(a + 1))`, and
    where it ends never moves back when a grows: going as far as allowed takes the fewest steps.
    """
    check_steps(length, steps)

    def sizes(rho: float) -> list[int] | None:
        """The greedy schedule of rho, or None when it takes more than T steps."""
        found: list[int] = []
        revealed = 0
        while revealed < length:
            if len(found) == steps:
                return None
            # 1e-12: rho is a quotient of these very numbers; rounding must not lose the step it was made for
            size = min(1 + int(rho * weight(revealed + 1) * (1 + 1e-12)), length - revealed)
            found.append(size)
            revealed += size
        return found

    low, high = 0.0, float(length) ** 2  # every weight inside is above 1/L, so one step fits below L^2
    best = sizes(0.0)
    if best is not None:
        return best
    best = [length]
    while (middle := (low + high) / 2) not in (low, high):
        found = sizes(middle)
        if found is None:
            low = middle
        else:
            # the bound these sizes truly reach is a candidate value at or below the middle: jump to it
            best, high = found, min(middle, _reached(found, weight))
            if high <= low:
                break
    return _split(best, steps)


def _reached(sizes: list[int], weight: Callable[[int], float]) -> float:
    """`max_K R_K / weight(K)` of these sizes."""
    worst, revealed = 0.0, 0
    for size in sizes:
        if size > 1:
            worst = max(worst, (size - 1) / weight(revealed + 1))
        revealed += size
    return worst


def _split(sizes: list[int], steps: int) -> list[int]:
    """Cut steps evenly, the largest pieces first, until there are `steps`. No certificate and no price rises by it."""
    pieces = [1] * len(sizes)
    largest = [(-size, step) for step, size in enumerate(sizes)]  # a heap pops its smallest: store minus the size
    heapq.heapify(largest)
    for _ in range(steps - len(sizes)):
        _, step = largest[0]
        pieces[step] += 1
        heapq.heapreplace(largest, (-math.ceil(sizes[step] / pieces[step]), step))
    return [size for whole, into in zip(sizes, pieces, strict=True) for size in uniform(whole, into)]


# Given by a size or by a budget


def equal_steps(length: int, size: int, first: int) -> list[int]:
    """A first step of `first` in 1..size, then steps of `size` until the end (F9: draw `first` uniformly)."""
    check_whole("length", length, 1)
    check_whole("size", size, 1, length)
    check_whole("first", first, 1, size)
    full, rest = divmod(length - first, size)
    return [first, *[size] * full, *([rest] if rest else [])]


def entropy_budget(values: npt.ArrayLike, eta: float) -> list[int]:
    """`s = max(1, floor(eta / h_a))` from the curve h: about `eta` nats of entropy a step ([CL], arXiv 2603.22248)."""
    check_number("eta", eta, strict=True)
    entropies = np.asarray(values, dtype=np.float64).tolist()
    sizes: list[int] = []
    revealed = 0
    while revealed < len(entropies):
        left = len(entropies) - revealed
        entropy = entropies[revealed]
        size = left if entropy * left <= eta else max(1, int(eta / entropy))
        sizes.append(size)
        revealed += size
    return sizes

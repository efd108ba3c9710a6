"""The information curve: how uncertain a masked token still is once k random tokens are revealed.

`h_k = E_{|S|=k, i not in S} H(X_i | X_S)`, k = 0..L-1, in nats, S and i uniform. Everything the theory says about
parallel sampling in uniform order is a function of these L numbers ([LC], [CCL] Thm 4, [W]). The same object holds the
cross-entropy curve `c_k` of a predictor, whose prices are those of that predictor (F3).

Knows nothing about models, laws or schedules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.theory.interpolation import pchip
from unmask.theory.schedule_families import check_whole

FloatArray = npt.NDArray[np.float64]

# Exact curves are differences of sums of entropies; their last digits can dip below zero or rise.
ROUNDING = 1e-9


class Steps(Protocol):
    """What a curve reads of a `Schedule`: the sizes of its steps, and what was revealed before each."""

    @property
    def sizes(self) -> tuple[int, ...]: ...

    @property
    def revealed(self) -> npt.NDArray[np.int64]: ...


@dataclass(frozen=True, init=False, eq=False)
class InformationCurve(Displayed):
    """An information curve h_0..h_{L-1} (or a cross-entropy curve c_0..c_{L-1}), in nats.

    Args:
        values: shape (L,), finite and non-negative; `values[k]` is the mean (cross-)entropy of a masked token when k
            random tokens are revealed. Values within 1e-9 below zero are taken for rounding and become 0.
        stderr: shape (L,), standard errors of `values`, or None for an exact curve.

    Raises:
        InputError: when the values are not one row of finite non-negative numbers.

    Examples:
        >>> curve = unmask.InformationCurve([0.7, 0.3, 0.1])
        >>> round(curve.entropy, 3), round(curve.total_correlation, 3)
        (1.1, 1.0)
    """

    values: FloatArray
    stderr: FloatArray | None

    def __init__(self, values: npt.ArrayLike, stderr: npt.ArrayLike | None = None) -> None:
        object.__setattr__(self, "values", _row("values", values))
        object.__setattr__(self, "stderr", None if stderr is None else _row("stderr", stderr))
        if self.stderr is not None and len(self.stderr) != len(self.values):
            raise InputError(f"stderr has {len(self.stderr)} entries and values {len(self.values)}; they must match")

    @classmethod
    def from_counts(
        cls,
        counts: Sequence[int] | npt.NDArray[np.integer[Any]],
        values: npt.ArrayLike,
        length: int,
        stderr: npt.ArrayLike | None = None,
    ) -> InformationCurve:
        """A curve measured at a few revealed counts, with monotone cubic (PCHIP) interpolation between them.

        Args:
            counts: strictly increasing, from 0 to `length - 1`, both included.
            values: the curve at those counts, nats.
            length: L.
            stderr: standard errors at those counts; interpolated linearly.
        """
        check_whole("length", length, 1)
        knots = np.asarray(counts)
        if knots.ndim != 1 or len(knots) < 1 or not np.issubdtype(knots.dtype, np.integer):
            raise InputError(f"counts must be a row of whole numbers, got {knots.tolist()!r:.80}")
        if np.any(np.diff(knots) <= 0):
            raise InputError(f"counts must be strictly increasing, got {knots.tolist()!r:.80}")
        if knots[0] != 0 or knots[-1] != length - 1:
            raise InputError(
                f"counts must start at 0 and end at length - 1 = {length - 1}, got {knots[0]}..{knots[-1]}"
            )
        heights = _row("values", values)
        if len(heights) != len(knots):
            raise InputError(f"values has {len(heights)} entries and counts {len(knots)}; they must match")
        every = np.arange(length)
        errors = None if stderr is None else _row("stderr", stderr)
        if errors is not None:
            if len(errors) != len(knots):
                raise InputError(f"stderr has {len(errors)} entries and counts {len(knots)}; they must match")
            errors = np.interp(every, knots, errors)
        return cls(pchip(knots, heights, length), errors)

    @property
    def length(self) -> int:
        """L, the number of tokens."""
        return len(self.values)

    @property
    def entropy(self) -> float:
        """`sum_k h_k`: the entropy H(X) of the law, or the NELBO of a predictor at one token a step (F4)."""
        return float(self.values.sum())

    @property
    def one_at_a_time(self) -> float:
        """What revealing one token a step costs in all, nats: `entropy`, by the name that prices use."""
        return self.entropy

    def step_costs(self, schedule: Steps) -> FloatArray:
        """`s_t c_{a_t}`, shape (T,): nats of cross-entropy each step of the schedule pays in uniform order (F3)."""
        return np.asarray(schedule.sizes * self.values[schedule.revealed])

    @property
    def increments(self) -> FloatArray:
        """`Delta_K = h_{K-1} - h_K` for K = 1..L-1, shape (L-1,): what the K-th revealed token tells about another."""
        return -np.diff(self.values)

    @property
    def information(self) -> FloatArray:
        """`Z_k = h_0 - h_k`, shape (L,): information k random tokens hold about another one."""
        return np.asarray(self.values[0] - self.values)

    @property
    def total_correlation(self) -> float:
        """`TC = sum_k (h_0 - h_k)` (F6)."""
        return float(np.sum(self.values[0] - self.values))

    @property
    def dual_total_correlation(self) -> float:
        """`DTC = sum_k (h_k - h_{L-1})` (F6)."""
        return float(np.sum(self.values - self.values[-1]))

    @property
    def total_information(self) -> float:
        """`sum_i I(X_i; X_-i) = L (h_0 - h_{L-1}) = TC + DTC` ([CCL] Lemma 8): the paper's measure of dependence."""
        return float(self.length * (self.values[0] - self.values[-1]))

    @property
    def growth_complexity(self) -> float:
        """`U = sum_K Delta_K K (L-K) / L <= min(TC, DTC)`: unmasking growth complexity, fixed-cardinality form [W]."""
        revealed = np.arange(1, self.length)
        return float(np.sum(self.increments * revealed * (self.length - revealed)) / self.length)

    @property
    def is_monotone(self) -> bool:
        """Whether the curve never increases (beyond rounding), as every true information curve does (Han)."""
        return bool(np.all(self.increments >= -ROUNDING * max(1.0, self.values[0])))

    def monotone(self) -> InformationCurve:
        """The least-squares non-increasing fit (pool adjacent violators), weighted by 1/stderr^2 where known.

        The fit keeps the (weighted) sum of the values, so without standard errors the NELBO is unchanged.
        """
        if self.is_monotone:
            return InformationCurve(np.minimum.accumulate(self.values), self.stderr)
        weights = None if self.stderr is None or not np.all(self.stderr > 0) else self.stderr**-2
        return InformationCurve(_pool_adjacent_violators(self.values, weights), self.stderr)

    def require_monotone(self, what: str) -> None:
        """Raise InputError unless the curve is non-increasing; `what` names the result that needs it."""
        if not self.is_monotone:
            worst = int(np.argmin(self.increments))
            raise InputError(
                f"{what} needs a non-increasing curve, but values[{worst + 1}] = {self.values[worst + 1]:.6g} is above "
                f"values[{worst}] = {self.values[worst]:.6g}; fit one with curve.monotone()"
            )

    def after(self, known: int) -> InformationCurve:
        """The curve once `known` random tokens are given: h_known..h_{L-1} (F13, infilling). Plan prompts on this."""
        check_whole("known", known, 0, self.length - 1)
        return InformationCurve(self.values[known:], None if self.stderr is None else self.stderr[known:])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        stderr = None if self.stderr is None else self.stderr.tolist()
        return {"values": self.values.tolist(), "stderr": stderr}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InformationCurve):
            return NotImplemented
        same_errors = (self.stderr is None) == (other.stderr is None) and (
            self.stderr is None or np.array_equal(self.stderr, np.asarray(other.stderr))
        )
        return np.array_equal(self.values, other.values) and same_errors

    def __hash__(self) -> int:
        return hash(self.values.tobytes())

    def __repr__(self) -> str:
        source = "exact" if self.stderr is None else "measured"
        return (
            f"InformationCurve(length={self.length}, {source}, h_0={self.values[0]:.4g}, h_last={self.values[-1]:.4g}, "
            f"entropy={self.entropy:.4g}, total_information={self.total_information:.4g} nats)"
        )


def _row(name: str, values: npt.ArrayLike) -> FloatArray:
    """A read-only row of finite, non-negative numbers, or an InputError that says which entry is not."""
    try:
        row = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {values!r:.80}; expected one row of numbers of nats") from None
    if row.ndim != 1 or len(row) == 0:
        raise InputError(f"{name} must be one row of at least one number, got shape {row.shape}")
    if not np.all(np.isfinite(row)):
        worst = int(np.argmin(np.isfinite(row)))
        raise InputError(f"{name}[{worst}] is {row[worst]}; every entry must be a finite number of nats")
    if np.any(row < -ROUNDING * max(1.0, float(row.max()))):
        worst = int(np.argmin(row))
        raise InputError(f"{name}[{worst}] is {row[worst]:.6g}; entropies and standard errors are never negative")
    np.maximum(row, 0.0, out=row)
    row.setflags(write=False)
    return row


def _pool_adjacent_violators(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Weighted least-squares non-increasing fit. Linear time: a stack of blocks, merged while they increase."""
    # scipy.optimize.isotonic_regression does the same, but importing it costs more than a whole planning command.
    means: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    for value, mass in zip(values.tolist(), np.ones(len(values)) if weights is None else weights, strict=True):
        size = 1
        while means and means[-1] < value:
            value = (means[-1] * masses[-1] + value * mass) / (masses[-1] + mass)
            mass = masses.pop() + mass
            size += sizes.pop()
            means.pop()
        means.append(value)
        masses.append(float(mass))
        sizes.append(size)
    return np.repeat(means, sizes)

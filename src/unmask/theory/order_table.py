"""Order tables: what a curve is to the uniform order, for any reveal order that does not look at the data (F11).

`g(a, k) = E[-log p_hat_{sigma(k)}(x_{sigma(k)} | x_{sigma(<a)})]` in nats: the cross-entropy of the token revealed
k-th when only the first a are known. A step from a to b costs `w(a, b) = sum_{k=a}^{b-1} g(a, k)`. One call of the
network gives a whole row. The uniform order is the case `g(a, k) = c_a`, so the planners and prices take either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.theory.curve import ROUNDING, FloatArray, InformationCurve

if TYPE_CHECKING:
    from unmask.theory.schedule import Schedule


@dataclass(frozen=True, init=False, eq=False)
class OrderTable:
    """The table g(a, k) of a reveal order, or those rows of it that were measured.

    Args:
        values: shape (L, L), or (rows, L) with `revealed`; finite and non-negative where k >= a. Entries k < a are
            tokens already revealed: they are never read and are stored as 0.
        stderr: the same shape, standard errors of `values`, or None.
        revealed: the counts a the rows stand for, strictly increasing from 0; by default 0..L-1. Schedules may only
            start a step at these counts.
        one_at_a_time: `sum_k g(k, k)`, nats; needed only when rows are missing, because then the table cannot say it.

    Examples:
        >>> curve = unmask.laws.Permutation(4).curve()
        >>> table = unmask.OrderTable.of_curve(curve)  # in uniform order g(a, k) is h_a
        >>> schedule = unmask.Schedule([1, 3])
        >>> abs(unmask.price(table, schedule) - unmask.price(curve, schedule)) < 1e-12
        True
    """

    values: FloatArray
    stderr: FloatArray | None
    revealed: npt.NDArray[np.int64]
    one_at_a_time: float

    def __init__(
        self,
        values: npt.ArrayLike,
        stderr: npt.ArrayLike | None = None,
        revealed: Sequence[int] | npt.NDArray[np.int64] | None = None,
        one_at_a_time: float | None = None,
    ) -> None:
        table = np.array(values, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] == 0:
            raise InputError(f"values must be a table of shape (L, L), or (rows, L) with revealed=, got {table.shape}")
        rows, length = table.shape
        counts = np.arange(length) if revealed is None else np.asarray(revealed)
        _check_counts(counts, rows, length)
        hidden = np.arange(length) < counts[:, None]  # (rows, L): tokens no longer masked
        object.__setattr__(self, "values", _masked_rows("values", table, hidden, counts))
        object.__setattr__(self, "revealed", counts.astype(np.int64))
        if one_at_a_time is None:
            if rows < length:
                raise InputError(
                    f"one_at_a_time is needed when only {rows} of {length} rows are given; it is sum_k g(k,k)"
                )
            one_at_a_time = float(np.trace(self.values))
        object.__setattr__(self, "one_at_a_time", float(one_at_a_time))
        errors = None
        if stderr is not None:
            errors = np.array(stderr, dtype=np.float64)
            if errors.shape != table.shape:
                raise InputError(f"stderr has shape {errors.shape} and values {table.shape}; they must match")
            errors = _masked_rows("stderr", errors, hidden, counts)
        object.__setattr__(self, "stderr", errors)

    @classmethod
    def of_curve(cls, curve: InformationCurve) -> OrderTable:
        """The table of the uniform order: `g(a, k) = c_a` for k >= a."""
        errors = None if curve.stderr is None else np.repeat(curve.stderr[:, None], curve.length, axis=1)
        return cls(np.repeat(curve.values[:, None], curve.length, axis=1), errors)

    @property
    def length(self) -> int:
        """L, the number of tokens."""
        return int(self.values.shape[1])

    @property
    def is_complete(self) -> bool:
        """Whether every row was given, so that a step may start anywhere."""
        return len(self.revealed) == self.length

    @property
    def is_monotone(self) -> bool:
        """Whether no token ever gets less certain as more is revealed, as with true conditionals: then w is Monge."""
        earlier, later = self.values[:-1], self.values[1:]
        masked = np.arange(self.length) >= self.revealed[1:, None]
        return bool(np.all((earlier - later)[masked] >= -ROUNDING * max(1.0, float(self.values.max()))))

    def step_costs(self, schedule: Schedule) -> FloatArray:
        """`w(a_t, a_{t+1})`, shape (T,): nats of cross-entropy each step of the schedule pays in this order (F11)."""
        starts = schedule.revealed
        rows = np.searchsorted(self.revealed, starts)
        missing = (rows == len(self.revealed)) | (self.revealed[np.minimum(rows, len(self.revealed) - 1)] != starts)
        if np.any(missing):
            raise InputError(
                f"schedule starts a step at {int(starts[missing][0])} revealed tokens, but was not measured there;"
                f" steps may start at {_some(self.revealed)}"
            )
        cuts = zip(rows, starts, schedule.sizes, strict=True)
        return np.array([self.values[row, start : start + size].sum() for row, start, size in cuts])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "values": self.values.tolist(),
            "stderr": None if self.stderr is None else self.stderr.tolist(),
            "revealed": self.revealed.tolist(),
            "one_at_a_time": self.one_at_a_time,
        }

    def __repr__(self) -> str:
        rows = "" if self.is_complete else f", {len(self.revealed)} rows"
        return f"OrderTable(length={self.length}{rows}, one_at_a_time={self.one_at_a_time:.4g} nats)"


def _check_counts(counts: npt.NDArray[Any], rows: int, length: int) -> None:
    if counts.ndim != 1 or len(counts) != rows:
        raise InputError(
            f"values has {rows} rows; expected {counts.size}, one for each revealed count (0..L-1 by default)"
        )
    if not np.issubdtype(counts.dtype, np.integer) or counts[0] != 0 or np.any(np.diff(counts) <= 0):
        raise InputError(f"revealed must be whole numbers that increase from 0, got {_some(counts)}")
    if counts[-1] >= length:
        raise InputError(f"revealed ends at {counts[-1]}, but the largest count with a masked token is {length - 1}")


def _masked_rows(name: str, table: FloatArray, hidden: npt.NDArray[np.bool_], counts: npt.NDArray[Any]) -> FloatArray:
    """The table with 0 at revealed tokens, read-only; InputError where a masked token has no non-negative number."""
    table[hidden] = 0.0
    wrong = ~np.isfinite(table) | (
        table < -ROUNDING * max(1.0, float(np.max(table, initial=0.0, where=~np.isnan(table))))
    )
    if np.any(wrong):
        row, token = map(int, np.argwhere(wrong)[0])
        where = f"{name}, row of {counts[row]} revealed, token {token}"
        raise InputError(f"{where}: {table[row, token]:.6g}; every entry must be a finite non-negative number of nats")
    np.maximum(table, 0.0, out=table)
    table.setflags(write=False)
    return table


def _some(counts: npt.NDArray[Any]) -> str:
    shown = ", ".join(str(count) for count in counts[:12])
    return f"{shown}, …" if len(counts) > 12 else shown

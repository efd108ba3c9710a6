"""A dependence profile: which share of a token's uncertainty another token takes away, by distance or by pair.

Revealing i and j in one step costs what they tell of each other, `I(i; j)` given what is known, never more than the
smaller of their entropies. What is kept is therefore the share `r = E[H(i) - H(i | j)] / E[min(H(i), H(j))]`, from 0
(nothing in common) to 1 (the surer of both follows from the other), for several numbers of positions known already.
`unmask.measuring.dependence_profile` measures it, the rule `dependence` reads it. Knows arrays and files, no models.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmask.errors import InputError
from unmask.files import read_json, write_json
from unmask.theory.curve import FloatArray

FORMAT = "unmask.profile/1"
DIGITS = 5
_NOTHING = np.zeros((0, 4))


@dataclass(frozen=True, eq=False)
class DependenceProfile:
    """Shares of uncertainty that tokens have in common.

    Attributes:
        known: (K,) shares of the positions to be revealed that were known, rising from 0. Between two of them, what
            depends on them is interpolated; beyond the last it is as at the last.
        by_distance: (K, D) by distance, entry 0 unused; what is farther apart than D - 1 counts as independent. By
            itself it serves texts of every length.
        pairs: (K, L, L) symmetric, for the pairs of the L positions of a text, given ones included; None where
            positions are alike, as in running text.
        promises: (P, 4) what the rule was measured to cost, from `calibrated`: rows of (bound on the predicted nats of
            a step, nats a step really costs, their standard error, network calls a text), bounds and costs rising.
            Empty where that was not measured.
        texts: measured on. network_calls: spent. seed: of what was revealed. model: name and digest of what was
            measured.

    Examples:
        >>> unmask.DependenceProfile.of_pairs([[0, 1], [1, 0]]).length
        2
    """

    known: FloatArray
    by_distance: FloatArray
    pairs: FloatArray | None = None
    promises: FloatArray = field(default_factory=_NOTHING.copy)
    texts: int = 0
    network_calls: int = 0
    seed: int = 0
    model: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        levels = self.known.size
        if self.known.shape != (levels,) or not levels or self.known[0] != 0 or np.any(np.diff(self.known) <= 0):
            raise InputError(f"known is {self.known.tolist()}; expected shares that rise from 0")
        shapes: dict[str, tuple[int, ...]] = {
            "by_distance": (levels, self.by_distance.shape[-1]),
            "promises": (len(self.promises), 4),
        }
        if self.pairs is not None:
            shapes["pairs"] = (levels, self.pairs.shape[-1], self.pairs.shape[-1])
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or not np.all(np.isfinite(array)):
                raise InputError(f"{name} has shape {array.shape}; expected finite numbers of shape {shape}")
            if name != "promises" and (np.any(array < 0) or np.any(array > 1)):
                raise InputError(f"{name} reaches from {array.min():g} to {array.max():g}; shares lie in 0..1")
        if self.pairs is not None and not np.array_equal(self.pairs, self.pairs.transpose(0, 2, 1)):
            raise InputError("pairs is not symmetric; what one position tells of another it is told by it")

    @classmethod
    def of_pairs(cls, shares: npt.ArrayLike) -> DependenceProfile:
        """Of (L, L) shares that are known, whatever else has been revealed; the diagonal is not read."""
        table = np.array(shares, dtype=np.float64)
        if table.ndim != 2 or table.shape[0] != table.shape[1]:
            raise InputError(f"shares has shape {table.shape}; expected one row and one column for each position")
        np.fill_diagonal(table, 0.0)
        away = np.abs(np.subtract.outer(np.arange(len(table)), np.arange(len(table))))
        means = np.bincount(away.ravel(), table.ravel()) / np.bincount(away.ravel())
        return cls(np.zeros(1), means[None], table[None])

    @classmethod
    def of_distances(cls, shares: npt.ArrayLike) -> DependenceProfile:
        """Of shares that are known by distance, from 1 on, whatever else has been revealed."""
        return cls(np.zeros(1), np.concatenate([[0.0], np.asarray(shares, dtype=np.float64).ravel()])[None])

    @property
    def length(self) -> int | None:
        """L, the length texts must have; None where texts of every length are served."""
        return None if self.pairs is None else int(self.pairs.shape[-1])

    def check_length(self, length: int) -> None:
        """Refuse texts of a length whose pairs the profile does not know.

        Raises:
            InputError: it is of pairs of positions, and of another length.
        """
        if self.length not in (None, length):
            raise InputError(
                f"the profile knows the pairs of {self.length} positions and the text has {length}; measure the "
                "dependence of texts of that length"
            )

    def bound(self, gamma: float) -> float:
        """The bound on a step's predicted nats at which a step costs `gamma`; `gamma` where that was not measured."""
        if not len(self.promises):
            return gamma
        bounds, costs = np.vstack([np.zeros(2), self.promises[:, :2]]).T
        last = np.append(np.diff(costs) > 0, True)  # of several bounds that cost the same, the loosest
        bounds, costs = bounds[last], costs[last]
        if gamma > costs[-1]:
            return float(bounds[-1] * gamma / costs[-1]) if costs[-1] > 0 else float("inf")
        return float(np.interp(gamma, costs, bounds))

    # -- files -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        arrays = ("known", "by_distance", "pairs", "promises")
        found = {name: getattr(self, name) for name in arrays if getattr(self, name) is not None}
        rounded = {name: np.round(array, DIGITS).tolist() for name, array in found.items()}
        plain = {name: getattr(self, name) for name in ("texts", "network_calls", "seed", "model")}
        return {"format": FORMAT, **plain, **rounded}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> DependenceProfile:
        """The inverse; InputError where something is missing or is of another kind."""
        try:
            known, by_distance = (np.array(value[name], dtype=np.float64) for name in ("known", "by_distance"))
            pairs = None if value.get("pairs") is None else np.array(value["pairs"], dtype=np.float64)
            promises = np.array(value["promises"], dtype=np.float64).reshape(-1, 4)
            texts, calls, seed = (int(value[name]) for name in ("texts", "network_calls", "seed"))
            return cls(known, by_distance, pairs, promises, texts, calls, seed, dict(value["model"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"not a whole dependence profile ({type(error).__name__}: {str(error)[:90]})") from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.dependence.json` (format unmask.profile/1), whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DependenceProfile:
        """Read what `save` wrote; InputError, naming the file, when it is missing or not such a profile."""
        value = read_json(path, FORMAT)
        try:
            return cls.from_dict(value)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def __repr__(self) -> str:
        which = f"pairs of {self.length} positions" if self.pairs is not None else "by distance"
        return f"DependenceProfile({which}, texts={self.texts}, network_calls={self.network_calls})"

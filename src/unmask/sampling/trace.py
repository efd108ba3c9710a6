"""What happened, step by step: revealed positions, tokens, log-probabilities, entropies, price so far, network calls.

Written as `*.trace.jsonl`: one step of one row a line. While sampling it only keeps references to tensors the sampler
made anyway; nothing is copied off the device before it is read.
"""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from unmask import files
from unmask.models.predictor import Positions


class Event(NamedTuple):
    """N tokens written in one step (`kind` revealed or rewritten) or made unknown again (released)."""

    kind: str
    step: int
    where: Positions
    tokens: Tensor | None
    log_probs: Tensor | None
    entropies: Tensor | None


class Trace:
    """The events of a run; iterate over it, or `row(r)`, for one dictionary per step and row."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls: dict[int, Tensor] = {}  # step -> (R,) network calls so far
        self.row_names: Tensor | None = None  # (R,) names of the rows where several runs are put together
        self.parts: list[Trace] = []

    def revealed(
        self,
        step: int,
        where: Positions,
        tokens: Tensor,
        log_probs: Tensor,
        entropies: Tensor | None,
        rewritten: bool = False,
    ) -> None:
        self.events.append(Event("rewritten" if rewritten else "revealed", step, where, tokens, log_probs, entropies))

    def released(self, step: int, picked: Tensor) -> None:
        rows, columns = picked.nonzero(as_tuple=True)
        self.events.append(Event("released", step, Positions(rows, columns), None, None, None))

    def end_step(self, step: int, calls: Tensor) -> None:
        self.calls[step] = calls.clone()

    @classmethod
    def joined(cls, parts: list[tuple["Trace", Tensor]]) -> "Trace":
        """Traces of separate runs as one; the tensor names each run's rows."""
        whole = cls()
        for part, names in parts:
            part.row_names = names
            whole.parts.append(part)
        return whole

    def steps(self) -> list[dict[str, Any]]:
        """One dictionary per (row, step) in which something happened, rows in order."""
        lines = [line for part in (self.parts or [self]) for line in part._lines()]
        return sorted(lines, key=lambda line: (line["row"], line["step"]))

    def row(self, row: int) -> list[dict[str, Any]]:
        """The steps of one row."""
        return [line for line in self.steps() if line["row"] == row]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.steps())

    def __len__(self) -> int:
        return len(self.steps())

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write `*.trace.jsonl`, one step of one row a line, atomically; -inf is written as null."""
        lines = []
        for line in self.steps():
            clean = {k: [_finite(x) for x in v] if isinstance(v, list) else _finite(v) for k, v in line.items()}
            lines.append(json.dumps(clean, allow_nan=False))
        return files.write_text(path, "\n".join(lines) + "\n")

    def _lines(self) -> list[dict[str, Any]]:
        lines = Reading(self).new()
        return [{k: v for k, v in line.items() if v != [] or k == "positions"} for line in lines]

    def __repr__(self) -> str:
        return f"Trace({len(self)} steps)"


class Reading:
    """A trace read as it grows."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._held: dict[tuple[int, int], float] = {}  # (row, position) -> log-probability of the token there
        self._spent: dict[int, float] = {}
        self._read = 0

    def new(self) -> list[dict[str, Any]]:
        """One dictionary per (row, step) in which something happened since the last call, in order of steps."""
        lines: dict[tuple[int, int], dict[str, Any]] = {}
        held, spent = self._held, self._spent
        for event in self._trace.events[self._read :]:
            rows, columns = event.where.rows.tolist(), event.where.columns.tolist()
            blank: list[Any] = [None] * len(rows)
            tokens = blank if event.tokens is None else event.tokens.tolist()
            log_probs = blank if event.log_probs is None else event.log_probs.tolist()
            entropies = blank if event.entropies is None else event.entropies.tolist()
            for row, column, token, log_prob, entropy in zip(rows, columns, tokens, log_probs, entropies, strict=True):
                line = lines.setdefault((event.step, row), self._empty(event.step, row))
                spent[row] = spent.get(row, 0.0) + held.pop((row, column), 0.0)
                if event.kind == "released":
                    line["released"].append(column)
                else:
                    held[row, column] = log_prob
                    spent[row] -= log_prob
                    line["rewritten" if event.kind == "rewritten" else "positions"].append(column)
                    line["tokens" if event.kind == "revealed" else "rewritten_tokens"].append(token)
                    if event.kind == "revealed":
                        line["log_probs"].append(log_prob)
                        line["entropies"] += [] if entropy is None else [entropy]
                line["nats"] = spent[row]
        self._read = len(self._trace.events)
        return list(lines.values())

    def _empty(self, step: int, row: int) -> dict[str, Any]:
        names, calls = self._trace.row_names, self._trace.calls
        return {
            "row": row if names is None else int(names[row]),
            "step": step,
            "network_calls": int(calls[step][row]) if step in calls else None,
            "nats": 0.0,
            "positions": [],
            "tokens": [],
            "log_probs": [],
            "entropies": [],
            "released": [],
            "rewritten": [],
            "rewritten_tokens": [],
        }


def _finite(value: object) -> object:
    """None for an infinite number, which JSON does not have."""
    return None if isinstance(value, float) and math.isinf(value) else value

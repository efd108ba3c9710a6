"""What is found out about one decoding rule at one setting, and its file.

Prices are nats per sequence unless the name says otherwise. A trial is written when it is done, so that a comparison
that was interrupted goes on with the next one; plain JSON, read back as the same object.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.evaluation.share import Share
from unmask.evaluation.text_quality import TextQuality
from unmask.files import read_json, write_json
from unmask.measuring.estimate import Estimate

FORMAT = "unmask.trial/1"


@dataclass(frozen=True)
class Calls:
    """Network calls of the sampled texts, everything counted: probes, guidance, revisions.

    Attributes:
        mean, least, most: over the texts.
        counts: number of calls -> how many of the texts took so many.
    """

    mean: float
    least: int
    most: int
    counts: dict[int, int]

    @classmethod
    def of(cls, calls: list[int]) -> Calls:
        """From the number of calls of every text."""
        counts = {number: calls.count(number) for number in sorted(set(calls))}
        return cls(sum(calls) / len(calls), min(calls), max(calls), counts)


@dataclass(frozen=True)
class Timing:
    """Wall time, medians over rounds in which every rule had its turn, so that a busy machine is busy for all.

    Attributes:
        latency: seconds for one text by itself.
        throughput: tokens per second at `batch` texts together.
        rounds: how many.
    """

    latency: float
    throughput: float
    batch: int
    rounds: int


@dataclass(frozen=True, eq=False)
class Trial:
    """One rule at one setting.

    Attributes:
        key: as `--rules` takes it, such as "threshold:0.9"; tells trials apart.
        rule: the family, such as "threshold"; one line of a plot.
        setting: in words for a table, such as "T = 16" or "0.9"; may be empty.
        how: "planned" or "replay" (scored exactly), or "measured only: <the reason>".
        why_no_prediction: empty where a price can be predicted.
        predicted: price beforehand; None where there is none.
        exact: price for a perfect model of the law, where the model is a law and it is known in closed form.
        scored: price on the held-out texts by exact score, against one token at a time on the same texts; None where
            the rule is measured only.
        nats: of a held-out text under the rule; None likewise.
        scored_calls: network calls a held-out text takes in the replay; None likewise.
        step_prices: (S,) nats of each step beyond what its tokens cost one at a time, mean over texts; empty likewise.
        step_sizes: (S,) tokens revealed in each step, mean over texts.
        calls: of the sampled texts; None when the rule failed.
        tokens_per_call: drawn tokens for each network call.
        canvases: the network was asked about for a sampled text, mean; more than calls in exact parallel sampling.
        own_nats: per token of what was drawn, under the model itself one token at a time: its entropy where the rule is
            one token at a time, less where the rule narrows what is written.
        reveal_row: the step that revealed each position of the first sampled text, -1 where given.
        reveals: (B, P) share of the sampled texts' tokens in P equal parts of the text that were revealed in the b-th
            of B equal parts of the steps of the longest text; rows of the heat map, each column sums to 1.
        reveal_steps: B rows stand for so many steps.
        quality: of the sampled texts.
        valid: share of the sampled texts that are right, where right is defined.
        judge: nats per token, nats per character, perplexity under the judge model; None without one.
        mauve: None unless asked for.
        timing: None until all rules have been tried.
        texts: a few sampled texts. texts_right: whether each is right; empty where right is not defined.
        notes: roundings and the like, said by the sampler.
        error: the reason, when the rule failed; then most of the above is None.
    """

    key: str
    rule: str
    setting: str
    how: str = ""
    why_no_prediction: str = ""
    predicted: Estimate | None = None
    exact: float | None = None
    scored: Estimate | None = None
    nats: float | None = None
    scored_calls: float | None = None
    step_prices: tuple[float, ...] = ()
    step_sizes: tuple[float, ...] = ()
    calls: Calls | None = None
    tokens_per_call: float | None = None
    reveals: tuple[tuple[float, ...], ...] = ()
    reveal_steps: int = 0
    quality: TextQuality | None = None
    valid: Share | None = None
    judge: dict[str, float] | None = None
    mauve: float | None = None
    timing: Timing | None = None
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    canvases: float | None = None
    own_nats: float | None = None
    reveal_row: tuple[int, ...] = ()
    texts_right: tuple[bool, ...] = ()

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.rule} {self.setting}".strip()

    @property
    def is_scored(self) -> bool:
        """Whether its nats are exact; if not it belongs to the part that is measured only."""
        return self.scored is not None

    @property
    def is_wide(self) -> bool:
        """Whether it asks about several canvases in one network call, as exact parallel sampling does."""
        return self.calls is not None and self.canvases is not None and self.canvases > 1.01 * self.calls.mean

    @property
    def mean_canvases(self) -> float:
        """Canvases a text: as many as calls unless the rule is wide."""
        if self.calls is None or self.canvases is None or not self.is_wide:
            return self.mean_calls
        return self.mean_calls * self.canvases / self.calls.mean

    @property
    def mean_calls(self) -> float:
        """Network calls a text: in the replay of held-out texts where it is scored, else of the sampled texts."""
        if self.scored_calls is not None:
            return self.scored_calls
        return self.calls.mean if self.calls is not None else float("nan")

    def timed(self, timing: Timing) -> Trial:
        """The same with its wall time."""
        return replace(self, timing=timing)

    # -- the file --

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = {name: getattr(self, name) for name in (*_PLAIN, *_LATER)}
        return {
            "format": FORMAT,
            **plain,
            "predicted": _dict(self.predicted),
            "scored": _dict(self.scored),
            "network_calls": None if self.calls is None else {**vars(self.calls), "counts": _pairs(self.calls.counts)},
            "reveals": [list(row) for row in self.reveals],
            "quality": _dict(self.quality),
            "valid": None if self.valid is None else {"count": self.valid.count, "total": self.valid.total},
            "timing": None if self.timing is None else vars(self.timing),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Trial:
        """What `to_dict` made."""
        plain: dict[str, Any] = {name: tuple(data[name]) if name in _TUPLES else data[name] for name in _PLAIN}
        plain |= {name: tuple(value) if isinstance(value := data.get(name), list) else value for name in _LATER}
        plain |= {name: plain[name] or () for name in ("reveal_row", "texts_right")}
        calls, timing = data["network_calls"], data["timing"]
        return cls(
            **plain,
            predicted=_made(Estimate, data["predicted"]),
            scored=_made(Estimate, data["scored"]),
            calls=None if calls is None else Calls(**{**calls, "counts": {int(k): int(v) for k, v in calls["counts"]}}),
            reveals=tuple(tuple(float(share) for share in row) for row in data["reveals"]),
            quality=None if data["quality"] is None else TextQuality.from_dict(data["quality"]),
            valid=_made(Share, data["valid"]),
            timing=None if timing is None else Timing(**timing),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it, whole or not at all."""
        return write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trial:
        """Read a file written by `save`; InputError when it is not one."""
        data = read_json(path, FORMAT)
        try:
            return cls.from_dict(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is not a whole {FORMAT} file ({type(error).__name__}: {error})") from error


_PLAIN = (
    *("key", "rule", "setting", "how", "why_no_prediction", "exact", "nats", "scored_calls", "step_prices"),
    *("step_sizes", "tokens_per_call", "reveal_steps", "judge", "mauve", "texts", "notes", "error"),
)
_LATER = ("canvases", "own_nats", "reveal_row", "texts_right")  # files of earlier versions have none of them
_TUPLES = ("step_prices", "step_sizes", "texts", "notes")


def _dict(value: Any) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


def _made(kind: Any, values: dict[str, Any] | None) -> Any:
    return None if values is None else kind(**values)


def _pairs(counts: dict[int, int]) -> list[list[int]]:
    return [[number, count] for number, count in counts.items()]


@dataclass(frozen=True, eq=False)
class AutoregressiveLine:
    """The autoregressive reference: one token a call, left to right, with a key-value cache.

    Attributes:
        name: of the model, or "same size, random weights".
        parameters: of its network.
        trained: whether it has nats; a network with random weights stands for its speed alone.
        price: nats per sequence of the held-out texts beyond the masked model's one token at a time; None unless
            trained.
        latency, throughput, batch: as in `Timing`.
        calls: L.
    """

    name: str
    parameters: int
    trained: bool
    price: Estimate | None
    latency: float
    throughput: float
    batch: int
    calls: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**vars(self), "price": _dict(self.price)}


@dataclass(frozen=True, eq=False)
class Comparison(Displayed):
    """Everything a comparison found.

    Attributes:
        model: name and digest of the model.
        parameters: of its network; None of a law.
        data: what the held-out texts are, in words.
        length: L, tokens that are revealed in a text. given: leading tokens that are given besides.
        texts: held-out texts scored on. measured: texts the curve and the plans were made from. samples: texts drawn.
        seed: of everything random.
        one_at_a_time: nats per sequence of the held-out texts, one token at a time in uniform order: price zero.
        frontier: (calls, price) of the planned rule at every number of steps, predicted; may be empty.
        trials: in the order they were asked for.
        real: quality of as many held-out texts as were drawn. floor: that of real text measured against other real
            text, what a perfect sampler would show; None when there are too few texts.
        autoregressive: None where it makes no sense (a law).
        judge, mauve: paths of the models that judged, or "".
        task: name of the task texts are right or wrong by, or "".
        seconds: wall time of the call that put it together; less when trials were there already.

    Examples:
        >>> law = unmask.laws.Permutation(4)
        >>> found = unmask.compare(unmask.oracle(law), "one_by_one,equal_sizes:2", law.sample(20, seed=0), samples=4)
        >>> [(trial.name, trial.calls.mean) for trial in found.trials]
        [('one_by_one', 4.0), ('equal_sizes T = 2', 2.0)]
    """

    model: dict[str, str]
    parameters: int | None
    data: str
    length: int
    given: int
    texts: int
    measured: int
    samples: int
    seed: int
    one_at_a_time: Estimate
    frontier: tuple[tuple[int, Estimate], ...]
    trials: tuple[Trial, ...]
    real: TextQuality
    real_judge: dict[str, float] | None = None
    autoregressive: AutoregressiveLine | None = None
    judge: str = ""
    task: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def scored(self) -> list[Trial]:
        """Trials whose nats are exact, by network calls."""
        return sorted((trial for trial in self.trials if trial.is_scored), key=lambda trial: trial.mean_calls)

    @property
    def measured_only(self) -> list[Trial]:
        """Trials without nats that ran, by network calls."""
        found = (trial for trial in self.trials if not trial.is_scored and trial.error is None)
        return sorted(found, key=lambda trial: trial.mean_calls)

    @property
    def failed(self) -> list[Trial]:
        """Trials that did not run."""
        return [trial for trial in self.trials if trial.error is not None]

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the page, the figures and the tables into a folder; returns the page."""
        write = importlib.import_module("unmask.reports.compare_page").write  # loaded by name, as pictures are
        write(self, folder, "unmask.compare")
        return Path(folder) / "index.html"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = ("model", "parameters", "data", "length", "given", "texts", "measured", "samples", "seed", "real_judge")
        return {
            "format": "unmask.comparison/1",
            **{name: getattr(self, name) for name in plain},
            "one_at_a_time": self.one_at_a_time.to_dict(),
            "frontier": [{"network_calls": calls, "price": price.to_dict()} for calls, price in self.frontier],
            "trials": [trial.to_dict() for trial in self.trials],
            "undominated": [trial.key for trial in undominated(self.scored)],
            "real": self.real.to_dict(),
            "autoregressive": _dict(self.autoregressive),
            "judge": self.judge,
            "task": self.task,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


ROUNDING = 1e-5
"""Nats per sequence within which two prices are the same number, computed in single precision."""


def undominated(scored: list[Trial]) -> list[Trial]:
    """Scored trials that no other beats in both: as few or fewer network calls at a lower price, or fewer at the same.

    By the means; the intervals say how sure that is.
    """
    kept: list[Trial] = []
    cheapest = float("inf")
    for trial in sorted(scored, key=lambda trial: (trial.mean_calls, trial.scored.value if trial.scored else 0.0)):
        if trial.scored is not None and trial.scored.value < cheapest - ROUNDING:
            kept.append(trial)
            cheapest = trial.scored.value
    return kept

"""A whole run of `unmask measure`: model, texts, orders, and the file, in one process or in several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from unmask import spec
from unmask.errors import InputError
from unmask.measuring.dependence_profile import measure_dependence_profile
from unmask.measuring.inputs import Texts, read_given, read_inputs
from unmask.measuring.measure import measure
from unmask.measuring.measurement import Measurement
from unmask.measuring.shards import Shards
from unmask.measuring.texts import identify
from unmask.models.capabilities import block_length_of
from unmask.models.predictor import Positions, Predictor, Wrapped
from unmask.models.resolve import resolve
from unmask.order_search.search import LEAST_TEXTS, SEARCH_CALLS, Found, SearchOptions, search, share_for_search
from unmask.sampling.recipes import one_by_one
from unmask.sampling.sample import sample
from unmask.theory import reveal_orders
from unmask.theory.reveal_orders import Order

OWN_SAMPLES = "the model's own samples, one token at a time in uniform order"


@dataclass(frozen=True)
class Job:
    """What a person asked `unmask measure` for; the options of the command line.

    Attributes:
        dependence: where a dependence profile of the same texts goes; None measures none.
        own_samples: measure on so many samples of the model's own, drawn one token at a time, instead of on text.
        orders: "auto" to search for them, "uniform" for no other, or names; None searches where there are texts enough.
    """

    model: str
    out: Path
    data: str | None = None
    tokens: Path | None = None
    lines: bool = False
    texts: int | None = None
    length: int | None = None
    orders: str | None = None
    counts: str | None = None
    canvases: str = "1"
    precision: float | None = None
    calls: int | None = None
    search_calls: int = SEARCH_CALLS
    given: str | None = None
    block_length: int | None = None
    resume: Path | None = None
    batch_size: int = 16
    dependence: Path | None = None
    own_samples: int | None = None
    seed: int = 0
    device: str | None = None
    trust_remote_code: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)
    allow_unknown: bool = False

    def run(
        self,
        say: Callable[[str], object] = lambda words: None,
        progress: Callable[[int, int, Measurement], None] | None = None,
        note: Callable[[tuple[str, ...]], object] = lambda sentences: None,
    ) -> tuple[Measurement, int] | None:
        """Measure and write; the measurement and the network calls spent, None in all processes but the first.

        Args:
            note: told what was unknown, left out or cut of the texts.
        """
        for path in filter(None, (self.out, self.dependence)):
            check_folder(path)
        resumed = None if self.resume is None else Measurement.load(self.resume)
        shards = Shards()
        try:
            say(f"loading {self.model}")
            predictor = Counted(resolve(self.model, self.device, self.trust_remote_code, **self.overrides), self.model)
            texts, source, data, documents, _, said = self._texts(predictor, say)
            if shards.is_first:
                note(said)
            known = read_given(self.given, texts, self.seed)
            block = self.block_length if self.block_length is not None else block_length_of(predictor)
            found, notes = shards.told(self._orders(predictor, texts, known, block, source, resumed, shards, say))
            measured = measure(
                predictor, texts, self.seed, orders=found.orders, order_counts=found.counts, counts=self._counts(),
                canvases=self._canvases(), given=known, block_length=block, precision=self.precision,
                calls=self.calls, batch_size=self.batch_size,
                source=source, documents=documents, resume=resumed, shard=shards.share,
                settings={"data": data, **({"read": list(said)} if said else {}), **self._said(), **notes},
                progress=progress if shards.is_first else None,
                checkpoint=(lambda found: found.save(self.out)) if shards.world == 1 else None,
            )  # fmt: skip
            if self.dependence is not None and shards.is_first:
                say("measuring what depends on what")
                profile = measure_dependence_profile(
                    predictor, texts, self.seed, given=known, block_length=block, source=source
                )
                profile.save(self.dependence)
            digests = identify(texts, source)
            whole = shards.gathered(measured, [*(resumed.texts if resumed else ()), *digests])
            calls = shards.added(predictor.calls)
        finally:
            shards.close()
        if whole is None:
            return None
        whole.save(self.out)
        return whole, calls

    def _texts(self, predictor: Predictor, say: Callable[[str], object]) -> Texts:
        """What is measured on: the texts that were named, or samples of the model's own."""
        if self.own_samples is None:
            return read_inputs(
                predictor, self.model, self.data, self.tokens, lines=self.lines, length=self.length, texts=self.texts,
                seed=self.seed, allow_unknown=self.allow_unknown,
            )  # fmt: skip
        others = {"--data": self.data, "--tokens": self.tokens, "--texts": self.texts, "--lines": self.lines or None}
        for name, value in others.items():
            if value is not None:
                raise InputError(f"--own-samples and {name} were given; own samples take the place of texts")
        say(f"drawing {self.own_samples} samples, one token at a time")
        drawn = sample(
            predictor, one_by_one(), self.own_samples, seed=self.seed, length=self.length, batch_size=self.batch_size
        )
        source = f"own samples of {self.model} seed {self.seed}"
        return Texts(drawn.tokens.cpu().numpy(), source, OWN_SAMPLES, np.full(len(drawn.tokens), -1))

    def _said(self) -> dict[str, Any]:
        return {} if self.own_samples is None else {"own_samples": self.own_samples}

    def _counts(self) -> str | int | list[int] | None:
        if self.counts is None or self.counts == "all":
            return self.counts
        try:
            numbers = [int(entry) for entry in self.counts.split(",")]
        except ValueError:
            raise InputError(f"--counts is {self.counts!r}; expected all, how many, or counts such as 0,4,63") from None
        return numbers if len(numbers) > 1 else numbers[0]

    def _canvases(self) -> str | int:
        if self.canvases != "auto" and not self.canvases.isdecimal():
            raise InputError(f"--canvases is {self.canvases!r}; expected auto, or how many inside every interval")
        return self.canvases if self.canvases == "auto" else int(self.canvases)

    def _orders(
        self,
        predictor: Predictor,
        texts: npt.NDArray[np.int64],
        known: npt.ArrayLike | int,
        block: int | None,
        source: str,
        resumed: Measurement | None,
        shards: Shards,
        say: Callable[[str], object],
    ) -> tuple[Found, dict[str, Any]]:
        """The orders to measure, and notes for the file: which texts were searched on, not to be priced."""
        wanted = self.orders or ("auto" if len(texts) >= LEAST_TEXTS else "uniform")
        if resumed is not None and wanted in ("auto", "uniform"):
            return Found(), {"searched": resumed.settings.get("searched", [])}
        if wanted != "auto":
            return Found(parse_orders(wanted)), {}
        if not shards.is_first:
            return Found(), {}
        rows = share_for_search(len(texts), self.seed)
        options = SearchOptions(calls=self.search_calls, seed=self.seed, batch_size=self.batch_size)
        shown = known if isinstance(known, int) or np.ndim(known) == 1 else np.asarray(known)[rows]
        found = search(predictor, texts[rows], given=shown, block_length=block, options=options, say=say)
        digests = identify(texts, source)
        if self.counts is not None:  # asked for: then for all orders
            found.counts.clear()
        return found, {"searched": sorted(digests[row] for row in rows)}


class Counted(Wrapped[Predictor]):
    """A predictor that counts its network calls, by the name a person typed; everything else is its own."""

    def __init__(self, predictor: Predictor, name: str) -> None:
        super().__init__(predictor)
        self.name = name
        self.calls = 0

    def __repr__(self) -> str:
        return repr(self.predictor)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        self.calls += len(tokens) * self.predictor.calls_per_query
        return self.predictor.log_probs(tokens, known, wanted)


def parse_orders(names: str) -> dict[str, Order]:
    """Orders from names separated by commas; `blocks:block_length=8,inner=bit_reversal,uniform` is two of them."""
    return {one.name: one for one in map(reveal_orders.from_name, spec.specs(names))}


def check_folder(out: Path) -> None:
    """Raise InputError, before hours of work, when the file cannot be written."""
    if not out.parent.is_dir():
        raise InputError(f"cannot write {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise InputError(f"cannot write {out}: it is a folder; expected a file such as {out / 'm.curve.json'}")

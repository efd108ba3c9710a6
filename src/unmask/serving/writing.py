"""From the steps of one row to the text a client reads: what is committed, where it ends, and what it cost.

Committed is what stands before the first masked position, for good: a rule that takes tokens back commits at its end.
"""

from collections.abc import Sequence
from typing import Any

from unmask.models.predictor import Predictor
from unmask.models.words import decoded
from unmask.sampling.request import Row
from unmask.sampling.stream import SampledStep
from unmask.serving.choosing import Chosen

_UNFINISHED = "\ufffd"  # what a tokenizer of bytes says in the middle of a character


class Writer:
    """One choice of an answer.

    Args:
        row: what was given; the text is what stands at the other positions.
        most: tokens of it at most, where the canvas may have more.
        stops: strings before which the text ends.

    Attributes:
        text: so far. finish_reason: "stop" or "length" once it has ended, None before.
    """

    def __init__(
        self, row: Row, chosen: Chosen, predictor: Predictor, most: int | None = None, stops: Sequence[str] = ()
    ) -> None:
        self.chosen, self.predictor = chosen, predictor
        self.places: list[int] = (~row.known).nonzero().squeeze(1).tolist()
        self._most, self._stops = len(self.places) if most is None else most, [stop for stop in stops if stop]
        self._for_good = chosen.sampler.revision is None and not chosen.sampler.stop.commits
        self._log_probs: dict[int, float] = {}
        self._logged = 0
        self.text = ""
        self.tokens: list[int] = []
        self.finish_reason: str | None = None
        self.last: SampledStep | None = None
        self.price = 0.0

    def take(self, step: SampledStep) -> str:
        """The text that this step adds."""
        self.last = step
        self.price += step.price or 0.0
        self._log_probs |= dict(zip(step.revealed, step.log_probs, strict=True))
        if not step.finished and not self._for_good:
            return ""
        tokens = [step.canvas[place] for place in self.places]
        committed = tokens[: tokens.index(-1)] if -1 in tokens else tokens
        return self._write(committed, step.finished)

    def _write(self, committed: list[int], finished: bool) -> str:
        end = self.predictor.end_of_text_id
        reason = "stop" if finished else None
        if end in committed:
            committed, reason = committed[: committed.index(end)], "stop"
        elif finished and self.predictor.length is None:
            reason = "length"  # the canvas was as long as was asked for, and is full
        if len(committed) > self._most:
            committed, reason = committed[: self._most], "length"
        whole = decoded(self.predictor, committed) if committed else ""
        cuts = [place for stop in self._stops if (place := whole.find(stop)) >= 0]
        if cuts:
            whole, reason = whole[: min(cuts)], "stop"
        elif reason is None:
            whole = whole[: len(whole) - self._held_back(whole)]
        self.tokens, self.finish_reason = committed, reason
        added = whole[len(self.text) :] if whole.startswith(self.text) else ""
        self.text += added
        return added

    def _held_back(self, whole: str) -> int:
        """Characters at the end that may still change: half a character, or the beginning of a stop."""
        held = len(whole) - len(whole.rstrip(_UNFINISHED))
        for stop in self._stops:
            held = max(held, next((size for size in range(len(stop) - 1, 0, -1) if whole.endswith(stop[:size])), 0))
        return held

    def new_log_probs(self) -> list[tuple[int, str, float]]:
        """(token, its text, its log-probability) of every token committed since the last call."""
        new = [
            (token, decoded(self.predictor, [token]), self._log_probs.get(place, 0.0))
            for token, place in zip(self.tokens, self.places, strict=False)
        ][self._logged :]
        self._logged += len(new)
        return new

    def facts(self) -> dict[str, Any]:
        """What it cost, and what was promised for it."""
        step = self.last
        if step is None:
            return self.chosen.facts()
        drawn = sum(step.canvas[place] >= 0 for place in self.places)
        return self.chosen.facts() | {
            "seed": step.seed,
            "steps": step.step + 1,
            "network_calls": step.network_calls,
            "tokens": drawn,
            "tokens_per_call": drawn / max(step.network_calls, 1),
            "nats": step.nats,
            "price": self.price if self.chosen.promise == "planned" else None,
        }

    def frame(self, step: SampledStep) -> dict[str, Any]:
        """What a step did, for those who watch: the fields beside an empty delta of a `diffusion_frame`."""
        block_length = getattr(self.chosen.sampler.window, "block_length", None)
        masked = [number for number, place in enumerate(self.places) if step.canvas[place] == -1]
        first = masked[0] if masked else len(self.places) - 1
        entropies = step.entropies or [None] * len(step.revealed)
        return {
            "type": "diffusion_frame",
            "block": first // block_length if block_length else 0,
            "step": step.step,
            "total": self.chosen.steps,
            "text": step.text if step.text is not None else decoded(self.predictor, step.canvas),
            "revealed": [list(one) for one in zip(step.revealed, step.tokens, step.log_probs, entropies, strict=True)],
            "released": list(step.released),
            "rewritten": [list(one) for one in zip(step.rewritten, step.rewritten_tokens, strict=True)],
            "nats": step.nats,
            "price": step.price,
            "network_calls": step.network_calls,
            "seed": step.seed,
        }

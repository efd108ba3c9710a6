"""`stream`: the loop of `sample`, one step at a time. Cancelling is closing it: the network is asked for no more.

    for step in unmask.stream(model, sampler, n=2, prompt=tokens):
        print(step.row, step.revealed, step.text)

What is yielded is on the CPU and a person's own: nothing in it changes later.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unmask.models.capabilities import decoder_of
from unmask.models.predictor import Predictor
from unmask.models.words import decoded_canvas
from unmask.sampling.canvas import Canvas
from unmask.sampling.priorities import PlanOrder
from unmask.sampling.sample import asked_for, runs
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import PlanSizes
from unmask.sampling.trace import Reading
from unmask.sampling.windows import Whole
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class SampledStep:
    """What one step did to one row.

    Attributes:
        row: number of the row. seed: its seed. step: number of the step, from 0.
        revealed: positions that were revealed. tokens, log_probs: what was drawn there, and with which log-probability,
            nats. entropies: of the laws they were drawn from, nats; empty unless asked for or read by the rule.
        released: positions that were made unknown again.
        rewritten, rewritten_tokens: positions whose tokens were replaced.
        network_calls: what the row has cost so far. nats: minus the log-probability of the tokens that stand so far.
        price: nats per token of the text, the share of this step in the parallel price of a plan; None without one.
        finished: whether the row is.
        canvas: (L,) tokens as they stand after the step, given ones included; -1 where masked.

    Examples:
        >>> model = unmask.oracle(unmask.laws.Permutation(4))
        >>> first, last = unmask.stream(model, unmask.Schedule([3, 1]), seed=0)
        >>> last.revealed, last.canvas.count(-1), last.finished
        ((3,), 0, True)
    """

    row: int
    seed: int
    step: int
    revealed: tuple[int, ...]
    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    entropies: tuple[float, ...]
    released: tuple[int, ...]
    rewritten: tuple[int, ...]
    rewritten_tokens: tuple[int, ...]
    network_calls: int
    nats: float
    price: float | None
    finished: bool
    canvas: tuple[int, ...]
    predictor: Predictor = field(repr=False, compare=False)

    @cached_property
    def text(self) -> str | None:
        """The canvas as text, a hole ("░") for every masked position; None when the model has no tokenizer."""
        return None if decoder_of(self.predictor) is None else decoded_canvas(self.predictor, self.canvas)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the predictor, the text included."""
        facts = {name: value for name, value in vars(self).items() if name not in ("predictor", "text")}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()} | {
            "text": self.text
        }


def stream(
    predictor: Predictor,
    sampler: str | Sampler | RevealPlan | Schedule,
    n: int | None = None,
    *,
    seed: int = 0,
    seeds: Any = None,
    prompt: Any = None,
    infill: str | tuple[Any, Any] | None = None,
    length: int | None = None,
    new_tokens: int | None = None,
    batch_size: int | None = None,
    entropies: bool = False,
) -> Iterator[SampledStep]:
    """Sample text, and yield every step of every row as it happens.

    Args:
        predictor, sampler, n, …: as for `sample`. The rows of a batch move together, one batch after another; with
            `batch_size` the rows that are watched at the same time can be chosen. What a row comes to does not depend
            on it.

    Yields:
        SampledStep: step after step; within a step, the rows that took it, in order.

    Raises:
        InputError: bad arguments, at once; a predictor that returns NaN or the wrong shape, when it does.

    Examples:
        >>> model = unmask.oracle(unmask.laws.Permutation(4))
        >>> for step in unmask.stream(model, unmask.Schedule([1, 3]), seed=0):
        ...     print(len(step.revealed), step.network_calls, step.finished)
        1 1 False
        3 2 True
    """
    asked = asked_for(predictor, sampler, n, seed, seeds, prompt, infill, length, new_tokens, batch_size)

    def each() -> Iterator[SampledStep]:
        for names, canvas, steps in runs(asked, entropies):
            watched = Watched(canvas, asked.sampler, predictor, names)
            for _ in steps:
                yield from watched.news()

    return each()


class Watched:
    """A canvas that is being filled, and what each step has done to its rows."""

    def __init__(self, canvas: Canvas, sampler: Sampler, predictor: Predictor, names: Tensor) -> None:
        self._canvas, self._predictor = canvas, predictor
        self._names, self._seeds = names.tolist(), canvas.seeds.tolist()
        self._reading = Reading(canvas.trace)
        self._prices = step_prices(sampler)
        self._ahead = sampler.chooses_ahead
        self._steps, self._nats = canvas.steps, [0.0] * canvas.rows

    def news(self) -> list[SampledStep]:
        """What happened since the last call, which is one step of the rows that took it."""
        canvas = self._canvas
        number = canvas.step - 1
        happened = {line["row"]: line for line in self._reading.new()}
        took = (canvas.steps != self._steps).nonzero().squeeze(1).tolist()
        self._steps = canvas.steps
        if self._ahead:  # a row that reveals nothing in a step takes no part in it
            took = [row for row in took if row in happened]
        after = torch.where(canvas.known, canvas.tokens, -1).tolist()
        return [self._step(row, number, happened.get(row, {}), tuple(after[row])) for row in took]

    def _step(self, row: int, number: int, line: dict[str, Any], tokens: tuple[int, ...]) -> SampledStep:
        self._nats[row] = line.get("nats", self._nats[row])
        return SampledStep(
            row=self._names[row],
            seed=self._seeds[row],
            step=number,
            revealed=tuple(line.get("positions", ())),
            tokens=tuple(line.get("tokens", ())),
            log_probs=tuple(line.get("log_probs", ())),
            entropies=tuple(line.get("entropies", ())),
            released=tuple(line.get("released", ())),
            rewritten=tuple(line.get("rewritten", ())),
            rewritten_tokens=tuple(line.get("rewritten_tokens", ())),
            network_calls=int(self._canvas.calls[row]),
            nats=self._nats[row],
            price=self._prices[number] if number < len(self._prices) else None,
            finished=not bool(self._canvas.live[row]),
            canvas=tokens,
            predictor=self._predictor,
        )


def step_prices(sampler: Sampler) -> tuple[float, ...]:
    """Nats per token that each step of a plan costs; nothing where the sampler does not follow a priced plan."""
    plan = sampler.selection.plan if isinstance(sampler.selection, PlanSizes) else None
    same_order = isinstance(sampler.order, PlanOrder) and sampler.order.plan is plan
    if not (sampler.predictable and same_order and isinstance(sampler.window, Whole)):
        return ()
    return tuple(getattr(plan, "step_prices", ()))

"""The loop, written once. What varies between decoding rules is passed in as parts.

    window      which masked positions are open               windows.py
    order       which of them is wished for first             priorities.py
    selection   how many of them are revealed                 selections.py
    reading     a change of the law that everything reads     logits_transforms.py
    shape       a change of the law that tokens are drawn from
    draw        how a token is drawn                          draws.py
    revision    what is taken back or rewritten afterwards    (None: nothing)
    stop        when a row is finished                        stopping.py

A part is a frozen dataclass that is called with the present step, as far as it has come; what it remembers is a state
in the canvas (parts.py). The same loop scores text: with `draws.Forced` it replays the rule on given tokens (score.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.canvas import Canvas
from unmask.sampling.chosen_ahead import ChosenAhead
from unmask.sampling.draft_sizes import Speculation
from unmask.sampling.draws import Categorical, Greedy
from unmask.sampling.logits_transforms import Raw, Tempered
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.parts import Draw, LogitsTransform, Part, Priority, Revision, Selection, Stop, Window
from unmask.sampling.queries import Asking, answered
from unmask.sampling.scorability import Scorability
from unmask.sampling.speculation import Speculating
from unmask.sampling.step import Begun, Step, entropy
from unmask.sampling.stopping import AllKnown
from unmask.sampling.windows import Blocks, Whole


@dataclass(frozen=True, repr=False)
class Sampler:
    """A decoding rule, put together from parts; `unmask.recipes` has the named ones.

    Examples:
        >>> unmask.recipes.threshold(0.9).in_blocks(4).window
        Blocks(block_length=4)
    """

    order: Priority
    selection: Selection
    window: Window = field(default_factory=Whole)
    reading: LogitsTransform = field(default_factory=Raw)
    shape: LogitsTransform = field(default_factory=Raw)
    draw: Draw = field(default_factory=Categorical)
    revision: Revision | None = None
    stop: Stop = field(default_factory=AllKnown)
    speculation: Speculation | None = None
    """Draft sizes, where the sampler drafts several tokens and verifies them in one call (`speculation`)."""
    start: Callable[[Begun], None] | None = None
    """Called once with a step on the new canvas: the random tokens a uniform-state model begins with, for example."""
    name: str = ""
    source: str = ""
    max_steps: int | None = None
    """Cap on the steps of a row; by default far more than any rule of the same length needs."""

    def run(self, canvas: Canvas, door: ModelCalls) -> Canvas:
        """Reveal everything that is masked."""
        for step in self.steps(canvas, door):
            del step  # its conditionals, before the next ones are asked for
        return canvas

    def steps(self, canvas: Canvas, door: ModelCalls) -> Iterator[Step]:
        """Reveal everything that is masked, and yield each step when it has been taken."""
        # `torch.no_grad()` around the generator would hold each step while the next is taken
        with torch.no_grad():
            take_step = self.begun(canvas, door)
        while canvas.unfinished():
            yield _taken(take_step, door.predictor)
        door.check()

    def begun(self, canvas: Canvas, door: ModelCalls) -> Callable[[], Asking[Step]]:
        """A run on a new canvas: what is returned takes one step each time it is called, whoever answers its queries.

        A sampler that does not read the model chooses all positions first, and asks for the laws of those alone; any
        other asks for the laws of every open position, and then chooses (`looking`).
        """
        if self.start is not None:
            self.start(Begun(canvas, door))
        looking = self.looking if self.speculation is None else Speculating(self, canvas, door.predictor).looking
        looking = ChosenAhead(self, canvas).looking if self.chooses_ahead else looking

        def take_step() -> Asking[Step]:
            step = yield from looking(canvas, door)
            self.reveal(step)
            if self.revision is not None:
                self.revision(step)
            canvas.end_step(self.stop(step))
            return step

        return take_step

    def look(self, canvas: Canvas, door: ModelCalls) -> Step:
        """Ask for every open position, then choose."""
        return answered(self.looking(canvas, door), door.predictor)

    def looking(self, canvas: Canvas, door: ModelCalls) -> Asking[Step]:
        """The same, whoever answers."""
        step = self.opened(canvas, door)
        wanted = canvas.masked & step.window
        if self.revision is not None:
            wanted = wanted | self.revision.wants(step)
        for part in self.parts:
            watched = None if part is None else part.watches(step)
            wanted = wanted if watched is None else wanted | watched
        step.positions, laws = yield from door.looking(wanted)
        step.log_probs = self.reading(laws, step.positions, step) if len(laws) else laws
        if self.reads_draw:
            step.shaped = self.shape(step.log_probs, step.positions, step)
            step.draft = self.draw(step.shaped, step.positions, canvas)
        elif self.shape.has_memory or self.order.reads_shaped:
            step.shaped = self.shape(step.log_probs, step.positions, step)
        self.choose(step)
        return step

    def opened(self, canvas: Canvas, door: ModelCalls | None) -> Step:
        """A new step, its window open."""
        step = Step(canvas, door)
        step.window = self.window(canvas)
        step.stage, step.stages = self.window.stage(canvas), self.window.stages(canvas)
        return step

    def choose(self, step: Step) -> Tensor:
        """Order and selection: the (R, L) positions to reveal."""
        canvas = step.canvas
        step.open = canvas.masked & step.window
        step.priority = self.order(step).masked_fill(~step.open, -torch.inf)
        step.picked = self.selection(step) & step.open
        self.guard(canvas, step.picked.any(1).cpu())
        return step.picked

    def reveal(self, step: Step) -> None:
        """Draw the tokens of the chosen positions and commit them."""
        canvas, positions, laws, shaped, tokens = step.canvas, step.positions, step.log_probs, step.shaped, step.draft
        taken = None  # all of them
        if not step.ahead:
            taken = step.picked[positions.rows, positions.columns].nonzero().squeeze(1)
            positions = Positions(positions.rows[taken], positions.columns[taken])
            laws = laws[taken]
            shaped = None if shaped is None else shaped[taken]
            tokens = None if tokens is None else tokens[taken]
            step.counts = step.picked.sum(1).cpu()
        elif not self.reading.raw:
            laws = self.reading(laws, positions, step)
        if self.reading.raw:  # any other reading normalises
            step.door.used(laws)
        shaped = self.shape(laws, positions, step) if shaped is None else shaped
        tokens = self.draw(shaped, positions, canvas) if tokens is None else tokens
        log_probs = shaped.gather(-1, tokens[:, None]).squeeze(-1)
        canvas.reveal(positions, tokens, log_probs, self._entropies(step, laws, taken), step.counts)

    def _entropies(self, step: Step, laws: Tensor, taken: Tensor | None) -> Tensor | None:
        """Entropies of the revealed positions, for the trace: those the rule computed, or new ones if asked for."""
        if "entropy" in vars(step) and taken is not None:
            return step.entropy[taken]
        return entropy(laws) if step.canvas.keep_entropies else None

    def guard(self, canvas: Canvas, moved: Tensor) -> None:
        """Raise when a row is stuck or has run too long. `moved`: (R,) rows that reveal something in this step."""
        if self.revision is None and not self.selection.may_skip:
            idle = canvas.live & ~moved
            stuck = idle & canvas.idle
            if bool(stuck.any()):
                row = int(stuck.byte().argmax())
                raise InputError(
                    f"row {row} revealed nothing in two steps in a row: {self.name or 'the sampler'} is stuck"
                )
            canvas.idle = idle
        declared = max(int(getattr(part, "steps", None) or 0) for part in self.parts)
        cap = self.max_steps or 4 * canvas.length + declared + 64
        if canvas.step >= cap:
            raise InputError(
                f"{self.name or 'the sampler'} is not finished after {cap} steps; raise max_steps if it should be"
            )

    # -- what may be claimed --

    @property
    def parts(self) -> tuple[Part | None, ...]:
        return (self.window, self.order, self.selection, self.reading, self.shape, self.draw, self.revision, self.stop)

    @property
    def reads_model(self) -> bool:
        """Whether the choice of positions reads the model's laws."""
        return self.order.reads_model or self.selection.reads_model

    @property
    def reads_draw(self) -> bool:
        """Whether the choice of positions reads tokens drawn in the same step."""
        return self.order.reads_draw or self.selection.reads_draw

    @property
    def random(self) -> bool:
        """Whether the choice of positions is random even when the tokens are given."""
        return any(part.random for part in self.parts if part is not None)

    @property
    def chooses_ahead(self) -> bool:
        """Whether all positions can be chosen before the first network call."""
        plain = self.revision is None and not self.shape.has_memory and not self.reading.has_memory
        plain = plain and self.speculation is None
        return plain and not self.reads_model and not self.reads_draw and not self.stop.commits

    @property
    def predictable(self) -> bool:
        """Whether a price can be stated beforehand: positions and sizes fixed ahead, and the raw law drawn from."""
        return self.why_not_predictable == ""

    @property
    def why_not_predictable(self) -> str:
        if self.reads_model or self.reads_draw:
            return "the choice of positions reads the model"
        if not self.selection.fixed_sizes:
            return "the sizes of the steps are not fixed"
        return self._changed_law()

    @property
    def scorable(self) -> Scorability:
        """How the likelihood of a text is known: "planned", "replay" or "measured only", and then why."""
        if self.revision is not None:
            return Scorability("measured only", "tokens are taken back or rewritten after they were drawn")
        if self.draw == Greedy():
            return Scorability("measured only", "a greedy draw gives one text all the probability")
        if self.reads_draw:
            return Scorability("measured only", "the choice of positions reads tokens drawn in the same step")
        if self.stop.commits:
            return Scorability("measured only", "the stop rule commits the most likely tokens")
        return Scorability("planned" if self.chooses_ahead and not self.stop.reads_tokens else "replay")

    def _changed_law(self) -> str:
        if self.revision is not None:
            return "tokens are taken back or rewritten"
        if not (self.reading.raw and self.shape.raw and isinstance(self.draw, Categorical)):
            return "tokens are not drawn from the model's own law (temperature, top-p or a greedy draw)"
        return "" if not self.stop.reads_tokens else "the text may end early"

    def __repr__(self) -> str:
        plain = (Whole(), Raw(), Categorical(), AllKnown(), None)
        parts = ", ".join(repr(part) for part in self.parts if part not in plain)
        return f"Sampler({self.name or 'unnamed'}: {parts}; predictable: {self.predictable}, scorable: {self.scorable})"

    # -- variations --

    def in_blocks(self, block_length: int) -> "Sampler":
        """The same rule, one block of positions at a time."""
        return replace(self, window=Blocks(block_length))

    def fitting(self, predictor: Predictor) -> "Sampler":
        """The same rule, one block at a time where the model's attention is causal between blocks.

        Rules that have blocks of their own count them as the model does (`windows.Blocks`); a plan says itself what is
        revealed when.
        """
        size = getattr(predictor, "block_size", None)
        free = self.window == Whole() and not hasattr(self.selection, "plan")
        return self.in_blocks(size) if size is not None and free else self

    def drawing(self, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> "Sampler":
        """The same rule, drawing from a changed law; temperature 0 takes the most likely token."""
        if temperature < 0:
            raise InputError(f"temperature is {temperature}; expected 0 (greedy) or more")
        shape = Tempered(temperature or 1.0, top_k, top_p)
        return replace(self, draw=Greedy() if temperature == 0 else Categorical(), shape=Raw() if shape.raw else shape)

    def ending(self, stop: Stop) -> "Sampler":
        """The same rule with another stop, such as `unmask.stopping.EndOfText()`."""
        return replace(self, stop=stop)


@torch.no_grad()
def _taken(take_step: Callable[[], Asking[Step]], predictor: Predictor) -> Step:
    return answered(take_step(), predictor)

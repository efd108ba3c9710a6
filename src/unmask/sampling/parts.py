"""What each kind of part declares about itself, and what holds when it declares nothing.

A part is a frozen dataclass that inherits from its kind. It says its flags where they are not as here, as class
attributes (`reads_model: ClassVar[bool] = True`) or properties; what a sampler may claim (`predictable`, `scorable`) is
computed from them, so a flag that does not exist is refused.

A part is given the step as far as it has come (step.py) and keeps nothing to itself: what it remembers from step to
step is a state that `begin(canvas)` makes for every row, `step.recall(self)` reads and `step.remember(self, state)`
writes (memory.py).
"""

from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.step import Begun, Opened, Predicted, Ranked, Step


class Part:
    """Anything a sampler is made of."""

    @property
    def source(self) -> str:
        """Where it is from: the name of a rule, in whose file the paper stands, or the reference itself."""
        return ""

    @property
    def random(self) -> bool:
        """Whether it chooses by chance, the tokens given."""
        return False

    def watches(self, step: Opened) -> Tensor | None:
        """(R, L) bool: positions it needs predicted besides the open ones, in the same network call; None: no others.

        A part that is asked for this may not stand in a sampler whose positions are chosen ahead.
        """
        return None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Part in cls.__bases__:  # a kind: it says which flags there are
            return
        inherited = cls.__mro__[1:]
        own = vars(cls).get("__annotations__", {})
        for name, value in vars(cls).items():
            of_the_class = name not in own or "ClassVar" in str(own[name])
            if isinstance(value, bool) and of_the_class and not any(hasattr(base, name) for base in inherited):
                flags = [key for base in inherited for key, flag in vars(base).items() if isinstance(flag, property)]
                raise InputError(f"{cls.__name__} declares {name!r}; its flags are {', '.join(sorted(flags))}")


def check_probabilities(part: Part, *names: str) -> None:
    """InputError unless these fields of a part are probabilities."""
    for name in names:
        value = getattr(part, name)
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value:g}; expected a probability, 0 to 1")


class Priority(Part):
    """Which open position is wished for first."""

    @property
    def reads_model(self) -> bool:
        """Whether it reads the model's laws of this step."""
        return False

    @property
    def reads_draw(self) -> bool:
        """Whether it reads tokens drawn in the same step."""
        return False

    @property
    def reads_shaped(self) -> bool:
        """Whether it reads the laws tokens are drawn from (`step.shaped`) and not the raw ones alone."""
        return False

    def __call__(self, step: Predicted) -> Tensor:
        """(R, L) wish of each position, larger first; what stands at closed positions is not read."""
        raise NotImplementedError


class Selection(Part):
    """How many of the wished-for positions are revealed."""

    @property
    def reads_model(self) -> bool:
        """Whether it reads the model's laws of this step."""
        return False

    @property
    def reads_draw(self) -> bool:
        """Whether it reads tokens drawn in the same step."""
        return False

    @property
    def fixed_sizes(self) -> bool:
        """Whether how many positions each step reveals is known beforehand."""
        return False

    @property
    def may_skip(self) -> bool:
        """Whether a step may reveal nothing, several times in a row."""
        return False

    def __call__(self, step: Ranked) -> Tensor:
        """(R, L) bool: the positions that are revealed in this step; closed ones are not read."""
        raise NotImplementedError

    def largest(self, length: int) -> int:
        """The most positions of a row of `length` that one step reveals; all, where nothing better is known."""
        return length


class Window(Part):
    """Which part of the canvas is open."""

    def __call__(self, canvas: Canvas) -> Tensor:
        """(R, L) bool: the part that is open, known positions included."""
        raise NotImplementedError

    def stage(self, canvas: Canvas) -> Tensor:
        """(R,) the number of the block each row stands in."""
        raise NotImplementedError

    def stages(self, canvas: Canvas) -> Tensor:
        """(R,) how many blocks there are."""
        raise NotImplementedError


class LogitsTransform(Part):
    """A change of the law."""

    @property
    def raw(self) -> bool:
        """Whether it leaves the law as it is."""
        return False

    @property
    def has_memory(self) -> bool:
        """Whether it must see every law that is predicted, also of positions that are not revealed."""
        return False

    def __call__(self, log_probs: Tensor, positions: Positions, step: Begun) -> Tensor:
        """(N, V) normalised log-probabilities to (N, V)."""
        raise NotImplementedError


class Draw(Part):
    """How a token is drawn from a law."""

    def __call__(self, log_probs: Tensor, positions: Positions, canvas: Canvas) -> Tensor:
        """(N, V) log-probabilities to (N,) tokens."""
        raise NotImplementedError


class Revision(Part):
    """What is taken back or rewritten after a step."""

    def wants(self, step: Opened) -> Tensor:
        """(R, L) bool: positions to be predicted besides the open ones."""
        raise NotImplementedError

    def __call__(self, step: Step) -> None:
        """Change the canvas after the reveal."""
        raise NotImplementedError


class Stop(Part):
    """When a row is finished."""

    @property
    def reads_tokens(self) -> bool:
        """Whether it reads the tokens that were drawn."""
        return False

    @property
    def commits(self) -> bool:
        """Whether it writes tokens that were not drawn."""
        return False

    def __call__(self, step: Step) -> Tensor:
        """(R,) bool on the CPU: rows that are finished."""
        raise NotImplementedError

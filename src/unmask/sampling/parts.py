"""What each kind of part declares about itself, and what holds when it declares nothing.

A part is a frozen dataclass that inherits from its kind. Flags are class attributes or properties; what a sampler may
claim (`predictable`, `scorable`) is computed from them, so a flag that does not exist is refused.
"""

from typing import Any, ClassVar, get_origin

from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas


class Part:
    """Anything a sampler is made of."""

    source: ClassVar[str] = ""
    """Where it is from: the name of a rule, in whose file the paper stands, or the reference itself."""
    random: ClassVar[bool] = False
    """Whether it chooses by chance, the tokens given."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Part in cls.__bases__:  # a kind: it says which flags there are
            return
        for name, value in vars(cls).items():
            kind = cls.__annotations__.get(name) if "__annotations__" in vars(cls) else None
            field = kind is not None and get_origin(kind) is not ClassVar and not str(kind).startswith("ClassVar")
            if isinstance(value, bool) and not field and not any(hasattr(base, name) for base in cls.__mro__[1:]):
                flags = [
                    key for base in cls.__mro__[1:] for key, default in vars(base).items() if default in (True, False)
                ]
                raise InputError(f"{cls.__name__} declares {name!r}; its flags are {', '.join(sorted(flags))}")


class Priority(Part):
    """Which open position is wished for first."""

    reads_model: ClassVar[bool] = False
    reads_draw: ClassVar[bool] = False

    def __call__(self, step: Any) -> Tensor:
        """(R, L) wish of each position, larger first; what stands at closed positions is not read."""
        raise NotImplementedError


class Selection(Part):
    """How many of the wished-for positions are revealed."""

    reads_model: ClassVar[bool] = False
    reads_draw: ClassVar[bool] = False
    fixed_sizes: ClassVar[bool] = False
    may_skip: ClassVar[bool] = False

    def __call__(self, step: Any) -> Tensor:
        """(R, L) bool: the positions that are revealed in this step; closed ones are not read."""
        raise NotImplementedError


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

    raw: ClassVar[bool] = False
    has_memory: ClassVar[bool] = False

    def __call__(self, log_probs: Tensor, positions: Positions, step: Any) -> Tensor:
        """(N, V) normalised log-probabilities to (N, V)."""
        raise NotImplementedError


class Draw(Part):
    """How a token is drawn from a law."""

    def __call__(self, log_probs: Tensor, positions: Positions, canvas: Canvas) -> Tensor:
        """(N, V) log-probabilities to (N,) tokens."""
        raise NotImplementedError


class Revision(Part):
    """What is taken back or rewritten after a step."""

    def wants(self, step: Any) -> Tensor:
        """(R, L) bool: positions to be predicted besides the open ones."""
        raise NotImplementedError

    def __call__(self, step: Any) -> None:
        """Change the canvas after the reveal."""
        raise NotImplementedError


class Stop(Part):
    """When a row is finished."""

    reads_tokens: ClassVar[bool] = False
    commits: ClassVar[bool] = False

    def __call__(self, step: Any) -> Tensor:
        """(R,) bool on the CPU: rows that are finished."""
        raise NotImplementedError

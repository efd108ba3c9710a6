"""The protocol a model must meet: from a canvas to log-probabilities of the positions that are wanted.

Knows nothing about schedules, orders or drawing. `unmask.oracle(law)` and `unmask.load(path)` return predictors;
wrappers (guidance, caches) take a predictor and return one. What a predictor may be able to do besides is asked for in
capabilities.py.
"""

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor


class Positions(NamedTuple):
    """N positions of a (rows, length) canvas, in the order their predictions are returned."""

    rows: Tensor  # (N,) int64
    columns: Tensor  # (N,) int64


@runtime_checkable
class Predictor(Protocol):
    """A mask predictor `p_i(. | x_S)`: a pure function of the canvas, so equal canvases may share one prediction.

    Being masked is never inferred from a token id: `known` says it, and what stands in `tokens` where `known` is False
    is never read by a predictor (it puts its own mask token there). The one exception is a uniform-state model, which
    has no mask token and whose unknown positions hold the random tokens it is to correct: it reads `tokens` everywhere.

    Examples:
        >>> model: unmask.Predictor = unmask.oracle(unmask.laws.Permutation(8))
        >>> model.vocab_size
        8
    """

    @property
    def vocab_size(self) -> int:
        """Width V of the predictions: rows of the output head, padded vocabulary included."""
        ...

    @property
    def length(self) -> int | None:
        """The only canvas length it accepts, or None when any length will do."""
        ...

    @property
    def mask_token_id(self) -> int | None:
        """The id that marks a hidden token, or None when the predictor has none (a law)."""
        ...

    @property
    def forbidden_ids(self) -> tuple[int, ...]:
        """Ids that must never be drawn: the mask token, padded vocabulary. Whoever draws suppresses them.

        A predictor that gives them probability zero itself may say so with `suppresses_forbidden = True` and saves
        them the work.
        """
        ...

    @property
    def end_of_text_id(self) -> int | None:
        """The id that ends a text, or None."""
        ...

    @property
    def device(self) -> torch.device:
        """Where canvases are expected to live."""
        ...

    @property
    def calls_per_query(self) -> int:
        """Network calls one query of one row costs (1; classifier-free guidance 2).

        A predictor whose cost varies, as that of a cache being filled, has `row_calls` too: what its latest query cost
        each row of the canvas, (rows,) int64.
        """
        ...

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        """Log-probabilities of the wanted positions.

        Args:
            tokens: (rows, length) int64.
            known: (rows, length) bool; True where the token is revealed.
            wanted: N positions to predict. They are unknown, save for rules that edit revealed tokens: at a known
                position a network says what it would write there, a law its point mass.

        Returns:
            (N, V) float32 log-probabilities, normalised; entry n is the law of token `columns[n]` of row `rows[n]`,
            whatever shift the network itself uses.
        """
        ...


Inner = TypeVar("Inner", bound=Predictor)


class Wrapped(Generic[Inner]):
    """A predictor made of another one, `predictor`. What it does not say itself is the other's, capabilities included.

    A wrapper that changes the laws or their cost says so itself (`log_probs`, `calls_per_query`, `row_calls`,
    `suppresses_forbidden`).
    """

    predictor: Inner

    def __init__(self, predictor: Inner) -> None:
        self.predictor = predictor

    if TYPE_CHECKING:  # a checker sees what every predictor has, and no more
        vocab_size: int
        length: int | None
        mask_token_id: int | None
        forbidden_ids: tuple[int, ...]
        end_of_text_id: int | None
        device: torch.device
        calls_per_query: int

        def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor: ...

    else:

        def __getattr__(self, name):
            """Only called where the wrapper has nothing of that name."""
            if name == "predictor" or name.startswith("_"):  # while being copied it is not set yet
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            return getattr(self.predictor, name)

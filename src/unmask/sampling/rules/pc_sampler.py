"""PC-Sampler: rare tokens the network is sure of first, and earlier positions first."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Priority
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Predicted
from unmask.sampling.windows import Blocks, Whole

Counts = dict[int, int]
"""How often each token id stands in a corpus."""


@dataclass(frozen=True)
class Calibrated(Priority):
    """`exp(-decay i) min(-p log f, cap)`, p the confidence, f the share of the token in a corpus, i the place.

    Places are counted from the first open position's block, as in the published code. Tokens that are in no text of the
    corpus count once. Without a corpus every token is as frequent as every other.

    Attributes:
        frequencies: (token id, log f) of the tokens that are in the corpus; empty: no corpus.
        rarest: log f of all others.
        drawn: whether p and f are those of the drawn token instead of the most likely one.
    """

    decay: float = 0.25
    cap: float = 10.0
    frequencies: tuple[tuple[int, float], ...] = ()
    rarest: float = 0.0
    block_length: int | None = None
    drawn: bool = False
    reads_model: ClassVar[bool] = True
    source: ClassVar[str] = "pc_sampler"

    def __post_init__(self) -> None:
        if not self.decay >= 0 or not self.cap > 0:
            raise InputError(f"decay is {self.decay:g} and cap {self.cap:g}; expected 0 or more, and above 0")

    @property
    def reads_draw(self) -> bool:
        return self.drawn

    def __call__(self, step: Predicted) -> Tensor:
        canvas = step.canvas
        tokens = step.drawn if self.drawn else step.best
        p = (step.drawn_log_prob if self.drawn else step.log_probs.amax(-1)).exp()
        salience = step.grid((-p * self._log_shares(step)[tokens]).clamp(max=self.cap))
        columns = torch.arange(canvas.length, device=canvas.device)
        if self.block_length is None:
            start = torch.where(canvas.frozen, canvas.length, columns).amin(1, keepdim=True)
        else:
            blocks = Blocks(self.block_length).blocks(canvas)
            here = (blocks == step.stage[:, None]) & (blocks >= 0)
            start = torch.where(here, columns, canvas.length).amin(1, keepdim=True)
        return torch.exp(-self.decay * (columns - start).float()) * salience

    def _log_shares(self, step: Predicted) -> Tensor:
        """(V,) log f of every token."""
        size, device = step.log_probs.shape[1], step.log_probs.device
        if not self.frequencies:
            return torch.full((size,), -math.log(size), device=device)
        found = torch.full((size,), self.rarest, device=device)
        ids, values = zip(*((token, value) for token, value in self.frequencies if token < size), strict=True)
        return found.index_put((torch.tensor(ids, device=device),), torch.tensor(values, device=device))


def counts_from_file(path: str) -> Counts:
    """Counts from a JSON file: `{"17": 5, …}`, token ids and how often each stands in the corpus."""
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        return {int(token): int(count) for token, count in read.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f'counts is {path}, which cannot be read as {{"token id": count, …}}: {error}') from None


def pc_sampler(
    steps: int = 128,
    decay: float = 0.25,
    cap: float = 10.0,
    counts: Counts | None = None,
    block_length: int | None = None,
    drawn: bool = False,
) -> Sampler:
    """Equal sizes, rare tokens the network is sure of first, and early positions first (PC-Sampler, arXiv 2508.13021).

    At temperature 0 the published rule, given the counts of a corpus (read at NEUIR/PC-Sampler, whose scripts set these
    defaults); at others that takes the drawn token: `drawn`. Without `counts` every token is as frequent as every
    other, which leaves confidence that falls off with the position.

    Args:
        decay: how fast the weight of a position falls, 0.25 for most tasks, 0 for none, 1 for nearly left to right.
        counts: how often each token id stands in a corpus; at the command line a JSON file `{"token id": count}`.
    """
    total = sum(counts.values()) if counts else 0
    shares = tuple((token, math.log(max(count, 1) / total)) for token, count in (counts or {}).items())
    order = Calibrated(decay, cap, shares, -math.log(total) if total else 0.0, block_length, drawn)
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(order, Sizes(steps), window, name="pc_sampler", source="pc_sampler")


RULE = Rule(
    pc_sampler,
    does="equal sizes, sure and rare tokens first, early ones first",
    paper="Huang et al., PC-Sampler: Position-Aware Calibration of Decoding Bias in Masked Diffusion Models, arXiv "
    "2508.13021",
    ladder=STEPS,
    by_default=False,
    readers={"counts": counts_from_file},
    example="4",
)

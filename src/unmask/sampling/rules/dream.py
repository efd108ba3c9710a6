"""Dream's sampler: its counts, for each row."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from unmask.errors import InputError
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import AnyOrder, LowEntropy, Noisy, OfShaped, as_order
from unmask.sampling.rules.rule import STEPS, Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked


@dataclass(frozen=True)
class DreamCounts(Selection):
    """Dream's counts: `floor(m (1 - s/t))` of the m masked positions of the row, t on a grid from 1 to eps; all at the
    end.

    Dream's own code takes the mean of m over the batch; here every row has its own (arXiv 2508.15487). As there,
    rounding down leaves early steps empty (they cost no call here) and the last steps large, even with as many steps
    as tokens.
    """

    steps: int
    eps: float = 1e-3
    fixed_sizes: ClassVar[bool] = True
    may_skip: ClassVar[bool] = True
    source: ClassVar[str] = "dream"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected at least 1")

    def __call__(self, step: Ranked) -> Tensor:
        now = step.canvas.step
        if now + 1 >= self.steps:
            return step.open
        t, s = (1 + (self.eps - 1) * j / self.steps for j in (now, now + 1))
        # 1e-9 keeps a product that is a whole number from falling below it
        return step.first((step.open_counts.double() * (1 - s / t) + 1e-9).floor().long())


def dream(
    steps: int = 512,
    order: AnyOrder | None = None,
    temperature: float = 0.2,
    top_p: float = 0.95,
    noise: float = 0.0,
    raw_order: bool = False,
) -> Sampler:
    """Dream's sampler (Ye et al., arXiv 2508.15487), with counts for each row.

    At every temperature the published rule, except that positions that tie are taken from left to right and not at
    random: after top-p many laws have one token left, and then all of them tie.

    Args:
        order: `priorities.LowEntropy()` (the default), another of `sampling.priorities`, or one of `unmask.orders`.
        noise: Dream's `alg_temp`: positions by chance, the surer the likelier.
        raw_order: whether positions are ranked by the model's own laws, before temperature and top-p, which tells
            apart what top-p makes equal; Dream ranks by the laws tokens are drawn from.
    """
    wish = LowEntropy() if order is None else as_order(order)
    wish = wish if raw_order or not wish.reads_model else OfShaped(wish)
    wish = Noisy(wish, noise) if noise else wish
    return Sampler(wish, DreamCounts(steps), name="dream", source="dream").drawing(temperature, top_p=top_p)


RULE = Rule(
    dream,
    does="Dream's counts on a time grid, lowest entropy first",
    paper="Ye et al., Dream 7B: Diffusion Large Language Models, arXiv 2508.15487",
    ladder=STEPS,
    by_default=False,
    example="12",
)

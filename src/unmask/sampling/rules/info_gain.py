"""Info-Gain: of several candidates, the one that leaves the rest the least uncertain."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.sampling.parts import Selection
from unmask.sampling.priorities import DrawnConfidence
from unmask.sampling.randomness import ORDER, gumbels
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Ranked
from unmask.sampling.step import entropy as entropy_of
from unmask.sampling.windows import Blocks, Whole, in_sight


@dataclass(frozen=True)
class LeastLeft(Selection):
    """One position, chosen among `candidates` by what it costs and what it leaves (Info-Gain, arXiv 2602.18176).

    The first candidate is the surest position, the others are chosen by chance, `confidence / temperature` plus Gumbel
    noise; equal ones count once. Each is shown with its drawn token on a canvas of its own, and the one with the least
    `H_now(position) + mean H_next(masked positions)` is revealed, nats. Where all open positions have a confidence of
    at least `bypass` nothing is asked and all are revealed; where one is open it is.

    Attributes:
        cost: whether the candidate's own entropy counts; without it the rule is the look-ahead alone ("lookum").
    """

    candidates: int = 8
    temperature: float = 0.2
    bypass: float = 0.8
    cost: bool = True
    reads_model: ClassVar[bool] = True
    reads_draw: ClassVar[bool] = True
    random: ClassVar[bool] = True
    source: ClassVar[str] = "info_gain"

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise InputError(f"candidates is {self.candidates}; expected at least 1")
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature:g}; expected above 0")

    def __call__(self, step: Ranked) -> Tensor:
        sure = (step.grid(step.confidence, 1.0).masked_fill(~step.open, 1.0) >= self.bypass).all(1)
        tested = ~sure & (step.open_counts > 1)
        picked = step.open & sure[:, None] | step.first((~sure).long())
        if self.candidates > 1 and bool(tested.any()):
            best = self._best(step, tested)
            picked = torch.where(tested[:, None], best, picked)
        return picked

    def _best(self, step: Ranked, rows: Tensor) -> Tensor:
        """(R, L) bool: the best candidate of each of these rows ((R,) bool)."""
        canvas = step.canvas
        chosen = self._candidates(step)  # (R, candidates) columns
        objective = torch.full(chosen.shape, torch.inf, device=chosen.device)
        own = step.grid(step.entropy).gather(1, chosen) if self.cost else torch.zeros_like(objective)
        written = step.grid(step.drawn)
        for number in range(chosen.shape[1]):
            column = chosen[:, number : number + 1]
            new = rows & ~(chosen[:, :number] == column).any(1)
            asked = new.nonzero().squeeze(1)
            if not len(asked):
                continue
            shown = torch.zeros_like(step.open).scatter_(1, column, True)[asked]
            known = canvas.known[asked] | shown
            tokens = torch.where(shown, written[asked], canvas.tokens[asked])
            left = in_sight(canvas, step.window)[asked] & ~shown
            where = Positions(*left.nonzero(as_tuple=True))
            laws = step.door.ask(tokens, known, where, asked.cpu())
            total = torch.zeros(len(asked), device=laws.device).index_add_(0, where.rows, entropy_of(laws))
            objective[asked, number] = own[asked, number] + total / left.sum(1)
        step.door.check()
        winner = chosen.gather(1, objective.argmin(1, keepdim=True))
        return torch.zeros_like(step.open).scatter_(1, winner, True) & step.open

    def _candidates(self, step: Ranked) -> Tensor:
        """(R, candidates) columns, the first that of the surest position."""
        canvas = step.canvas
        columns = torch.arange(canvas.length, device=canvas.device)
        confidence = step.grid(step.drawn_log_prob.exp()).double()
        chosen = [confidence.masked_fill(~step.open, -1.0).argmax(1)]
        for number in range(1, self.candidates):
            noise = gumbels(canvas.seeds[:, None], canvas.step, columns + number * canvas.length, ORDER)
            wish = confidence / self.temperature + noise
            chosen.append(wish.masked_fill(~step.open, -torch.inf).argmax(1))
        return torch.stack(chosen, dim=1)


def info_gain(
    candidates: int = 8,
    temperature: float = 0.2,
    bypass: float = 0.8,
    block_length: int | None = 32,
    cost: bool = True,
) -> Sampler:
    """Of several candidates, the one that leaves the rest the least uncertain (Info-Gain, Yang et al., 2602.18176).

    At temperature 0 the rule of the authors' code (read at yks23/Information-Gain-Sampler), one token a step. Each
    candidate costs a call of a row. The winner's laws are those of the next step, which the authors take over; here
    they are asked for again, one call more a step. At other temperatures every candidate has a draw of its own there;
    here all show the same drawn tokens.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    selection = LeastLeft(candidates, temperature, bypass, cost)
    return Sampler(DrawnConfidence(), selection, window, name="info_gain", source="info_gain")


RULE = Rule(
    info_gain,
    does="the candidate that leaves the rest least uncertain",
    paper="Yang et al., Improving Sampling for Masked Diffusion Models via Information Gain, arXiv 2602.18176",
    ladder=("8",),
    by_default=False,
    example="3,block_length=none",
)

"""A model's own samples, one token at a time along the path of a plan or a rule, and what drawing together would cost.

Such a sampler chooses positions as the plan or rule does when a step begins, and reveals them one by one in random
order, each drawn with all before it known. The laws the step began with are at hand while it does, so that one run
gives both log-probabilities of each sample: as it was drawn, and with the tokens of each step drawn together. The mean
of their difference is the KL between the two samplers, with no text from outside. Knows nothing of what it is used for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from unmask.certifying.rule_replay import check_certifiable
from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.canvas import Canvas
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.randomness import REVISION, uniforms
from unmask.sampling.request import rows_of
from unmask.sampling.rule_names import from_name
from unmask.sampling.rules.planned import as_sampler
from unmask.sampling.sample import batches, canvas_of, check_seeds, plan_length
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Step


@dataclass(frozen=True, repr=False)
class OneAtATime(Sampler):
    """A sampler that draws the tokens of each step one at a time, in uniformly random order."""

    @property
    def chooses_ahead(self) -> bool:
        return False

    def reveal(self, step: Step) -> None:
        canvas, rows = step.canvas, torch.arange(step.canvas.rows, device=step.canvas.device)
        places = torch.arange(canvas.length, device=canvas.device)
        # No revision ever draws at this address: rules that revise have no path.
        turn = uniforms(canvas.seeds[:, None], canvas.step, places[None], REVISION).masked_fill(~step.picked, 2.0)
        order, counts = turn.argsort(dim=1), step.picked.sum(1)
        for place in range(int(counts.max())):
            here = rows[counts > place]
            where = Positions(here, order[here, place])
            if place == 0:
                laws = step.log_probs[step.index[where.rows, where.columns]]
            else:
                local = Positions(torch.arange(len(here), device=canvas.device), where.columns)
                laws = step.door.ask(canvas.tokens[here], canvas.known[here], local, here.cpu())
            tokens = self.draw(laws, where, canvas)
            canvas.reveal(where, tokens, laws.gather(-1, tokens[:, None]).squeeze(-1))
        taken = step.picked.nonzero(as_tuple=True)
        began = step.log_probs[step.index[taken]].gather(-1, canvas.tokens[taken][:, None]).squeeze(-1)
        before = self.together(canvas)
        canvas.memory.remember(self, before.index_add(0, taken[0], began.double()))

    def together(self, canvas: Canvas) -> Tensor:
        """(R,) float64, nats: the log-probability so far of the tokens with those of each step drawn together."""
        return canvas.memory.recall(self, _nothing, canvas)


def _nothing(canvas: Canvas) -> Tensor:
    return torch.zeros(canvas.rows, dtype=torch.float64, device=canvas.device)


@dataclass(frozen=True)
class OwnSamples:
    """Samples of a model, one token at a time along a path.

    Attributes:
        tokens: (n, L) int64.
        singly: (n,) float64, nats: the log-probability they were drawn with.
        together: (n,) float64, nats: the same on the same path with the tokens of each step drawn together.
        network_calls: what drawing them took.
    """

    tokens: Tensor
    singly: Tensor
    together: Tensor
    network_calls: int

    @property
    def prices(self) -> Tensor:
        """(n,) nats; their mean is the KL of the plan or rule from one token at a time along its path."""
        return self.singly - self.together


def own_samples(
    predictor: Predictor,
    plan: Any,
    n: int,
    *,
    seed: int = 0,
    length: int | None = None,
    prompt: Any = None,
    batch_size: int | None = None,
) -> OwnSamples:
    """Sample one token at a time along the path of a plan or a rule.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        plan: a Plan or Schedule, a rule with an exact likelihood that draws from the model's own law, or its name.
            "one_by_one" makes plain texts of the model, in uniform order: texts to measure where there are none.
        n: how many. seed: of all that is random.
        length: of the canvas, where the model has no length of its own. prompt: as for `sample`.
        batch_size: rows that go through the network together.

    Raises:
        InputError: a rule that revises, reads drawn tokens or changes the law; bad arguments.

    Example:
        >>> import unmask
        >>> law = unmask.laws.Permutation(4)
        >>> found = own_samples(unmask.oracle(law), unmask.Schedule([4]), 10)
        >>> round(float(found.prices.mean()), 3)  # log 4^4 - log 4!
        2.367
    """
    sampler = from_name(plan) if isinstance(plan, str) else as_sampler(plan)
    check_certifiable(sampler)
    if sampler.revision is not None or sampler.reads_draw or sampler.stop.commits:
        raise InputError(
            f"{sampler.name or 'the rule'} has no path of its own: it revises, or reads the tokens it drew"
        )
    if length is None and predictor.length is None:
        length = plan_length(sampler)
    singly = OneAtATime(**{part.name: getattr(sampler, part.name) for part in fields(Sampler)})
    rows = rows_of(predictor, n, prompt, None, length)
    seeds = check_seeds(None, seed, len(rows))
    tokens = torch.zeros((len(rows), len(rows[0].tokens)), dtype=torch.int64)
    drawn, together = torch.zeros((2, len(rows)), dtype=torch.float64)
    calls = 0
    for names in batches(rows, singly, predictor, batch_size):
        canvas = canvas_of([rows[name] for name in names], seeds[names], predictor)
        singly.run(canvas, ModelCalls(predictor, canvas))
        tokens[names] = canvas.tokens.cpu()
        drawn[names] = canvas.log_probs.double().sum(1).cpu()
        together[names] = singly.together(canvas).cpu()
        calls += int(canvas.calls.sum())
    return OwnSamples(tokens, drawn, together, calls)

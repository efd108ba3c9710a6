"""Samplers that take back or rewrite what they revealed. What they cost is measured, never predicted."""

from typing import Any

from unmask.sampling.priorities import Arranged, Confidence, LowEntropy
from unmask.sampling.remasking import BestOfAll, Capped, Edit, Remask, RemaskedTimes, Unkept
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import EntropyBound, Threshold
from unmask.sampling.stopping import AfterSteps, Settled
from unmask.sampling.uniform_state import Annealed, Converged, RandomTokens, Renoise
from unmask.sampling.windows import LingeringBlocks, Whole
from unmask.theory.reveal_orders import Uniform


def remdm(steps: int = 1024, eta: float | None = None, remasking: Any = Capped) -> Sampler:
    """Ancestral sampling in which known tokens return to the mask (ReMDM, Wang et al., arXiv 2503.00307).

    With eta 0 it is `ancestral(steps)`, token for token. The paper also draws with top-p 0.9: `.drawing(top_p=0.9)`.

    Args:
        eta: how much is taken back; by default the paper's for its kind (0.008 capped, 0.015 rescaled).
        remasking: `remasking.Capped`, `remasking.Rescaled` or `remasking.LeastConfident`.
    """
    rate = remasking() if eta is None else remasking(eta)
    return Sampler(
        Arranged(Uniform()),
        RemaskedTimes(steps, rate),
        revision=Remask(steps, rate),
        stop=AfterSteps(steps),
        name="remdm",
        source="remdm",
    )


def p2(steps: int = 128, eta: float = 1.0) -> Sampler:
    """All positions compete again in every step, known ones included (P2 by the model itself, arXiv 2502.03540)."""
    return _best_of_all(BestOfAll(steps, eta))


def rcr(steps: int = 128) -> Sampler:
    """P2 with the highest confidence a token ever had since it was revealed (running confidence, arXiv 2508.13148)."""
    return _best_of_all(BestOfAll(steps, running=True))


def _best_of_all(selection: BestOfAll) -> Sampler:
    name = selection.source
    return Sampler(Confidence(), selection, revision=Unkept(selection), name=name, source=name)


def edit(
    threshold: float = 0.95, edit_threshold: float = 0.9, block_length: int | None = 32, max_post_steps: int = 16
) -> Sampler:
    """Threshold decoding that rewrites what it would no longer write (LLaDA2.1, Bie et al., arXiv 2602.08676).

    A block is left when it is known and a step changed nothing in it, or after `max_post_steps` further steps.
    """
    window = Whole() if block_length is None else LingeringBlocks(block_length, max_post_steps)
    return Sampler(
        Confidence(),
        Threshold(threshold),
        window,
        revision=Edit(edit_threshold),
        stop=Settled(max_post_steps),
        name="edit",
        source="edit",
        max_steps=1 << 20,  # each step reveals a token or is one of a block's post steps: it ends by itself
    )


def renoise(
    steps: int = 48, gamma: float = 0.1, first: float = 0.8, last: float = 0.4, entropy: float = 0.005
) -> Sampler:
    """DiffusionGemma's sampler, for uniform-state models: accept the sure, renoise the rest, emit the most likely.

    At most `steps` steps; temperature from `first` to `last`; accepted are the positions of lowest entropy with
    `sum H - max H <= gamma` nats; ends when the most likely tokens are those of the step before and the mean entropy is
    below `entropy`. It samples no known law: the output is the most likely token everywhere.
    """
    return Sampler(
        LowEntropy(),
        EntropyBound(gamma),
        reading=Annealed(first, last, steps),
        revision=Renoise(),
        stop=Converged(steps, entropy),
        start=RandomTokens(),
        name="renoise",
        source="renoise",
    )

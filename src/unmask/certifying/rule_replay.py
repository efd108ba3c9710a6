"""Texts on the way a rule would take them: the rule is replayed on each, which is exact where a likelihood is (F12).

A rule that chooses positions from what is revealed (and a seed) takes one path through a given text. The path read one
token at a time is again the path of a sampler: *the same rule with each step drawn one token at a time*. It chooses as
the rule does when a step begins, and then reveals the chosen positions one by one in random order. Both choose the same
positions at the same canvases, so `-log p` of the text under each is known from one replay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from unmask.certifying.paths import Paths, TokenArray, ends_of_steps, shuffled
from unmask.errors import InputError
from unmask.measuring.losses import LossReader
from unmask.measuring.texts import known_positions
from unmask.sampling.draws import Categorical
from unmask.sampling.sampler import Sampler
from unmask.sampling.score import score


class RuleReplay:
    """How texts of one length are revealed by a rule.

    Args:
        rule: a sampler whose choices read revealed tokens, the model's laws and a seed, and that draws from the
            model's own law.
        total: tokens of a text, the given ones included.
        given: leading tokens, or a mask (total,) of positions, that are always known.
        block: the rule works in blocks of so many tokens, from left to right; None for all at once.
        seed: of what is random in the rule.
    """

    uniform = False
    fewest_steps = 1

    def __init__(self, rule: Sampler, total: int, given: npt.ArrayLike | int, block: int | None, seed: int) -> None:
        check_certifiable(rule)
        known, _ = known_positions(given, np.zeros((1, total), dtype=np.int64))
        self._rule = rule if block is None else rule.in_blocks(block)
        self._known, self._seed = known[0], seed
        self.length = self.most_steps = int((~self._known).sum())
        self.most_calls = (2 if rule.selection.may_skip or rule.random else 1) * self.length
        self.what = f"rule {rule.name}" if rule.name else "rule"

    def paths(self, reader: LossReader, tokens: TokenArray, first: int) -> Paths:
        """As `Replay` says; what is random in the rule is drawn by the text's number."""
        rngs = [np.random.default_rng([self._seed, 2, first + row]) for row in range(len(tokens))]
        seeds = torch.tensor([int(rng.integers(2**62)) for rng in rngs])
        texts, known = torch.from_numpy(tokens), torch.from_numpy(np.tile(self._known, (len(tokens), 1)))
        found = score(reader.predictor, self._rule, texts, seeds=seeds, given=known, batch_size=len(tokens))
        reader.calls += found.network_calls_spent
        if not bool(torch.isfinite(found.log_prob).all()):
            worst = int((~torch.isfinite(found.log_prob)).int().argmax())
            raise InputError(
                f"text {first + worst} has probability 0 under {self.what}, so it costs infinitely many nats"
            )
        losses, taken = -found.order_log_probs[0].numpy(), found.order_steps[0].numpy()
        columns = np.empty((len(tokens), self.length), dtype=np.int64)
        places = np.flatnonzero(~self._known)
        for row, rng in enumerate(rngs):
            columns[row] = shuffled(places, taken[row, places], rng)
        steps = np.take_along_axis(taken, columns, axis=1)
        step_losses = np.maximum(np.take_along_axis(losses, columns, axis=1), 0.0)
        return Paths(texts, known, columns, steps, ends_of_steps(steps), rngs, step_losses)


def check_certifiable(rule: Sampler) -> None:
    """Refuse a rule that draws from another law than the model's own; one without a likelihood is refused by `score`.

    Raises:
        InputError: which says why.
    """
    raw = rule.reading.raw and rule.shape.raw and isinstance(rule.draw, Categorical)
    if rule.revision is None and not raw:
        raise InputError(
            f"{rule.name or 'the rule'} draws from another law than the model's own (temperature, top-p or a greedy "
            "draw); a certificate is about drawing at temperature 1"
        )
    if rule.stop.reads_tokens:
        raise InputError(
            f"{rule.name or 'the rule'} may end a text early; a certificate is about texts that are revealed whole"
        )

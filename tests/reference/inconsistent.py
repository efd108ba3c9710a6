"""A network whose conditionals fit no joint distribution: every canvas has random laws of its own.

It is a predictor, and it answers `conditionals` as a law does, for the slow references. Exact sampling must be exact
for it too: one at a time has another output law in every order.
"""

import numpy as np
import torch


class Inconsistent:
    mask_token_id = None
    end_of_text_id = None
    calls_per_query = 1

    def __init__(self, length=4, vocab_size=2, seed=0, concentration=0.5, forbidden_ids=(), end_of_text_id=None):
        self.length, self.vocab_size, self.seed = length, vocab_size, seed
        self.concentration = concentration
        self.forbidden_ids = forbidden_ids
        self.end_of_text_id = end_of_text_id
        self.device = torch.device("cpu")
        self._laws = {}

    def laws_of(self, text, known):
        """(L, V) laws of one canvas; what stands at unknown positions changes nothing."""
        key = tuple(int(token) if shown else -1 for token, shown in zip(text, known, strict=True))
        if key not in self._laws:
            rng = np.random.default_rng([self.seed, *(token + 1 for token in key)])
            shape = (self.length, self.vocab_size)
            self._laws[key] = rng.dirichlet(np.full(self.vocab_size, self.concentration), size=self.length)
            assert self._laws[key].shape == shape
        return self._laws[key]

    def conditionals(self, texts, known):
        canvases, which = np.unique(np.where(known, texts, -1), axis=0, return_inverse=True)
        laws = np.stack([self.laws_of(canvas, canvas >= 0) for canvas in canvases])
        return laws[which.reshape(-1)]

    def log_probs(self, tokens, known, wanted):
        laws = self.conditionals(tokens.numpy(), known.numpy())
        with np.errstate(divide="ignore"):
            return torch.from_numpy(np.log(laws[wanted.rows.numpy(), wanted.columns.numpy()])).float()

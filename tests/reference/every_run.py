"""Every run of a program that acts by chance, each with its probability: no sampling error, the program's own code.

The program is given `choose(probabilities) -> index` and must use no other chance. Paths are walked depth first.
"""

import itertools
import math

import torch

from unmask.sampling import speculation
from unmask.sampling.draws import Categorical


def every_run(program):
    """Yield (probability, result) for each way in which the choices can fall."""
    path = []
    while True:
        made = []

        def choose(probabilities):
            probabilities = [float(p) for p in probabilities]
            place = len(made)  # noqa: B023
            index = path[place] if place < len(path) else _next(probabilities, -1)  # noqa: B023
            made.append((probabilities, index))  # noqa: B023
            return index

        result = program(choose)
        yield math.prod(p[index] / sum(p) for p, index in made), result
        while made and _next(*made[-1]) is None:
            made.pop()
        if not made:
            return
        path = [index for _, index in made[:-1]] + [_next(*made[-1])]


def _next(probabilities, index):
    return next((i for i in range(index + 1, len(probabilities)) if probabilities[i] > 0), None)


class Chosen(Categorical):
    """A draw whose chance is somebody else's."""

    def __init__(self, choose):
        object.__setattr__(self, "choose", choose)

    def __call__(self, log_probs, positions, canvas):
        return torch.tensor([self.choose(law.double().exp().tolist()) for law in log_probs], dtype=torch.int64)


def chance_of_speculation(monkeypatch, choose):
    """Let `choose` decide what exact parallel sampling leaves to chance besides its drafts."""

    def redraw(log_probs, *numbers):
        return torch.tensor([choose(law.double().exp().tolist()) for law in log_probs], dtype=torch.int64)

    def chance(self, probability, columns):
        if columns.shape[1] == 1 and probability.shape[1] > 1:  # one number for all, against falling probabilities
            rows = [[1.0, *row.tolist(), 0.0] for row in probability]
            stands = [choose([high - low for high, low in itertools.pairwise(row)]) for row in rows]
            return torch.arange(probability.shape[1]) < torch.tensor(stands)[:, None]
        return torch.tensor([[choose([1 - p, p]) == 1 for p in row] for row in probability.tolist()])

    monkeypatch.setattr(speculation, "categorical", redraw)
    monkeypatch.setattr(speculation._Round, "_chance", chance)

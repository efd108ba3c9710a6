"""Where a comparison has two sides, and what a masked position keeps: facts that no histogram shows."""

import pytest
import torch

from unmask import recipes
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.sample import sample


class Same:
    """Every position has the same law, whatever is known."""

    mask_token_id, forbidden_ids, end_of_text_id, calls_per_query = None, (), None, 1
    device = torch.device("cpu")

    def __init__(self, probabilities, length):
        self.law = torch.tensor(probabilities).log()
        self.length, self.vocab_size = length, len(probabilities)

    def log_probs(self, tokens, known, wanted):
        return self.law.expand(len(wanted.columns), -1)


def sizes(predictor, sampler):
    return [len(line["positions"]) for line in sample(predictor, sampler, n=1).trace]


@pytest.mark.parametrize("probabilities", [[0.5, 0.5], [0.75, 0.25], [0.9, 0.1], [1.0, 0.0]])
def test_a_threshold_is_passed_strictly_above_it(probabilities):
    """At the threshold itself a position is not sure, so a threshold of 1 is one token a step, certain ones too."""
    law = Same(probabilities, 4)
    confidence = law.law.max().exp()
    below = torch.nextafter(confidence, torch.tensor(0.0))
    assert sizes(law, recipes.threshold(float(confidence))) == [1, 1, 1, 1]
    assert sizes(law, recipes.threshold(float(below))) == [4]


def test_a_released_position_keeps_no_log_probability_and_no_token():
    given = torch.tensor([[False, False, True, False]] * 2)
    canvas = Canvas(torch.tensor([[0, 0, 3, 0]] * 2), given, torch.tensor([1, 2]), 9, torch.device("cpu"))
    everywhere = Positions(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 3]))
    canvas.reveal(everywhere, torch.tensor([4, 5, 6, 7]), torch.tensor([-0.1, -0.2, -0.3, -0.4]))
    picked = torch.tensor([[True, False, True, False], [False, False, False, True]])
    assert canvas.release(picked).tolist() == [1, 1]
    torch.testing.assert_close(canvas.log_probs, torch.tensor([[0, -0.2, 0, 0], [-0.3, 0, 0, 0]]))
    assert canvas.tokens.tolist() == [[9, 5, 3, 9], [6, 9, 3, 9]]
    assert canvas.known.tolist() == [[False, True, True, False], [True, False, True, False]]
    assert canvas.remaining.tolist() == [2, 2]

"""Draws are exact for rare tokens at any vocabulary and any number of steps."""

import numpy as np
import pytest
import torch

import unmask
from unmask import recipes
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.draws import Categorical, Forced, Greedy, categorical

LAST = 1 - 2.0**-53


def draw(probabilities, first, second):
    laws = torch.as_tensor(np.array([probabilities])).log().float()
    return int(categorical(laws, torch.tensor([first]).double(), torch.tensor([second]).double()))


def test_one_chunk_is_the_inverse_of_the_cumulative_distribution():
    p = [0.25, 0.0, 0.5, 0.25]
    assert [draw(p, 0.3, u) for u in (0.0, 0.2499, 0.2501, 0.7499, 0.7501, LAST)] == [0, 0, 2, 2, 3, 3]


@pytest.mark.parametrize("vocab_size", [3, 255, 256, 257, 1000])
def test_a_token_of_probability_zero_is_never_drawn(vocab_size):
    p = np.zeros(vocab_size)
    p[vocab_size // 2] = 1.0
    for first in (0.0, 0.5, LAST):
        for second in (0.0, 0.5, LAST):
            assert draw(p, first, second) == vocab_size // 2


def test_a_token_of_probability_1e_12_has_its_own_interval_of_the_right_width():
    law = torch.tensor([[0.5, 1e-12, 0.5]]).log()
    p = law.exp().double()[0]
    begin, end = float(p[0] / p.sum()), float((p[0] + p[1]) / p.sum())
    assert end - begin == pytest.approx(1e-12, rel=1e-3)
    places = torch.tensor([begin - 1e-15, begin + 1e-15, end - 1e-15, end + 1e-15], dtype=torch.float64)
    assert categorical(law.expand(4, -1), torch.full((4,), 0.3).double(), places).tolist() == [0, 1, 1, 2]


def test_every_token_of_a_large_vocabulary_has_the_area_of_its_probability():
    """Both uniforms on a grid: the share of grid points that give token v is p(v) up to the grid's width."""
    vocab_size, points = 600, 400
    p = np.random.default_rng(0).dirichlet(np.full(vocab_size, 0.3))
    grid = (torch.arange(points).double() + 0.5) / points
    first, second = grid.repeat_interleave(points), grid.repeat(points)
    law = torch.tensor(p).log().float()
    tokens = torch.cat(
        [categorical(law.expand(len(a), -1), a, b) for a, b in zip(first.split(9000), second.split(9000), strict=True)]
    )
    share = torch.bincount(tokens, minlength=vocab_size).double() / points**2
    assert float((share - torch.tensor(p)).abs().max()) < 2.5 / points


class Product:
    """The same law at every position: half of the vocabulary shares 3 %, the rest 97 %."""

    mask_token_id, forbidden_ids, end_of_text_id, calls_per_query, length = None, (), None, 1, None
    device = torch.device("cpu")

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size
        half = vocab_size // 2
        law = torch.cat(
            [torch.full((half,), 0.03 / half), torch.full((vocab_size - half,), 0.97 / (vocab_size - half))]
        )
        self.law = law.double().log().float()

    def log_probs(self, tokens, known, wanted):
        return self.law.expand(len(wanted.rows), -1).clone()


def test_rare_tokens_keep_their_rate_at_a_thousand_steps_and_fifty_thousand_tokens():
    """Tokens of probability 1.2e-6 each, 3 % together. A float32 Gumbel race against the mask would lose them all."""
    out = unmask.sample(Product(50_000), recipes.ancestral(1000), n=2, length=1000, seed=0)
    rare = int((out.tokens < 25_000).sum())
    assert abs(rare - 60) < 4 * (2000 * 0.03 * 0.97) ** 0.5  # 4 standard deviations
    assert len(out.tokens.unique()) > 1850


def test_a_draw_does_not_depend_on_what_else_is_drawn():
    laws = torch.randn(5, 300).log_softmax(-1)
    canvas = Canvas(torch.zeros(2, 9).long(), torch.zeros(2, 9).bool(), torch.tensor([7, 8]), 0, torch.device("cpu"))
    positions = Positions(torch.tensor([0, 0, 1, 1, 1]), torch.tensor([3, 5, 0, 3, 8]))
    together = Categorical()(laws, positions, canvas)
    for k in range(5):
        alone = Positions(positions.rows[k : k + 1], positions.columns[k : k + 1])
        assert Categorical()(laws[k : k + 1], alone, canvas) == together[k]


def test_greedy_takes_the_first_of_equally_likely_tokens_and_forced_the_given_one():
    laws = torch.tensor([[0.2, 0.4, 0.4]]).log()
    where = Positions(torch.tensor([0]), torch.tensor([1]))
    assert Greedy()(laws, where, None).tolist() == [1]
    assert Forced(torch.tensor([[5, 2, 7]]))(laws, where, None).tolist() == [2]

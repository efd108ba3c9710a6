"""Laws that a change of the code once broke unnoticed: each test fails for that change and says what must hold."""

import math

import numpy as np
import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask import recipes
from unmask.measuring.estimate import Estimate, standard_error
from unmask.sampling.canvas import Canvas
from unmask.sampling.randomness import row_seeds
from unmask.theory import optimal
from unmask.theory.reveal_orders import RecursiveBitReversal


def test_every_halving_of_a_recursive_bit_reversal_has_a_coin_of_its_own():
    """Four tokens have three halvings, hence eight orders, all equally likely: four standard deviations of 800 / 8
    draws are 38. With one coin for each depth there would be four.
    """
    drawn = [tuple(RecursiveBitReversal().draw(4, seed).tolist()) for seed in range(800)]
    counts = {order: drawn.count(order) for order in set(drawn)}
    assert len(counts) == 8
    assert all(abs(count - 100) <= 38 for count in counts.values())


@pytest.mark.parametrize("tokens", [None, torch.full((2, 5), 7)])
def test_what_is_given_is_never_released(tokens):
    given = torch.tensor([[True, True, False, False, False], [False, True, False, True, False]])
    canvas = Canvas(torch.arange(10).view(2, 5), given, row_seeds(0, 2), 9, torch.device("cpu"))
    before = canvas.tokens[given].tolist()
    assert canvas.release(torch.ones(2, 5, dtype=torch.bool), tokens).tolist() == [0, 0]
    assert bool(canvas.known[given].all())
    assert canvas.tokens[given].tolist() == before
    assert canvas.remaining.tolist() == [3, 3]


@pytest.mark.parametrize("together", [1, 2, 3])
def test_an_entropy_bound_may_be_met_exactly(together):
    """Positions of entropy h each: k of them cost (k - 1) h, and a bound of exactly that lets k be revealed."""

    class Even(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            return torch.full((len(wanted.rows), 4), 0.25).log()

    network = Even(vocab_size=4, mask_token_id=None, forbidden_ids=())
    entropy = float(-(torch.full((4,), 0.25) * torch.full((4,), 0.25).log()).sum())
    out = unmask.sample(network, recipes.entropy_bound((together - 1) * entropy), n=1, length=6)
    assert out.network_calls.tolist() == [6 // together]


def test_the_standard_error_of_two_numbers_is_half_their_difference():
    """`s / sqrt(n)` with `s^2 = sum (x - mean)^2 / (n - 1)`; with n instead it would be smaller by sqrt 2."""
    assert standard_error(np.array([1.0, 4.0])) == (1.5, 2)
    assert standard_error(np.array([1.0, 4.0]), ["a", "b"]) == (1.5, 2)
    assert Estimate.of_mean(np.array([1.0, 4.0]), 0.5).half_width == pytest.approx(1.5)  # Student's t, 1 degree: 1
    law = unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 4)
    measured = unmask.measure(unmask.oracle(law), np.array([[0, 1, 0, 0], [1, 1, 0, 1]]))
    assert measured.curve.stderr == pytest.approx(np.abs(np.diff(measured.losses, axis=0))[0] / 2)
    score = unmask.score(unmask.oracle(law), unmask.Schedule([4]), np.array([[0, 1, 0, 0], [1, 1, 1, 1]]))
    first, second = score.log_prob.tolist()
    assert score.mean_stderr == pytest.approx(abs(first - second) / 2)
    fickle = unmask.oracle(unmask.laws.MarkovChain([0.9, 0.1], [[0.3, 0.7], [0.2, 0.8]], 4))
    orders = unmask.score(fickle, unmask.Schedule([1, 3]), np.array([[0, 1, 0, 0]]), random_orders=2, seed=1)
    one, other = orders.order_log_probs.sum(2)[:, 0].tolist()
    assert not math.isclose(one, other)
    assert float(orders.stderr[0]) == pytest.approx(abs(one - other) / 2)


def test_steps_that_are_shared_exactly_go_to_the_block_they_were_found_for():
    """Only the first block gains by three steps: 0 + 3 nats against 5 + 0.9 the other way round."""
    first, second = np.array([5.0, 4.9, 0.0]), np.array([3.0, 1.0, 0.9])
    assert optimal._share_exactly([first, second], 4) == [3, 1]
    assert optimal._share_exactly([second, first], 4) == [1, 3]

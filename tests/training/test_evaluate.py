import numpy as np
import pytest
import torch
from torch import nn

from unmask import laws
from unmask.training.evaluate import Exam
from unmask.training.text_windows import FixedWindows, LawWindows


class AsNetwork(nn.Module):
    """A law, mixed with the uniform one, in the place of a network. The mask is token V."""

    def __init__(self, law, share):
        super().__init__()
        self.law, self.share = law, share
        self.weight = nn.Parameter(torch.zeros(()))
        self.largest_batch = 0

    def forward(self, inputs, hidden):
        self.largest_batch = max(self.largest_batch, len(inputs))
        known = (inputs != self.law.vocab_size).numpy()
        predicted = self.law.conditionals(np.where(known, inputs.numpy(), 0), known)
        mixed = (1 - self.share) * predicted + self.share / self.law.vocab_size
        return torch.from_numpy(np.log(np.maximum(mixed, 1e-300))).flatten(0, 1)[hidden]


@pytest.fixture(scope="module")
def law():
    return laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 6)


def test_the_law_itself_has_its_own_entropy_for_its_nelbo_without_any_error(law):
    exam = Exam(LawWindows(law, count=300, seed=1), mask_token_id=2, rows=96, law=law)
    found = exam.ask(AsNetwork(law, share=0.0))
    assert found.nelbo == pytest.approx(law.curve().entropy / 6, abs=1e-6)
    assert found.stderr < 1e-6


def test_subtracting_the_laws_answers_changes_the_error_and_not_the_figure(law):
    network = AsNetwork(law, share=0.2)
    windows = LawWindows(law, count=5000, seed=1)
    plain = Exam(windows, mask_token_id=2, rows=4998).ask(network)
    controlled = Exam(windows, mask_token_id=2, rows=4998, law=law).ask(network)
    assert controlled.stderr < plain.stderr / 2
    assert abs(plain.nelbo - controlled.nelbo) < 4 * plain.stderr  # 4 standard errors, fixed seed


def test_the_curve_is_the_loss_at_each_share_revealed(law):
    found = Exam(LawWindows(law, count=6000, seed=1), mask_token_id=2, rows=6000, law=law).ask(
        AsNetwork(law, share=0.0)
    )
    assert found.fractions == sorted(found.fractions)
    assert found.curve == sorted(found.curve, reverse=True)
    assert np.mean(found.curve) == pytest.approx(found.nelbo, abs=1e-6)


def test_every_look_asks_the_same_and_bits_per_character_follow_from_characters_per_token(law):
    rows = FixedWindows(law.sample(50, 0).ravel(), 6)
    exam = Exam(rows, mask_token_id=2, rows=512, characters_per_token=2.5)
    network = AsNetwork(law, share=0.1)
    first, second = exam.ask(network), exam.ask(network, batch_size=7)
    assert first.rows == 50
    assert network.largest_batch == 50
    assert first.nelbo == pytest.approx(second.nelbo, abs=1e-9)
    assert first.bits_per_character == pytest.approx(first.nelbo / 2.5 / np.log(2))


def test_a_network_in_training_stays_in_training(law):
    network = AsNetwork(law, share=0.1).train()
    Exam(LawWindows(law, count=10), mask_token_id=2, rows=4).ask(network)
    assert network.training

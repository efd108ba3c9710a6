"""A law as a predictor answers with the law's own conditionals."""

import numpy as np
import pytest
import torch

import unmask
from unmask import laws
from unmask.models import oracle as oracle_module
from unmask.models.predictor import Positions, Predictor

LAW = laws.MarkovChain(np.array([0.5, 0.3, 0.2]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]), 5)


@pytest.mark.parametrize("most_numbers", [1 << 25, 30, 1])
def test_the_oracle_answers_with_exact_conditionals_whatever_it_computes_at_once(monkeypatch, most_numbers):
    monkeypatch.setattr(oracle_module, "_MOST_NUMBERS", most_numbers)
    rng = np.random.default_rng(0)
    tokens, known = rng.integers(0, 3, (7, 5)), rng.random((7, 5)) < 0.4
    rows, columns = np.nonzero(~known)
    shuffle = rng.permutation(len(rows))
    wanted = Positions(torch.tensor(rows[shuffle]), torch.tensor(columns[shuffle]))
    found = unmask.oracle(LAW).log_probs(torch.tensor(tokens), torch.tensor(known), wanted)
    expected = np.log(LAW.conditionals(tokens, known)[rows[shuffle], columns[shuffle]])
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_oracle_meets_the_protocol_of_predictors():
    oracle = unmask.oracle(LAW)
    assert isinstance(oracle, Predictor)
    assert (oracle.vocab_size, oracle.length, oracle.mask_token_id, oracle.forbidden_ids) == (3, 5, None, ())
    assert "MarkovChain" in repr(oracle)


def test_impossible_tokens_have_log_probability_minus_infinity_without_a_warning():
    oracle = unmask.oracle(laws.Permutation(3))
    wanted = Positions(torch.tensor([0]), torch.tensor([2]))
    known = torch.tensor([[True, True, False]])
    found = oracle.log_probs(torch.tensor([[0, 2, 0]]), known, wanted)
    assert found.tolist() == [[-np.inf, 0.0, -np.inf]]

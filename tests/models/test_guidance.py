import numpy as np
import pytest
import torch

from unmask.errors import InputError
from unmask.laws import Permutation, Table
from unmask.models.cache import PrefixCache
from unmask.models.guidance import Guidance
from unmask.models.oracle import oracle
from unmask.models.predictor import Positions, Predictor
from unmask.models.pretrained import load


def a_table(seed=0):
    weights = np.random.default_rng(seed).dirichlet(np.ones(3**4)).reshape((3,) * 4)
    return Table(weights)


def a_canvas():
    tokens = torch.tensor([[2, 0, 1, 0], [1, 2, 0, 0]])
    known = torch.tensor([[True, False, True, False], [True, True, False, False]])
    return tokens, known, Positions(*(~known).nonzero(as_tuple=True))


def test_scale_zero_leaves_every_law_as_it_is():
    law = oracle(a_table())
    tokens, known, where = a_canvas()
    guided = Guidance(law, 0.0, torch.tensor([True, False, False, False]))
    torch.testing.assert_close(guided.log_probs(tokens, known, where), law.log_probs(tokens, known, where))


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_guided_laws_are_the_given_law_to_one_plus_scale_over_the_free_law_to_scale(scale):
    table = a_table()
    tokens, known, where = a_canvas()
    guided = Guidance(oracle(table), scale, torch.tensor([True, False, False, False]))
    free = known.clone()
    free[:, 0] = False
    given = table.conditionals(tokens.numpy(), known.numpy())[where.rows, where.columns]
    without = table.conditionals(tokens.numpy(), free.numpy())[where.rows, where.columns]
    expected = given ** (1 + scale) / without**scale
    expected /= expected.sum(1, keepdims=True)
    result = guided.log_probs(tokens, known, where).exp().numpy()
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_guidance_costs_two_calls_and_keeps_the_rest_of_the_predictor():
    law = oracle(a_table())
    guided = Guidance(law, 1.0, torch.tensor([True, False, False, False]))
    assert isinstance(guided, Predictor)
    assert guided.calls_per_query == 2
    assert (guided.vocab_size, guided.length, guided.forbidden_ids) == (3, 4, ())
    twice = Guidance(guided, 1.0, torch.tensor([False, True, False, False]))
    assert twice.calls_per_query == 4


def test_impossible_tokens_stay_impossible():
    law = Permutation(4)
    tokens = torch.tensor([[3, 1, 0, 0]])
    known = torch.tensor([[True, True, False, False]])
    where = Positions(*(~known).nonzero(as_tuple=True))
    guided = Guidance(oracle(law), 3.0, torch.tensor([True, False, False, False]))
    result = guided.log_probs(tokens, known, where)
    assert not result.isnan().any()
    assert (result[:, [1, 3]] == -torch.inf).all()


def test_a_prompt_that_is_hidden_already_guides_nothing():
    law = oracle(a_table())
    tokens, known, where = a_canvas()
    guided = Guidance(law, 5.0, torch.tensor([False, False, False, True]))
    torch.testing.assert_close(guided.log_probs(tokens, known, where), law.log_probs(tokens, known, where))


def test_guidance_over_a_cache_counts_what_both_canvases_cost_each_row(made):
    predictor = load(made("ModernBert"))
    tokens = torch.randint(5, 17, (2, 12), generator=torch.Generator().manual_seed(0))
    known = (torch.arange(12) < 8).expand(2, -1).clone()
    known[1, -1] = True
    where = Positions(*(~known).nonzero(as_tuple=True))
    guided = Guidance(PrefixCache(predictor, block_length=4), 1.0, torch.arange(12) < 2)
    result = guided.log_probs(tokens, known, where)
    # Row 0: the prompted canvas fills the cache with its answer, the other begins with a mask and is an ordinary query.
    # Row 1: filling takes a call of its own.
    assert guided.row_calls.tolist() == [2, 3]
    plain = Guidance(predictor, 1.0, torch.arange(12) < 2).log_probs(tokens, known, where)
    torch.testing.assert_close(result[where.rows == 0], plain[where.rows == 0], atol=1e-4, rtol=1e-4)


def test_wrong_scales_prompts_and_canvases_are_one_line():
    law = oracle(a_table())
    with pytest.raises(InputError, match="scale is -1"):
        Guidance(law, -1, torch.zeros(4, dtype=torch.bool))
    with pytest.raises(InputError, match=r"expected \(length,\) bool"):
        Guidance(law, 1, torch.zeros(4))
    with pytest.raises(InputError, match="the canvas has length 4, the prompt 3"):
        Guidance(law, 1, torch.zeros(3, dtype=torch.bool)).log_probs(*a_canvas())

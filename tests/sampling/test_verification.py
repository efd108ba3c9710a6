"""The two ways of verifying a draft, on laws small enough to list every draft."""

import itertools

import pytest
import torch

from unmask.sampling import verification
from unmask.sampling.verification import BLOCK, RULES, TOKEN


def expected_to_stand(p, q, rule):
    """Tokens of a draft from the product of q that stand when the target is the product of p; (K, V) each."""
    length, vocab_size = p.shape
    total = 0.0
    for draft in itertools.product(range(vocab_size), repeat=length):
        places = torch.arange(length)
        log_ratios = (p.log() - q.log())[places, torch.tensor(draft)][None]
        weight = verification.weights(log_ratios)
        excess = (weight[0, :-1, None] * p - q).clamp(min=0).sum(-1)[None]
        passes = verification.passes(log_ratios, excess, torch.tensor([length]), rule)[0].tolist()
        chance = float(q[places, torch.tensor(draft)].prod())
        for tests in itertools.product([False, True], repeat=length):
            happens = torch.tensor([x if passed else 1 - x for x, passed in zip(passes, tests, strict=True)]).prod()
            total += chance * float(happens) * int(verification.standing(torch.tensor([tests]), rule))
    return total


def test_the_example_of_the_block_verification_paper():
    """Sun et al., introduction: two tokens a and b, target (1/3, 2/3), drafts (2/3, 1/3), two drafted tokens."""
    p = torch.tensor([[1 / 3, 2 / 3]] * 2, dtype=torch.float64)
    assert expected_to_stand(p, p.flip(1), TOKEN) == pytest.approx(10 / 9)
    assert expected_to_stand(p, p.flip(1), BLOCK) == pytest.approx(11 / 9)


def random_laws(seed, length=3, vocab_size=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, length, vocab_size, generator=generator, dtype=torch.float64).pow(2).softmax(-1)


@pytest.mark.parametrize("seed", range(5))
def test_blocks_never_stand_less(seed):
    p, q = random_laws(seed)
    assert expected_to_stand(p, q, BLOCK) >= expected_to_stand(p, q, TOKEN) - 1e-12


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_survival_given_the_text_is_what_stands_on_average(seed, rule):
    p, q = random_laws(seed)
    length, vocab_size = p.shape
    total = 0.0
    for text in itertools.product(range(vocab_size), repeat=length):
        places, tokens = torch.arange(length), torch.tensor(text)
        survival = verification.survival((p.log() - q.log())[places, tokens], rule)
        total += float(p[places, tokens].prod() * survival.sum())
    assert total == pytest.approx(expected_to_stand(p, q, rule))


def test_a_draft_from_the_target_itself_always_stands():
    p, _ = random_laws(0)
    for rule in RULES:
        assert expected_to_stand(p, p, rule) == pytest.approx(3)


def test_where_rounding_leaves_nothing_the_target_is_drawn_from():
    p = torch.tensor([[0.25, 0.75]]).log()
    assert torch.equal(verification.residual(p, p), p.exp())
    nothing = torch.full_like(p, -torch.inf)
    assert torch.equal(verification.residual(p, nothing), p.exp())

"""Bugs of other people's sampling loops, one test each: those that no other file tests already.

Elsewhere: rare tokens at many steps and in float32 (test_draws), counts as a mean over the batch, entropies in bits,
thresholds in bfloat16, ties, more steps than tokens (test_selections), blocks that count their length instead of their
masks, steps that do not divide, prompts with the mask token's id, ids above 1e5, ragged prompts, rows that depend on
their batch (test_sampler, test_recipes), planning that cannot take back (test_revising), KL of noisy laws
(test_history), the end of the text (test_parts).
"""

from itertools import chain

import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask import orders, recipes
from unmask.sampling import stopping
from unmask.sampling.priorities import DrawnConfidence
from unmask.sampling.rules.llada import EndOfTextLast
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each


class Laws:
    """The same laws whatever is known, (L, V) probabilities; counts what it is asked."""

    calls_per_query, length = 1, None
    device = torch.device("cpu")

    def __init__(self, probabilities, mask_token_id=None, forbidden_ids=(), end_of_text_id=None):
        self.laws = torch.tensor(probabilities).log()
        self.vocab_size = self.laws.shape[1]
        self.mask_token_id, self.forbidden_ids = mask_token_id, forbidden_ids
        self.end_of_text_id = end_of_text_id
        self.forwards = 0

    def log_probs(self, tokens, known, wanted):
        self.forwards += 1
        return self.laws[wanted.columns]


def revealed(out, row=0):
    return [line["positions"] for line in out.trace.row(row)]


def test_confidence_is_that_of_the_law_before_top_p():
    """Dream and forks: after top-p one token may be left, every confidence is 1, and a threshold reveals everything."""
    unsure = Laws([[0.6, 0.2, 0.2]] * 5)
    plain = unmask.sample(unsure, recipes.threshold(0.9), n=1, length=5)
    nucleus = unmask.sample(unsure, recipes.threshold(0.9).drawing(top_p=0.5), n=1, length=5)
    assert revealed(plain) == revealed(nucleus) == [[i] for i in range(5)]
    assert (nucleus.tokens == 0).all()


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_the_end_of_text_is_put_last_at_every_temperature(temperature):
    """ML-GSAI/LLaDA#137: with temperature above 0 `confidence_eos_eot_inf` no longer reached the end of text."""
    law = Laws([[1e-6, 1 - 1e-6]] * 3 + [[1 - 1e-4, 1e-4]] * 3, end_of_text_id=1)  # the end is the surest
    plain, last = (
        Sampler(order, Each(1)).drawing(temperature) for order in (DrawnConfidence(), EndOfTextLast(DrawnConfidence()))
    )
    for seed in range(20):
        assert revealed(unmask.sample(law, plain, n=1, length=6, seed=seed))[:3] == [[0], [1], [2]]
        assert revealed(unmask.sample(law, last, n=1, length=6, seed=seed))[:3] == [[3], [4], [5]]


def test_a_change_between_neighbouring_large_ids_is_seen():
    """`torch.allclose(120000, 120001)` is True: a cache that compares ids so keeps the law of another text."""

    class Big(TinyNetwork):
        def log_probs(self, tokens, known, wanted):
            self.forwards += 1
            wish = torch.where(known, tokens + 1, 120_000)[wanted.rows, wanted.columns].clamp(max=120_002)
            laws = torch.full((len(wish), self.vocab_size), -torch.inf)
            return laws.index_put((torch.arange(len(wish)), wish), torch.tensor(0.0))

    network = Big(vocab_size=126_464, mask_token_id=126_336)
    out = unmask.sample(network, recipes.edit(0.9, 0.9, None), n=1, length=2)
    assert out.tokens.tolist() == [[120_002, 120_002]]
    assert network.forwards == 4  # revealed; edited twice; seen to be settled


def test_a_planned_or_ancestral_run_spends_no_final_call():
    """MDLM's noise removal, and loops that look once more at a finished canvas, cost a call that reveals nothing."""
    for sampler, calls in (
        (recipes.planned(unmask.Schedule([3, 3])), 2),
        (recipes.one_by_one(), 6),
        (recipes.threshold(0.0), 1),
        (recipes.margin(3), 3),
        (recipes.ancestral(1), 1),
    ):
        network = Laws([[0.5, 0.5]] * 6)
        out = unmask.sample(network, sampler, n=4, length=6)
        assert network.forwards == calls
        assert out.network_calls.tolist() == [calls] * 4


def test_no_step_of_a_fixed_size_rule_is_empty():
    """Sizes rounded down leave steps that pay a call and reveal nothing (Dream); there is none, for any T and L."""
    law = Laws([[0.5, 0.5]] * 12)
    for steps in range(1, 15):
        for length in (1, 5, 12):
            for sampler in (recipes.margin(steps), recipes.maskgit(steps), recipes.llada(steps, 4)):
                out = unmask.sample(law, sampler, n=1, length=length)
                assert all(revealed(out))
                assert int(out.network_calls) == len(revealed(out)) <= max(steps, -(-length // 4))


def test_dream_s_empty_steps_cost_no_call():
    out = unmask.sample(Laws([[0.5, 0.5]] * 6), recipes.dream(300), n=1, length=6)
    assert int(out.steps) == 300
    assert int(out.network_calls) <= 7


def test_factor_leaves_out_a_last_candidate_that_fails():
    """Fast-dLLM's own loop commits the last candidate even if it fails the test."""
    law = Laws([[0.99, 0.01], [0.99, 0.01], [0.51, 0.49]])
    assert revealed(unmask.sample(law, recipes.factor(1.0), n=1, length=3)) == [[0, 1], [2]]


def test_an_ordinary_token_may_serve_as_the_mask():
    """HKUNLP/DiffuLLaMA#11: the mask is the ordinary token 'ти'. Loops that ask `x == mask_id` never end, or decode the
    prompt again.
    """
    law = Laws([[0.1, 0.9]] * 6, mask_token_id=1)  # nearly every token drawn is the one that also marks masks
    for sampler in (recipes.one_by_one(), recipes.threshold(0.5), recipes.llada(3, 2), recipes.dream(6)):
        out = unmask.sample(law, sampler, prompt=[1, 0, 1], length=6, n=30)
        assert (out.tokens[:, :3] == torch.tensor([1, 0, 1])).all()
        assert (out.tokens[:, 3:] == 1).any()
        assert all(sorted(chain.from_iterable(revealed(out, row))) == [3, 4, 5] for row in range(30))


@pytest.mark.parametrize(
    "sampler",
    [recipes.llada(4, 4), recipes.maskgit(4), recipes.dream(8), recipes.klass(0.2, 0.5, 1), recipes.credit(0.4)],
    ids=lambda sampler: sampler.name,
)
def test_a_revealed_token_is_never_drawn_again(sampler):
    """Rapid-MLX#555: fixed steps drew locked tokens again and broke JSON. Nor does "low-confidence remasking" ever
    remask (ML-GSAI/LLaDA#27, #70).
    """
    out = unmask.sample(TinyNetwork(), sampler, n=6, length=9)
    for row in range(6):
        assert sorted(chain.from_iterable(revealed(out, row))) == list(range(9))
    assert not any("released" in line or "rewritten" in line for line in out.trace)


def test_a_text_ends_at_the_first_end_whose_prefix_is_known_and_later_blocks_are_not_paid():
    """Dream#51, Fast-dLLM#10: decoding goes on after the end. An end with masks before it does not end the text yet."""
    a, end = [0.98, 0.01, 0.01], [0.005, 0.99, 0.005]
    law = Laws([a, a, end, a, a, a, a, a], end_of_text_id=1)
    sampler = recipes.confidence(8).in_blocks(4).drawing(temperature=0).ending(stopping.EndOfText())
    out = unmask.sample(law, sampler, n=1, length=8)
    assert revealed(out) == [[2], [0], [1]]  # the end first; the text ends when 0 and 1 are known too
    assert out.tokens.tolist() == [[0, 0, 1, 1, 1, 1, 1, 1]]
    assert out.network_calls.tolist() == [3]


def test_a_longer_budget_does_not_make_the_answer_shorter_when_the_end_may_not_come_first():
    """EOS overflow (Rainbow Padding, arXiv 2510.03680): the end is the most confident token everywhere, so a longer
    canvas fills with it from the back. In blocks, stopping at the end, the answer is the same for every budget.
    """
    a, end = [0.8, 0.1, 0.1], [0.05, 0.9, 0.05]

    def answer(budget, **options):
        law = Laws([a] * 5 + [end] * (budget - 5), end_of_text_id=1)
        sampler = recipes.llada(budget, **options).drawing(temperature=0).ending(stopping.EndOfText())
        return unmask.sample(law, sampler, n=1, length=budget)

    assert {tuple(answer(budget, block_length=4).tokens[0, :6].tolist()) for budget in (8, 16, 32)} == {(0,) * 5 + (1,)}
    assert {int(answer(budget, block_length=4).network_calls) for budget in (8, 16, 32)} == {
        8
    }  # two blocks of 4, whatever comes
    assert {int(answer(budget, block_length=None, end_of_text_last=True).network_calls) for budget in (8, 16, 32)} == {
        6
    }
    assert int(answer(32, block_length=None).network_calls) == 32  # the overflow: 27 ends first


def test_asking_for_no_new_tokens_is_one_clear_line():
    """DreamLM/Dream#73: `max_new_tokens=0` fails deep inside."""
    for options in ({"new_tokens": 0}, {"length": 2}):
        with pytest.raises(unmask.InputError) as caught:
            unmask.sample(TinyNetwork(), recipes.one_by_one(), prompt=[1, 2], **options)
        assert "\n" not in str(caught.value)


def test_infilling_is_a_matter_of_what_is_known():
    """kuleshov-group/mdlm#18: how to infill. Given tokens anywhere; the plan is one for the masked positions."""
    known = [True, False, True, False, False, True]
    plan = recipes.planned(unmask.Schedule([1, 2]), order=orders.LeftToRight())
    out = unmask.sample(TinyNetwork(), plan, infill=([5, 0, 6, 0, 0, 7], known))
    assert out.tokens[0, [0, 2, 5]].tolist() == [5, 6, 7]
    assert revealed(out) == [[1], [3, 4]]

"""Rules that take back or rewrite: ReMDM, path planning, token edits, and uniform-state models."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi2

import unmask
from reference.g_test import g_test
from reference.seeing_network import SeeingNetwork
from reference.tiny_network import TinyNetwork
from unmask import laws, recipes
from unmask.sampling.priorities import Arranged
from unmask.sampling.rules import edit, remdm
from unmask.sampling.rules.remdm import Capped, LeastConfident, Remask, Rescaled
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.theory.reveal_orders import Uniform

LAW = laws.Table(np.random.default_rng(5).dirichlet(np.full(27, 0.4)).reshape(3, 3, 3))
ORACLE = unmask.oracle(LAW)
EXACT = {tuple(text): float(np.exp(LAW.log_prob([text])[0])) for text in LAW.support().tolist()}
SAMPLES = 8000


class Scripted:
    """A network that may be asked anywhere: `says(tokens, known)` is (R, L, V) probabilities."""

    forbidden_ids, end_of_text_id, calls_per_query, length = (), None, 1, None
    device = torch.device("cpu")

    def __init__(self, vocab_size, says, mask_token_id=None):
        self.vocab_size, self.says, self.mask_token_id = vocab_size, says, mask_token_id

    def log_probs(self, tokens, known, wanted):
        return self.says(tokens, known)[wanted.rows, wanted.columns].log()


# -- ReMDM --


@pytest.mark.parametrize("remasking", [Capped, Rescaled, LeastConfident])
def test_remdm_that_takes_nothing_back_is_ancestral_token_for_token(remasking):
    for steps in (1, 3, 10, 100):
        one = unmask.sample(TinyNetwork(), recipes.remdm(steps, 0.0, remasking), n=20, length=9, seed=2)
        two = unmask.sample(TinyNetwork(), recipes.ancestral(steps), n=20, length=9, seed=2)
        assert torch.equal(one.tokens, two.tokens)
        assert torch.equal(one.network_calls, two.network_calls)
        assert [line["positions"] for line in one.trace if line["positions"]] == [
            line["positions"] for line in two.trace
        ]


@pytest.mark.parametrize("rate", [Capped(0.1), Capped(1.0), Rescaled(0.3), Rescaled(1.0)], ids=lambda rate: f"{rate!r}")
def test_remasking_keeps_the_share_of_known_tokens_at_every_step(rate):
    """The theorem behind ReMDM: after step j a share (j+1)/10 is known, whatever sigma. 1,000 rows of 8; within 4.5
    standard errors at each of the 10 steps.
    """
    sampler = recipes.remdm(10, rate.eta, type(rate))
    out = unmask.sample(unmask.oracle(laws.Product(np.full((8, 2), 0.5))), sampler, n=1000, seed=4)
    change, released = torch.zeros(10), 0
    for line in out.trace:
        change[line["step"]] += len(line["positions"]) - len(line.get("released", []))
        released += len(line.get("released", []))
    share = change.cumsum(0) / 8000
    expected = torch.arange(1, 11) / 10
    assert released > 500
    assert ((share - expected).abs() <= 4.5 * (expected * (1 - expected) / 8000).sqrt() + 1e-9).all()


@pytest.mark.parametrize("rate", [Capped(0.3), Rescaled(1.0)], ids=["capped", "rescaled"])
def test_remasking_one_token_at_a_time_keeps_the_law(rate):
    """Exact conditionals, one token a step, tokens taken back blindly: the law itself. 8,000 samples, 0.5 % each."""
    sampler = Sampler(Arranged(Uniform()), Each(1), revision=Remask(12, rate), stop=remdm.AfterSteps(12))
    out = unmask.sample(ORACLE, sampler, n=SAMPLES, seed=6)
    assert float(out.network_calls.double().mean()) > 4  # tokens were taken back
    assert g_test(out.tokens, EXACT) > 0.005


def test_remasking_by_confidence_does_not_keep_the_law():
    """It reads tokens: even one token at a time it prefers likely ones. The same test notices."""
    sampler = Sampler(Arranged(Uniform()), Each(1), revision=Remask(40, LeastConfident()), stop=remdm.AfterSteps(40))
    out = unmask.sample(ORACLE, sampler, n=SAMPLES, seed=6)
    assert g_test(out.tokens, EXACT) < 1e-6


def test_the_rates_are_those_of_the_paper():
    assert Capped(0.02)(0.25, 0.5) == 0.02
    assert Capped(0.9)(0.8, 0.9) == pytest.approx(0.1 / 0.8)
    assert Rescaled(0.5)(0.8, 0.9) == pytest.approx(0.5 * 0.1 / 0.8)
    assert Rescaled(1.0)(0.0, 0.1) == 1
    assert remdm.most(0.25, 0.5) == 1
    assert recipes.remdm().selection.rate == Capped(0.008)
    assert recipes.remdm(remasking=Rescaled).revision.rate == Rescaled(0.015)


def test_confidence_shares_the_rate_out_by_doubt():
    """Tokens drawn with 0.9 and 0.1 are taken back in the ratio exp(-0.9) : exp(-0.1)."""
    law = laws.Product(np.array([[0.9, 0.1]]))
    sampler = Sampler(Arranged(Uniform()), Each(2), revision=Remask(3, LeastConfident()), stop=remdm.AfterSteps(3))
    out = unmask.sample(unmask.oracle(laws.Product(np.tile(law.marginals, (2, 1)))), sampler, n=4000, seed=0)
    sure = doubtful = 0
    by_row = {}
    for line in out.trace:
        by_row.setdefault(line["row"], []).append(line)
    for lines in by_row.values():
        first = dict(zip(lines[0]["positions"], lines[0]["tokens"], strict=True))
        if sorted(first.values()) == [0, 1]:  # revealed at step 0, taken back or not at step 1
            for position in lines[1].get("released", []) if len(lines) > 1 and lines[1]["step"] == 1 else []:
                sure += first[position] == 0
                doubtful += first[position] == 1
    expected = np.exp(-0.9) / (np.exp(-0.9) + np.exp(-0.1))
    total = sure + doubtful
    assert total > 200
    assert abs(sure / total - expected) < 4 * (expected * (1 - expected) / total) ** 0.5


# -- path planning --


def test_p2_keeps_its_share_of_all_positions_after_every_step():
    for steps, length in ((6, 9), (9, 9), (4, 10), (20, 5)):
        out = unmask.sample(SeeingNetwork(), recipes.p2(steps, eta=3.0), n=10, length=length)
        for row in range(10):
            known = 0
            for line in out.trace.row(row):
                known += len(line["positions"]) - len(line.get("released", []))
                left = (steps - line["step"] - 1) * length // steps
                assert known == length - left


def regretful(tokens, known):
    """Writes token 0 first and is almost sure; once two are known it would rather have written 1 at position 0."""
    laws_ = torch.tensor([0.6, 0.2, 0.2]).expand(*tokens.shape, 3).clone()
    laws_[:, 0] = torch.tensor([0.98, 0.01, 0.01])
    late = known.sum(1) >= 2
    laws_[late, 0] = torch.tensor([0.02, 0.96, 0.02])
    return laws_


@pytest.mark.parametrize("running", [False, True], ids=["p2", "rcr"])
def test_path_planning_can_take_back_a_known_token(running):
    """Open-dLLM#7: planning among masked positions only never takes anything back. RCR, which remembers how sure the
    token was when it was revealed, keeps it.
    """
    sampler = recipes.rcr(5) if running else recipes.p2(5, standing=True)
    out = unmask.sample(Scripted(3, regretful), sampler.drawing(temperature=0), n=1, length=5)
    taken_back = [position for line in out.trace for position in line.get("released", [])]
    assert next(iter(out.trace))["positions"] == [0]
    assert (0 in taken_back) is not running
    assert int(out.tokens[0, 0]) == (0 if running else 1)


def test_with_a_perfect_law_p2_has_nothing_to_take_back():
    """A law is certain of what it sees, so known tokens always stay, and P2 is LLaDA's rule with its own sizes."""
    out = unmask.sample(ORACLE, recipes.p2(3), n=200, seed=1)
    assert not any("released" in line for line in out.trace)
    assert torch.equal(out.tokens, unmask.sample(ORACLE, recipes.llada(3, None), n=200, seed=1).tokens)


# -- edits --


def test_edit_that_is_never_sure_is_one_by_one_and_samples_the_law():
    """8,000 samples; error rate 0.5 %. The further look at the finished text is counted."""
    sampler = recipes.edit(1.0, edit_threshold=1.0, block_length=None)
    out = unmask.sample(ORACLE, sampler, n=SAMPLES, seed=3)
    assert g_test(out.tokens, EXACT) > 0.005
    assert out.network_calls.tolist() == [4] * SAMPLES
    without = unmask.sample(ORACLE, replace(sampler, stop=edit.Settled(0)), n=50, seed=3)
    assert without.network_calls.tolist() == [3] * 50
    assert torch.equal(without.tokens, out.tokens[:50])


def test_edit_without_edits_is_threshold():
    one = unmask.sample(SeeingNetwork(), recipes.edit(0.3, 1.0, None, 0), n=8, length=9)
    two = unmask.sample(SeeingNetwork(), recipes.threshold(0.3), n=8, length=9)
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.network_calls, two.network_calls)


def test_edit_rewrites_what_the_network_would_no_longer_write():
    out = unmask.sample(Scripted(3, regretful), recipes.edit(0.9, 0.9, None).drawing(temperature=0), n=1, length=4)
    assert out.tokens.tolist() == [[1, 0, 0, 0]]
    rewritten = [line for line in out.trace if "rewritten" in line]
    assert [(line["rewritten"], line["rewritten_tokens"]) for line in rewritten] == [([0], [1])]
    assert float(out.log_probs[0, 0]) == pytest.approx(np.log(0.96), abs=1e-6)


def fickle(tokens, known):
    """Always sure that every token should have been the next one."""
    wish = torch.where(known, (tokens + 1) % 3, 0)
    return torch.nn.functional.one_hot(wish, 3).float().clamp(min=1e-9)


@pytest.mark.parametrize("post_steps", [0, 1, 5, 16])
def test_edits_that_never_settle_end_after_the_post_steps_of_every_block(post_steps):
    """Two blocks of 3, all revealed at once: a call each, and the post steps of each block."""
    network = Scripted(3, lambda tokens, known: fickle(tokens, known) / fickle(tokens, known).sum(-1, keepdim=True))
    out = unmask.sample(network, recipes.edit(0.5, 0.5, 3, post_steps), n=2, length=6)
    assert out.network_calls.tolist() == [2 * (1 + post_steps)] * 2
    assert out.tokens.tolist() == [[post_steps % 3] * 6] * 2
    with_prompt = unmask.sample(network, recipes.edit(0.5, 0.5, 3, post_steps), prompt=[2, 2], length=6)
    assert with_prompt.tokens[0, :2].tolist() == [2, 2]


def test_edits_stay_in_their_block_and_blocks_wait_for_them():
    out = unmask.sample(SeeingNetwork(), recipes.edit(0.3, 0.2, 3, 4), n=20, length=9)
    edits = 0
    for row in range(20):
        blocks = [
            position // 3 for line in out.trace.row(row) for position in line["positions"] + line.get("rewritten", [])
        ]
        assert blocks == sorted(blocks)
        edits += sum(len(line.get("rewritten", [])) for line in out.trace.row(row))
    assert edits > 0


# -- uniform-state models --


class UniformState:
    """The exact predictor of a code whose words were blurred: each token became a uniform one with probability `blur`.

    It has no mask and reads the tokens that stand at unknown positions: p(x_i | z), z the whole canvas.
    """

    mask_token_id, forbidden_ids, end_of_text_id, calls_per_query = None, (), None, 1
    device = torch.device("cpu")

    def __init__(self, words, vocab_size, blur=0.5):
        self.words, self.vocab_size, self.length = torch.tensor(words), vocab_size, len(words[0])
        self.blur = blur

    def log_probs(self, tokens, known, wanted):
        agree = tokens[:, None, :] == self.words  # (R, words, L)
        hit, miss = 1 - self.blur + self.blur / self.vocab_size, self.blur / self.vocab_size
        chance = torch.where(known[:, None, :], agree.double(), torch.where(agree, hit, miss))
        posterior = chance.prod(2)
        posterior /= posterior.sum(1, keepdim=True)
        written = torch.nn.functional.one_hot(self.words, self.vocab_size).double()  # (words, L, V)
        laws_ = torch.einsum("rw,wlv->rlv", posterior, written)
        return laws_[wanted.rows, wanted.columns].log().float()


CODE = [list(word) for word in itertools.product(range(3), repeat=4) if sum(word[:3]) % 3 == word[3]][:27]
REPEATED = [[value] * 6 for value in range(4)]


def test_renoise_writes_every_word_of_a_code_equally_often():
    """Six equal tokens of 4 values. Model, noise and rule are the same for all values, so the output is uniform over
    the words it writes: chi-square with 3 degrees of freedom, error rate 1 %. The rule ends before its cap.
    """
    out = unmask.sample(UniformState(REPEATED, 4), recipes.renoise(), n=2000, seed=1)
    valid = (out.tokens == out.tokens[:, :1]).all(1)
    assert float(valid.double().mean()) > 0.99
    counts = torch.bincount(out.tokens[valid, 0], minlength=4).double()
    expected = counts.sum() / 4
    assert chi2.sf(float(((counts - expected) ** 2 / expected).sum()), 3) > 0.01
    assert int(out.steps.max()) < 48
    assert torch.equal(out.steps, out.network_calls)


def test_renoise_keeps_what_is_given_and_corrects_the_rest():
    known = torch.tensor([False, False, True, False, False, True])
    out = unmask.sample(UniformState(REPEATED, 4), recipes.renoise(), n=20, infill=(torch.full((6,), 2), known))
    assert (out.tokens == 2).all()


def test_renoise_starts_from_random_tokens_and_reads_no_mask():
    seen = []

    def says(tokens, known):
        seen.append((tokens.clone(), known.clone()))
        return torch.full((*tokens.shape, 7), 1 / 7)

    unmask.sample(Scripted(7, says), recipes.renoise(5), n=400, length=3)
    assert len(seen) == 5  # never sure: the cap
    assert not any(bool(known.any()) for _, known in seen)
    for tokens, _ in seen:
        counts = torch.bincount(tokens.ravel(), minlength=7).double()
        assert chi2.sf(float(((counts - 1200 / 7) ** 2 / (1200 / 7)).sum()), 6) > 1e-4
    assert not torch.equal(seen[0][0], seen[1][0])


def test_renoise_never_writes_a_forbidden_id():
    class Forbidding(Scripted):
        forbidden_ids = (0, 3)

    seen = []

    def says(tokens, known):
        seen.append(tokens)
        return torch.full((*tokens.shape, 5), 0.2)

    out = unmask.sample(Forbidding(5, says), recipes.renoise(4), n=50, length=6)
    assert not torch.isin(torch.cat([*seen, out.tokens]), torch.tensor([0, 3])).any()


def test_renoise_accepts_the_lowest_entropies_within_the_bound_at_the_temperature_of_the_step():
    sure, coin = [1 - 1e-6, 1e-6], [0.5, 0.5]
    law = torch.tensor([sure, coin, sure, coin])
    sampler = recipes.renoise(6, gamma=0.1)
    out = unmask.sample(Scripted(2, lambda tokens, known: law.expand(*tokens.shape, 2)), sampler, n=1, length=4)
    first = next(iter(out.trace))
    assert first["positions"][:3] == [0, 1, 2]  # both sure ones and one coin: sum - max is almost 0
    assert out.tokens[0, [0, 2]].tolist() == [0, 0]
    reading = sampler.reading
    temperatures = [reading.first + (reading.last - reading.first) * j / 5 for j in range(6)]
    assert temperatures[0] == 0.8
    assert temperatures[-1] == pytest.approx(0.4)

"""Rules that ask about other canvases: PUNT's independence tests and WINO's verification, with every call counted."""

import math

import numpy as np
import pytest

import unmask
from reference import remembering_laws as exact
from reference.g_test import g_test
from reference.seeing_network import SeeingNetwork
from unmask import laws, recipes
from unmask.sampling.priorities import Confidence
from unmask.sampling.rules.wino import Draft, LeaveOneOut
from unmask.sampling.sampler import Sampler

LAW = laws.Table(np.random.default_rng(5).dirichlet(np.full(27, 0.4)).reshape(3, 3, 3))
PAIRS = laws.Table(np.random.default_rng(1).dirichlet(np.full(16, 0.6)).reshape(2, 2, 2, 2))
SAMPLES = 8000


def law_of(law):
    return {tuple(text): float(np.exp(law.log_prob([text])[0])) for text in law.support().tolist()}


# -- PUNT --


@pytest.mark.parametrize(("law", "epsilon"), [(LAW, 0.05), (LAW, 0.5), (PAIRS, 0.1)])
def test_punt_samples_its_own_exact_output_law(law, epsilon):
    """8,000 samples against the enumerated law; error rate 0.3 % each."""
    expected = exact.output_law(law, exact.punt(epsilon))
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    out = unmask.sample(unmask.oracle(law), recipes.punt(epsilon), n=SAMPLES, seed=3)
    assert g_test(out.tokens, expected) > 0.003
    assert int(out.steps.min()) < law.length  # some positions were found independent


def test_punt_that_accepts_no_independence_is_one_by_one_and_samples_the_law():
    """8,000 samples; error rate 0.5 %."""
    out = unmask.sample(unmask.oracle(LAW), recipes.punt(-1.0), n=SAMPLES, seed=3)
    assert out.steps.tolist() == [3] * SAMPLES
    assert g_test(out.tokens, law_of(LAW)) > 0.005


def test_punt_pays_the_look_and_one_probe_for_each_bit():
    """Independent coins: all m positions survive ceil(log2 m) probes, and are revealed in one step."""
    for length in (1, 2, 3, 4, 5, 8, 9, 17):
        coins = laws.Product(np.full((length, 2), 0.5))
        out = unmask.sample(unmask.oracle(coins), recipes.punt(1e-6), n=3)
        assert out.steps.tolist() == [1] * 3
        assert out.network_calls.tolist() == [1 + math.ceil(math.log2(length))] * 3


def test_punt_never_pays_more_than_a_probe_a_bit_whatever_is_dropped():
    network = SeeingNetwork()
    out = unmask.sample(network, recipes.punt(0.3), n=20, length=11)
    assert int(out.network_calls.sum()) == network.rows_served
    for row in range(20):
        masked, paid = 11, 0
        for line in out.trace.row(row):
            assert 1 <= line["network_calls"] - paid <= 1 + math.ceil(math.log2(masked))
            masked, paid = masked - len(line["positions"]), line["network_calls"]


def test_two_tokens_that_are_always_equal_are_never_found_independent():
    """Shown the first, the law of the second moves by ln 3 and it is dropped; then it is known."""
    out = unmask.sample(unmask.oracle(laws.Repeated(2, 3)), recipes.punt(0.1), n=50)
    assert [len(line["positions"]) for line in out.trace.row(0)] == [1, 1]
    assert (out.tokens[:, 0] == out.tokens[:, 1]).all()
    assert out.network_calls.tolist() == [1 + 1 + 1] * 50  # a look and a probe, and a look


def test_punt_reads_drawn_tokens_and_says_so():
    assert recipes.punt().reads_draw
    with pytest.raises(unmask.InputError, match="reads tokens drawn"):
        unmask.score(unmask.oracle(LAW), recipes.punt(), LAW.support())


# -- WINO --


@pytest.mark.parametrize(("law", "draft", "verify"), [(PAIRS, 0.5, 0.7), (PAIRS, 0.6, 0.95)])
def test_wino_samples_its_own_exact_output_law(law, draft, verify):
    """8,000 samples against the enumerated law; error rate 0.5 % each."""
    expected = exact.output_law(law, exact.wino_draft(draft, 2), exact.wino_verify(verify))
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    sampler = Sampler(Confidence(), Draft(draft, least=2), revision=LeaveOneOut(verify, cap_by_now=True))
    out = unmask.sample(unmask.oracle(law), sampler, n=SAMPLES, seed=3)
    assert g_test(out.tokens, expected) > 0.005
    assert any("released" in line for line in out.trace)


def test_wino_that_drafts_one_by_one_never_takes_back_and_samples_the_law():
    """8,000 samples; error rate 0.5 %. Fewer than one drafted token is none."""
    out = unmask.sample(unmask.oracle(LAW), recipes.wino(1.0, verify=2.0), n=SAMPLES, seed=1)
    assert out.network_calls.tolist() == [3] * SAMPLES  # and nothing is checked that could not be taken back
    assert g_test(out.tokens, law_of(LAW)) > 0.005


def test_wino_pays_a_call_for_every_checked_token():
    network = SeeingNetwork()
    out = unmask.sample(network, recipes.wino(0.05, verify=0.3, block_length=10, cap_by_now=True), n=20, length=20)
    assert int(out.network_calls.sum()) == network.rows_served
    assert any("released" in line for line in out.trace)
    for row in range(20):
        known, paid, block = set(), 0, set(range(10))
        for line in out.trace.row(row):
            checks = len(known & block) if len(line["positions"]) > 1 else 0
            assert line["network_calls"] - paid == 1 + checks
            taken_back = set(line.get("released", []))
            assert len(taken_back) < len(line["positions"])
            assert taken_back <= known & block  # verified are those known before the draft, in the open block
            known, paid = (known | set(line["positions"])) - taken_back, line["network_calls"]
            block = set(range(10)) if not set(range(10)) <= known else set(range(10, 20))


def test_wino_draws_no_more_than_its_share():
    sure = laws.Product(np.tile([0.9, 0.1], (40, 1)))
    out = unmask.sample(unmask.oracle(sure), recipes.wino(0.6, verify=0.0), n=1)
    # clamp(floor(0.7 m), 5, 20) of m = 40, 20, 6, 1
    assert [len(line["positions"]) for line in out.trace] == [20, 14, 5, 1]


def test_a_prompt_is_never_verified():
    out = unmask.sample(SeeingNetwork(), recipes.wino(0.1, verify=0.99, block_length=None), prompt=[3, 10, 4], length=9)
    assert out.tokens[0, :3].tolist() == [3, 10, 4]
    for line in out.trace:
        assert min(line["positions"] + line.get("released", [])) >= 3

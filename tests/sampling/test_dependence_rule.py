"""The rule that reads measured dependence: against laws whose dependence is known, and against a plain loop."""

import math
from itertools import product

import numpy as np
import pytest
import torch

import unmask
from reference.dependent_choice import chosen
from reference.seeing_network import SeeingNetwork
from unmask import recipes
from unmask.errors import InputError
from unmask.laws import Table
from unmask.sampling import rule_names
from unmask.theory.dependence_profile import DependenceProfile

PAIRS = np.kron(np.eye(3), np.ones((2, 2)))  # six tokens: 0 and 1 belong together, 2 and 3, 4 and 5


def law_of_pairs(agree):
    """Three independent pairs of fair bits that agree with this probability."""
    pair = np.array([[agree, 1 - agree], [1 - agree, agree]]) / 2
    return Table(np.einsum("ab,cd,ef->abcdef", pair, pair, pair))


def share_of(agree):
    """What the bits of a pair have in common, of log 2."""
    return 1 + (agree * math.log(agree) + (1 - agree) * math.log(1 - agree)) / math.log(2)


def price_of(law, sampler):
    """KL from the law to what the sampler draws, by enumeration of all texts; nats."""
    texts = np.array(list(product(range(2), repeat=6)))
    log_p = law.log_prob(texts)
    found = unmask.score(unmask.oracle(law), sampler, texts).log_prob.numpy()
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
    return float((np.exp(log_p) * (log_p - found)).sum())


@pytest.mark.parametrize("agree", [0.7, 0.95])
def test_with_the_true_profile_a_pair_is_revealed_together_only_when_gamma_pays_for_it(agree):
    law, share = law_of_pairs(agree), share_of(agree)
    profile, nats = DependenceProfile.of_pairs(share * PAIRS), share * math.log(2)
    below, above = recipes.dependence(0.99 * nats, profile), recipes.dependence(1.01 * nats, profile)
    out = unmask.sample(unmask.oracle(law), below, n=16, seed=0)
    assert (out.network_calls == 2).all()  # one of each pair, then the others
    assert price_of(law, below) == pytest.approx(0, abs=1e-5)
    assert price_of(law, above) == pytest.approx(nats, abs=1e-5)  # one pair whole in the first step
    assert price_of(law, recipes.dependence(3.01 * nats, profile)) == pytest.approx(3 * nats, abs=1e-5)


def test_gamma_0_is_one_at_a_time_and_a_large_gamma_everything_at_once():
    profile = DependenceProfile.of_distances(np.full(8, 0.01))
    network = SeeingNetwork()
    slow = unmask.sample(network, recipes.dependence(0.0, profile), n=4, length=9, seed=1)
    fast = unmask.sample(network, recipes.dependence(1e9, profile), n=4, length=9, seed=1)
    assert (slow.network_calls == 9).all()
    assert (fast.network_calls == 1).all()


def test_without_a_profile_everything_depends_on_everything():
    law = unmask.laws.Permutation(6)
    out = unmask.sample(unmask.oracle(law), recipes.dependence(math.log(6) + 1e-4), n=4, seed=0)
    first = [len(line["positions"]) for line in out.trace.steps() if line["step"] == 0]
    assert first == [2] * 4  # a second card costs all of its log 6 nats, and a third would as well
    assert any("no profile" in note for note in out.notes)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("kind", ["pairs", "distances"])
def test_the_choice_is_that_of_a_plain_loop(gamma, kind):
    rng = np.random.default_rng(4)
    law = Table(rng.dirichlet(np.ones(3**6)).reshape((3,) * 6))
    raw = rng.random((3, 6, 6))
    known = np.array([0.0, 0.3, 0.6])
    pairs = (raw + raw.transpose(0, 2, 1)) / 2 if kind == "pairs" else None
    profile = DependenceProfile(known, raw[:, 0, :4], pairs)
    order = None if kind == "pairs" else unmask.orders.BitReversal(shift=False)
    out = unmask.sample(unmask.oracle(law), recipes.dependence(gamma, profile, order), n=5, seed=2)
    for row in range(5):
        steps = [sorted(line["positions"]) for line in out.trace.steps() if line["row"] == row]
        assert steps == chosen(law, out.tokens[row].numpy(), profile, gamma)


def test_a_batch_and_its_rows_alone_agree():
    profile = DependenceProfile.of_distances([0.5, 0.2, 0.1])
    sampler = recipes.dependence(0.4, profile)
    together = unmask.sample(SeeingNetwork(), sampler, n=6, length=9, seed=5)
    for row in range(6):
        alone = unmask.sample(SeeingNetwork(), sampler, n=1, length=9, seeds=together.seeds[row : row + 1])
        assert torch.equal(alone.tokens[0], together.tokens[row])
        assert alone.network_calls[0] == together.network_calls[row]


def test_it_reads_conditionals_only_and_is_scored_by_replay():
    sampler = recipes.dependence(0.3, DependenceProfile.of_distances([0.5]))
    assert sampler.scorable.kind == "replay"
    assert not sampler.predictable


def test_the_command_line_reads_a_profile_from_a_file(tmp_path):
    file = DependenceProfile.of_pairs(PAIRS).save(tmp_path / "pairs.dependence.json")
    sampler = rule_names.from_name(f"dependence:gamma=0.2,profile={file}")
    assert sampler.selection.gamma == 0.2
    np.testing.assert_array_equal(sampler.selection.profile.pairs[0], PAIRS - np.eye(6))


def test_wrong_profiles_and_gammas_are_refused_in_one_line(tmp_path):
    law = unmask.laws.Permutation(4)
    with pytest.raises(InputError, match="pairs of 6 positions and the text has 4"):
        unmask.sample(unmask.oracle(law), recipes.dependence(1.0, DependenceProfile.of_pairs(PAIRS)), n=1)
    with pytest.raises(InputError, match=r"profile is \[1\]; expected a DependenceProfile"):
        recipes.dependence(1.0, [1])
    with pytest.raises(InputError, match="gamma is -1"):
        recipes.dependence(-1)
    with pytest.raises(InputError, match="cannot read"):
        rule_names.from_name(f"dependence:gamma=1,profile={tmp_path / 'missing.json'}")

"""Rules that remember earlier predictions: KLASS and CreditDecoding, and committing early."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import unmask
from reference import remembering_laws as exact
from reference.g_test import g_test
from reference.seeing_network import SeeingNetwork
from reference.tiny_network import TinyNetwork
from unmask import laws, recipes
from unmask.models.predictor import Positions
from unmask.sampling.canvas import Canvas
from unmask.sampling.divergence import divergence
from unmask.sampling.rules import prophet
from unmask.sampling.rules.credit import Credit
from unmask.sampling.step import Step

LAW = laws.Table(np.random.default_rng(5).dirichlet(np.full(27, 0.4)).reshape(3, 3, 3))
ORACLE = unmask.oracle(LAW)
TEXTS = LAW.support()
LONGER = laws.Table(np.random.default_rng(1).dirichlet(np.full(16, 0.6)).reshape(2, 2, 2, 2))
SAMPLES = 8000
KLASS = {  # every branch is taken: sure and at rest, sure but moving, at rest but not sure
    "one prediction": (0.4, 0.3, 1),
    "two predictions": (0.55, 0.3, 2),
}


class Told:
    """Answers from a list of laws, (L, V) one a call, whatever the canvas."""

    mask_token_id, forbidden_ids, end_of_text_id, calls_per_query = None, (), None, 1
    device = torch.device("cpu")

    def __init__(self, *answers):
        self.answers = [torch.tensor(answer).log() for answer in answers]
        self.length, self.vocab_size = self.answers[0].shape
        self.calls = 0

    def log_probs(self, tokens, known, wanted):
        self.calls += 1
        return self.answers[min(self.calls, len(self.answers)) - 1][wanted.columns]


def reveals(predictor, sampler, **options):
    return [line["positions"] for line in unmask.sample(predictor, sampler, n=1, **options).trace]


# -- KLASS --


@pytest.mark.parametrize("name", KLASS)
def test_klass_samples_its_own_exact_output_law(name):
    """8,000 samples and the enumerated law; error rate 0.5 % each. The score is the same law, text by text."""
    tau, epsilon, history = KLASS[name]
    sampler, law = recipes.klass(tau, epsilon, history), LAW if history == 1 else LONGER
    expected = exact.output_law(law, exact.klass(tau, epsilon, history))
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    out = unmask.sample(unmask.oracle(law), sampler, n=SAMPLES, seed=2)
    assert len(set(out.network_calls.tolist())) > 1  # some rows found positions at rest, and others did not
    assert g_test(out.tokens, expected) > 0.005
    texts = law.support()
    score = unmask.score(unmask.oracle(law), sampler, texts)
    np.testing.assert_allclose(score.log_prob.exp(), [expected[tuple(text)] for text in texts.tolist()], atol=1e-6)


@pytest.mark.parametrize("sampler", [recipes.klass(epsilon=0.0), recipes.klass(threshold=1.0)], ids=["epsilon", "tau"])
def test_klass_that_trusts_nothing_reveals_one_by_one_and_samples_the_law_itself(sampler):
    score = unmask.score(ORACLE, sampler, TEXTS)
    np.testing.assert_allclose(score.log_prob, LAW.log_prob(TEXTS), atol=1e-5)
    assert score.network_calls.tolist() == [3] * len(TEXTS)


def test_klass_waits_until_a_law_has_rested_for_as_long_as_it_says():
    sure, other = [0.95, 0.05], [0.05, 0.95]
    still = [[sure] * 6] * 9
    assert [len(s) for s in reveals(Told(*still), recipes.klass(history=1))] == [1, 5]
    assert [len(s) for s in reveals(Told(*still), recipes.klass(history=2))] == [1, 1, 4]
    assert [len(s) for s in reveals(Told(*still), recipes.klass(history=3, otherwise=2))] == [2, 2, 2]
    turning = [[sure] * 6, [other] * 6, [sure] * 6, [sure] * 6, [sure] * 6]
    assert [len(s) for s in reveals(Told(*turning), recipes.klass(history=2))] == [1, 1, 1, 1, 2]


def test_klass_compares_the_raw_laws_whatever_is_drawn_from():
    still = [[[0.95, 0.05]] * 6] * 9
    plain = reveals(Told(*still), recipes.klass())
    assert reveals(Told(*still), recipes.klass().drawing(temperature=0.3, top_p=0.5)) == plain
    assert reveals(Told(*still), recipes.klass().drawing(temperature=0)) == plain


def test_klass_keeps_its_history_from_block_to_block_unless_it_is_told_not_to():
    """KLASS has the history of all masked positions, but decides nothing in a block's first `history - 1` steps."""
    still = [[[0.95, 0.05]] * 6] * 9

    def sizes(**options):
        return [len(s) for s in reveals(Told(*still), recipes.klass(block_length=3, **options))]

    assert sizes(history=1) == [1, 2, 3]
    assert sizes(history=2) == [1, 1, 1, 1, 2]
    assert sizes(history=1, ahead=False) == [1, 2, 1, 2]


def test_divergence_is_in_nats_and_knows_impossible_tokens():
    p = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.25, 0.25]]).log()
    q = torch.tensor([[0.25, 0.25, 0.5], [1.0, 0.0, 0.0]]).log()
    both = torch.arange(2)
    assert divergence(p, q, both, both).tolist() == pytest.approx([math.log(2), math.inf])
    assert divergence(p, p, both, both).tolist() == [0.0, 0.0]
    assert divergence(p, q, both[:0], both[:0]).shape == (0,)


# -- CreditDecoding --


def credited(answers, strength=0.7, power=0.2, decay=0.8):
    """The laws of one position after the credits, restated token by token."""
    credit, out = {}, []
    for answer in answers:
        favourite = int(np.argmax(answer))
        credit = {token: decay * value for token, value in credit.items()}
        credit[favourite] = credit.get(favourite, 0.0) + max(answer) ** power
        weights = [p * (1 + credit.get(token, 0.0)) ** strength for token, p in enumerate(answer)]
        out.append([w / sum(weights) for w in weights])
    return out


def test_credit_is_that_of_the_paper_token_by_token():
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(5), size=60)  # long enough for credits to be forgotten and to come back
    canvas = Canvas(torch.zeros(1, 1).long(), torch.zeros(1, 1).bool(), torch.tensor([0]), 0, torch.device("cpu"))
    where = Positions(torch.tensor([0]), torch.tensor([0]))
    reading = Credit()
    for answer, expected in zip(answers, credited(answers), strict=True):
        law = reading(torch.tensor(answer).log().float()[None], where, Step(canvas, None))
        canvas.end_step(torch.tensor([False]))
        assert law.exp()[0].tolist() == pytest.approx(expected, abs=2e-5)
    assert canvas.recall(reading).tokens.shape[-1] <= 5  # never an array over the vocabulary


def test_credit_without_strength_is_threshold_decoding():
    with_none, plain = recipes.credit(0.4, strength=0.0), recipes.threshold(0.4)
    one, two = (unmask.sample(TinyNetwork(), sampler, n=8, length=9) for sampler in (with_none, plain))
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.network_calls, two.network_calls)


def test_credit_helps_a_favourite_over_the_threshold():
    """0.85 for token 0: one credit gives 0.85 2^0.7 : 0.15, or 0.90; two give 0.85 2.75^0.7 : 0.15, or 0.92."""
    answers = [[[0.85, 0.15]] * 4] * 4
    (once,), (twice,) = credited([[0.85, 0.15]])[:1], credited([[0.85, 0.15]] * 2)[1:]
    between = (max(once) + max(twice)) / 2
    assert [len(s) for s in reveals(Told(*answers), recipes.threshold(between))] == [1, 1, 1, 1]
    assert [len(s) for s in reveals(Told(*answers), recipes.credit(between))] == [1, 3]


def test_credit_is_scored_by_replay_as_it_is_sampled():
    sampler = recipes.credit(0.5)
    score = unmask.score(ORACLE, sampler, TEXTS)
    assert float(score.log_prob.exp().sum()) == pytest.approx(1, abs=1e-5)
    expected = {tuple(text): float(p) for text, p in zip(TEXTS.tolist(), score.log_prob.exp(), strict=True)}
    out = unmask.sample(ORACLE, sampler, n=SAMPLES, seed=4)
    assert g_test(out.tokens, expected) > 0.005
    again = unmask.score(ORACLE, sampler, out.tokens[:50], seeds=out.seeds[:50])
    torch.testing.assert_close(again.log_prob, out.log_prob[:50], atol=1e-5, rtol=0)


# -- committing early --


def test_prophet_that_is_never_sure_is_its_base():
    never = recipes.prophet(4, gaps=(math.inf,) * 3)
    one, two = (unmask.sample(SeeingNetwork(), sampler, n=8, length=9) for sampler in (never, recipes.confidence(4)))
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.network_calls, two.network_calls)


def test_prophet_commits_the_most_likely_tokens_when_the_mean_gap_of_the_third_is_reached():
    law = [[0.9, 0.1]] * 9  # gap ln 9 = 2.197
    for gaps, calls in (((2.1, 9, 9), 1), ((2.3, 2.1, 9), 3), ((9, 9, 2.1), 7), ((9, 9, 9), 9)):
        out = unmask.sample(Told(law), recipes.prophet(9, gaps), n=30, seed=0)
        assert out.network_calls.tolist() == [calls] * 30  # steps 1 and 2 of 9 are early, from 7 (0.78) on it is late
        drawn_at_random = (out.tokens == 1).sum(1)
        assert int(drawn_at_random.max()) <= calls
    assert not (unmask.sample(Told(law), recipes.prophet(9, (0.0, 0, 0)), n=30).tokens == 1).sum(1).gt(1).any()


def test_prophet_looks_at_the_answer_only_when_it_knows_where_it_stands():
    sure, unsure = [0.9999, 0.0001], [0.51, 0.49]
    law = [sure, sure, unsure, unsure, unsure, unsure]
    assert unmask.sample(Told(law), recipes.prophet(6, (4, 4, 4)), n=1).network_calls.tolist() == [6]
    assert unmask.sample(Told(law), recipes.prophet(6, (4, 4, 4), region=(0, 2)), n=1).network_calls.tolist() == [1]
    with pytest.raises(unmask.InputError, match="region is \\(5, 3\\)"):
        recipes.prophet(6, region=(5, 3))


def test_prophet_reads_later_blocks_from_the_same_call():
    law = [[0.9, 0.1]] * 6 + [[0.999, 0.001]] * 3
    network = Told(law)
    out = unmask.sample(network, recipes.prophet(9, (6.0, 9, 9), region=(6, 9), block_length=3), n=5)
    assert out.network_calls.tolist() == [1] * 5
    assert network.calls == 1


def test_rows_that_commit_early_leave_the_batch():
    network = SeeingNetwork()
    out = unmask.sample(network, recipes.prophet(9, (0.9, 0.8, 0.7)), n=20, length=9)
    assert len(set(out.network_calls.tolist())) > 1
    assert network.rows_served == int(out.network_calls.sum())
    early = prophet.EarlyCommit((0.9, 0.8, 0.7), steps=9)
    by_hand = unmask.sample(SeeingNetwork(), recipes.confidence(9).ending(early), n=20, length=9)
    assert torch.equal(by_hand.tokens, out.tokens)
    assert replace(recipes.prophet(9), name="").scorable.reason.startswith("the stop rule commits")


def test_a_plan_that_commits_early_looks_at_every_masked_position():
    """Without it nothing but the positions about to be revealed would be predicted, and nothing judged."""
    law = [[0.9, 0.1]] * 6
    plan = recipes.planned(unmask.Schedule([1] * 6)).ending(prophet.EarlyCommit((2.1, 9, 9)))
    assert unmask.sample(Told(law), plan, n=4).network_calls.tolist() == [1] * 4

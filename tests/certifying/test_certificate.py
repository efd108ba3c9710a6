"""Certificates against exact prices of mixed samplers, by loops over every text and permutation."""

import json
import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest

import unmask
from reference.certificates import along_costs, threshold_costs, uniform_costs, with_fallback
from unmask import cli
from unmask.certifying import certificate
from unmask.certifying.certificate import Certificate, certify
from unmask.certifying.confidence_sequences import EmpiricalBernstein
from unmask.certifying.mixed_samplers import WithFallback, WithUniform
from unmask.certifying.mixtures_of_samplers import Fallback, UniformShare
from unmask.certifying.paths import strata
from unmask.certifying.plan_replay import PlanReplay
from unmask.certifying.rule_replay import RuleReplay
from unmask.certifying.unmeasured_texts import without
from unmask.errors import InputError
from unmask.laws import MarkovChain, Product, Repeated, Table, catalogue
from unmask.measuring.estimate import Estimate
from unmask.measuring.losses import LossReader
from unmask.models.predictor import Positions
from unmask.planning.plan import Part, Plan
from unmask.theory.reveal_orders import Given, Uniform

DATA = Table(np.random.default_rng(0).dirichlet(np.full(16, 0.5)).reshape((2,) * 4))
WRONG = Table(np.random.default_rng(1).dirichlet(np.full(16, 0.5)).reshape((2,) * 4))
SIZES = (1, 3)


def one_part(order, sizes):
    return Plan((Part(order, unmask.Schedule(sizes)),), Estimate.exactly(0.0), 0.0, (0.0,) * len(sizes))


def prices(mixing, predictor, plan, texts, **options):
    routes = PlanReplay(plan, texts.shape[1], options.get("given", 0), options.get("block_length"), seed=0)
    found = mixing.prices(LossReader(mixing.predictor(predictor)), routes, texts, 0)
    assert found.max() <= mixing.largest(predictor, routes) + 1e-6
    return found


def rule_prices(mixing, predictor, rule, texts):
    routes = RuleReplay(rule, texts.shape[1], 0, None, seed=0)
    found = mixing.prices(LossReader(mixing.predictor(predictor)), routes, texts, 0)
    assert found.max() <= mixing.largest(predictor, routes) + 1e-6
    return found


def same_mean(found, exact):
    """Within 4.5 standard errors: wrong once in 150,000."""
    assert abs(found.mean() - exact) < 4.5 * found.std() / math.sqrt(len(found)) + 1e-6


# -- the price of a text ---------------------------------------------------------------------------------------------


def exact_mean(values, texts):
    return float((np.exp(DATA.log_prob(texts)) @ values).mean())


def test_with_a_fallback_texts_cost_what_the_mixture_of_both_samplers_costs():
    texts, planned, one = uniform_costs(WRONG, SIZES)
    found = prices(Fallback(1.5), unmask.oracle(WRONG), unmask.Schedule(SIZES), DATA.sample(6_000, 1))
    same_mean(found, exact_mean(with_fallback(planned, one, 1.5), texts))


def test_a_given_order_is_held_against_one_token_at_a_time_along_it():
    texts, *_ = uniform_costs(WRONG, SIZES)
    planned, one = along_costs(WRONG, (2, 0, 3, 1), SIZES)
    plan = one_part(Given((2, 0, 3, 1)), SIZES)
    found = prices(Fallback(1.5), unmask.oracle(WRONG), plan, DATA.sample(6_000, 2))
    same_mean(found, exact_mean(with_fallback(planned, one, 1.5), texts))


@pytest.mark.parametrize("reads", [1, 2, None])
def test_with_a_uniform_share_texts_cost_what_the_mixed_predictor_pays(reads):
    texts, planned, one = uniform_costs(WRONG, SIZES, epsilon=0.1)
    found = prices(UniformShare(0.1, reads), unmask.oracle(WRONG), unmask.Schedule(SIZES), DATA.sample(6_000, 3))
    same_mean(found, exact_mean(planned - one, texts))


@pytest.mark.parametrize("reads", [1, 3])
def test_with_a_uniform_share_a_given_order_costs_what_the_mixed_predictor_pays(reads):
    texts, *_ = uniform_costs(WRONG, SIZES, epsilon=0.1)
    planned, one = along_costs(WRONG, (2, 0, 3, 1), SIZES, epsilon=0.1)
    plan = one_part(Given((2, 0, 3, 1)), SIZES)
    found = prices(UniformShare(0.1, reads), unmask.oracle(WRONG), plan, DATA.sample(6_000, 4))
    same_mean(found, exact_mean(planned - one, texts))


def test_a_plan_with_several_orders_costs_their_mean():
    texts, planned, one = uniform_costs(WRONG, SIZES, epsilon=0.1)
    other, along = along_costs(WRONG, (2, 0, 3, 1), (2, 2), epsilon=0.1)
    parts = (*one_part(Uniform(), SIZES).parts, *one_part(Given((2, 0, 3, 1)), (2, 2)).parts)
    plan = Plan(parts, Estimate.exactly(0.0), 0.0, (0.0,) * 2)
    found = prices(UniformShare(0.1), unmask.oracle(WRONG), plan, DATA.sample(6_000, 5))
    same_mean(found, (exact_mean(planned - one, texts) + exact_mean(other - along, texts)) / 2)


def test_without_much_of_a_fallback_the_price_is_that_of_the_plan():
    chain = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 12)
    schedule = unmask.Schedule([2, 4, 6])
    found = prices(Fallback(60.0), unmask.oracle(chain), schedule, chain.sample(2000, 0))
    same_mean(found, unmask.price(chain.curve(), schedule))


def test_given_tokens_and_blocks_cost_what_measuring_says():
    chain = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 14)
    predictor, texts, schedule = unmask.oracle(chain), chain.sample(1500, 0), unmask.Schedule([1, 3])
    measured = unmask.measure(predictor, texts, given=2, block_length=4, batch_size=500, orders="uniform")
    found = prices(Fallback(60.0), predictor, schedule, texts, given=2, block_length=4)
    same_mean(found, 3 * measured.price(schedule))
    whole = one_part(Uniform(), [1, 3]).repeated(3)
    same_mean(prices(Fallback(60.0), predictor, whole, texts, given=2, block_length=4), 3 * measured.price(schedule))
    same_mean(
        prices(UniformShare(1e-9), predictor, schedule, texts, given=2, block_length=4), 3 * measured.price(schedule)
    )


@pytest.mark.parametrize("reads", [1, 2, 5, 16, 100])
def test_strata_hold_every_rank_once_but_for_those_the_steps_read_themselves(reads):
    schedule = unmask.Schedule([1, 2, 5, 1, 7])
    found = [count for low, high in strata(schedule, reads) for count in range(low, high)]
    assert found == sorted(set(range(16)) - set(schedule.revealed.tolist()))


# -- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predictor", [WRONG, DATA], ids=["wrong", "perfect"])
def test_a_rule_is_held_against_its_own_steps_drawn_one_token_at_a_time(predictor):
    texts, *_ = uniform_costs(DATA, SIZES)
    together, singly = threshold_costs(predictor, 0.55)
    values = np.nanmean(with_fallback(together, singly, 1.5), axis=1, keepdims=True)
    found = rule_prices(Fallback(1.5), unmask.oracle(predictor), unmask.recipes.threshold(0.55), DATA.sample(6_000, 6))
    same_mean(found, exact_mean(values, texts))


def test_on_a_perfect_model_a_rule_costs_the_kl_of_its_output():
    """One at a time along any path is the law itself then, so the price is KL(p || output of the rule)."""
    together, singly = threshold_costs(DATA, 0.55)
    p = DATA.log_prob(DATA.support())
    assert np.nanmax(np.abs(singly + p[:, None])) < 1e-12
    assert np.exp(-together).sum() == pytest.approx(1)  # what the rule draws is a law
    exact = float(np.exp(p) @ (p + together[:, 0]))
    assert exact > 0.04
    found = rule_prices(Fallback(60.0), unmask.oracle(DATA), unmask.recipes.threshold(0.55), DATA.sample(6_000, 7))
    same_mean(found, exact)


@pytest.mark.parametrize("reads", [1, None])
def test_with_a_uniform_share_a_rule_reads_the_mixed_predictor(reads):
    mixed = 0.9 * np.exp(WRONG.log_prob(WRONG.support())) + 0.1 / 16
    assert mixed.sum() == pytest.approx(1)
    rule, texts = unmask.recipes.entropy_bound(0.4), DATA.sample(3_000, 8)
    predictor = WithUniform(unmask.oracle(WRONG), 0.1)
    found = rule_prices(UniformShare(0.1, reads), unmask.oracle(WRONG), rule, texts)
    together = -unmask.score(predictor, rule, texts, seed=0).log_prob.numpy()
    routes = RuleReplay(rule, 4, 0, None, seed=0)
    both, singly = routes.paths(LossReader(predictor), texts, 0).both(LossReader(predictor))
    np.testing.assert_allclose(both, together, atol=1e-5)
    same_mean(found - (both - singly), 0.0)


@pytest.mark.parametrize("rule", ["klass", "entropy_bound:0.3", "dilated", "left_to_right", "ancestral:steps=3"])
def test_named_rules_are_certified_with_the_steps_they_take(rule):
    chain = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 10)
    found = certify(unmask.oracle(chain), rule, chain.sample(40, 0), 0.0, mixing=Fallback(30.0), stop=False)
    assert found.what.startswith("the rule ")
    scored = unmask.score(unmask.oracle(chain), unmask.sampling.rule_names.from_name(rule), chain.sample(40, 0))
    perfect = chain.log_prob(chain.sample(40, 0)).mean()
    if not scored.sampler.random:  # one at a time along any path is the law itself
        assert found.mean == pytest.approx(perfect - scored.mean, abs=1e-4)


def test_a_plan_and_the_rule_that_follows_it_have_the_same_certificate():
    chain = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 10)
    plan = one_part(Given((0, 9, 4, 2, 7, 1, 3, 5, 6, 8)), (2, 3, 5))
    texts = chain.sample(40, 0)
    found = [certify(unmask.oracle(chain), p, texts, 0.1, stop=False) for p in (plan, unmask.recipes.planned(plan))]
    assert found[0].mean == pytest.approx(found[1].mean, abs=1e-5)  # a perfect model: the inner order does not matter
    assert found[0].network_calls == found[1].network_calls == 400


def test_rules_without_an_exact_likelihood_or_with_a_law_of_their_own_are_refused():
    predictor, texts = unmask.oracle(CHAIN), CHAIN.sample(20, 0)
    with pytest.raises(InputError, match="cannot be scored"):
        certify(predictor, "llada:steps=4", texts, 0.1)
    with pytest.raises(InputError, match="another law than the model's own"):
        certify(predictor, unmask.recipes.threshold(0.9).drawing(temperature=0.5), texts, 0.1)
    with pytest.raises(InputError, match="may end a text early"):
        certify(predictor, unmask.recipes.threshold(0.9).ending(unmask.stopping.EndOfText()), texts, 0.1)


def test_the_same_seed_gives_a_rule_the_same_certificate_whatever_the_batches():
    found = [
        certify(unmask.oracle(CHAIN), "ancestral:steps=4", CHAIN.sample(30, 5), 0.1, batch_size=n, stop=False, seed=3)
        for n in (7, 30)
    ]
    assert found[0].upper == pytest.approx(found[1].upper, abs=1e-5)


# -- the samplers that are mixed -------------------------------------------------------------------------------------


class Padded:
    """A predictor with two ids that may never be drawn, and mass on them."""

    vocab_size, length, mask_token_id, forbidden_ids, end_of_text_id = 5, 3, 4, (3, 4), None
    device, calls_per_query = torch.device("cpu"), 1

    def log_probs(self, tokens, known, wanted):
        return torch.tensor([[0.5, 0.3, 0.0, 0.1, 0.1]]).log().repeat(len(wanted.rows), 1)


def test_a_mixed_predictor_gives_each_allowed_token_its_share_and_the_others_none():
    mixed = WithUniform(Padded(), 0.12)
    places = Positions(torch.tensor([0, 0]), torch.tensor([0, 2]))
    laws = mixed.log_probs(torch.zeros((1, 3), dtype=torch.int64), torch.zeros((1, 3), dtype=torch.bool), places)
    expected = [0.88 * 0.625 + 0.04, 0.88 * 0.375 + 0.04, 0.04, 0.0, 0.0]
    np.testing.assert_allclose(laws.exp().numpy(), [expected] * 2, rtol=1e-6)
    assert mixed.largest == pytest.approx(-math.log(0.04))
    assert mixed.smallest == pytest.approx(-math.log(0.88 + 0.04))
    assert mixed.mask_token_id == 4


def test_a_plan_with_a_fallback_is_sampled_as_the_mixture_it_is_certified_as():
    """Equal tokens, drawn at once: right once in 3^3 times by the plan and always one at a time."""
    law, share = Repeated(4, 3), 0.2
    out = unmask.sample(unmask.oracle(law), WithFallback(unmask.Schedule([4]), share), n=4000, seed=0)
    right = int((out.tokens == out.tokens[:, :1]).all(dim=1).sum())
    assert binomtest(right, 4000, share + (1 - share) / 27).pvalue > 1e-4
    assert out.network_calls.double().mean() == pytest.approx(WithFallback(unmask.Schedule([4]), share).steps, rel=0.05)


# -- certificates ----------------------------------------------------------------------------------------------------

CHAIN = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 16)
PLAN = unmask.Schedule([2, 3, 5, 6])
PRICE = unmask.price(CHAIN.curve(), PLAN) / 16


def test_measuring_stops_as_soon_as_the_budget_is_proved():
    texts = CHAIN.sample(600, 1)
    found = certify(unmask.oracle(CHAIN), PLAN, texts, 2 * PRICE)
    every = certify(unmask.oracle(CHAIN), PLAN, texts, 2 * PRICE, stop=False)
    assert found.proved
    assert found.texts < 200
    assert PRICE < found.upper_per_token <= 2 * PRICE
    assert found.network_calls == 16 * found.texts  # as many canvases as tokens: steps and single tokens share them
    assert every.texts == 600
    assert PRICE < every.upper_per_token < found.upper_per_token


def test_a_budget_below_the_price_is_not_proved():
    found = certify(unmask.oracle(CHAIN), PLAN, CHAIN.sample(400, 2), 0.8 * PRICE)
    assert not found.proved
    assert found.texts == 400
    assert found.upper_per_token > PRICE


def test_a_fallback_needs_far_fewer_texts_than_a_uniform_share():
    texts, predictor = CHAIN.sample(3000, 3), unmask.oracle(CHAIN)
    few = certify(predictor, PLAN, texts, 2 * PRICE, batch_size=100)
    many = certify(predictor, PLAN, texts, 2 * PRICE, mixing=UniformShare(0.01), batch_size=100)
    assert few.proved
    assert many.proved
    assert 3 * few.texts <= many.texts


def test_empirical_bernstein_proves_the_same_with_more_texts():
    texts = CHAIN.sample(2000, 4)
    found = certify(unmask.oracle(CHAIN), PLAN, texts, 2 * PRICE, bound=EmpiricalBernstein)
    assert found.proved
    assert found.texts >= certify(unmask.oracle(CHAIN), PLAN, texts, 2 * PRICE).texts


def test_one_token_at_a_time_costs_nothing_and_needs_one_batch():
    found = certify(unmask.oracle(CHAIN), unmask.Schedule([1] * 16), CHAIN.sample(8, 0), 0.0, mixing=UniformShare(0.01))
    assert found.proved
    assert found.upper == found.mean == 0.0


def test_texts_may_come_from_an_iterator_that_is_read_no_further_than_needed():
    taken = []

    def batches():
        for seed in range(100):
            taken.append(seed)
            yield CHAIN.sample(16, seed)

    found = certify(unmask.oracle(CHAIN), PLAN, batches(), 2 * PRICE)
    assert found.proved
    assert found.texts == 16 * len(taken) < 400


def test_the_same_seed_gives_the_same_certificate_whatever_the_batches():
    texts = CHAIN.sample(60, 5)
    options = {"stop": False, "seed": 3}
    found = [certify(unmask.oracle(CHAIN), PLAN, texts, 0.1, batch_size=size, **options) for size in (7, 60)]
    assert found[0].upper == pytest.approx(found[1].upper, abs=1e-6)
    assert found[0].mean == pytest.approx(found[1].mean, abs=1e-6)


def test_more_permutations_of_each_text_spread_less_and_mean_the_same():
    texts, predictor = CHAIN.sample(400, 7), unmask.oracle(CHAIN)
    once = certify(predictor, PLAN, texts, 0.02, stop=False)
    often = certify(predictor, PLAN, texts, 0.02, stop=False, random_orders=4, batch_size=100)
    assert often.upper < once.upper
    assert often.network_calls == 4 * once.network_calls
    assert often.mean_per_token == pytest.approx(PRICE, abs=0.015)  # four standard errors of 400 texts


def test_no_more_calls_are_spent_than_allowed():
    for mixing in (None, UniformShare(0.01), UniformShare(0.01, reads=3)):
        found = certify(unmask.oracle(CHAIN), PLAN, CHAIN.sample(200, 6), 0.01, mixing=mixing, calls=500)
        assert 400 < found.network_calls <= 500
    with pytest.raises(InputError, match="calls is 15, but one text takes 16"):
        certify(unmask.oracle(CHAIN), PLAN, CHAIN.sample(20, 6), 0.01, calls=15)


# -- which texts, and in which order ---------------------------------------------------------------------------------


def cheap_then_dear():
    """60 texts of coin flips, which a sticky chain's plan finds no dearer, then 400 of one run, which it finds dear."""
    flips = np.random.default_rng(0).integers(0, 2, (60, 16))
    return np.concatenate([flips, np.repeat([[0] * 16, [1] * 16], 200, axis=0)])


def test_a_file_whose_cheap_texts_come_first_is_not_proved_by_its_beginning():
    """Read in order, the first texts prove the budget for every seed; the mean of the whole file is above it.

    Of 8 shuffled readings each proves what is false once in 20 at most: three or more happen once in 170.
    """
    texts, predictor, budget = cheap_then_dear(), unmask.oracle(CHAIN), 0.01
    assert certify(predictor, PLAN, texts, budget, stop=False, seed=1).mean_per_token > 2 * budget
    assert certify(predictor, PLAN, iter([texts]), budget).proved  # what an iterator gives is read as it comes
    assert sum(certify(predictor, PLAN, texts, budget, seed=seed).proved for seed in range(8)) <= 2


def test_one_text_of_each_document_is_read():
    texts = np.concatenate([CHAIN.sample(100, 1), np.repeat(CHAIN.sample(1, 2), 300, axis=0)])
    documents = [*range(100), *[100] * 300]
    options = {"documents": documents, "stop": False, "batch_size": 50}
    found = certify(unmask.oracle(CHAIN), PLAN, texts, 0.1, **options)
    assert found.texts == 101
    assert "the documents are independent" in found.assumes
    unknown = certify(unmask.oracle(CHAIN), PLAN, texts, 0.1, documents=[-1] * 400, stop=False, batch_size=100)
    assert unknown.texts == 400


def test_texts_of_a_document_have_equal_chances_to_be_read_and_documents_to_be_first():
    """Chances of 1 in 3 and of 1 in 2 over 300 seeds; each count within 4 standard deviations."""
    texts = np.arange(4)
    documents = np.array([7, 7, 7, 2])
    taken = [list(_order(texts, documents, seed)) for seed in range(300)]
    for text in range(3):
        assert abs(sum(text in one for one in taken) - 100) < 4 * math.sqrt(300 * 2 / 9)
    assert abs(sum(one[0] == 3 for one in taken) - 150) < 4 * math.sqrt(300 / 4)
    assert all(len(one) == 2 and 3 in one for one in taken)


def _order(texts, documents, seed):
    law = Product(np.full((1, 4), 0.25))
    batches = certificate._batches(unmask.oracle(law), texts[:, None], 1, seed, documents, frozenset())
    return [int(batch[0, 0]) for batch in batches]


def test_texts_that_a_plan_was_made_from_are_refused():
    texts, predictor = np.unique(CHAIN.sample(300, 1), axis=0)[:60], unmask.oracle(CHAIN)
    plan = unmask.plan(unmask.measure(predictor, texts[:20], batch_size=20), steps=4)
    assert len(plan.texts) == 20
    with pytest.raises(InputError, match="texts holds 20 texts that the plan was made from"):
        certify(predictor, plan, texts, 0.1)
    with pytest.raises(InputError, match="texts holds 20 texts"):
        certify(predictor, plan, iter([texts]), 0.1)
    assert certify(predictor, plan, without(texts, plan.texts), 0.1, stop=False).texts == 40


def failures(repetitions):
    """How often a budget just below the true price of the mixed sampler is proved."""
    texts, planned, one = uniform_costs(WRONG, SIZES)
    exact = exact_mean(with_fallback(planned, one, 1.5), texts) / 4
    drawn = DATA.sample(repetitions * 60, 11).reshape(repetitions, 60, 4)
    predictor, plan = unmask.oracle(WRONG), unmask.Schedule(SIZES)
    return sum(
        certify(
            predictor, plan, rows, exact - 1e-6, confidence=0.9, mixing=Fallback(1.5), batch_size=20, seed=seed
        ).proved
        for seed, rows in enumerate(drawn)
    )


def test_budgets_below_the_true_price_are_proved_no_more_often_than_stated():
    assert failures(100) <= binom.ppf(0.999, 100, 0.1)


@pytest.mark.slow
def test_budgets_below_the_true_price_are_proved_no_more_often_than_stated_in_2000_repetitions():
    assert failures(2000) <= binom.ppf(0.999, 2000, 0.1)


def test_certificates_are_written_for_people_and_for_programs(tmp_path):
    found = certify(unmask.oracle(CHAIN), PLAN, CHAIN.sample(100, 1), 2 * PRICE)
    read = json.loads(found.save(tmp_path / "c.certificate.json").read_text())
    assert read["format"] == "unmask.certificate/2"
    assert read["proved"] is True
    assert read["upper_per_token"] == found.upper_per_token
    assert "proved" in str(found)
    assert "95%" in str(found)
    assert isinstance(found, Certificate)


def test_bad_input_is_refused():
    predictor, texts = unmask.oracle(CHAIN), CHAIN.sample(20, 0)
    with pytest.raises(InputError, match="budget is nan"):
        certify(predictor, PLAN, texts, math.nan)
    with pytest.raises(InputError, match="plan is for 4 tokens, but the texts have 16"):
        certify(predictor, unmask.Schedule([4]), texts, 0.1)
    with pytest.raises(InputError, match="margn"):
        certify(predictor, "margn", texts, 0.1)
    with pytest.raises(InputError, match="plan is 3"):
        certify(predictor, 3, texts, 0.1)
    with pytest.raises(InputError, match=r"documents has shape \(3,\); expected one label for each of 20 texts"):
        certify(predictor, PLAN, texts, 0.1, documents=[1, 2, 3])
    with pytest.raises(InputError, match="texts is an iterator"):
        certify(predictor, PLAN, iter([texts]), 0.1, documents=[1, 2, 3])
    with pytest.raises(InputError, match="epsilon is 2"):
        certify(predictor, PLAN, texts, 0.1, mixing=UniformShare(2))
    with pytest.raises(InputError, match="cap is 0"):
        Fallback(0)
    with pytest.raises(InputError, match="texts is empty"):
        certify(predictor, PLAN, iter([]), 0.1)
    with pytest.raises(InputError, match="confidence is 95"):
        certify(predictor, PLAN, texts, 0.1, confidence=95)
    with pytest.raises(InputError, match="given has shape"):
        certify(predictor, PLAN, texts, 0.1, given=np.zeros((20, 16), dtype=bool))


def test_a_text_the_model_holds_impossible_is_an_error_not_a_certificate():
    with pytest.raises(InputError, match="probability 0"):
        certify(unmask.oracle(Repeated(4, 2)), unmask.Schedule([2, 2]), np.array([[0, 1, 0, 1]] * 4), 0.1)


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def plan_file(tmp_path):
    plan = one_part(Uniform(), [2, 6])
    return plan.save(tmp_path / "p.plan.json")


LAW = "law:repeated:length=8,vocab_size=2"


def test_the_command_proves_a_budget_and_says_so(plan_file, capsys):
    arguments = ["certify", str(plan_file), LAW, "--texts", "200", "--budget", "0.3", "--json"]
    assert cli.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["proved"]
    assert found["upper_per_token"] <= 0.3
    assert math.log(2) / 8 == pytest.approx(found["mean_per_token"], abs=1e-3)  # every text costs exactly log 2


def test_the_command_exits_with_1_when_the_texts_do_not_suffice(plan_file, capsys):
    arguments = ["certify", str(plan_file), LAW, "--texts", "4", "--budget", "0.1"]
    assert cli.main(arguments) == 1
    printed = capsys.readouterr()
    assert "4 texts do not prove" in printed.err
    assert "would do" in printed.err
    assert cli.main([*arguments[:-1], "0.05"]) == 1
    assert "never would" in capsys.readouterr().err


def test_the_command_leaves_out_texts_the_plan_was_made_from(plan_file, tmp_path, capsys):
    law = Product(np.full((8, 2), 0.5))
    texts = np.unique(law.sample(200, 0), axis=0)
    unmask.measure(unmask.oracle(law), texts[:20]).save(tmp_path / "m.curve.json")
    np.save(tmp_path / "t.npy", texts)
    arguments = ["certify", str(plan_file), "law:product:length=8,vocab_size=2", "--data", str(tmp_path / "t.npy")]
    arguments += ["--budget", "0.001", "--all", "--json", "--exclude", str(tmp_path / "m.curve.json")]
    cli.main(arguments)
    assert json.loads(capsys.readouterr().out)["texts"] == len(texts) - 20


def test_the_command_certifies_a_rule(capsys):
    law = "law:markov_chain:length=8"
    assert cli.main(["certify", law, "--rule", "threshold:0.9", "--budget", "0.2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["proved"]
    assert found["what"].startswith("the rule threshold:0.9 with the steps of")
    assert cli.main(["certify", law, "--budget", "0.2"]) == 2
    assert "or unmask certify MODEL --rule NAME" in capsys.readouterr().err
    assert cli.main(["certify", "p.plan.json", law, "--rule", "threshold:0.9", "--budget", "0.2"]) == 2
    assert "--rule and the plan p.plan.json were given" in capsys.readouterr().err


def test_the_command_leaves_out_texts_that_the_plan_names(tmp_path, capsys):
    law = Product(np.full((8, 2), 0.5))
    texts = np.unique(law.sample(200, 0), axis=0)
    plan = unmask.plan(unmask.measure(unmask.oracle(law), texts[:20]), steps=2)
    arguments = ["certify", str(plan.save(tmp_path / "p.plan.json")), "law:product:length=8,vocab_size=2", "--data"]
    np.save(tmp_path / "t.npy", texts)
    cli.main([*arguments, str(tmp_path / "t.npy"), "--budget", "0.001", "--all", "--json"])
    printed = capsys.readouterr()
    assert json.loads(printed.out)["texts"] == len(texts) - 20
    assert "left out 20 texts that the plan was made from" in printed.err


def test_the_command_refuses_bad_options(plan_file, capsys):
    for more, message in [
        (["--texts", "9", "--mix", "both"], "--mix is 'both'"),
        (["--tokens", "t.npy", "--data", "x.txt"], "--data and --tokens were given"),
    ]:
        assert cli.main(["certify", str(plan_file), LAW, "--budget", "0.1", *more]) == 2
        assert message in capsys.readouterr().err


def test_the_command_reads_one_window_of_each_document_of_a_file(tmp_path, capsys):
    """Rows of a token file are documents: 24 of two windows each, or 48 texts that stand for themselves."""
    import json

    from unmask.cli import main

    name = "markov_chain:length=8,vocab_size=3"
    law = catalogue.from_name(name)
    plan = unmask.plan(law.curve(), steps=6).save(tmp_path / "p.plan.json")
    windows = law.sample(48, 5)
    read = []
    for rows in (windows.reshape(24, 16), windows):
        tokens = tmp_path / "texts.jsonl"
        tokens.write_text("\n".join(json.dumps(row.tolist()) for row in rows))
        main(["certify", str(plan), f"law:{name}", "--tokens", str(tokens), "--budget", "0.5", "--all", "--json"])
        read.append(json.loads(capsys.readouterr().out))
    assert [one["texts"] for one in read] == [24, 48]
    assert "documents are independent" in read[0]["assumes"]

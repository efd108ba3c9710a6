"""The demo on the toy language itself as a model: what is exact, predicted and scored has to agree."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

import unmask
from unmask import laws
from unmask.errors import InputError
from unmask.evaluation.demo import exact, grammar, knobs, prose, run, trial
from unmask.evaluation.share import Share
from unmask.laws.table import Listed
from unmask.measuring.estimate import Estimate
from unmask.sampling import recipes
from unmask.theory.reveal_orders import BitReversal, LeftToRight, Uniform
from unmask.theory.schedule import Schedule

SIZES = grammar.GrammarSizes(
    searched=24, search_calls=2000, measured=48, fresh=48, samples=60, line_samples=10, tuning=8, tries=3,
    line=(2, 3), batch_size=48,
)  # fmt: skip


@pytest.fixture(scope="module")
def demo():
    """Every price and share below is of this one run; the intervals it is held against miss once in 10,000 numbers."""
    return grammar.grammar_demo(unmask.oracle(laws.toy_grammar()), "law:toy", 0, SIZES)


def widened(estimate):
    """Half the width of an interval that misses once in 16,000, and room for the rounding of float32 log-laws."""
    return (estimate.high - estimate.low) / 2 * 4 / 1.96 + 1e-4


def test_predicted_and_scored_prices_agree_with_the_exact_ones(demo):
    known = [checked.trial for checked in demo.lines if checked.trial.way.exact is not None]
    assert len(known) > 8
    for one in known:
        for found in (one.way.predicted, one.scored):
            assert abs(found.value - one.way.exact) <= widened(found), one.label


def test_whatever_the_theory_predicts_is_scored_and_nothing_else_is_predicted(demo):
    for checked in demo.lines:
        one = checked.trial
        assert (one.way.predicted is None) == bool(one.why_no_prediction)
        assert one.scored is not None
        if one.why_no_prediction:
            assert one.why_no_prediction == "the choice of positions reads the model"


def test_a_perfect_model_with_four_planned_calls_writes_as_well_as_one_token_at_a_time(demo):
    assert demo.planned.trial.way.exact == pytest.approx(0, abs=1e-9)
    assert demo.perfect.valid == pytest.approx(1, abs=1e-9)
    assert demo.planned.trial.calls == grammar.CALLS == 4
    assert demo.planned.valid == demo.one_at_a_time.valid == Share(60, 60)


def test_equal_sizes_in_uniform_order_spoil_sentences_that_the_plan_does_not(demo):
    equal = next(checked for checked in demo.shown if checked.trial.way.kind == trial.EQUAL)
    assert equal.trial.calls == 4
    assert equal.valid.high < demo.planned.valid.low


def test_the_share_of_right_sentences_is_never_below_the_floor_of_the_score(demo):
    for checked in demo.lines:
        if checked.valid is not None:
            assert checked.valid.high >= checked.floor - 0.1


def test_the_plan_and_one_token_at_a_time_come_first_and_the_knobs_are_near_the_plan_s_calls(demo):
    kinds = [checked.trial.way.kind for checked in demo.shown]
    assert kinds[:2] == [trial.PLANNED, trial.ONE]
    assert kinds[-2:] == [trial.ENTROPY_BOUND, trial.THRESHOLD]
    assert set(demo.examples) == {checked.trial.label for checked in demo.shown}


def test_every_position_of_a_sampled_text_has_the_step_in_which_it_was_revealed(demo):
    steps = demo.planned.trial.steps
    sizes = np.bincount(steps)[1:].tolist()
    assert sizes == list(demo.plan.schedule.sizes)
    assert demo.one_at_a_time.trial.steps.tolist() != list(range(1, 18))
    assert sorted(demo.one_at_a_time.trial.steps.tolist()) == list(range(1, 18))


def test_wrong_words_are_those_that_differ_from_the_nearest_sentence():
    checker = grammar._Checker(laws.toy_grammar())
    text = "ben has 3 red plums , emil has 9 more : in all 12 {} plums ."
    right, wrong = (laws.toy_grammar().encode(text.format(colour)) for colour in ("red", "green"))
    first, second = checker.read(np.array([right, wrong]))
    assert (first.fault, any(first.wrong)) == (None, False)
    assert second.fault == "red turns into green"
    assert [word for word, bad in zip(second.words, second.wrong, strict=True) if bad] == ["green"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_demo(demo):
    again = grammar.grammar_demo(unmask.oracle(laws.toy_grammar()), "law:toy", 0, SIZES)

    def timeless(found):
        rows = found.to_dict()
        for row in (*rows["shown"], *rows["tried"]):
            row.pop("seconds")
        return rows

    assert timeless(again) == timeless(demo)


def enumerated(law, permutation, schedule):
    """Price and valid share by the law's own conditionals, one sequence of the list at a time."""
    steps = np.split(np.asarray(permutation), schedule.revealed[1:])
    total = price = 0.0
    for sequence, mass in zip(law.sequences, law.probabilities, strict=True):
        known = np.zeros((1, law.length), dtype=bool)
        log_prob = 0.0
        for positions in steps:
            answers = law.conditionals(sequence[None], known)[0]
            log_prob += sum(math.log(answers[i, sequence[i]]) for i in positions)
            known[0, positions] = True
        price += mass * (math.log(mass) - log_prob)
        total += math.exp(log_prob)
    return price, total


def test_exact_answers_are_those_of_plain_enumeration():
    rng = np.random.default_rng(5)
    every = np.array(list(itertools.product(range(3), repeat=4)))
    law = Listed(every[rng.permutation(81)[:20]], rng.dirichlet(np.ones(20)), vocab_size=3)
    for sizes in ([4], [2, 2], [1, 3], [1, 2, 1], [1, 1, 1, 1]):
        permutation = rng.permutation(4)
        found = exact.answer(law, permutation, Schedule(sizes))
        assert (found.price, found.valid) == pytest.approx(enumerated(law, permutation, Schedule(sizes)), abs=1e-9)
        assert found.valid >= math.exp(-found.price) - 1e-12


def test_left_to_right_with_known_sizes_is_free_on_the_toy_language():
    found = exact.answer(laws.toy_grammar().listed, range(17), Schedule([2, 1, 6, 8]))
    assert found.price == pytest.approx(0, abs=1e-9)
    assert found.valid == pytest.approx(1, abs=1e-9)


def test_only_orders_without_chance_have_one_permutation():
    assert exact.fixed_permutation(LeftToRight(), 5).tolist() == [0, 1, 2, 3, 4]
    assert exact.fixed_permutation(Uniform(), 5) is None
    assert exact.fixed_permutation(BitReversal(), 8) is None


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 10, 0, 0.27753), (10, 10, 0.72247, 1), (81, 263, 0.25528, 0.36624)]
)
def test_wilson_s_interval_is_the_published_one(count, total, low, high):
    """The last is the example of Newcombe (1998), Statistics in Medicine 17, table I, method 3: 0.2553 to 0.3662."""
    assert (Share(count, total).low, Share(count, total).high) == pytest.approx((low, high), abs=5e-5)


def test_newcombe_s_interval_of_a_difference_is_the_published_one():
    """56/70 less 48/80: 0.2000, 0.0524 to 0.3339 (Newcombe 1998, Statistics in Medicine 17, 873, method 10)."""
    assert Share(56, 70).minus(Share(48, 80)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_share_of_more_than_all_is_refused():
    with pytest.raises(InputError, match="a share of 3 of 2"):
        Share(3, 2)


@pytest.mark.parametrize("calls", [2, 5])
def test_a_knob_is_set_as_near_to_a_number_of_calls_as_it_comes(calls):
    law = laws.Permutation(8)
    bench = trial.Bench(unmask.oracle(law), law.sample(12, 3))
    for knob in knobs.KNOBS:
        way, tried = knobs.near(knob, bench, calls, tries=6)
        distances = {one.way.setting: abs(one.calls - calls) for one in tried}
        assert distances[way.setting] == min(distances.values())


def test_a_way_that_cannot_be_scored_is_sampled_and_says_so():
    law = laws.Permutation(5)
    bench = trial.Bench(unmask.oracle(law), law.sample(8, 1))
    found = bench.trial(trial.Way("llada", recipes.llada(steps=2, block_length=None)), n=4)
    assert found.scored is None
    assert found.nats is None
    assert found.calls == 2
    assert found.tokens.shape == (4, 5)
    assert found.why_no_prediction


def test_the_price_of_one_token_at_a_time_is_zero_and_its_nats_are_the_law_s():
    law = laws.Permutation(5)
    texts = law.sample(8, 1)
    one = trial.Bench(unmask.oracle(law), texts).one_at_a_time(2)
    assert one.scored.value == 0
    assert one.nats == pytest.approx(math.log(120), abs=1e-5)
    assert one.calls == 5


@pytest.fixture(scope="module")
def manual():
    return unmask.load("manual")


def test_the_english_half_holds_its_plan_its_rivals_and_their_texts(manual):
    found = prose.prose_demo(manual, prose.held_out_text(), "manual", 0, run.QUICK_PROSE)
    assert [one.way.kind for one in found.shown[:2]] == [trial.PLANNED, trial.ONE]
    assert found.shown[1].calls == found.length == 64
    assert found.plan.steps < 64
    assert all(len(texts) == run.QUICK_PROSE.samples for texts in found.texts.values())
    assert [plan.steps for plan in found.frontier] == list(range(1, prose.MOST_CALLS + 1))


def test_the_plan_is_the_first_whose_whole_interval_keeps_the_budget():
    plans = [SimpleNamespace(price_per_token=Estimate(value, value - 0.02, value + 0.02, 0.95, 9))
             for value in (0.2, 0.04, 0.03, 0.01)]  # fmt: skip
    assert prose.within_budget(plans) is plans[2]
    assert prose.within_budget(plans[:2]) is None


def test_too_little_held_out_text_is_refused(manual):
    with pytest.raises(InputError, match="windows of 64 tokens; 256 are needed"):
        prose.prose_demo(manual, "A short text.")


def test_a_model_without_a_length_is_refused():
    class Endless:
        name, length = "endless", None

    with pytest.raises(InputError, match="has no length of its own"):
        prose.windows(Endless(), "text")


@pytest.mark.slow
def test_the_held_out_text_is_that_of_the_split_the_model_was_trained_with():
    from unmask.files import read_json
    from unmask.models.checkpoint_folder import OUR_FORMAT, folder_of
    from unmask.training import corpus

    card = read_json(folder_of("manual") / "unmask.json", OUR_FORMAT)
    documents = corpus.read(card["options"]["data"])
    if corpus.digest(documents) != card["data_sha256"]:
        pytest.skip("the standard library of this Python has other texts")
    parts = corpus.split(documents, card["options"]["held_out"], card["options"]["seed"])
    assert prose.held_out_text() == "\n".join(document.text for document in parts.held_out)

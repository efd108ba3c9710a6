"""The demo on the toy language itself as a model: what is exact, predicted and scored has to agree."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import unmask
from unmask import laws
from unmask.errors import InputError
from unmask.evaluation.compare import exact
from unmask.evaluation.compare.attempt import Attempts
from unmask.evaluation.compare.equal_calls import near
from unmask.evaluation.compare.ground import Ground
from unmask.evaluation.compare.rules import Rules
from unmask.evaluation.demo import english, sentences
from unmask.evaluation.demo.half import KNOBS, Sizes
from unmask.evaluation.share import Share
from unmask.laws.table import Listed
from unmask.sampling import rule_names
from unmask.theory.reveal_orders import BitReversal, LeftToRight, Uniform
from unmask.theory.schedule import Schedule

SIZES = Sizes(
    searched=24, search_calls=2000, measured=48, fresh=48, samples=60, line_samples=10, tuning=8, tries=3,
    line=(2, 3), batch_size=48,
)  # fmt: skip


@pytest.fixture(scope="module")
def demo():
    """Every price and share below is of this one run; the intervals it is held against miss once in 10,000 numbers."""
    return sentences.sentences_demo(unmask.oracle(laws.toy_grammar()), "law:toy", 0, SIZES)


def widened(estimate):
    """Half the width of an interval that misses once in 16,000, and room for the rounding of float32 log-laws."""
    return (estimate.high - estimate.low) / 2 * 4 / 1.96 + 1e-4


def test_predicted_and_scored_prices_agree_with_the_exact_ones(demo):
    known = [trial for trial in demo.comparison.trials if trial.exact is not None]
    assert len(known) > 8
    for one in known:
        for found in (one.predicted, one.scored):
            assert abs(found.value - one.exact) <= widened(found), one.name


def test_whatever_the_theory_predicts_is_scored_and_nothing_else_is_predicted(demo):
    for one in demo.comparison.trials:
        assert (one.predicted is None) == bool(one.why_no_prediction)
        assert one.scored is not None
        if one.why_no_prediction:
            assert one.why_no_prediction == "the choice of positions reads the model"


def test_a_perfect_model_with_four_planned_calls_writes_as_well_as_one_token_at_a_time(demo):
    assert demo.planned.exact == pytest.approx(0, abs=1e-9)
    assert exact.of_plan(laws.toy_grammar(), demo.plan).valid == pytest.approx(1, abs=1e-9)
    assert demo.planned.mean_calls == sentences.CALLS == 4
    assert demo.planned.valid == demo.one_at_a_time.valid == Share(60, 60)


def test_equal_sizes_in_uniform_order_spoil_sentences_that_the_plan_does_not(demo):
    equal = next(trial for trial in demo.shown if trial.rule == "equal_sizes")
    assert equal.mean_calls == 4
    assert equal.valid.high < demo.planned.valid.low


def test_the_share_of_right_sentences_is_never_below_the_floor_of_the_score(demo):
    for trial in demo.comparison.trials:
        assert trial.valid.high >= sentences.floor(trial) - 0.1


def test_the_plan_and_one_token_at_a_time_come_first_and_the_rules_with_a_knob_last(demo):
    rules = [trial.rule for trial in demo.shown]
    assert rules[:2] == ["planned", "one_by_one"]
    assert tuple(rules[-2:]) == KNOBS
    assert len({trial.key for trial in demo.comparison.trials}) == len(demo.comparison.trials)


def test_the_rules_of_the_table_are_timed_and_no_others(demo):
    assert [trial.timing is not None for trial in demo.comparison.trials] == [
        place < demo.rows for place in range(len(demo.comparison.trials))
    ]


def test_the_trials_are_those_that_a_comparison_makes_of_the_same_names(demo):
    """A preset, not a second engine: the very numbers of `compare` on the same ground."""
    law = laws.toy_grammar()
    text = law.sample(SIZES.searched + SIZES.measured + SIZES.fresh, np.random.default_rng([0, 2]))
    _, held_out, fresh = np.split(text, np.cumsum([SIZES.searched, SIZES.measured]))
    ground = Ground(unmask.oracle(law), held_out, batch_size=SIZES.batch_size, fresh=fresh)
    (entry,) = Rules(demo.measurement, ()).entries(["confidence:steps=4"])
    again = Attempts(ground, SIZES.samples).attempt(entry)
    found = next(trial for trial in demo.shown if trial.key == entry.key)
    assert (again.scored, again.calls, again.texts) == (found.scored, found.calls, found.texts)


def test_wrong_words_are_those_that_differ_from_the_nearest_sentence():
    text = "ben has 3 red plums , emil has 9 more : in all 12 {} plums ."
    first, second = sentences.read([text.format("red"), text.format("green")])
    assert (first.fault, any(first.wrong)) == (None, False)
    assert second.fault == "red turns into green"
    assert [word for word, bad in zip(second.words, second.wrong, strict=True) if bad] == ["green"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_demo(demo):
    again = sentences.sentences_demo(unmask.oracle(laws.toy_grammar()), "law:toy", 0, SIZES)

    def timeless(half):
        return [replace(trial, timing=None).to_dict() for trial in half.comparison.trials]

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
    ground = Ground(unmask.oracle(law), law.sample(16, 3), source="drawn").fewer(8)

    def gap(key):
        return abs(float(ground.score(rule_names.from_name(key)).network_calls.mean()) - calls)

    for rule in KNOBS:
        gaps = [gap(near(rule, ground, calls, tries)) for tries in (1, 4, 8)]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[-1] <= 1


def test_one_token_at_a_time_is_the_baseline_itself_and_free_for_a_perfect_model():
    law = laws.Permutation(5)
    ground = Ground(unmask.oracle(law), law.sample(16, 1), source="drawn")
    (entry,) = Rules(ground.measure([], lambda words: None), ()).entries(["one_by_one"])
    one = Attempts(ground, 2).trial(entry)
    assert one.scored.is_exact
    assert (one.scored.value, one.exact, one.mean_calls) == (0, 0, 5)
    assert one.nats == pytest.approx(math.log(120), abs=1e-5)


def test_all_texts_are_measured_where_others_are_given_to_score_on():
    law = laws.Permutation(5)
    rows = law.sample(30, 1)
    ground = Ground(unmask.oracle(law), rows[:20], fresh=rows[20:])
    np.testing.assert_array_equal(ground.measured_texts, rows[:20])
    np.testing.assert_array_equal(ground.scored_texts, rows[20:])
    np.testing.assert_array_equal(ground.fewer(3).scored_texts, rows[20:23])


@pytest.fixture(scope="module")
def manual():
    return unmask.load("manual")


def test_the_english_half_holds_its_plan_its_rivals_and_their_texts(manual):
    found = english.english_demo(manual, english.held_out_text(), "manual", 0, english.QUICK)
    assert [one.rule for one in found.shown[:4]] == ["planned", "one_by_one", "equal_sizes", "confidence"]
    assert found.one_at_a_time.mean_calls == found.comparison.length == 64
    assert found.planned.mean_calls == found.plan.steps < 64
    assert all(len(trial.texts) == english.QUICK.samples for trial in found.shown)
    assert found.comparison.frontier[found.plan.steps - 1] == (found.plan.steps, found.plan.price)


def test_too_little_held_out_text_is_refused(manual):
    with pytest.raises(InputError, match="windows of 64 tokens; 256 are needed"):
        english.english_demo(manual, "A short text.")


def test_a_model_without_a_length_is_refused():
    class Endless:
        name, length = "endless", None

    with pytest.raises(InputError, match="has no length of its own"):
        english.windows(Endless(), "text")


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
    assert english.held_out_text() == corpus.as_text(parts.held_out)

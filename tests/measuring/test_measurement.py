"""What follows from a measurement: prices, intervals, halves, sums and files."""

import json

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.measuring.measure import measure
from unmask.measuring.measurement import Measurement
from unmask.theory.schedule import Schedule

ARRAYS = ("costs", "entropies", "parallel", "parallel_entropies")


def assert_same(one, other):
    """Equal to the last bit, apart from the order of the texts."""
    ours, theirs = np.argsort(one.texts), np.argsort(other.texts)
    assert [one.texts[n] for n in ours] == [other.texts[n] for n in theirs]
    assert [one.documents[n] for n in ours] == [other.documents[n] for n in theirs]
    np.testing.assert_array_equal(one.paths[ours], other.paths[theirs])
    assert one.orders.keys() == other.orders.keys()
    for name in ("uniform", *one.orders):
        for array in ARRAYS:
            both = [getattr(found.costs_of(name), array) for found in (one, other)]
            np.testing.assert_array_equal(both[0][ours], both[1][theirs])
    assert one.digest == other.digest


@pytest.mark.parametrize("steps", [1, 2, 4, 12])
def test_the_price_in_uniform_order_is_nearly_that_of_the_measured_curve(measured, steps):
    """The same expectation from the same canvases; the price takes both losses from the same tokens."""
    for schedule in (Schedule.uniform(12, steps), Schedule.cosine(12, steps)):
        assert measured.price(schedule) == pytest.approx(unmask.price(measured.curve, schedule), abs=0.15)
        shares = measured.step_prices(schedule)
        assert shares.sum() == pytest.approx(measured.price(schedule))
        assert len(shares) == schedule.steps


@pytest.mark.parametrize("order", ["bit_reversal", "left_to_right"])
def test_the_price_in_an_order_is_that_of_its_table(measured, order):
    for steps in (1, 3, 7, 12):
        schedule = Schedule.cosine(12, steps)
        assert measured.price(schedule, order) == pytest.approx(unmask.price(measured.table(order), schedule), abs=1e-9)


def test_one_at_a_time_costs_nothing_in_any_order_of_a_perfect_predictor(measured):
    """Each text's NELBO one token at a time is -log p(x) in every order, so not only the mean is 0."""
    ones = Schedule.uniform(12, 12)
    assert measured.prices(ones) == pytest.approx(0, abs=1e-12)
    for order in measured.orders:
        assert measured.prices(ones, order) == pytest.approx(0, abs=1e-4)  # sums of float32


def test_the_path_of_a_perfect_predictor_is_the_log_probability_of_the_text(chain):
    texts = chain.sample(20, 5)
    found = measure(unmask.oracle(chain), texts)
    np.testing.assert_allclose(found.paths, -chain.log_prob(texts), atol=1e-4)


def test_both_ways_to_say_what_one_at_a_time_costs_estimate_the_same(measured):
    """Four standard errors of the difference: wrong once in 15,000."""
    difference = measured.baselines - measured.uniform.one_at_a_time
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))


def test_a_price_is_the_parallel_price_and_the_order_effect(measured):
    schedule = Schedule.uniform(12, 3)
    for order in ("uniform", "left_to_right"):
        whole = measured.parallel_prices(schedule, order) + measured.order_effects(order)
        np.testing.assert_array_equal(measured.prices(schedule, order), whole)
        np.testing.assert_allclose(measured.nelbos(schedule, order), whole + measured.baselines)
    assert not measured.order_effects("uniform").any()


def test_intervals_are_over_documents(chain):
    """Ten documents whose windows are copies but for their masks: errors of ten values, not of sixty."""
    texts = np.repeat(chain.sample(10, 5), 6, axis=0)
    found = measure(unmask.oracle(chain), texts, documents=np.repeat(np.arange(10), 6))
    schedule = Schedule.uniform(12, 3)
    prices = found.prices(schedule)
    means = np.array([prices[np.array(found.documents) == name].mean() for name in dict.fromkeys(found.documents)])
    whole = found.interval(schedule)
    assert whole.half_width == pytest.approx(2.262157 * means.std(ddof=1) / np.sqrt(10))
    assert (whole.count, whole.clusters) == (60, 10)


def test_halves_share_no_document(chain):
    numbers = np.repeat(np.arange(9), [20, 3, 3, 3, 3, 3, 3, 1, 1])
    found = measure(unmask.oracle(chain), chain.sample(40, 5), documents=numbers)
    first, second = found.split()
    assert not set(first.documents) & set(second.documents)
    assert sorted([*first.texts, *second.texts]) == sorted(found.texts)
    assert min(len(first.texts), len(second.texts)) >= 14
    giant = measure(unmask.oracle(chain), chain.sample(20, 5), documents=[0] * 17 + [1, 2, 3])
    assert [len(set(half.documents)) for half in giant.split()] == [2, 2]
    one = measure(unmask.oracle(chain), chain.sample(8, 5), documents=[0, 0, 0, 1, 1, 1, 2, 2])
    with pytest.raises(InputError, match="of 3 documents; fitting on one half and pricing on the other needs 4"):
        one.split()


def test_intervals_come_from_the_differences_within_texts(measured):
    schedule = Schedule.uniform(12, 4)
    prices = measured.prices(schedule, "bit_reversal")
    found = measured.interval(schedule, 0.95, "bit_reversal")
    assert found.value == pytest.approx(measured.price(schedule, "bit_reversal"))
    assert found.high - found.low == pytest.approx(2 * 1.9659 * prices.std(ddof=1) / 20, rel=1e-3)
    unpaired = measured.nelbos(schedule, "bit_reversal").std() + measured.baselines.std()
    assert prices.std() < unpaired / 3


def test_halves_share_no_text_and_do_not_depend_on_the_order_of_the_texts(measured):
    first, second = measured.split()
    assert set(first.texts) | set(second.texts) == set(measured.texts)
    assert not set(first.texts) & set(second.texts)
    assert len(first.texts) == len(second.texts) == 200
    shuffled = measured.take(np.random.default_rng(0).permutation(400))
    for half, other in zip(measured.split(), shuffled.split(), strict=True):
        assert_same(half, other)


def test_parts_measured_apart_merge_to_what_is_measured_at_once(chain):
    predictor, texts = unmask.oracle(chain), np.unique(chain.sample(60, 1), axis=0)[:30]
    whole = measure(predictor, texts, orders=["bit_reversal"], batch_size=7)
    parts = [measure(predictor, texts[rows], orders=["bit_reversal"]) for rows in (slice(20, 30), slice(20))]
    assert_same(Measurement.merge(parts), whole)
    assert_same(Measurement.merge(parts[::-1]), whole)


def test_what_is_saved_comes_back_to_the_last_bit(measured, tmp_path):
    again = Measurement.load(measured.save(tmp_path / "m.curve.json"))
    assert again.texts == measured.texts
    assert again.settings == measured.settings
    assert again.model == measured.model
    assert_same(again, measured)
    schedule = Schedule.cosine(12, 5)
    assert again.interval(schedule, 0.9, "bit_reversal") == measured.interval(schedule, 0.9, "bit_reversal")


def test_the_file_shows_the_curve_as_plain_numbers(measured, tmp_path):
    stored = json.loads(measured.save(tmp_path / "m.curve.json").read_text())
    assert stored["format"] == "unmask.curve/2"
    np.testing.assert_allclose(stored["curve"]["values"], measured.curve.values)


def test_another_model_length_prompt_or_order_does_not_merge(measured, chain):
    predictor = unmask.oracle(chain)
    fresh = chain.sample(4, 9)
    short = unmask.laws.MarkovChain(chain.initial, chain.transition, 8)
    other = unmask.laws.MarkovChain([0.4, 0.4, 0.2], chain.transition, 12)
    plain = measure(predictor, fresh)
    for part, words in [
        (measure(unmask.oracle(short), short.sample(4, 0)), "differ in length: 12 and 8"),
        (measure(unmask.oracle(other), fresh), "differ in model"),
        (measure(predictor, fresh, given=np.arange(12) == 3), "differ in length: 12 and 11"),
        (measure(predictor, fresh, counts=[0, 4, 11]), "different counts"),
    ]:
        with pytest.raises(InputError, match=words):
            Measurement.merge([plain, part])
    with pytest.raises(InputError, match="different orders"):
        Measurement.merge([plain, measured])
    one = measure(predictor, fresh, given=1)
    with pytest.raises(InputError, match="differ in given: the first 1 and positions 3"):
        Measurement.merge([one, measure(predictor, chain.sample(4, 8), given=np.arange(12) == 3)])


def test_a_text_counts_once(measured):
    with pytest.raises(InputError, match="400 texts are in more than one measurement"):
        Measurement.merge([measured, measured])


def test_texts_that_orders_were_searched_on_are_not_priced(chain):
    predictor, texts = unmask.oracle(chain), chain.sample(8, 3)
    one = measure(predictor, texts[:4])
    two = measure(predictor, texts[4:], settings={"searched": list(one.texts)})
    with pytest.raises(InputError, match="4 texts that orders were searched on"):
        Measurement.merge([one, two])


def test_settings_that_differ_are_all_kept(chain):
    predictor, texts = unmask.oracle(chain), chain.sample(8, 3)
    parts = [
        measure(predictor, texts[:4], seed=1, settings={"data": "a.txt", "searched": ["x"]}),
        measure(predictor, texts[4:], seed=2, settings={"data": "a.txt", "searched": ["y"]}),
    ]
    settings = Measurement.merge(parts).settings
    assert settings["seed"] == [1, 2]
    assert settings["data"] == "a.txt"
    assert settings["searched"] == ["x", "y"]


NO_ARRAYS = dict.fromkeys(("costs", "entropies", "parallel", "parallel_entropies"), 0)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("format", "unmask.plan/1", "has format 'unmask.plan/1'"),
        ("format", "unmask.curve/1", "'unmask.curve/1', which does not hold what orders cost one token"),
        ("length", 13, "at counts up to L - 1 = 12"),
        ("length", "many", "not a whole unmask.curve/2 file"),
        ("texts", [], "texts is empty"),
        ("texts", ["a"] * 400, "names a text twice"),
        ("documents", ["a"], "documents names 1 documents for 400 texts"),
        ("uniform", {"order": "uniform", "counts": [0]}, "uniform.costs is missing"),
        ("uniform", {"order": "uniform", "counts": [0, 5, 3], **NO_ARRAYS}, "counts of uniform must increase from 0"),
        ("uniform", {"order": "bit_reversal", "counts": [0, 11], **NO_ARRAYS}, "costs of uniform is not an array"),
        ("paths", None, "paths is not an array"),
        ("orders", {"bit_reversal": {"order": "bit_reverse", "counts": [0], **NO_ARRAYS}}, "order 'bit_reverse'"),
        ("orders", {"mine": {"order": [0, 1], "counts": [0], **NO_ARRAYS}}, "for length 2"),
        ("model", 3, "not a whole unmask.curve/2 file"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_one_line(measured, tmp_path, field, value, words):
    path = measured.save(tmp_path / "m.curve.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(InputError, match=words) as caught:
        Measurement.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_or_missing_is_refused_in_one_line(measured, tmp_path):
    path = measured.save(tmp_path / "m.curve.json")
    path.write_text(path.read_text()[:1000])
    with pytest.raises(InputError, match="is not a JSON file"):
        Measurement.load(path)
    with pytest.raises(InputError, match="No such file"):
        Measurement.load(tmp_path / "none.curve.json")


def test_an_order_that_was_not_measured_is_named_with_those_that_were(measured):
    with pytest.raises(InputError, match=r"'bisection' was not measured; measured are uniform, bit_reversal"):
        measured.price(Schedule.uniform(12, 3), "bisection")


def test_sizes_between_measured_counts_are_priced_in_uniform_order_only(chain):
    found = measure(unmask.oracle(chain), chain.sample(50, 0), counts=[0, 2, 6, 11], orders=["left_to_right"])
    assert found.price(Schedule([3, 4, 5])) > 0
    assert found.price(Schedule([2, 4, 6]), "left_to_right") > 0
    with pytest.raises(InputError, match=r"begin at 3, but order left_to_right was measured at 0, 2, 6, 11"):
        found.price(Schedule([3, 4, 5]), "left_to_right")
    with pytest.raises(InputError, match="reveals 11 tokens"):
        found.price(Schedule([3, 4, 4]))


def test_a_few_counts_give_the_prices_of_all_of_them(chain):
    """Means of the same texts and permutations; differences within three standard errors of what ranks were drawn."""
    predictor, texts = unmask.oracle(chain), chain.sample(300, 2)
    full = measure(predictor, texts, batch_size=300)
    few = measure(predictor, texts, counts=[0, 1, 2, 4, 6, 9, 11], batch_size=300)
    assert few.curve.entropy == pytest.approx(full.curve.entropy, rel=0.01)
    assert few.baselines.mean() == pytest.approx(full.baselines.mean(), rel=0.01)
    assert few.price(Schedule([1, 3, 5, 3])) == pytest.approx(full.price(Schedule([1, 3, 5, 3])), abs=0.1)
    begun = Schedule([2, 4, 3, 3])
    assert few.uniform.is_measured(begun)
    assert few.price(begun) == pytest.approx(full.price(begun), abs=0.1)

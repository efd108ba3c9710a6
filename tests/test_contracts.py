"""The calls other people's scripts rely on, as the design lists them: every one runs as it is written."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import unmask

LAW = unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 8)


@pytest.fixture(scope="module")
def toy():
    matplotlib.use("Agg")
    return unmask.oracle(unmask.laws.toy_grammar())


@pytest.fixture(scope="module")
def texts(toy):
    return toy.decode(toy.law.sample(24, seed=0))


@pytest.fixture(scope="module")
def measured(toy, texts):
    return unmask.measure(toy, texts, orders="uniform")


def test_theory():
    curve = unmask.InformationCurve(LAW.curve().values)
    facts = (curve.total_correlation, curve.dual_total_correlation, curve.total_information)
    assert all(np.isfinite(facts))
    assert curve.monotone().is_monotone
    schedule = unmask.Schedule([3, 5])
    assert unmask.Schedule.uniform(8, 2).sizes == (4, 4)
    assert unmask.nelbo(curve, schedule) - unmask.price(curve, schedule) == pytest.approx(curve.one_at_a_time)
    assert unmask.best_schedule(curve, 3).steps == 3
    assert unmask.fewest_steps(curve, budget=0.05).steps <= 8
    assert unmask.frontier(curve, 8).schedule(4).steps == 4
    assert unmask.bounds.li_cai_upper(curve, schedule) >= unmask.price(curve, schedule)
    assert unmask.orders.from_name("bit_reversal").name == "bit_reversal"


def test_laws():
    rows = LAW.sample(5, seed=0)
    assert LAW.log_prob(rows).shape == (5,)
    assert LAW.conditionals(rows, np.zeros(rows.shape, dtype=bool)).shape == (5, 8, 2)


def test_models_read_and_write_one_text_or_many(toy, texts):
    for model in (toy, unmask.load("toy")):
        assert model.decode(model.encode(texts[0])) == texts[0]
        assert model.decode(model.encode(texts)) == texts


def test_measure_takes_texts_and_tokens(toy, texts, measured):
    assert measured.length == toy.law.length
    same = unmask.measure(toy, toy.encode(texts), orders="uniform")
    np.testing.assert_array_equal(same.curve.values, measured.curve.values)


def test_plan_takes_a_measurement_or_its_file(measured, tmp_path):
    path = measured.save(tmp_path / "toy.curve.json")
    plan = unmask.plan(str(path), steps=4)
    assert plan.schedule == unmask.plan(measured, steps=4).schedule
    for price in (plan.parallel_price, plan.order_effect, plan.price):
        assert price.low <= price.value <= price.high
        assert 0 < price.confidence <= 1
    assert unmask.plan(measured, budget=5.0).steps < measured.length
    assert unmask.Plan.load(plan.save(tmp_path / "toy.plan.json")).schedule == plan.schedule


@pytest.mark.parametrize("rule", ["plan", "threshold:0.9", unmask.recipes.entropy_bound(0.1)], ids=str)
def test_sample_and_score_take_plans_names_and_recipes(rule, toy, texts, measured):
    rule = unmask.plan(measured, steps=4) if rule == "plan" else rule
    whole = isinstance(rule, unmask.Plan)  # a plan reveals all positions, a prompt leaves it fewer
    out = unmask.sample(toy, rule, n=2, seed=0, **({} if whole else {"prompt": "anna has"}))
    assert len(out.texts) == len(out.tokens) == len(out.network_calls) == 2
    assert len(out.trace) > 0
    assert whole or all(text.startswith("anna has") for text in out.texts)
    found = unmask.score(toy, rule, texts)
    assert found.log_prob.shape == (len(texts),)
    assert np.isfinite(found.price.value)


def test_an_infilling_is_a_text_with_holes(toy, texts):
    words = texts[0].split()
    (text,) = unmask.sample(toy, "one_by_one", infill=" ".join(["[MASK]", *words[1:]]), seed=0).texts
    assert text.split()[1:] == words[1:]


def test_stream_yields_steps(toy):
    steps = list(unmask.stream(toy, "confidence:8", seed=0))
    last = steps[-1]
    assert sum(len(step.revealed) for step in steps) == toy.law.length
    assert len(last.tokens) == len(last.log_probs) == len(last.revealed)
    assert isinstance(last.text, str)
    assert last.network_calls == len(steps)
    assert last.price is None


def test_compare_returns_a_table_a_plot_and_a_folder(toy, texts, tmp_path):
    def my_rule():
        return unmask.recipes.entropy_bound(0.3)

    found = unmask.compare(toy, rules=["planned", "threshold:0.9", my_rule], texts=texts, steps=[4], samples=4)
    assert list(found.to_dataframe()["rule"]) == ["planned", "threshold", "my_rule"]
    assert found.plot(Figure().add_subplot()).has_data()
    assert found.save(tmp_path / "page").name == "index.html"


def test_recipes_and_citations():
    rule = unmask.recipes.exact(order="bit_reversal", draft=8)
    assert unmask.cite(rule)
    assert unmask.cite("threshold:0.9")

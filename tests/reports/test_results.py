"""Every result says itself in a sentence, becomes a table and is drawn; by one mechanism that costs nothing unused."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import unmask
from unmask import InputError, laws

LAW = laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 16)
MODEL = unmask.oracle(LAW)
TEXTS = LAW.sample(40, seed=0)


@pytest.fixture(scope="module")
def results():
    matplotlib.use("Agg")
    measured = unmask.measure(MODEL, TEXTS, orders="uniform")
    plan = unmask.plan(measured, steps=4)
    found = [LAW.curve(), unmask.Schedule([8, 4, 4]), unmask.frontier(LAW.curve(), 16), measured, plan]
    found += [unmask.sample(MODEL, plan, n=3, seed=0), unmask.score(MODEL, "threshold:0.7", TEXTS)]
    found.append(unmask.certify(MODEL, unmask.Schedule([4] * 4), LAW.sample(40, seed=5), budget=0.5))
    return {type(one).__name__: one for one in found}


KINDS = ("InformationCurve", "Schedule", "Frontier", "Measurement", "Plan", "Output", "Score", "Certificate")


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_a_sentence_a_table_axes_and_html(results, kind):
    found = results[kind]
    assert len(found.summary()) > 20
    assert "nan" not in found.summary()
    table = found.to_dataframe()
    assert len(table)
    assert len(table.columns) >= 2
    axes = Figure().add_subplot()
    assert found.plot(axes) is axes
    assert axes.has_data()
    assert found.plot().has_data()
    shown = found._repr_html_()
    assert "<table>" in shown
    picture = shown[shown.index("<svg") : shown.index("</svg>") + 6]
    assert ElementTree.fromstring(picture).tag.endswith("svg")


def test_the_table_of_a_frontier_holds_its_prices(results):
    table = results["Frontier"].to_dataframe()
    np.testing.assert_array_equal(table["price"], results["Frontier"].prices)
    np.testing.assert_allclose(table["price_per_token"] * 16, table["price"])


def test_the_table_of_a_plan_adds_up_to_its_length_and_price(results):
    plan = results["Plan"]
    table = plan.to_dataframe()
    assert table["size"].sum() == 16
    assert table["price"].sum() == pytest.approx(sum(plan.step_prices))


def test_the_table_of_a_score_holds_the_price_text_by_text(results):
    found = results["Score"]
    table = found.to_dataframe()
    assert (table["nats"] - table["one_at_a_time"]).mean() / 16 == pytest.approx(found.price.value)


def test_the_summary_of_a_measurement_says_the_fewest_steps_within_a_twentieth(results):
    said = results["Measurement"].summary()
    table = results["Measurement"].to_dataframe()
    least = table[table["parallel_price"] <= 0.05]["steps"].min()
    assert f"Within 0.05 nats/token: {least:g} steps instead of 16" in said


def test_an_output_shows_the_text_it_drew(results):
    out = results["Output"]
    assert list(out.to_dataframe()["text"]) == out.texts
    assert out.texts[0] in out._repr_html_()


def test_text_that_looks_like_html_is_shown_as_text():
    from unmask.evaluation.result_table import Column, ResultTable
    from unmask.reports.results.shown import _rows

    assert "<b>" not in _rows(ResultTable.of([Column("text")], [["<b>x</b>"]]))


def test_without_pandas_it_is_said_in_one_line(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        results["Schedule"].to_dataframe()


def test_a_curve_that_is_not_drawn_loads_neither_matplotlib_nor_torch():
    asked = "import sys, unmask; unmask.InformationCurve([0.7, 0.1]); unmask.Schedule([2]); "
    asked += "assert not {'torch', 'matplotlib', 'pandas', 'unmask.reports'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)

"""The commands of exact parallel sampling: measure --overlaps, plan --exact, sample and score with what they write."""

import json

import pytest

import unmask
from unmask import cli, recipes

LAW = "law:markov_chain:length=8"
ORACLE = unmask.oracle(unmask.laws.catalogue.from_name("markov_chain:length=8"))


def run(capsys, *arguments):
    assert cli.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    assert cli.main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    path = tmp_path_factory.mktemp("exact") / "m.overlaps.json"
    assert cli.main(["measure", LAW, "--overlaps", "--texts", "12", "--out", str(path), "--json"]) == 0
    return path


def test_from_overlaps_to_a_plan_to_texts(capsys, measured, tmp_path):
    out = tmp_path / "a.json"
    plan = run(capsys, "plan", str(measured), "--exact", "--price-per-canvas", "0.1", "--out", str(out))
    assert plan["sizes"][0] == 1
    assert len(plan["sizes"]) == 8
    assert plan["rounds"]["low"] <= plan["rounds"]["value"] <= plan["rounds"]["high"]
    found = run(capsys, "sample", LAW, "--plan", str(out), "-n", "3", "--seed", "2")
    sampler = recipes.exact(unmask.orders.from_name(plan["order"]), tuple(plan["sizes"]))
    assert found["tokens"] == unmask.sample(ORACLE, sampler, n=3, seed=2).rows()
    assert found["canvases"] >= found["network_calls"]
    scored = run(capsys, "score", LAW, "--plan", str(out), "--texts", "3")
    assert scored["exact"] is True


def test_the_overlaps_of_all_orders_are_reported(capsys, tmp_path):
    report = run(capsys, "measure", LAW, "--overlaps", "--texts", "6", "--out", str(tmp_path / "m.json"))
    assert set(report["orders"]) == {"bit_reversal", "golden_ratio", "uniform", "left_to_right"}
    assert report["network_calls"] == 8 * 6 * 4


def test_exact_is_the_rule_by_its_own_option(capsys):
    found = run(capsys, "sample", LAW, "--exact", "--order", "uniform", "--draft", "3", "-n", "2")
    named = run(capsys, "sample", LAW, "--rule", "exact:draft=3,order=uniform", "-n", "2")
    assert found["tokens"] == named["tokens"]
    assert found["sampler"] == "exact"


def test_tables_name_canvases_where_they_are_more_than_calls(capsys):
    assert cli.main(["sample", LAW, "--exact"]) == 0
    assert "canvases" in capsys.readouterr().out
    assert cli.main(["sample", LAW]) == 0
    assert "canvases" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", LAW, "--exact", "--rule", "margin:2"], "--exact and --rule were both given"),
        (["sample", LAW, "--exact", "--steps", "2"], "--exact and --steps were both given"),
        (["sample", LAW, "--exact", "--order", "margin"], "there is no reveal order 'margin'"),
        (["sample", LAW, "--draft", "2"], "--draft was given without --exact"),
        (["sample", LAW, "--rule", "exact:draft=0"], "draft is 0; expected at least 1"),
        (["measure", LAW, "--overlaps", "--counts", "all", "--out", "x.json"], "--overlaps does not take it"),
        (["measure", LAW, "--overlaps", "--orders", "auto", "--out", "x.json"], "--orders is auto; with --overlaps"),
        (["measure", LAW, "--overlaps", "--out", "no/such/x.json"], "there is no folder no/such"),
        (["plan", "law:permutation", "--price-per-canvas", "1"], "--price-per-canvas was given without --exact"),
        (["plan", "nothing.json", "--exact"], "cannot read nothing.json"),
    ],
)
def test_a_bad_request_is_one_clear_line(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_steps_and_a_missing_order_are_refused(capsys, measured):
    assert "--exact and --steps were both given" in refused(capsys, "plan", str(measured), "--exact", "--steps", "3")
    message = refused(capsys, "plan", str(measured), "--exact", "--order", "strided")
    assert "order 'strided' was not measured; there are bit_reversal" in message

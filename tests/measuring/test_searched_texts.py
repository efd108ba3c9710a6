"""Texts that orders were searched on are neither measured nor priced afterwards: their prices would be flattered."""

import json

import numpy as np

import unmask
from unmask import cli
from unmask.certifying.unmeasured_texts import texts_of
from unmask.measuring.measurement import Measurement, text_digest

LAW = "law:markov_chain:length=12"


def test_searched_texts_are_not_measured_and_every_text_is_used_once(tmp_path):
    """`--orders auto` searches on some of the texts; those that are measured are exactly the others."""
    law = unmask.laws.MarkovChain([0.25] * 4, np.full((4, 4), 0.1) + 0.6 * np.eye(4), 12)
    texts = np.unique(law.sample(200, 0), axis=0)[:48]
    np.save(tmp_path / "t.npy", texts)
    out = tmp_path / "m.curve.json"
    asked = ["measure", LAW, "--data", str(tmp_path / "t.npy"), "--orders", "auto", "--out", str(out)]
    assert cli.main(asked) == 0
    searched, measured = set(json.loads(out.read_text())["settings"]["searched"]), Measurement.load(out)
    digests = {text_digest(text) for text in texts}
    assert searched
    assert not searched & set(measured.texts)
    assert searched | set(measured.texts) == digests
    assert len(measured.texts) == len(measured.losses) == len(texts) - len(searched)
    assert texts_of(measured) == digests


def test_a_plan_names_the_texts_it_was_searched_and_measured_on(tmp_path):
    out = tmp_path / "m.curve.json"
    assert cli.main(["measure", LAW, "--texts", "40", "--orders", "auto", "--out", str(out)]) == 0
    measured = Measurement.load(out)
    assert set(unmask.plan(measured, steps=3).texts) == texts_of(measured)

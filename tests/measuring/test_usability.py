import math

import numpy as np
import pytest

import unmask
from unmask.laws import MarkovChain
from unmask.measuring.usability import frequency_loss, usability


def test_frequencies_of_one_text_priced_by_the_others_are_those_of_the_formula():
    texts = np.array([[0, 1], [0, 2], [1, 1]])
    # V = 3, each count half more: column 0 has 0 twice and 1 once, column 1 has 1 twice and 2 once.
    expected = -(2 * math.log(1.5 / 3.5) + math.log(0.5 / 3.5)) / 3
    assert frequency_loss(texts, 3) == pytest.approx(expected)


def test_frequencies_of_many_independent_texts_approach_their_entropy():
    texts = np.random.default_rng(0).choice(4, size=(20000, 3), p=[0.5, 0.25, 0.125, 0.125])
    assert frequency_loss(texts, 4) == pytest.approx(1.75 * math.log(2), abs=0.01)


def test_a_law_that_is_solved_exactly_is_usable_with_everything_masked():
    law = MarkovChain(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), 8)
    texts = law.sample(400, 0)
    measured = unmask.measure(unmask.oracle(law), texts, counts="all")
    found = usability(measured.counts, measured.losses.mean(0), measured.entropies.mean(0), 2, texts)
    assert found.usable_from == 0
    assert found.sentences[0].startswith("usable with everything masked")


TEXTS = np.random.default_rng(1).choice(20, size=(300, 16), p=[0.6, *[0.4 / 19] * 19])
"""Frequencies cost about 1.85 nats/token, guessing evenly log 20 = 3.00."""


def test_a_network_that_is_sure_and_wrong_where_much_is_masked_is_told_apart():
    found = usability([0, 4, 8, 15], [3.54, 2.36, 0.78, 0.37], [1.45, 1.22, 0.78, 0.43], 20, TEXTS)
    assert found.usable_from == 8
    assert "not usable with nearly everything masked" in found.sentences[0]
    assert "sure and wrong (own entropy 1.45, 2.09 less than it pays)" in found.sentences[1]


def test_a_network_that_never_saw_the_mask_is_told_apart():
    found = usability([0, 4, 8, 15], [2.75, 2.55, 1.2, 0.55], [2.43, 2.41, 2.27, 0.79], 20, TEXTS)
    assert found.usable_from == 8
    assert "may never have seen the mask" in found.sentences[1]


def test_a_head_that_does_not_beat_frequencies_with_all_but_one_known_is_dead():
    found = usability([0, 8, 15], [3.0, 3.0, 2.9], [2.9, 2.9, 2.9], 20, TEXTS)
    assert found.usable_from is None
    assert found.sentences[0].startswith("dead or foreign: even with 15 of 16 tokens known it pays 2.90")

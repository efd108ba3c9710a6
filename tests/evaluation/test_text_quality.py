"""Statistics of token rows, against counts made by hand."""

import json
import math

import numpy as np
import pytest

from unmask.errors import InputError
from unmask.evaluation.text_quality import TextQuality, entropy, text_quality, total_variation


def words(ids):
    return " ".join(["Anna", "has", "figs", "limes"][token] for token in ids)


def test_equal_rows_of_one_token_have_no_entropy_and_repeat_everything():
    found = text_quality(np.zeros((5, 6), dtype=int))
    assert found.unigram_entropy == found.sequence_entropy == 0
    assert found.distinct == {1: 1 / 30, 2: 1 / 25, 3: 1 / 20}
    assert found.repeated == pytest.approx({2: 4 / 5, 3: 3 / 4, 4: 2 / 3})
    assert (found.distinct_rows, found.rows, found.tokens) == (1 / 5, 5, 30)
    assert found.unigram_distance is found.bigram_distance is found.character_distance is found.word_length is None


def test_a_row_of_distinct_tokens_has_all_the_entropy_there_is():
    found = text_quality([[0, 1, 2, 3, 4, 5, 6, 7]])
    assert found.unigram_entropy == pytest.approx(math.log(8))
    assert found.sequence_entropy == pytest.approx(math.log(8))
    assert found.distinct == {1: 1, 2: 1, 3: 1}
    assert found.repeated == {2: 0, 3: 0, 4: 0}


def test_rows_of_one_token_each_have_entropy_together_and_none_alone():
    found = text_quality([[0, 0], [1, 1]])
    assert found.unigram_entropy == pytest.approx(math.log(2))
    assert found.sequence_entropy == 0
    assert found.distinct == {1: 2 / 4, 2: 2 / 2}  # three tokens do not fit into a row of two
    assert found.repeated == {2: 0}


def test_n_grams_are_those_counted_by_hand():
    found = text_quality([[1, 2, 1, 2, 1], [2, 1, 3, 2, 1]])
    # Pairs 12 21 12 21 | 21 13 32 21: four different ones of eight; two of four and one of four stood earlier.
    assert found.distinct == {1: 3 / 10, 2: 4 / 8, 3: 5 / 6}
    assert found.repeated == pytest.approx({2: (2 / 4 + 1 / 4) / 2, 3: (1 / 3 + 0) / 2, 4: 0})


def test_large_ids_are_counted_without_overflow():
    rows = np.array([[2**20 + 1, 2**20, 2**20 + 1, 2**20, 2**20 + 1, 2**20]])
    assert text_quality(rows).repeated == pytest.approx({2: 3 / 5, 3: 2 / 4, 4: 1 / 3})


def test_identical_samples_are_at_distance_zero_and_disjoint_ones_at_one():
    rows = np.array([[0, 1, 2, 1], [2, 2, 0, 1]])
    same, other = text_quality(rows, rows), text_quality(rows, rows + 3)
    assert same.unigram_distance == same.bigram_distance == 0
    assert other.unigram_distance == other.bigram_distance == 1


def test_distances_of_small_distributions_are_exact():
    assert total_variation([0, 0, 1, 1], [0, 0, 0, 1]) == pytest.approx(0.25)
    assert entropy([0, 0, 1, 2]) == pytest.approx(1.5 * math.log(2))
    found = text_quality([[0, 0, 1]], [[0, 1, 1, 1]])  # pairs: 00 01 beside 01 11 11
    assert found.unigram_distance == pytest.approx(2 / 3 - 1 / 4)
    assert found.bigram_distance == pytest.approx(2 / 3)


def test_real_text_is_not_at_distance_zero_from_more_of_itself_and_comes_nearer_with_its_amount():
    rows = np.random.default_rng(0).integers(0, 50, (2000, 10))
    few, many = text_quality(rows[:20], rows[20:40]), text_quality(rows[:1000], rows[1000:])
    assert 0 < many.unigram_distance < few.unigram_distance / 3


def test_words_and_characters_are_those_of_the_text():
    found = text_quality([[0, 1, 3]], [[0, 1, 2]], words)  # "Anna has limes" beside "Anna has figs"
    assert found.word_length == pytest.approx(12 / 3)
    assert found.known_words == pytest.approx(2 / 3)
    ours, real = "Anna has limes", "Anna has figs"
    by_hand = sum(abs(ours.count(c) / len(ours) - real.count(c) / len(real)) for c in set(ours + real)) / 2
    assert found.character_distance == pytest.approx(by_hand)


def test_without_words_or_reference_there_are_no_figures_of_them():
    silent = text_quality([[0, 1]], [[0, 1]], lambda ids: "")
    assert silent.character_distance is silent.word_length is silent.known_words is None
    alone = text_quality([[0, 1]], None, words)
    assert (alone.character_distance, alone.word_length, alone.known_words) == (None, 3.5, None)


def test_what_was_given_is_not_counted():
    rows = np.array([[9, 9, 0, 1], [9, 9, 1, 0]])
    assert text_quality(rows, rows, given=2) == text_quality(rows[:, 2:], rows[:, 2:])


def test_it_survives_json():
    found = text_quality([[0, 1, 2, 3], [0, 0, 1, 1]], [[0, 1, 2, 2]], words)
    assert TextQuality.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("tokens", [[1, 2], [[0.5, 1.0]], np.zeros((0, 3), dtype=int), [[1, -1]]])
def test_what_are_no_rows_of_tokens_is_refused_in_one_line(tokens):
    with pytest.raises(InputError, match=r"^tokens .*expected token ids[^\n]*$"):
        text_quality(tokens)


def test_a_prompt_as_long_as_the_rows_is_refused():
    with pytest.raises(InputError, match="given is 2; expected 0 to 1"):
        text_quality([[1, 2]], given=2)

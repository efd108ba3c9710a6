import math

import numpy as np
import pytest

from reference import law_checks
from unmask import InputError
from unmask.laws import recall
from unmask.laws.catalogue import from_name


def test_everything_is_exact():
    law_checks.assert_law_is_exact(recall(2, 2, 2))
    law_checks.assert_curve_is_exact(recall(2, 2, 2))
    law_checks.assert_law_is_exact(recall(2, 3, 2))
    law_checks.assert_samples_follow(recall(2, 3, 2), n=5000)


@pytest.mark.parametrize(("pairs", "keys", "values"), [(3, 4, 4), (2, 3, 2), (1, 1, 2)])
def test_the_entropy_is_that_of_keys_values_and_question(pairs, keys, values):
    law = recall(pairs, keys, values)
    nats = math.log(math.perm(keys, pairs)) + pairs * math.log(values) + math.log(pairs)
    assert law.entropy == pytest.approx(nats)
    assert len(law.listed.sequences) == round(math.exp(nats))
    assert law.length == 2 * pairs + 2
    assert law.vocab_size == keys + values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("anna figs ben apples dora figs ben apples", None),
        ("anna figs ben apples dora figs ben figs", "ben has apples, not figs"),
        ("anna figs ben apples dora figs carla figs", "carla is asked but not given"),
        ("anna figs anna apples dora figs dora figs", "anna stands twice among the pairs"),
        ("anna figs ben apples dora figs apples figs", '"apples" stands where a name belongs'),
        ("anna figs ben dora dora figs anna figs", '"dora" stands where a fruit belongs'),
    ],
)
def test_a_wrong_answer_is_named(text, reason):
    law = recall()
    row = law.encode(text)
    assert law.decode(row) == text
    assert law.explain(row) == reason
    assert law.is_valid(row[None])[0] == (reason is None)


def test_the_rule_agrees_with_the_list_on_every_row():
    law = recall(2, 3, 2)
    rows = law.support()
    assert [law.explain(row) is None for row in rows] == law.is_valid(rows).tolist()


def test_the_answer_is_certain_once_the_prompt_is_known():
    law = from_name("recall")
    assert law.prompt_length == law.length - 1
    x = law.sample(200, seed=4)
    answers = law.conditionals(x, np.arange(law.length) < np.full((200, 1), law.prompt_length))
    np.testing.assert_array_equal(answers[:, -1].argmax(axis=1), x[:, -1])
    np.testing.assert_allclose(answers[:, -1].max(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((5, 6, 4), r"pairs is 5; .* more than 50000 sequences, .* pairs may be at most 3 here"),
        ((5, 4, 4), r"pairs is 5; expected a whole number in 1..4"),
        ((1, 13, 4), r"keys is 13; expected a whole number in 1..12"),
        ((1, 2, 1), r"values is 1; expected a whole number in 2..8"),
    ],
)
def test_what_cannot_be_listed_is_refused_in_one_line(sizes, message):
    with pytest.raises(InputError, match=message) as caught:
        recall(*sizes)
    assert "\n" not in str(caught.value)

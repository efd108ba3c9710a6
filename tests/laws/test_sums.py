import math

import numpy as np
import pytest

from reference import law_checks
from unmask import InputError
from unmask.laws import modular_sum, running_sum
from unmask.laws.catalogue import from_name


@pytest.mark.parametrize("law", [modular_sum(3, 3), modular_sum(2, 4), running_sum(3, 3), running_sum(2, 4)])
def test_everything_is_exact(law):
    law_checks.assert_law_is_exact(law)
    law_checks.assert_curve_is_exact(law)
    law_checks.assert_samples_follow(law, n=5000)


@pytest.mark.parametrize("make", [modular_sum, running_sum])
def test_the_entropy_is_that_of_the_digits(make):
    assert make(4, 10).entropy == pytest.approx(4 * math.log(10))
    assert make(3, 7).entropy == pytest.approx(3 * math.log(7))
    assert len(make(3, 7).listed.sequences) == 7**3


def test_a_sum_is_a_code_all_tokens_but_one_are_free():
    np.testing.assert_allclose(modular_sum(4, 5).curve().values, [math.log(5)] * 4 + [0.0], atol=1e-12)


def test_answers_are_the_sums():
    x = running_sum(4, 10).sample(100, seed=2)
    np.testing.assert_array_equal(x[:, 4:], x[:, :4].cumsum(axis=1) % 10)
    x = modular_sum(4, 10).sample(100, seed=2)
    np.testing.assert_array_equal(x[:, 4], x[:, :4].sum(axis=1) % 10)


@pytest.mark.parametrize(
    ("law", "text", "reason"),
    [
        (modular_sum(2, 5), "3 4 2", None),
        (modular_sum(2, 5), "3 4 1", "3 + 4 is 2 mod 5, not 1"),
        (modular_sum(3, 5), "3 4 4 0", "3 + 4 + 4 is 1 mod 5, not 0"),
        (running_sum(3, 5), "3 4 4 3 2 1", None),
        (running_sum(3, 5), "3 4 4 4 2 1", "the first sum is 3, not 4"),
        (running_sum(3, 5), "3 4 4 3 2 0", "2 + 4 is 1 mod 5, not 0"),
    ],
)
def test_a_wrong_sum_is_named(law, text, reason):
    row = law.encode(text)
    assert law.decode(row) == text
    assert law.explain(row) == reason
    assert law.is_valid(row[None])[0] == (reason is None)


@pytest.mark.parametrize("law", [modular_sum(3, 4), running_sum(3, 4)])
def test_the_rule_agrees_with_the_list_on_every_row(law):
    rows = law.support()
    assert [law.explain(row) is None for row in rows] == law.is_valid(rows).tolist()


def test_sums_have_names_and_their_digits_are_given():
    for name in ("modular_sum", "running_sum"):
        law = from_name(f"{name}:digits=3,modulus=7")
        assert repr(law) == f"ListedTask({name}:digits=3,modulus=7)"
        assert law.prompt_length == 3
        assert law.words == tuple("0123456")


@pytest.mark.parametrize(
    ("digits", "modulus", "message"),
    [
        (5, 10, r"digits is 5; the task then has more than 50000 sequences, .* digits may be at most 4 here"),
        (1, 10, r"digits is 1; expected a whole number in 2..15"),
        (2, 1, r"modulus is 1; expected a whole number in 2..100"),
    ],
)
def test_sums_that_cannot_be_listed_are_refused_in_one_line(digits, modulus, message):
    with pytest.raises(InputError, match=message) as caught:
        running_sum(digits, modulus)
    assert "\n" not in str(caught.value)

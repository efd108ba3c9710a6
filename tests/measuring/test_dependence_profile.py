"""What is measured of laws whose dependence is known."""

import math

import numpy as np
import pytest

import unmask
from unmask.errors import InputError
from unmask.laws import Table
from unmask.measuring.dependence_profile import DOUBT, measure_dependence_profile


def measured(law, texts, **options):
    return measure_dependence_profile(unmask.oracle(law), law.sample(texts, 0), **options)


def test_in_a_chain_only_distance_counts_and_known_tokens_between_shield():
    law = unmask.laws.IsingChain(12, 0.5)
    profile = measured(law, 100)
    assert profile.pairs is None
    for distance in (1, 2, 3):
        agree = (1 + math.tanh(0.5) ** distance) / 2
        share = 1 + (agree * math.log(agree) + (1 - agree) * math.log(1 - agree)) / math.log(2)
        assert profile.by_distance[0, distance] == pytest.approx(share, abs=0.02)  # doubt: 0.25 of 500 nats and more
    assert profile.by_distance[2, 1] > 5 * profile.by_distance[2, 4]


def test_pairs_are_found_where_positions_mean_something():
    bits = np.full((2, 2), 0.05) + 0.4 * np.eye(2)
    law = Table(np.einsum("ab,cd,ef->abcdef", bits, bits, bits))  # 0 and 1 belong together, 2 and 3, 4 and 5
    profile = measured(law, 60)
    assert profile.pairs is not None
    share = 1 + (0.9 * math.log(0.9) + 0.1 * math.log(0.1)) / math.log(2)
    for i in range(6):
        for j in range(6):
            expected = share if i // 2 == j // 2 else 0.0
            assert profile.pairs[0, i, j] == pytest.approx(expected * (i != j), abs=0.02)


def test_what_was_hardly_seen_counts_as_dependent():
    law = unmask.laws.Product(np.full((5, 4), 0.25))
    profile = measured(law, 3, pairs=True)
    weight = 3 * 2 * math.log(4)  # three texts, shown both ways
    assert profile.pairs[0, 0, 1] == pytest.approx(DOUBT / (weight + DOUBT), rel=1e-4)
    assert profile.pairs.diagonal(axis1=1, axis2=2).max() == 0


def test_the_order_of_the_texts_does_not_matter_and_the_seed_does():
    law = unmask.laws.IsingChain(40, 1.0)
    texts = law.sample(6, 0)
    first, second, other = (
        measure_dependence_profile(unmask.oracle(law), rows, seed, pairs=False)
        for rows, seed in ((texts, 0), (texts[::-1], 0), (texts, 1))
    )
    np.testing.assert_allclose(first.by_distance, second.by_distance)
    assert not np.allclose(first.by_distance, other.by_distance)


@pytest.mark.parametrize("calls", [40, 100, 500])
def test_no_more_calls_are_spent_than_allowed(calls):
    law = unmask.laws.IsingChain(24, 1.0)
    profile = measured(law, 12, calls=calls)
    assert calls / 3 < profile.network_calls <= calls


def test_given_positions_have_nothing_in_common_with_any():
    law = unmask.laws.Repeated(6, 3, noise=0.2)
    profile = measured(law, 20, given=2, pairs=True)
    assert (profile.pairs[:, :2, 2:] == 1).all()  # never seen: doubted, and never asked for
    assert (profile.pairs[0, 2:, 2:][~np.eye(4, dtype=bool)] < 1).all()


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        (1, {}, "1 texts of 6 positions"),
        (5, {"given": 5}, "5 texts of 1 positions"),
        (5, {"calls": 3}, "calls allow 3 canvases"),
    ],
)
def test_what_cannot_be_measured_is_refused(texts, options, words):
    with pytest.raises(InputError, match=words):
        measured(unmask.laws.Repeated(6, 3), texts, **options)

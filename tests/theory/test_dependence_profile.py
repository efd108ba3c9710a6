"""The profile itself: what it may hold, its file, and the bound that keeps a promise."""

import math

import numpy as np
import pytest

from unmask.errors import InputError
from unmask.theory.dependence_profile import DependenceProfile

PAIRS = DependenceProfile.of_pairs([[0, 0.5, 0], [0.5, 0, 0.25], [0, 0.25, 0]])


def with_promises(*rows):
    return DependenceProfile(np.zeros(1), np.array([[0.0, 0.5]]), promises=np.array(rows, dtype=float).reshape(-1, 4))


def test_distances_of_given_pairs_are_means():
    assert PAIRS.by_distance.tolist() == [[0.0, 0.375, 0.0]]


def test_a_profile_survives_its_file(tmp_path):
    profile = DependenceProfile(
        np.array([0.0, 0.5]), np.array([[0.0, 0.25], [0.0, 0.125]]), promises=np.array([[0.1, 0.2, 0.01, 8]]),
        texts=7, network_calls=70, seed=3, model={"name": "m", "digest": "d"},
    )  # fmt: skip
    for kept in (profile, PAIRS):
        again = DependenceProfile.load(kept.save(tmp_path / "p.dependence.json"))
        assert again.to_dict() == kept.to_dict()
        assert repr(again) == repr(kept)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"known": [0.5]}, "rise from 0"),
        ({"known": [0.0, 0.0]}, "rise from 0"),
        ({"by_distance": [[0.0, 1.5]]}, "shares lie in 0..1"),
        ({"by_distance": [[0.0, math.nan]]}, "finite numbers"),
        ({"by_distance": [[0.0, 0.5], [0.0, 0.5]]}, r"shape \(2, 2\); expected finite numbers of shape \(1, 2\)"),
        ({"pairs": [[[0.0, 0.5], [0.25, 0.0]]]}, "not symmetric"),
        ({"promises": [[1.0, 2.0]]}, "promises has shape"),
    ],
)
def test_what_no_profile_holds_is_refused(arrays, words):
    whole = {"known": np.zeros(1), "by_distance": np.array([[0.0, 0.5]])}
    with pytest.raises(InputError, match=words):
        DependenceProfile(**{**whole, **{name: np.array(value) for name, value in arrays.items()}})


def test_a_damaged_file_is_refused_by_name(tmp_path):
    file = PAIRS.save(tmp_path / "p.dependence.json")
    file.write_text(file.read_text().replace('"promises"', '"promise"'))
    with pytest.raises(InputError, match=r"p\.dependence\.json is not a whole unmask.profile/1 file"):
        DependenceProfile.load(file)


def test_without_promises_gamma_is_the_bound():
    assert PAIRS.bound(0.3) == 0.3


def test_a_promise_is_kept_by_the_bound_that_was_measured_to_cost_so_much():
    profile = with_promises([0.1, 0.05, 0, 9], [0.4, 0.2, 0, 5], [0.8, 0.2, 0, 4], [2.0, 1.0, 0, 2])
    assert profile.bound(0.05) == pytest.approx(0.1)
    assert profile.bound(0.2) == pytest.approx(0.8)  # of two that cost the same, the looser
    assert profile.bound(0.6) == pytest.approx(1.4)
    assert profile.bound(2.0) == pytest.approx(4.0)  # beyond, in proportion
    assert profile.bound(0.0) == 0.0


def test_where_everything_was_free_any_promise_is_kept():
    assert with_promises([0.1, 0.0, 0, 9], [0.4, 0.0, 0, 1]).bound(0.2) == math.inf

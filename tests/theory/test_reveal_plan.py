"""A plan of one's own: a length and a draw are enough to be sampled, scored and certified."""

import numpy as np
import pytest

import unmask
from unmask import recipes
from unmask.certifying.plan_replay import PlanReplay
from unmask.theory.reveal_plan import RevealPlan


class EvenThenOdd:
    """Even positions in one step, odd ones in the next."""

    length = 4

    def draw(self, seed):
        return np.array([0, 2, 1, 3]), unmask.Schedule([2, 2])


class NoDraw:
    length = 4


def test_a_length_and_a_draw_make_a_plan():
    assert isinstance(EvenThenOdd(), RevealPlan)
    assert isinstance(unmask.plan(unmask.InformationCurve([2.0, 1.0, 0.5, 0.5]), 2), RevealPlan)
    assert not isinstance(unmask.Schedule([2, 2]), RevealPlan)
    assert not isinstance(NoDraw(), RevealPlan)


@pytest.mark.parametrize("make", [recipes.planned, recipes.as_sampler])
def test_a_plan_of_ones_own_is_followed(make):
    out = unmask.sample(unmask.oracle(unmask.laws.Permutation(4)), make(EvenThenOdd()), n=1)
    assert [sorted(line["positions"]) for line in out.trace] == [[0, 2], [1, 3]]


def test_what_is_no_plan_is_refused_in_one_line():
    with pytest.raises(unmask.InputError, match="expected a Plan or a Schedule"):
        recipes.planned(NoDraw())
    with pytest.raises(unmask.InputError, match="expected a plan or a Schedule"):
        PlanReplay(NoDraw(), 4, 0, None, 0)
    assert PlanReplay(EvenThenOdd(), 4, 0, None, 0).length == 4

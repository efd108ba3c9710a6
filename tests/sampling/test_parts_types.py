"""Parts declare flags of their kind and no others, and read what is there and was declared."""

from typing import ClassVar

import pytest

import unmask
from reference.tiny_network import TinyNetwork
from unmask import InputError, recipes
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.parts import Selection, Stop
from unmask.sampling.randomness import row_seeds
from unmask.sampling.request import rows_of
from unmask.sampling.sample import canvas_of
from unmask.sampling.sampler import Sampler


def test_a_misspelt_flag_is_refused_with_the_flags_there_are():
    with pytest.raises(InputError, match=r"Own declares 'read_model'; its flags are .*reads_model"):

        class Own(Selection):
            read_model: ClassVar[bool] = True


def test_a_flag_that_is_not_declared_has_its_default():
    class Own(Selection):
        reads_model: ClassVar[bool] = True

    assert Own().reads_model
    assert not Own().reads_draw
    assert not Own().may_skip
    assert Own().source == ""


def looked_at(sampler):
    """A step of the sampler on two rows, its window open and nothing more."""
    network = TinyNetwork()
    canvas = canvas_of(rows_of(network, n=2, length=4), row_seeds(0, 2), network)
    return sampler.opened(canvas, ModelCalls(network, canvas)), canvas


@pytest.mark.parametrize(
    "name", ["positions", "log_probs", "confidence", "open", "priority", "ranked", "picked", "counts"]
)
def test_what_is_read_before_it_is_there_says_so(name):
    step, _ = looked_at(recipes.threshold(0.5))
    with pytest.raises(RuntimeError, match="is read before"):
        getattr(step, name)
    assert not hasattr(step, "piked")


def test_a_part_that_reads_what_it_did_not_declare_is_told_so():
    class Secret(Selection):
        def __call__(self, step):
            return step.open & (step.grid(step.confidence) > 0.5)

    class SecretDraw(Selection):
        reads_model: ClassVar[bool] = True

        def __call__(self, step):
            return step.open & (step.grid(step.drawn) > 0)

    with pytest.raises(RuntimeError, match="while positions were chosen ahead; declare reads_model = True"):
        unmask.sample(TinyNetwork(), Sampler(recipes.one_by_one().order, Secret()), length=4)
    with pytest.raises(RuntimeError, match="without declaring reads_draw = True"):
        unmask.sample(TinyNetwork(), Sampler(recipes.one_by_one().order, SecretDraw()), length=4)


def test_positions_chosen_ahead_are_picked_when_they_are_revealed():
    seen = []

    class Watching(Stop):
        def __call__(self, step):
            seen.append(step.picked.sum(1).tolist())
            return step.canvas.remaining == 0

    out = unmask.sample(TinyNetwork(), recipes.planned(unmask.Schedule([1, 3])).ending(Watching()), n=2)
    assert seen == [[1, 1], [3, 3]]
    assert out.sampler.predictable


def test_scorability_is_true_where_there_is_a_likelihood_and_prints_its_reason():
    planned, replay, never = recipes.one_by_one(), recipes.threshold(0.9), recipes.threshold(0.9).drawing(temperature=0)
    assert [bool(sampler.scorable) for sampler in (planned, replay, never)] == [True, True, False]
    assert [sampler.scorable.kind for sampler in (planned, replay, never)] == ["planned", "replay", "measured only"]
    assert str(replay.scorable) == "replay"
    assert str(never.scorable) == "measured only: a greedy draw gives one text all the probability"

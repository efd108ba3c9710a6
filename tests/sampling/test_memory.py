"""What parts remember: by part and by row, moved once a step, wherever a row's batch mates go."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import unmask
from reference.seeing_network import SeeingNetwork
from unmask import recipes
from unmask.sampling import rule_names
from unmask.sampling.canvas import Canvas
from unmask.sampling.memory import Packed
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.parts import Selection
from unmask.sampling.randomness import row_seeds
from unmask.sampling.request import rows_of
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.sampling.sample import canvas_of
from unmask.sampling.selections import Sizes
from unmask.sampling.step import Begun

LENGTH, ROWS = 9, 5
SAMPLERS = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in CATALOGUE.items() if rule.named}
SAMPLERS["planned"] = recipes.planned(unmask.Schedule([1, 2, 6]))
SAMPLERS["spaced"] = recipes.spaced(recipes.margin(4), gap=3)
SAMPLERS["klass, then sizes"] = replace(
    recipes.klass(0.2, 0.5, 1), selection=replace(recipes.klass(0.2, 0.5, 1).selection, otherwise=Sizes(4))
)
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def begun(sampler, network=None):
    network = SeeingNetwork() if network is None else network
    canvas = canvas_of(rows_of(network, n=ROWS, length=LENGTH), row_seeds(3, ROWS), network)
    if sampler.start is not None:
        sampler.start(Begun(canvas, ModelCalls(network, canvas)))
    return canvas


def advanced(sampler, canvas, steps=10_000):
    """The canvas after so many more steps, by the loop that looks before it chooses."""
    door = ModelCalls(SeeingNetwork(), canvas)
    while canvas.unfinished() and steps:
        step = sampler.look(canvas, door)
        sampler.reveal(step)
        if sampler.revision is not None:
            sampler.revision(step)
        canvas.end_step(sampler.stop(step))
        steps -= 1
    return canvas


@dataclass(frozen=True)
class Wrapped(Selection):
    """Whatever another selection is."""

    selection: Selection

    reads_model = property(lambda self: self.selection.reads_model)
    reads_draw = property(lambda self: self.selection.reads_draw)
    may_skip = property(lambda self: self.selection.may_skip)
    random = property(lambda self: self.selection.random)


class Twice(Wrapped):
    """Asks three times, for all rows and for half of them, and uses the last answer."""

    def __call__(self, step) -> Tensor:
        self.selection(step)
        self.selection(step.only(torch.arange(step.canvas.rows) % 2 == 0))
        return self.selection(step)


class InTurns(Wrapped):
    """Asks for every other row, and then for the rest."""

    def __call__(self, step) -> Tensor:
        even = torch.arange(step.canvas.rows) % 2 == 0
        answers = [self.selection(step.only(rows)) & rows[:, None] for rows in (even, ~even)]
        return answers[0] | answers[1]


class OfHalf(Wrapped):
    """Asks for every other row alone; the others reveal their first choice."""

    def __call__(self, step) -> Tensor:
        even = torch.arange(step.canvas.rows) % 2 == 0
        return torch.where(even[:, None], self.selection(step.only(even)), step.first(torch.ones(step.canvas.rows)))


@every_sampler
@pytest.mark.parametrize("wrapper", [Twice, InTurns])
def test_how_often_a_selection_is_asked_in_a_step_changes_nothing(sampler, wrapper):
    asked = replace(sampler, selection=wrapper(sampler.selection))
    assert torch.equal(advanced(asked, begun(asked)).tokens, advanced(sampler, begun(sampler)).tokens)


@every_sampler
def test_rows_that_leave_take_their_state_with_them(sampler):
    whole = advanced(sampler, begun(sampler))
    for steps in (1, 2, 3):
        canvas = advanced(sampler, begun(sampler), steps)
        left, stayed = canvas.cut(torch.tensor([3, 0])), canvas.cut(torch.tensor([1, 2, 4]))
        assert torch.equal(advanced(sampler, left).tokens, whole.tokens[[3, 0]])
        assert torch.equal(advanced(sampler, stayed).tokens, whole.tokens[[1, 2, 4]])
        assert torch.equal(left.steps, whole.steps[[3, 0]])


@every_sampler
def test_rows_that_join_go_on_as_if_they_had_been_alone(sampler):
    whole = advanced(sampler, begun(sampler))
    canvas = advanced(sampler, begun(sampler), 1)
    halves = [advanced(sampler, canvas.cut(torch.tensor(rows)), 1) for rows in ([3, 0], [1, 2, 4])]
    joined = advanced(sampler, halves[0].joined(halves[1]))
    assert torch.equal(joined.tokens, whole.tokens[[3, 0, 1, 2, 4]])


def test_a_state_stays_where_it_was_in_rows_that_are_not_asked():
    sampler = recipes.margin(4)
    sizes = sampler.selection
    half = replace(sampler, selection=OfHalf(sizes))
    canvas = advanced(half, begun(half), 2)
    assert [block.taken for block in canvas.recall(sizes)] == [2, 0, 2, 0, 2]


def test_equal_parts_have_a_state_each_and_one_part_one_in_each_run():
    one, other = Sizes(4), Sizes(4)
    assert one == other
    sampler = recipes.margin(4)
    canvas = begun(sampler)
    canvas.recall(one), canvas.recall(other)
    canvas.remember(one, [7] * ROWS)
    assert canvas.recall(one) == canvas.recall(other)  # what is written is seen from the next step on
    canvas.memory.end_step()
    assert canvas.recall(one) == [7] * ROWS != canvas.recall(other)
    assert begun(sampler).recall(one) == begun(sampler).recall(other)


class Pair(NamedTuple):
    numbers: Tensor
    packed: Packed


@dataclass(frozen=True)
class Remembering:
    """A state of every kind."""

    width: int

    def begin(self, canvas):
        index = torch.full((canvas.rows, canvas.length), -1)
        index[:, self.width] = torch.arange(canvas.rows)
        return Pair(torch.ones(canvas.rows, self.width), Packed(index, canvas.seeds[:, None].float()))


def test_states_of_different_widths_are_filled_up_with_zeros_and_packed_values_keep_their_places():
    canvas = Canvas(torch.zeros(3, 4).long(), torch.zeros(3, 4).bool(), torch.tensor([5, 6, 7]), 0, torch.device("cpu"))
    part = Remembering(1)
    canvas.recall(part)
    canvas.remember(part, Remembering(2).begin(canvas), torch.tensor([False, True, False]))
    canvas.memory.end_step()
    state = canvas.recall(part)
    assert isinstance(state, Pair)
    assert state.numbers.tolist() == [[1, 0], [1, 1], [1, 0]]
    held = state.packed.index >= 0
    assert held.nonzero().tolist() == [[0, 1], [1, 2], [2, 1]]
    assert state.packed.values[state.packed.index[held]].squeeze(1).tolist() == [5, 6, 7]
    assert len(state.packed.values) == 3


def test_what_is_no_state_by_row_is_refused():
    canvas = begun(recipes.margin(4))
    canvas.memory.recall(canvas, lambda where: 3, canvas)
    with pytest.raises(unmask.InputError, match="a part remembers int; expected tensors or lists"):
        canvas.cut(torch.tensor([0]))


def test_canvases_of_different_steps_are_not_joined():
    sampler = recipes.margin(4)
    first, second = begun(sampler), advanced(sampler, begun(sampler), 1)
    with pytest.raises(unmask.InputError, match="at step 0 and of length 9 at step 1 cannot be joined"):
        first.joined(second)

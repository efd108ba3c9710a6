"""What sampling may cost beside the network: which positions are asked for, and how large an array is ever made."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import unmask
from reference.seeing_network import SeeingNetwork
from unmask import recipes

ROWS, LENGTH, VOCAB = 6, 16, 700  # three chunks of the draw, the last one short


class Sizes(TorchDispatchMode):
    """The largest array made, and the widest one in float64."""

    def __init__(self):
        super().__init__()
        self.largest = 0
        self.wide_doubles = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().nbytes():
                self.largest = max(self.largest, tensor.untyped_storage().nbytes() // tensor.element_size())
                self.wide_doubles += tensor.dtype == torch.float64 and tensor.ndim > 0 and tensor.shape[-1] >= VOCAB - 1
        return made


class Spied(SeeingNetwork):
    """Its own arrays are not counted; the positions of every call are."""

    def __init__(self, spy):
        super().__init__(vocab_size=VOCAB, mask_token_id=VOCAB - 1)
        self.spy, self.asked = spy, []

    def log_probs(self, tokens, known, wanted):
        self.asked.append((len(tokens), len(wanted.rows)))
        self.spy.__exit__(None, None, None)
        try:
            return super().log_probs(tokens, known, wanted)
        finally:
            self.spy.__enter__()


def watched(sampler):
    spy = Sizes()
    network = Spied(spy)
    network.uniform_state = sampler.start is not None
    with spy:
        out = unmask.sample(network, sampler, n=ROWS, length=LENGTH)
    return spy, network, out


AHEAD = {
    "planned": recipes.planned(unmask.Schedule([1, 2, 4, 4, 5])),
    "one_by_one": recipes.one_by_one(),
    "ancestral": recipes.ancestral(6),
    "dilated": recipes.dilated(8),
    "blocks": recipes.left_to_right(2).in_blocks(4),
}
READING = {
    "margin": recipes.margin(4),
    "threshold": recipes.threshold(0.5),
    "entropy_bound": recipes.entropy_bound(2.0),
    "maskgit": recipes.maskgit(4),
    "klass": recipes.klass(0.1, 0.5, 1),
    "credit": recipes.credit(0.5),
    "punt": recipes.punt(0.5),
    "wino": recipes.wino(0.1, 0.3),
    "remdm": recipes.remdm(6, 0.2),
    "p2": recipes.p2(5),
    "edit": recipes.edit(0.3, 0.2, 4, 2),
    "renoise": recipes.renoise(4),
    "prophet": recipes.prophet(4, (2.0, 1.0, 0.5)),
}


@pytest.mark.parametrize("sampler", AHEAD.values(), ids=AHEAD)
def test_samplers_that_choose_ahead_ask_for_what_they_reveal_and_hold_no_more(sampler):
    spy, network, out = watched(sampler)
    assert sum(positions for _, positions in network.asked) == ROWS * LENGTH
    assert sum(rows for rows, _ in network.asked) == int(out.network_calls.sum())
    most = max(positions for _, positions in network.asked)
    assert spy.largest <= most * VOCAB  # the laws of one step, never (rows, length, vocabulary)
    assert most < ROWS * LENGTH
    assert not spy.wide_doubles


@pytest.mark.parametrize("sampler", READING.values(), ids=READING)
def test_samplers_that_read_the_model_hold_the_laws_they_asked_for_and_none_in_float64(sampler):
    spy, network, _ = watched(sampler)
    assert spy.largest <= max(positions for _, positions in network.asked) * VOCAB
    assert not spy.wide_doubles


def test_rows_that_are_finished_leave_the_batch():
    prompts = [[1] * given for given in (0, 5, 9, 15)]
    for sampler in (recipes.entropy_bound(0.0), recipes.one_by_one(), recipes.wino(1.0)):
        network = SeeingNetwork()
        out = unmask.sample(network, sampler, prompt=prompts, length=LENGTH)
        assert out.network_calls.tolist() == [16, 11, 7, 1]
        assert network.rows_served == 16 + 11 + 7 + 1

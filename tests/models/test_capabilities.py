"""What a predictor can do besides predicting, asked through whatever wraps it."""

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import unmask
from reference.tiny_network import TinyNetwork
from unmask.certifying.mixed_samplers import WithUniform
from unmask.evaluation.harness_sampler import Trailing
from unmask.models import capabilities
from unmask.models.guidance import Guidance
from unmask.models.predictor import Predictor, Wrapped
from unmask.order_search.measuring_job import Counted

LAW = unmask.laws.Permutation(4)
WRAPPERS = {
    "plain": Wrapped,
    "guided": lambda predictor: Guidance(predictor, 1.0, torch.tensor([True, False, False, False])),
    "counted": lambda predictor: Counted(predictor, "cards"),
    "mixed": lambda predictor: WithUniform(predictor, 0.1),
    "trailing": Trailing,
    "twice": lambda predictor: Wrapped(Wrapped(predictor)),
}
every_wrapper = pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)


class Checkpoint(TinyNetwork):
    """Everything a predictor may have."""

    block_size, name, digest, suppresses_forbidden = 4, "small", "0123", True
    text = SimpleNamespace(folder=Path("somewhere"))
    row_calls = torch.tensor([2, 3, 2, 3])

    def encode(self, text):
        return [len(text)]

    def decode(self, tokens):
        return f"{tokens}"


@every_wrapper
def test_a_wrapper_is_a_predictor_and_can_what_the_wrapped_one_can(wrap):
    wrapped = wrap(Checkpoint())
    assert isinstance(wrapped, Predictor)
    assert capabilities.block_length_of(wrapped) == 4
    assert capabilities.digest_of(wrapped) == "0123"
    assert capabilities.folder_of(wrapped) == Path("somewhere")
    assert capabilities.suppresses_forbidden(wrapped)
    encode, decode = capabilities.encoder_of(wrapped), capabilities.decoder_of(wrapped)
    assert encode is not None
    assert decode is not None
    assert decode(encode("three")) == "[5]"
    law = capabilities.law_of(wrap(unmask.oracle(LAW)))
    assert law is LAW


@every_wrapper
def test_a_wrapper_has_nothing_that_the_wrapped_one_has_not(wrap):
    wrapped = wrap(unmask.oracle(LAW))
    assert capabilities.encoder_of(wrapped) is None
    assert capabilities.block_length_of(wrapped) is None
    assert capabilities.folder_of(wrapped) is None
    assert capabilities.row_calls_of(wrapped) is None
    with pytest.raises(AttributeError):
        _ = wrapped.nonsense


@every_wrapper
def test_a_wrapper_can_be_copied(wrap):
    wrapped = wrap(unmask.oracle(LAW))
    for again in (copy.copy(wrapped), copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped))):
        assert again.vocab_size == 4
        assert again.predictor.forbidden_ids == ()


def test_a_law_reads_and_writes_for_its_oracle():
    chain = unmask.laws.MarkovChain.fit("abracadabra", 5)
    encode, decode = (f(unmask.oracle(chain)) for f in (capabilities.encoder_of, capabilities.decoder_of))
    assert encode is not None
    assert decode is not None
    assert decode(encode("cab")) == "cab"


def test_guidance_adds_up_what_both_halves_of_its_query_cost():
    spent = capabilities.row_calls_of(WRAPPERS["guided"](Checkpoint()))
    assert spent is not None
    assert spent.tolist() == [4, 6]  # rows with the prompt: 2 and 3; without it: 2 and 3
    assert capabilities.name_of(WRAPPERS["counted"](Checkpoint())) == "cards"


def test_a_predictor_that_says_nothing_takes_out_no_forbidden_ids():
    assert not capabilities.suppresses_forbidden(TinyNetwork())
    assert capabilities.suppresses_forbidden(WithUniform(TinyNetwork(), 0.1))

import pytest
import torch

from unmask.errors import InputError
from unmask.training import architecture
from unmask.training.optimizer import Optimizer


def test_the_same_seed_gives_the_same_weights():
    first, again, other = (architecture.from_scratch("nano", 30, 8, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_every_token_is_learnt_and_none_is_padding():
    network = architecture.from_scratch("nano", 30, 8, 0)
    assert network.get_input_embeddings().padding_idx is None
    assert network.config.pad_token_id is None
    inputs = torch.arange(30)[None]
    network(input_ids=inputs, labels=inputs).loss.backward()
    assert (network.get_input_embeddings().weight.grad.abs().sum(dim=1) > 0).all()


def test_every_position_sees_every_other_one():
    network = architecture.from_scratch("nano", 30, 200, 0).eval()
    tokens = torch.zeros((1, 200), dtype=torch.long)
    changed = tokens.clone()
    changed[0, 199] = 1
    with torch.no_grad():
        assert (network(input_ids=tokens).logits[0, 0] != network(input_ids=changed).logits[0, 0]).any()


def test_larger_sizes_have_more_parameters():
    counts = [
        architecture.parameters(architecture.from_scratch(size, 64, 8, 0))
        for size in ("nano", "micro", "mini", "tiny", "small")
    ]
    assert counts == sorted(counts)
    assert counts[0] < 350_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: architecture.from_scratch("huge", 30, 8, 0), "size is 'huge'; choose one of nano"),
        (
            lambda: architecture.continue_from("/nowhere/at/all"),
            "no masked language model can be loaded from /nowhere/at/all",
        ),
    ],
)
def test_names_that_do_not_exist_are_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def updated(network, optimizer, steps, start=0):
    for step in range(start, start + steps):
        inputs = torch.randint(0, 30, (4, 8), generator=torch.Generator().manual_seed(step))
        network(input_ids=inputs, labels=inputs).loss.backward()
        optimizer.step(1e-3)
    return network.state_dict()


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_an_optimizer_put_back_from_its_state_goes_on_as_if_nothing_had_happened(name):
    straight = architecture.from_scratch("nano", 30, 8, 0)
    wanted = updated(straight, Optimizer(straight, name, 0.1), 6)
    first = architecture.from_scratch("nano", 30, 8, 0)
    optimizer = Optimizer(first, name, 0.1)
    weights = {key: value.clone() for key, value in updated(first, optimizer, 3).items()}
    state = {key: value.clone() for key, value in optimizer.state().items()}
    second = architecture.from_scratch("nano", 30, 8, 1)
    second.load_state_dict(weights)
    resumed = Optimizer(second, name, 0.1)
    resumed.load_state(state)
    found = updated(second, resumed, 3, start=3)
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_muon_moves_hidden_matrices_and_adamw_the_rest():
    network = architecture.from_scratch("nano", 30, 8, 0)
    adamw, muon = Optimizer(network, "muon", 0.1)._parts
    in_muon = {id(p) for group in muon.param_groups for p in group["params"]}
    in_adamw = {id(p) for group in adamw.param_groups for p in group["params"]}
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert in_muon | in_adamw == set(names)
    assert not in_muon & in_adamw
    assert all("layers" in names[key] or "head.dense" in names[key] for key in in_muon)
    assert any("tok_embeddings" in names[key] for key in in_adamw)

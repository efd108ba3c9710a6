"""The autoregressive reference: cached equals uncached, alone equals in a batch, and its nats are a plain sum."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import unmask
from unmask.errors import InputError
from unmask.evaluation import causal
from unmask.evaluation.autoregressive import load_reference, same_size
from unmask.evaluation.compare.comparison import Request, Run
from unmask.evaluation.compare.ground import Ground
from unmask.models.checkpoint_folder import folder_of

GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 24, "initializer_range": 0.3}
LLAMA = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.3,
}


@pytest.fixture(scope="module")
def toy():
    return unmask.load("toy", device="cpu")


def save(folder, model, tokenizer="toy"):
    """A causal model beside a shipped model's tokenizer."""
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder_of(tokenizer) / name, folder / name)
    return folder


def gpt2(vocab_size=46, bos=None):
    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocab_size, bos_token_id=bos, eos_token_id=bos, **GPT2))


def llama(vocab_size=46):
    torch.manual_seed(2)
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, bos_token_id=None, eos_token_id=None, **LLAMA))


@pytest.fixture(scope="module", params=[gpt2, llama])
def trained(request, toy, tmp_path_factory):
    return load_reference(save(tmp_path_factory.mktemp("ar"), request.param()), toy)


def test_a_llama_runs_plain_and_a_gpt2_as_it_is(trained):
    kind = causal.PlainLlama if trained.model.config.model_type == "llama" else causal.CausalTransformers
    assert isinstance(trained.cached, kind)


def test_texts_are_the_same_with_and_without_stored_keys_and_values(trained):
    stored = trained.generate(4, 17, seed=3)
    assert stored.shape == (4, 17)
    assert torch.equal(stored, trained.generate(4, 17, seed=3, cache=False))
    assert not torch.equal(stored, trained.generate(4, 17, seed=4))


def test_a_batch_of_four_equals_four_batches_of_one(trained):
    assert torch.equal(trained.generate(4, 17, seed=5), trained.generate(4, 17, seed=5, batch_size=1))


def test_a_text_begins_with_its_prompt_and_costs_one_call_for_each_token_behind_it(trained):
    before = trained.calls
    found = trained.generate(3, 10, seed=6, prompt=[1, 2, 3, 4])
    assert found[:, :4].tolist() == [[1, 2, 3, 4]] * 3
    assert trained.calls - before == 3 * 6
    assert torch.equal(found, trained.generate(3, 10, seed=6, prompt=[1, 2, 3, 4], cache=False))


def test_log_prob_is_the_sum_of_a_plain_full_forward(trained, toy):
    rows = trained.generate(5, 17, seed=7)
    expected = []
    for row in rows.tolist():
        with torch.no_grad():
            logits = trained.model(torch.tensor([[toy.mask_token_id, *row]])).logits[0].double()
        logits[:, toy.mask_token_id] = -torch.inf  # never drawn
        laws = logits.log_softmax(-1)
        expected.append(float(sum(laws[place, token] for place, token in enumerate(row))))
    np.testing.assert_allclose(trained.log_prob(rows), expected, atol=1e-4)
    assert trained.log_prob(rows).dtype == np.float64
    given = trained.log_prob(rows, given=4) + trained.log_prob(rows[:, :4])
    np.testing.assert_allclose(given, expected, atol=1e-4)


def test_probabilities_of_all_texts_of_two_tokens_sum_to_one_and_none_holds_a_mask(trained, toy):
    pairs = np.stack(np.meshgrid(np.arange(46), np.arange(46), indexing="ij"), -1).reshape(-1, 2)
    log_probs = trained.log_prob(pairs)
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-4)
    assert np.isneginf(log_probs[(pairs == toy.mask_token_id).any(1)]).all()


def test_drawn_tokens_follow_the_law_of_the_first_token(trained):
    drawn = trained.generate(4000, 1, seed=8)[:, 0]
    law = np.exp(trained.log_prob(np.arange(46)[:, None]))
    # The expected total variation of 4000 draws from 46 tokens is below sqrt(46 / 4000) / 2 = 0.054.
    assert 0.5 * np.abs(np.bincount(drawn, minlength=46) / 4000 - law).sum() < 0.08


@pytest.mark.parametrize(("name", "length"), [("toy", 17), ("manual", 64)])
def test_a_model_of_the_same_size_has_the_predictors_shape_and_number_of_parameters(name, length):
    predictor = unmask.load(name, device="cpu")
    config = json.loads((folder_of(name) / "config.json").read_text())
    made = same_size(predictor, length)
    theirs = sum(weight.numel() for weight in predictor.network.network.weights.parameters())
    assert abs(made.parameters / theirs - 1) < 0.02
    assert made.model.config.hidden_size == config["hidden_size"]
    assert made.model.config.num_hidden_layers == config["num_hidden_layers"]
    assert made.generate(2, length, seed=0).shape == (2, length)
    assert made.calls == 2 * length
    assert made.random_weights


def test_making_a_model_of_the_same_size_leaves_torchs_own_randomness_alone(toy):
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    same_size(toy, 17)
    assert torch.equal(torch.rand(3), expected)


def test_a_law_has_no_size():
    with pytest.raises(InputError, match="a law has no network"):
        same_size(unmask.oracle(unmask.laws.Permutation(4)), 4)


def test_a_trained_model_has_a_price_in_a_comparison(toy, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("unmask.evaluation.autoregressive.load_reference", lambda path, predictor: trained)
    ground = Ground(toy, unmask.laws.toy_grammar().sample(20, 0), source="drawn", random_orders=1)
    request = Request("equal_sizes:4", samples=2, rounds=1, batch=2, autoregressive="somewhere")
    line = Run(ground, request, tmp_path / "out").run().autoregressive
    nats = -trained.log_prob(ground.scored_texts)
    assert line.trained
    assert line.calls == 17
    assert line.price.value == pytest.approx(float((nats - ground.baseline).mean()))
    assert line.price.count == 10


def test_another_vocabulary_is_refused_with_both_sizes(toy, tmp_path):
    save(tmp_path, gpt2(1024), "manual")
    with pytest.raises(InputError, match=r"disagree on the vocabulary: the masked model has 46 tokens, .* has 1024; "):
        load_reference(tmp_path, toy)


def test_an_equally_large_vocabulary_of_other_ids_is_refused(toy, tmp_path):
    save(tmp_path, gpt2())
    stored = json.loads((tmp_path / "tokenizer.json").read_text())
    vocabulary = stored["model"]["vocab"]
    vocabulary["anna"], vocabulary["ben"] = vocabulary["ben"], vocabulary["anna"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match="token 'anna' is 0 there and 1 here"):
        load_reference(tmp_path, toy)


def test_without_a_tokenizer_the_sizes_must_agree(toy, tmp_path):
    gpt2(40).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"has 46 tokens, .* has 40$"):
        load_reference(tmp_path, toy)


def test_a_begin_token_of_the_networks_own_is_used_and_never_drawn(toy, tmp_path):
    model = load_reference(save(tmp_path, gpt2(47, bos=46)), toy)
    assert model.start == 46
    rows = model.generate(50, 17, seed=11)
    assert int(rows.max()) < 45  # neither the mask (45) nor the begin token (46)


def test_a_text_longer_than_the_positions_is_refused(trained):
    places = trained.model.config.max_position_embeddings
    with pytest.raises(InputError, match=f"length is {places + 1}; .* writes texts of 1 to {places} tokens"):
        trained.generate(1, places + 1, seed=0)


@pytest.mark.parametrize("prompt", [list(range(17)), [[1, 2]] * 3])
def test_a_prompt_that_does_not_fit_is_refused(trained, prompt):
    with pytest.raises(InputError, match="the prompt has shape"):
        trained.generate(2, 17, seed=0, prompt=prompt)

"""The judge, against a plain loop over texts without padding. A tiny GPT-2 with random weights, made here."""

import math
import sys
import types

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from unmask.errors import InputError
from unmask.evaluation.judge import Judge, mauve

WORDS = ["anna", "ben", "has", "red", "figs", "limes", ".", "and", "all", "now"]
TEXTS = ["anna has red figs .", "ben has", "now ben and anna has all red limes and figs", "anna", ""]


def save_tokenizer(folder, words=WORDS):
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    shape = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "initializer_range": 0.5}
    GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS), **shape, bos_token_id=0, eos_token_id=0)).save_pretrained(path)
    save_tokenizer(path)
    return path


def plainly(judge, text):
    """Nats of every token but the first, one forward for each."""
    ids = [WORDS.index(word) for word in text.split()]
    nats = []
    for place in range(1, len(ids)):
        begin = 0 if len(ids) <= judge.positions else max(0, place - judge.positions + 1)
        logits = judge.model(torch.tensor([ids[begin:place]])).logits[0, -1]
        nats.append(-float(logits.log_softmax(-1)[ids[place]]))
    return nats


def test_perplexity_is_that_of_a_plain_loop_without_padding(folder):
    judge = Judge(folder, "cpu")
    found = judge.perplexity(TEXTS)
    nats = [nats for text in TEXTS for nats in plainly(judge, text)]
    assert found.nats_per_token == pytest.approx(np.mean(nats), rel=1e-5)
    assert found.perplexity == pytest.approx(math.exp(np.mean(nats)), rel=1e-5)
    assert (found.tokens, found.texts, found.skipped) == (len(nats), 3, 2)
    characters = sum(len(text) - len(text.split()[0]) for text in TEXTS[:3])
    assert found.nats_per_character == pytest.approx(sum(nats) / characters, rel=1e-5)


def test_every_token_of_a_long_text_is_scored_once_with_half_a_window_before_it(folder):
    judge = Judge(folder, "cpu")
    text = " ".join(np.random.default_rng(0).choice(WORDS, 45))
    ids = [WORDS.index(word) for word in text.split()]
    nats = 0.0
    for place in range(1, len(ids)):
        begin = 0 if place < 16 else (place - 16) // 8 * 8 + 8  # windows 0..15, 8..23, 16..31, …
        nats -= float(judge.model(torch.tensor([ids[begin:place]])).logits[0, -1].log_softmax(-1)[ids[place]])
    found = judge.perplexity([text])
    assert found.tokens == 44
    assert found.nats_per_token == pytest.approx(nats / 44, rel=1e-5)


def test_a_text_is_scored_the_same_whatever_shares_the_batch(folder):
    judge = Judge(folder, "cpu")
    alone = [judge.perplexity([text]) for text in TEXTS[:3]]
    together = judge.perplexity(TEXTS[:3])
    assert together.nats_per_token * together.tokens == pytest.approx(
        sum(score.nats_per_token * score.tokens for score in alone), rel=1e-6
    )


def test_texts_without_two_tokens_are_refused(folder):
    with pytest.raises(InputError, match="none of 2 texts has two tokens"):
        Judge(folder, "cpu").perplexity(["anna", ""])


def test_what_is_no_judge_is_refused_in_one_line(folder, tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        Judge(tmp_path / "nowhere")
    bare = tmp_path / "bare"
    GPT2LMHeadModel.from_pretrained(folder).save_pretrained(bare)
    with pytest.raises(InputError, match="has no tokenizer"):
        Judge(bare)
    save_tokenizer(bare)
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle and is never loaded"):
        Judge(bare)


def test_a_masked_model_is_no_judge(tmp_path):
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(WORDS), initializer_range=0.5, **shape)).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    with pytest.raises(InputError, match=r"no causal language model$"):
        Judge(tmp_path, "cpu")


def test_a_tokenizer_larger_than_the_network_is_refused(folder, tmp_path):
    GPT2LMHeadModel.from_pretrained(folder).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, [*WORDS, "more"])
    with pytest.raises(InputError, match="gives token 10; its network knows 0 … 9"):
        Judge(tmp_path, "cpu").perplexity(["anna has more"])


def test_mauve_says_what_is_not_installed(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "mauve", None)
    with pytest.raises(InputError, match="pip install mauve-text"):
        mauve(TEXTS[:2], TEXTS[:2], folder)


def test_mauve_is_asked_about_the_last_hidden_state_of_each_text(folder, monkeypatch):
    asked = {}

    def compute_mauve(**arguments):
        asked.update(arguments)
        return types.SimpleNamespace(mauve=0.5)

    monkeypatch.setitem(sys.modules, "mauve", types.SimpleNamespace(compute_mauve=compute_mauve))
    assert mauve(TEXTS[:2], TEXTS[:3], folder, "cpu") == 0.5
    assert (asked["q_features"].shape, asked["p_features"].shape) == ((2, 16), (3, 16))
    model = GPT2LMHeadModel.from_pretrained(folder)
    ids = torch.tensor([[WORDS.index(word) for word in TEXTS[1].split()]])
    with torch.no_grad():
        last = model.transformer(ids).last_hidden_state[0, -1].numpy()
    np.testing.assert_allclose(asked["p_features"][1], last, atol=1e-5)

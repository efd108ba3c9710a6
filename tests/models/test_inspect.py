import json

import pytest
import torch

from reference.checkpoints import WORDS, write_tokenizer
from unmask.cli import main
from unmask.laws import Permutation
from unmask.models.oracle import oracle
from unmask.models.pretrained import load
from unmask.models.selftest import self_test

SENTENCE = "a b c d e f g h i j k l m c a e"
IDS = [WORDS.index(word) for word in SENTENCE.split()]


def results(predictor, text=None):
    return {finding.test: finding for finding in self_test(predictor, text)}


@pytest.fixture
def heart(made):
    """A network that has a sentence by heart; `lead` columns earlier than it should say it."""

    def make(lead):
        folder = made("heart", sentence=[*IDS, 5][lead:])
        write_tokenizer(folder, frame=False)
        return load(folder, trust_remote_code=True)

    return make


def test_a_network_that_knows_the_text_passes_when_its_rows_are_aligned(heart):
    finding = results(heart(0), SENTENCE)["alignment"]
    assert finding.passed
    assert finding.value > 5


def test_a_shifted_network_recorded_as_unshifted_fails_and_says_what_to_pass(heart):
    finding = results(heart(1), SENTENCE)["alignment"]
    assert finding.passed is False
    assert "pass shift=1" in finding.says


def test_the_advice_of_a_failed_alignment_is_right(made, heart):
    heart(1)
    corrected = load(made("heart", sentence=[*IDS, 5][1:]), trust_remote_code=True, shift=1)
    assert results(corrected, SENTENCE)["alignment"].passed


def test_alignment_is_undecided_where_the_network_does_not_know_the_text(heart, made):
    assert results(heart(0), "m l k j i h g f e d c b")["alignment"].passed is None
    assert results(load(made("Bert")))["alignment"].passed is None


@pytest.mark.parametrize("name", ["Bert", "ModernBert", "ConvBert", "Esm"])
def test_native_models_pass_whatever_can_be_decided_with_random_weights(made, name):
    found = results(load(made(name)))
    assert [test for test, finding in found.items() if finding.passed is False] == []
    assert all(found[test].passed for test in ("hidden tokens", "batch", "attention", "padding"))


@pytest.mark.parametrize("name", ["llada", "Dream", "sdar", "Fast_dLLM_Qwen", "mdlm", "bd3lm"])
def test_families_with_their_own_code_pass_too(made, name):
    found = results(load(made(name), trust_remote_code=True))
    assert all(found[test].passed for test in ("hidden tokens", "batch", "attention", "padding"))


def test_what_a_bare_network_makes_of_left_padding_is_measured(made):
    assert results(load(made("Bert")))["network's padding"].value > 1e-3  # its positions are counted from the left end
    assert results(load(made("ModernBert")))["network's padding"].value < 1e-4  # its positions are differences


def test_a_block_causal_network_recorded_as_bidirectional_fails_the_attention_test(made):
    predictor = load(made("Fast_dLLM_Qwen"), trust_remote_code=True)
    assert results(predictor)["attention"].passed
    wrong = load(
        made("Fast_dLLM_Qwen"), trust_remote_code=True, family="dream", arguments=lambda query: {"block_size": 4}
    )
    finding = results(wrong)["attention"]
    assert finding.passed is False
    assert "not bidirectional" in finding.says


def test_a_bidirectional_network_recorded_as_block_causal_fails_the_attention_test(made):
    predictor = load(made("llada"), trust_remote_code=True, block_size=4, arguments=lambda query: {})
    finding = results(predictor)["attention"]
    assert finding.passed is False
    assert finding.value > 1e-3


def test_a_network_that_would_say_the_mask_token_is_found_out(made):
    predictor = load(made("Bert"))
    predictor.network.network.weights["cls.predictions.decoder.bias"][predictor.mask_token_id] = 50.0
    finding = results(predictor)["mask token"]
    assert finding.passed is None
    assert finding.value > 0.99
    tokens = torch.full((1, 4), 5)
    known = torch.zeros(1, 4, dtype=torch.bool)
    from unmask.models.predictor import Positions

    laws = predictor.log_probs(tokens, known, Positions(*(~known).nonzero(as_tuple=True)))
    assert (laws[:, predictor.mask_token_id] == -torch.inf).all()


def test_a_predictor_that_peeks_at_hidden_tokens_fails():
    class Peeking:
        law = Permutation(4)
        vocab_size, device = 4, torch.device("cpu")

        def log_probs(self, tokens, known, wanted):
            shown = torch.nn.functional.one_hot(tokens[wanted.rows, wanted.columns], 4).float()
            return shown.log_softmax(-1)

    assert {finding.test: finding.passed for finding in self_test(Peeking())}["hidden tokens"] is False


def test_laws_pass_the_tests_that_need_no_network():
    assert {finding.test: finding.passed for finding in self_test(oracle(Permutation(6)))} == {
        "hidden tokens": True,
        "batch": True,
    }


def test_the_command_prints_what_was_detected_and_the_self_test(made, capsys):
    assert main(["inspect", str(made("ModernBert"))]) == 0
    shown = capsys.readouterr().out
    assert "row i predicts token i" in shown
    assert "Self-test" in shown


def test_the_command_prints_one_json_object(made, capsys):
    assert main(["inspect", str(made("sdar")), "--trust-remote-code", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["detected"]["attention"] == "causal between blocks of 4"
    assert shown["detected"]["mask_token_id"] == 17
    assert any("inside a block" in notice for notice in shown["detected"]["notices"])
    assert {finding["test"] for finding in shown["self_test"]} >= {"alignment", "attention", "padding", "mask token"}


def test_the_command_fails_with_status_one_when_a_test_fails(made, capsys):
    folder = made("heart", sentence=[*IDS, 5][1:])
    write_tokenizer(folder, frame=False)
    assert main(["inspect", str(folder), "--trust-remote-code", "--text", SENTENCE]) == 1
    assert "failed its self-test: alignment" in capsys.readouterr().err


def test_the_command_refuses_untrusted_code_and_missing_models_with_status_two(made, capsys):
    assert main(["inspect", str(made("llada"))]) == 2
    assert "pass trust_remote_code=True (--trust-remote-code)" in capsys.readouterr().err
    assert main(["inspect", "nobody/such-model"]) == 2
    assert capsys.readouterr().err.count("\n") == 1

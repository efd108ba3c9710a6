"""Checkpoints whose files disagree, or that would be run silently wrong."""

import json

import pytest
import torch

import unmask
from reference.checkpoints import MASK, WORDS, write_tokenizer
from unmask.cli import main
from unmask.errors import InputError
from unmask.models.pretrained import load
from unmask.models.selftest import self_test
from unmask.sampling import recipes


@pytest.fixture
def copied(made, tmp_path):
    """A copy of a tiny checkpoint that a test may spoil: copied("Bert", {"key": value for config.json}, …)."""

    def copy(name, config=(), **changes):
        for file in made(name, **changes).iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        stored = json.loads((tmp_path / "config.json").read_text()) | dict(config)
        (tmp_path / "config.json").write_text(json.dumps(stored))
        return tmp_path

    return copy


def rewritten(folder, change):
    """tokenizer.json with its vocabulary changed in place."""
    stored = json.loads((folder / "tokenizer.json").read_text())
    change(stored["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    return folder


def drawn(predictor, n=50):
    return torch.tensor(unmask.sample(predictor, recipes.one_by_one(), n, length=8, seed=1).rows())


def test_ids_in_a_gap_of_the_tokenizer_are_never_drawn(copied):
    folder = rewritten(copied("Bert", vocab_size=32), lambda words: words.update(m=30))
    predictor = load(folder)
    assert set(range(17, 30)) | {31} <= set(predictor.forbidden_ids)
    assert set(drawn(predictor).unique().tolist()) <= {*range(5, 17), 30}


def test_special_tokens_the_unknown_word_among_them_are_never_drawn(made):
    assert load(made("Bert")).forbidden_ids == (0, 1, 2, 3, 4)
    assert WORDS[1] == "[UNK]"


def test_the_tokenizers_mask_comes_before_the_records(copied):
    folder = copied("Esm", {"mask_token_id": None})
    assert load(folder).mask_token_id == MASK  # the record of esm says 32
    by_hand = load(folder, mask_token_id=5)
    assert by_hand.mask_token_id == 5
    assert by_hand.network.model.config.mask_token_id == 5  # the network rescales by how many of these it sees


def test_a_mask_that_is_not_the_tokenizers_is_said(copied):
    predictor = load(copied("Esm", {"mask_token_id": 7}))
    assert predictor.mask_token_id == 7
    assert any(f"mask token 7 is used, the tokenizer says {MASK}" in notice for notice in predictor.notices)
    found = {finding.test: finding for finding in self_test(load(copied("Esm", {"mask_token_id": MASK})))}
    assert found["tokenizer"].passed


def test_a_quantised_checkpoint_does_not_take_the_plain_path(copied):
    folder = copied("Bert", {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}})
    with pytest.raises(InputError, match="bitsandbytes"):  # transformers reads it: it names what is missing or wrong
        load(folder)


def test_an_adapter_is_not_left_out_silently(copied):
    folder = copied("Bert")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(InputError, match=r"holds an adapter .* merge it into its model"):
        load(folder)


def test_a_closed_alphabet_without_an_unknown_word_loads(copied):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    folder = copied("Bert", vocab_size=8)
    words = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", *"ACGT"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.add_special_tokens(words[:4])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    predictor = load(folder)
    assert (predictor.before, predictor.after, predictor.mask_token_id) == ((1,), (2,), 3)
    assert predictor.forbidden_ids == (0, 1, 2, 3)


def test_a_tokenizer_that_lower_cases_an_upper_case_vocabulary_is_found_out(copied, capsys):
    folder = copied("Bert")
    write_tokenizer(folder, words=[*WORDS[:5], *(word.upper() for word in WORDS[5:])])
    stored = json.loads((folder / "tokenizer.json").read_text())
    stored["normalizer"] = {"type": "Lowercase"}
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    assert any("does not know 13 of 13 of its own words, first 'A'" in notice for notice in load(folder).notices)
    assert main(["inspect", str(folder)]) == 1
    shown = capsys.readouterr()
    assert "failed its self-test: tokenizer" in shown.err


def test_a_tokenizer_that_lost_its_vocabulary_is_refused_in_words(copied):
    folder = copied("Albert", vocab_size=60)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text("{}")
    words = ["[PAD]", *(f"[unused{number}]" for number in range(9)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"C{number}" for number in range(46)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    with pytest.raises(InputError, match=r"vocab.txt has 60.*tokenizer_class"):
        load(folder)


def test_rotary_positions_go_beyond_the_table_when_asked_and_it_is_said(copied):
    folder = copied("Esm")
    assert load(folder).max_length == 61
    far = load(folder, max_length=80)
    assert far.max_length == 80
    assert any("extrapolates" in notice for notice in far.notices)
    assert drawn(far, 1).shape == (1, 8)
    unmask.sample(far, recipes.one_by_one(), 1, length=70)
    assert load(folder, max_length=20).max_length == 20


def test_a_table_of_positions_has_none_beyond_it(made):
    with pytest.raises(InputError, match=r"max_length is 80; .* has a table of positions for 62 and none beyond"):
        load(made("Bert"), max_length=80)


@pytest.mark.parametrize("name", ["Bert", "Electra"])
def test_float16_weights_without_a_stated_dtype_run_in_float32_on_a_cpu(copied, name):
    from safetensors.torch import load_file, save_file

    folder = copied(name)
    file = folder / "model.safetensors"
    save_file({key: value.half() for key, value in load_file(file).items()}, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config.pop("dtype", None)
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config))
    assert load(folder, device="cpu").network.dtype == torch.float32


def test_whole_numbers_beside_the_weights_do_not_decide_the_dtype(copied):
    from safetensors.torch import load_file, save_file

    file = copied("Bert") / "model.safetensors"
    weights = {"bert.embeddings.position_ids": torch.arange(64)[None]} | load_file(file)
    save_file(weights, file, metadata={"format": "pt"})
    assert load(file.parent).network.dtype == torch.float32


def test_a_network_may_be_spread_over_devices(made):
    tokens = drawn(load(made("Bert")), 2)
    predictor = load(made("Bert"), device_map={"": "cpu"})
    assert type(predictor.network).__name__ == "Transformers"
    assert torch.equal(drawn(predictor, 2), tokens)


def test_the_command_takes_the_mask_token_by_hand(copied, capsys):
    folder = copied("Bert")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert main(["inspect", str(folder)]) == 2
    assert "--mask-token-id" in capsys.readouterr().err
    assert main(["inspect", str(folder), "--mask-token-id", "4", "--dtype", "float32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["detected"]["mask_token_id"] == 4

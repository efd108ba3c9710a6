import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, BertForMaskedLM

from unmask import laws
from unmask.errors import InputError
from unmask.training import saved_steps, tokenizer
from unmask.training import train as run
from unmask.training.options import TrainingOptions
from unmask.training.trainer import Trainer

STEPS = 12


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    rng = np.random.default_rng(0)
    chain = laws.MarkovChain(np.full(6, 1 / 6), 0.8 * np.roll(np.eye(6), 1, axis=1) + 0.2 / 6, 2000)
    for index, row in enumerate(chain.sample(4, rng)):
        (folder / f"{index}.txt").write_text("".join("abcdef"[token] for token in row), encoding="utf-8")
    return folder


def options(text, **changes):
    values = {
        "data": (str(text),),
        "tokenizer": "characters",
        "length": 16,
        "size": "nano",
        "optimizer_steps": STEPS,
        "batch_size": 8,
        "held_out": 0.25,
        "held_out_rows": 32,
        "log_every": 1,
        "evaluate_every": 4,
        "samples": 1,
        "warmup": 3,
    }
    return TrainingOptions(**{**values, **changes})


def losses(out):
    entries = [json.loads(line) for line in (out / "training" / "log.jsonl").read_text().splitlines()]
    return {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}


def figures(out):
    entries = [json.loads(line) for line in (out / "training" / "log.jsonl").read_text().splitlines()]
    return [(entry["step"], entry["held_out"]["nelbo_per_token"]) for entry in entries if "held_out" in entry]


def samples(out):
    entries = [json.loads(line) for line in (out / "training" / "log.jsonl").read_text().splitlines()]
    return [(entry["step"], entry["samples"]) for entry in entries if "samples" in entry]


@pytest.fixture(scope="module")
def unbroken(text, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken") / "model"
    run.train(options(text), out, bar=False)
    return out


class Killed(BaseException):
    """What no handler catches: the nearest thing to a killed process within one process."""


def killed_at(monkeypatch, step):
    original = Trainer._update

    def update(self, rate):
        if self.position.step == step:
            raise Killed
        return original(self, rate)

    monkeypatch.setattr(Trainer, "_update", update)


def test_the_result_is_a_standard_folder_that_transformers_loads(unbroken):
    network = AutoModelForMaskedLM.from_pretrained(unbroken)
    maker = AutoTokenizer.from_pretrained(unbroken)
    card = json.loads((unbroken / "unmask.json").read_text())
    assert card["format"] == "unmask.model/1"
    assert card["length"] == 16
    assert card["mask_token_id"] == maker.mask_token_id == network.config.vocab_size - 1
    assert maker.decode(tokenizer.encode(maker, "abcfed")) == "abcfed"
    assert network(input_ids=torch.zeros((1, 16), dtype=torch.long)).logits.shape == (1, 16, len(maker))


def test_the_published_network_is_the_best_one_on_held_out_text(unbroken):
    looks = figures(unbroken)
    assert [step for step, _ in looks] == [4, 8, 12]
    best = min(looks, key=lambda look: look[1])
    card = json.loads((unbroken / "unmask.json").read_text())
    assert (card["step"], card["held_out"]["nelbo_per_token"]) == best
    published = load_file(unbroken / "model.safetensors")
    kept = load_file(unbroken / "training" / f"step-{best[0]:09d}" / "model.safetensors")
    assert all(torch.equal(published[name], kept[name]) for name in published)


@pytest.mark.parametrize("kill", [2, 6, 8, 11])
def test_a_run_that_was_killed_and_resumed_has_the_losses_of_an_unbroken_one(
    text, unbroken, tmp_path, monkeypatch, kill
):
    out = tmp_path / "model"
    with monkeypatch.context() as patch:
        killed_at(patch, kill)
        with pytest.raises(Killed):
            run.train(options(text), out, bar=False)
    run.resume(out, bar=False)
    assert losses(out) == losses(unbroken)
    assert len(losses(out)) == STEPS
    assert figures(out) == figures(unbroken)
    assert samples(out) == samples(unbroken)
    broken, whole = load_file(out / "model.safetensors"), load_file(unbroken / "model.safetensors")
    assert all(torch.equal(broken[name], whole[name]) for name in whole)


def test_a_damaged_newest_checkpoint_is_passed_over_and_the_losses_stay_the_same(text, unbroken, tmp_path, capsys):
    out = tmp_path / "model"
    shutil.copytree(unbroken, out)
    weights = out / "training" / "step-000000012" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    run.resume(out, bar=False)
    assert losses(out) == losses(unbroken)
    assert "step-000000012 is damaged (model.safetensors is not what was written)" in capsys.readouterr().err


def test_resuming_on_another_text_is_refused(text, tmp_path, unbroken):
    out = tmp_path / "model"
    shutil.copytree(unbroken, out)
    (text / "9.txt").write_text("abc" * 50, encoding="utf-8")
    try:
        with pytest.raises(InputError, match="is not the text"):
            run.resume(out, bar=False)
    finally:
        (text / "9.txt").unlink()


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(text, unbroken, tmp_path, monkeypatch):
    out = tmp_path / "model"
    original = Trainer._write

    def full_at_eight(self, folder):
        original(self, folder)
        if self.position.step == 8:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_write", full_at_eight)
        with pytest.raises(
            InputError,
            match=r"step 8 cannot be written: No space left on device; the last good one is .*step-000000004",
        ):
            run.train(options(text), out, bar=False)
    assert AutoModelForMaskedLM.from_pretrained(out) is not None
    run.resume(out, bar=False)
    assert losses(out) == losses(unbroken)


@pytest.mark.parametrize("look", [1, 4])
def test_a_loss_that_is_no_number_stops_the_run_with_the_last_good_checkpoint_intact(text, tmp_path, monkeypatch, look):
    out = tmp_path / "model"
    monkeypatch.setattr(Trainer, "_learning_rate", lambda self, progress: 1e30 if self.position.step >= 5 else 1e-3)
    message = r"no longer a finite number at step \d+; the last good checkpoint is .*; lower `learning_rate`"
    with pytest.raises(InputError, match=message) as caught:
        run.train(options(text, optimizer_steps=60, evaluate_every=look), out, bar=False)
    assert "\n" not in str(caught.value)
    found = saved_steps.newest(out / "training", pytest.fail)
    assert 4 <= found.state["step"] < 8
    assert all(bool(torch.isfinite(value).all()) for value in load_file(found.folder / "model.safetensors").values())


def test_a_run_learns_what_a_law_knows(tmp_path):
    # All tokens equal, 8 values: entropy log 8 over 6 tokens, while tokens drawn independently cost 6 log 8.
    monkey = pytest.MonkeyPatch()
    monkey.setattr("unmask.laws.catalogue.from_name", lambda name: laws.Repeated(6, 8))
    try:
        card = run.train(
            TrainingOptions(
                data=("law:repeated",),
                size="nano",
                optimizer_steps=120,
                batch_size=32,
                samples=0,
                held_out_rows=240,
                evaluate_every=120,
            ),
            tmp_path / "model",
            bar=False,
        )
    finally:
        monkey.undo()
    assert card["exact_nelbo_per_token"] == pytest.approx(np.log(8) / 6)
    assert card["held_out"]["bits_per_character"] is None
    assert card["held_out"]["nelbo_per_token"] - np.log(8) / 6 < 0.05


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(text, unbroken, tmp_path):
    run.train(options(text, accumulate=4), tmp_path / "model", bar=False)
    whole, parts = losses(unbroken), losses(tmp_path / "model")
    assert max(abs(whole[step] - parts[step]) for step in whole) < 1e-4


def test_a_run_can_continue_from_an_existing_network_with_its_tokenizer(text, unbroken, tmp_path):
    card = run.train(
        options(text, init_from=str(unbroken), optimizer_steps=4, learning_rate=1e-4), tmp_path / "model", bar=False
    )
    before = json.loads((unbroken / "unmask.json").read_text())
    assert card["parameters"] == before["parameters"]
    assert abs(card["held_out"]["nelbo_per_token"] - before["held_out"]["nelbo_per_token"]) < 0.05


def test_a_network_with_dropout_and_pretrained_weights_resumes_to_the_same_losses(
    text, unbroken, tmp_path, monkeypatch
):
    start = tmp_path / "bert"
    torch.manual_seed(0)
    BertForMaskedLM(
        BertConfig(
            vocab_size=8,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
        )
    ).save_pretrained(start)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(unbroken / name, start / name)
    told = options(text, init_from=str(start), optimizer="adamw")
    run.train(told, tmp_path / "whole", bar=False)
    with monkeypatch.context() as patch:
        killed_at(patch, 7)
        with pytest.raises(Killed):
            run.train(told, tmp_path / "broken", bar=False)
    run.resume(tmp_path / "broken", bar=False)
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")


def test_a_window_longer_than_the_network_reads_is_refused(text, unbroken, tmp_path):
    with pytest.raises(InputError, match=r"length is 17, but .* reads at most 16 tokens"):
        run.train(options(text, init_from=str(unbroken), length=17), tmp_path / "model", bar=False)


def test_mixed_precision_trains_weights_that_stay_in_float32(text, unbroken, tmp_path):
    run.train(options(text, dtype="bfloat16"), tmp_path / "model", bar=False)
    assert {value.dtype for value in load_file(tmp_path / "model" / "model.safetensors").values()} == {torch.float32}
    whole, mixed = losses(unbroken), losses(tmp_path / "model")
    assert 0 < max(abs(whole[step] - mixed[step]) for step in whole) < 0.1


def test_a_run_of_minutes_ends_and_says_how_many_steps_it_made(text, tmp_path):
    card = run.train(
        options(text, optimizer_steps=None, minutes=0.01, evaluate_every=None), tmp_path / "model", bar=False
    )
    assert card["step"] >= 1
    assert card["held_out"]["rows"] == 32


def test_an_asked_stop_leaves_a_checkpoint_to_resume_from(text, unbroken, tmp_path, monkeypatch, capsys):
    original = Trainer._update

    def update(self, rate):
        if self.position.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, rate)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", update)
        run.train(options(text), tmp_path / "model", bar=False)
    assert "stopped at step 6; resume it to go on" in capsys.readouterr().err
    run.resume(tmp_path / "model", bar=False)
    assert losses(tmp_path / "model") == losses(unbroken)

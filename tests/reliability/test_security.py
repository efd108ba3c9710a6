"""The sentences of docs/security.md, one after another."""

import ast
import contextlib
import json
import pickle
import shutil
import socket

import numpy as np
import pytest

import unmask
from reference import exported_plans
from unmask import cli
from unmask.errors import InputError
from unmask.exporting.export import ENGINES, translate
from unmask.laws import MarkovChain
from unmask.measuring.estimate import Estimate
from unmask.models.checkpoint_folder import folder_of
from unmask.planning.plan import Part, Plan
from unmask.planning.tuned_rule import TunedRule
from unmask.theory.reveal_orders import BitReversal
from unmask.theory.schedule import Schedule

EVIL = """
from pathlib import Path
Path({ran!r}).write_text("ran")
from transformers import BertForMaskedLM as Network, BertTokenizerFast as Words
def rule(value=1.0): ...
"""


@pytest.fixture
def ran(tmp_path):
    """The file that code writes when it is run."""
    return tmp_path / "ran"


@pytest.fixture
def model(tmp_path):
    """A copy of a shipped model, its card taken away."""
    folder = tmp_path / "model"
    shutil.copytree(folder_of("toy"), folder)
    (folder / "unmask.json").unlink()
    return folder


def changed(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def with_code(folder, ran, **fields):
    """The folder with code of its own for the network and the tokenizer."""
    (folder / "evil.py").write_text(EVIL.format(ran=str(ran)))
    changed(folder / "config.json", auto_map={"AutoModelForMaskedLM": "evil.Network"}, **fields)
    words = {"AutoTokenizer": [None, "evil.Words"]}
    changed(folder / "tokenizer_config.json", auto_map=words, tokenizer_class="Words")
    return folder


def loads(folder):
    """Everything that reads a model's folder."""
    from unmask.evaluation.judge import causal_model
    from unmask.training import architecture, tokenizer

    return {
        "model": lambda: unmask.load(str(folder), device="cpu"),
        "judge": lambda: causal_model(folder),
        "start of training": lambda: architecture.continue_from(folder),
        "tokenizer": lambda: tokenizer.existing(folder),
    }


class Payload:
    """A pickle that runs when it is read."""

    def __init__(self, ran):
        self.ran = ran

    def __reduce__(self):
        return (open, (str(self.ran), "w"))


@pytest.mark.parametrize("what", ["model", "judge", "start of training"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_pickled_weights_are_refused_by_name_and_never_opened(model, ran, what, name):
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(pickle.dumps(Payload(ran)))
    if what == "judge":
        changed(model / "config.json", model_type="gpt2")
    with pytest.raises(InputError, match=f"{name} is a pickle and is never loaded"):
        loads(model)[what]()
    assert not ran.exists()


@pytest.mark.parametrize("fields", [{}, {"model_type": "evil"}], ids=["a known kind", "a kind of its own"])
@pytest.mark.parametrize("what", ["model", "judge", "start of training", "tokenizer"])
def test_code_of_a_checkpoint_is_not_run_unless_that_is_said(model, ran, what, fields):
    with_code(model, ran, **fields)
    if what == "tokenizer":
        (model / "tokenizer.json").unlink()
    if what == "model":
        with pytest.raises(InputError, match=r"code that comes with the checkpoint|trust_remote_code=True"):
            loads(model)[what]()
    else:
        with contextlib.suppress(InputError):  # or it is loaded by what transformers has itself
            loads(model)[what]()
    assert not ran.exists()


def test_code_of_a_checkpoint_runs_where_that_is_said(model, ran):
    """So the test above would notice."""
    with_code(model, ran)
    with contextlib.suppress(InputError):
        unmask.load(str(model), device="cpu", trust_remote_code=True)
    assert ran.exists()


def test_files_of_ours_cannot_name_code(tmp_path, ran):
    evil = tmp_path / "evil.py"
    evil.write_text(EVIL.format(ran=str(ran)))
    plan = tmp_path / "p.plan.json"
    value = exported_plans.plan_of((BitReversal(), [2, 6])).to_dict()
    for order in (f"{evil}:rule", f"blocks:block_length=4,inner={evil}:rule", "os:system", "__import__"):
        plan.write_text(json.dumps(value | {"order": order}))
        with pytest.raises(InputError):
            Plan.load(plan)
    tuned = tmp_path / "t.tuned.json"
    rule = exported_plans.knob_of("threshold", 0.9).to_dict()
    for name in (f"{evil}:rule", "os:system"):
        tuned.write_text(json.dumps(rule | {"rule": name}))
        with pytest.raises(InputError):
            TunedRule.load(tuned).sampler()
        assert cli.main(["sample", "law:markov_chain:length=8", "--plan", str(tuned)]) == 2
        assert cli.main(["export", str(tuned), "--to", "sglang", "--out", str(tmp_path / "out")]) == 2
    assert not ran.exists()


def test_arrays_of_objects_are_refused(tmp_path, ran, capsys):
    path = tmp_path / "tokens.npy"
    np.save(path, np.array([Payload(ran)], dtype=object), allow_pickle=True)
    assert cli.main(["measure", "law:markov_chain:length=8", "--data", str(path), "--out", str(tmp_path / "m")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not ran.exists()


def test_a_file_of_somebodys_own_is_run_where_it_is_named_and_nowhere_else(tmp_path, ran):
    from unmask.sampling import rule_names

    evil = tmp_path / "mine.py"
    evil.write_text(EVIL.format(ran=str(ran)))
    with pytest.raises(InputError, match="is a file; say which function"):
        rule_names.from_name(str(evil))
    assert not ran.exists()
    with pytest.raises(InputError, match="expected a Sampler"):
        rule_names.from_name(f"{evil}:rule")
    assert ran.exists()


def test_a_mask_that_a_person_wrote_is_text():
    for name in ("toy", "manual"):
        predictor = unmask.load(name, device="cpu")
        for words in ("[MASK]", "<mask>", "a [MASK] b"):
            try:
                found = predictor.encode(words)
            except InputError:
                continue  # a closed vocabulary cannot write it
            assert predictor.mask_token_id not in found


WORDS = "\n\n```python\nimport os; os.system('x')\n```\n\"]); import os #{{evil}}"


def nasty_plan():
    """A plan whose words would be code, if they reached a file as they are."""
    exact = Estimate.exactly(0.5)
    part = Part(BitReversal(), Schedule([2, 6]))
    return Plan(
        (part,), exact, 20.0, (0.1, 0.4), {WORDS: 1.0}, 7, {"name": WORDS, "digest": WORDS}, WORDS, WORDS, (WORDS,),
        (WORDS,), exact,
    )  # fmt: skip


def test_no_word_of_a_plan_reaches_a_file_that_an_engine_reads():
    tried = 0
    for engine in ENGINES:
        try:
            nasty, plain = translate(nasty_plan(), engine), translate(exported_plans.plan_of(
                (BitReversal(), [2, 6]), mask_token_id=7), engine)  # fmt: skip
        except InputError:
            continue  # takes tuned rules alone
        tried += 1
        assert nasty.files == plain.files
        for name, content in nasty.files.items():
            if name.endswith(".py"):
                ast.parse(content)
        page = nasty.readme()
        assert WORDS not in page
        assert "\n```python\nimport os; os" not in page
    assert tried >= 4


def test_no_model_of_this_computer_asks_the_network(model, monkeypatch):
    asked = []
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, lambda *address, **options: asked.append(address))
    changed(model / "config.json", _name_or_path="somebody/else", tokenizer_class="Nothing")
    for one in ("toy", "manual", str(model)):
        assert unmask.load(one, device="cpu").vocab_size
    law = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 6)
    unmask.sample(unmask.oracle(law), unmask.Schedule([2, 4]), n=1)
    assert not asked

import itertools
import json
import math
from importlib.resources import files
from pathlib import Path

import pytest
from transformers import AutoModelForMaskedLM

from unmask import laws
from unmask.training import tokenizer
from unmask.training.data import prepare
from unmask.training.evaluate import Exam
from unmask.training.objective import HiddenLogits
from unmask.training.options import TrainingOptions
from unmask.training.text_windows import LawWindows

SHIPPED = Path(str(files("unmask"))) / "data"
NAMES = ("toy", "manual")


def card(name):
    return json.loads((SHIPPED / name / "unmask.json").read_text(encoding="utf-8"))


def network(name):
    return HiddenLogits(AutoModelForMaskedLM.from_pretrained(SHIPPED / name))


def test_the_shipped_models_weigh_less_than_twelve_megabytes():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 12_000_000


@pytest.mark.parametrize("name", NAMES)
def test_a_model_card_gives_the_command_that_made_the_model(name):
    options = card(name)["options"]
    text = (SHIPPED / name / "README.md").read_text(encoding="utf-8")
    (command,) = [line.split() for line in text.splitlines() if line.strip().startswith("unmask train")]
    said = {word[2:].replace("-", "_"): value for word, value in itertools.pairwise(command) if word[:2] == "--"}
    for key in ("seed", "size", "batch_size", "learning_rate", "steps", "minutes", "held_out_rows"):
        if key in said:
            assert float(said[key]) == options[key] if key != "size" else said[key] == options[key]
    assert [said["data"]] == options["data"]


def test_the_toy_model_is_within_half_a_bit_of_the_entropy_of_its_law():
    law = laws.toy_grammar()
    found = Exam(LawWindows(law, count=340, seed=7), card("toy")["mask_token_id"], rows=340, law=law).ask(
        network("toy")
    )
    excess = (found.nelbo * law.length - law.entropy) / math.log(2)
    assert 0 < excess < 0.25
    assert found.stderr * law.length / math.log(2) < 0.1


def test_tokens_of_the_toy_model_are_those_of_its_law():
    law = laws.toy_grammar()
    maker = tokenizer.existing(SHIPPED / "toy")
    sentence = law.decode(law.sample(1, 0)[0])
    assert tokenizer.encode(maker, sentence) == list(law.encode(sentence))
    assert maker.mask_token_id == law.vocab_size


@pytest.mark.slow
def test_the_manual_model_is_as_good_on_held_out_documents_as_its_card_says():
    options = TrainingOptions.from_dict(card("manual")["options"])
    data = prepare(options, made=tokenizer.existing(SHIPPED / "manual"))
    if data.digest != card("manual")["data_sha256"]:
        pytest.skip("another version of Python has another manual")
    exam = Exam(data.held_out, data.tokenizer.mask_token_id, options.held_out_rows, data.characters_per_token)
    found, said = exam.ask(network("manual")), card("manual")["held_out"]
    assert found.nelbo == pytest.approx(said["nelbo_per_token"], abs=1e-3)
    assert found.bits_per_character == pytest.approx(said["bits_per_character"], abs=1e-3)

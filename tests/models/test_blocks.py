"""Blocks stand where the network's own blocks stand: counted from position 0, prompt included, whatever its length."""

import itertools

import pytest
import torch

import unmask
from reference.checkpoints import write_tokenizer
from unmask.cli import main
from unmask.errors import InputError
from unmask.models.predictor import Positions
from unmask.models.pretrained import load
from unmask.sampling import recipes
from unmask.sampling.canvas import Canvas
from unmask.sampling.windows import Blocks


@pytest.fixture
def sdar(made):
    return load(made("sdar"), trust_remote_code=True)  # blocks of 4


def first_steps(out):
    """The step in which each position of row 0 was revealed."""
    return {place: step["step"] for step in out.trace.row(0) for place in step.get("positions", ())}


@pytest.mark.parametrize("prompt", range(10))
@pytest.mark.parametrize("rule", ["one_by_one", "llada", "edit", "threshold"])
def test_every_prompt_length_is_followed_by_the_networks_own_blocks(sdar, rule, prompt):
    sampler = {
        "one_by_one": recipes.one_by_one(),
        "llada": recipes.llada(steps=8, block_length=4),
        "edit": recipes.edit(0.3, 0.2, max_post_steps=3),
        "threshold": recipes.threshold(0.3),
    }[rule]
    out = unmask.sample(sdar, sampler, 2, seed=3, prompt=[5, 6, 7, 8, 9, 5, 6, 7, 8][:prompt] or None, new_tokens=8)
    steps = first_steps(out)
    assert sorted(steps) == list(range(prompt, prompt + 8))
    for early, late in itertools.combinations(range(prompt, prompt + 8), 2):
        if early // 4 < late // 4:
            assert steps[early] < steps[late]


def test_blocks_of_another_size_become_the_networks_own_and_the_output_says_so(sdar):
    out = unmask.sample(sdar, recipes.edit(0.3, 0.2), 1, prompt=[5, 6, 7], new_tokens=8)  # edit has blocks of 32
    assert "blocks of 32 do not fit the network's blocks of 4: revealed in blocks of 4" in out.notes
    inside = unmask.sample(sdar, recipes.llada(steps=8, block_length=2), 1, prompt=[5, 6, 7], new_tokens=8)
    assert not any("do not fit" in note for note in inside.notes)


def test_a_prompt_of_three_before_blocks_of_four_leaves_one_four_and_three():
    known = torch.arange(11)[None] < 3
    canvas = Canvas(torch.zeros(1, 11, dtype=torch.long), known, torch.zeros(1), 0, torch.device("cpu"))
    assert Blocks(4).blocks(canvas)[0, 3:].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # from the prompt's end
    assert Blocks(4, "sequence").blocks(canvas)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    canvas.block_size = 4
    assert Blocks(4).blocks(canvas)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert Blocks(4, "prompt").blocks(canvas)[0, 3:].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    with pytest.raises(InputError, match='choose "prompt", "sequence" or None'):
        Blocks(4, "middle")


def test_the_score_of_a_continuation_is_the_chain_rule_asked_block_by_block(sdar):
    tokens = torch.tensor([5, 6, 7, 8, 9, 10, 11, 12, 13, 5, 6])
    known = torch.arange(11) < 3
    found = unmask.score(sdar, recipes.left_to_right(), tokens[None], given=known[None])
    expected = 0.0
    for place in range(3, 11):
        seen = torch.arange(11)[None] < place
        law = sdar.log_probs(tokens[None], seen, Positions(torch.tensor([0]), torch.tensor([place])))
        expected += float(law[0, tokens[place]])
    assert float(found.log_prob[0]) == pytest.approx(expected, abs=1e-4)
    replayed = unmask.score(sdar, recipes.threshold(0.3), tokens[None], given=known[None])
    assert torch.isfinite(replayed.log_prob).all()


def test_the_default_command_samples_from_a_block_causal_model_with_any_prompt(made, capsys):
    folder = made("sdar", vocab_size=20)
    write_tokenizer(folder, frame=False)
    for prompt in ("a b c", "a b c d e"):
        arguments = ["sample", str(folder), "--trust-remote-code", "--prompt", prompt, "--new-tokens", "6", "--json"]
        assert main(arguments) == 0, capsys.readouterr().err
        capsys.readouterr()
    assert main(["sample", str(folder), "--trust-remote-code", "--length", "9"]) == 0
    assert (
        main(["sample", str(folder), "--trust-remote-code", "--rule", "edit", "--prompt", "a b c", "--length", "9"])
        == 0
    )

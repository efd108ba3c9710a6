"""Sequences, gaps, conversations and unknown input at the command line, on a tiny network of letters."""

import json

import numpy as np
import pytest
import torch

import unmask
from unmask import cli, recipes
from unmask.models.pretrained import load

pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from reference import checkpoints

    return checkpoints.native(tmp_path_factory.mktemp("letters") / "bert", "Bert")


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "x.fasta"
    path.write_text(">one\nabcdef\n>two\nghij\n>three\nmmm\nlk\n")
    return path


def run(capsys, *arguments):
    """The JSON object a command prints, and its lines on standard error."""
    assert cli.main([*map(str, arguments), "--json"]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def refused(capsys, *arguments):
    assert cli.main([*map(str, arguments)]) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


# -- score --


def test_sequences_of_many_lengths_are_scored_by_name_as_they_are_alone(capsys, folder, model, fasta):
    found, _ = run(capsys, "score", folder, "--data", fasta, "--order", "left_to_right")
    assert found["names"] == ["one", "two", "three"]
    assert found["tokens_scored"] == [6, 4, 5]
    sampler = recipes.one_by_one(unmask.orders.LeftToRight())
    alone = [float(unmask.score(model, sampler, model.encode(" ".join(text))).log_prob) for text in ("abcdef", "ghij")]
    assert found["log_prob"][:2] == pytest.approx(alone, abs=1e-5)


def test_unknown_words_are_said_and_stand_unscored(capsys, folder, model):
    assert "1 of 4 tokens is unknown to the tokenizer, first 'zzz' (25%)" in refused(
        capsys, "score", folder, "--text", "a b zzz c"
    )
    found, said = run(capsys, "score", folder, "--text", "a b zzz c", "--allow-unknown", "--order", "left_to_right")
    assert "1 unknown words are given, not scored" in said
    known = np.array([False, False, True, False])
    sampler = recipes.one_by_one(unmask.orders.LeftToRight())
    expected = unmask.score(model, sampler, [model.encode("a b zzz c")], given=known)
    assert found["log_prob"] == pytest.approx(expected.log_prob.tolist())


def test_a_text_of_probability_zero_says_why(capsys, folder, tmp_path):
    np.save(tmp_path / "t.npy", np.array([[5, 1, 6], [5, 7, 6]]))
    found, said = run(capsys, "score", folder, "--tokens", tmp_path / "t.npy", "--alphabet", "ab")
    assert found["log_prob"][1] is None
    assert "text 1 has probability 0: its token 1, id 7, may never be drawn" in said
    assert "only ab may be drawn: likelihoods and prices are exact for that restricted law" in said


def test_every_token_by_itself_is_the_network_with_that_token_masked(capsys, folder, model):
    found, _ = run(capsys, "score", folder, "--text", "abcd", "--per-token")
    (table,) = found["texts"]
    ids = torch.tensor([model.encode("a b c d")])
    for place in range(4):
        known = torch.ones(1, 4, dtype=torch.bool)
        known[0, place] = False
        where = unmask.models.predictor.Positions(torch.tensor([0]), torch.tensor([place]))
        law = model.log_probs(ids, known, where)[0].double()
        assert table["log_probs"][place] == pytest.approx(float(law[ids[0, place]]), abs=1e-5)
        assert table["entropies"][place] == pytest.approx(-float((law.exp() * law.clamp_min(-1e9)).sum()), abs=1e-5)
    assert found["network_calls_spent"] == 4
    assert table["pseudo_log_likelihood"] == pytest.approx(sum(table["log_probs"]))


def test_several_changes_are_scored_together_given_all_the_rest(capsys, folder, model):
    found, _ = run(capsys, "score", folder, "--text", "abcd", "--mutations", "b2m,d4a", "--order", "left_to_right")
    known = np.array([True, False, True, False])
    sampler = recipes.one_by_one(unmask.orders.LeftToRight())
    both = unmask.score(model, sampler, [model.encode(text) for text in ("a b c d", "a m c a")], given=known)
    assert found["log_ratio"] == pytest.approx(float(both.log_prob[1] - both.log_prob[0]))
    assert "has c2m, but b stands at place 2" in refused(
        capsys, "score", folder, "--text", "abcd", "--mutations", "c2m"
    )


def test_gaps_ranges_and_exceptions_say_the_same(capsys, folder):
    kinds = (["--infill", "a [MASK:2] d"], ["--given", "0-0,3"], ["--given", "except:1-2"])
    found = [run(capsys, "score", folder, "--text", "abcd", "--order", "left_to_right", *kind)[0] for kind in kinds]
    assert found[0]["log_prob"] == found[1]["log_prob"] == found[2]["log_prob"]
    assert found[0]["network_calls"] == [2]
    assert "positions 3-7; a text of 4 tokens has 0 to 3" in refused(
        capsys, "score", folder, "--text", "abcd", "--given", "3-7"
    )


# -- sample --


def test_gaps_are_filled_and_the_rest_is_kept(capsys, folder, model):
    found, _ = run(capsys, "sample", folder, "--infill", "a [MASK] b [MASK:2] c", "-n", "3", "--seed", "2")
    known = [True, False, True, False, False, True]
    same = unmask.sample(model, recipes.one_by_one(), n=3, infill=([5, 0, 6, 0, 0, 7], known), seed=2)
    assert found["tokens"] == same.rows()
    assert found["network_calls"] == [3] * 3


def test_lengths_of_a_gap_are_tried_and_ranked_by_nats_per_token(capsys, folder):
    found, _ = run(capsys, "sample", folder, "--infill", "a [MASK:1-3] b", "-n", "2")
    assert found["gaps"] == [[1], [1], [2], [2], [3], [3]]
    assert [len(row) for row in found["tokens"]] == [3, 3, 4, 4, 5, 5]
    ranked = [found["nats_per_token"][row] for row in found["best_first"]]
    assert ranked == sorted(ranked)
    per_token = [-total / gap for total, (gap,) in zip(found["log_prob"], found["gaps"], strict=True)]
    assert found["nats_per_token"] == pytest.approx(per_token, abs=1e-5)
    assert "ranked by likelihood, and this rule has none" in refused(
        capsys, "sample", folder, "--infill", "a [MASK:1-3] b", "--rule", "remdm:4"
    )


def test_marks_in_a_prompt_are_text(capsys, folder):
    assert "2 of 3" not in refused(capsys, "sample", folder, "--prompt", "a [MASK] b", "--new-tokens", "2")
    found, _ = run(capsys, "sample", folder, "--prompt", "a [MASK] b", "--new-tokens", "2", "--allow-unknown")
    assert found["tokens"][0][:3] == [5, 1, 6]  # an unknown word


def test_whole_sequences_are_redrawn_where_they_are_not_given_and_written_as_fasta(capsys, folder, fasta, tmp_path):
    out = tmp_path / "new.fasta"
    found, _ = run(
        capsys, "sample", folder, "--infill-file", fasta, "--given", "0-1,3", "--alphabet", "abm", "--out", out
    )
    assert found["names"] == ["one", "two", "three"]
    lines = out.read_text().splitlines()
    assert lines[::2] == [">one", ">two", ">three"]
    assert [len(line) for line in lines[1::2]] == [6, 4, 5]
    assert lines[1][:2] + lines[1][3] == "abd"
    assert set(lines[1][2] + lines[1][4:]) <= set("abm")


def test_a_prompt_may_come_from_a_file_and_only_once(capsys, folder, tmp_path):
    (tmp_path / "p.txt").write_text("a b")
    found, _ = run(capsys, "sample", folder, "--prompt-file", tmp_path / "p.txt", "--new-tokens", "2")
    assert found["tokens"][0][:2] == [5, 6]
    assert "--prompt and --prompt-file were both given" in refused(
        capsys, "sample", folder, "--prompt", "a", "--prompt-file", tmp_path / "p.txt"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--infill", "a b"], "--infill has no gap; mark one with [MASK]"),
        (["--infill", "a [MASK]", "--length", "4"], "leave out --length and --new-tokens"),
        (["--infill", "a [MASK]", "--given", "1"], "the text has marks"),
        (["--given", "1"], "--given was given without --infill"),
        (["--chat"], "--chat was given without --prompt"),
        (["--chat", "--prompt", "a"], "has no chat template"),
        (["--alphabet", "az"], "--alphabet has 'z', which is no token"),
    ],
)
def test_bad_requests_are_one_clear_line(capsys, folder, arguments, message):
    assert message in refused(capsys, "sample", folder, *arguments)


def test_laws_take_no_options_of_checkpoints(capsys):
    assert "--shift was given, but law:toy is a law" in refused(capsys, "sample", "law:toy", "--shift", "1")
    assert "--keep-special was given, and the model has no" in refused(capsys, "sample", "law:toy", "--keep-special")


def test_texts_with_line_breaks_stay_one_text_a_line(capsys, tmp_path):
    out = tmp_path / "x.txt"
    found, said = run(capsys, "sample", "manual", "-n", "3", "--seed", "2", "--steps", "8", "--out", out)
    assert any("\n" in text for text in found["texts"])
    assert len(out.read_text().splitlines()) == 3
    assert "texts have line breaks" in said


def test_what_stands_behind_the_end_of_a_text_is_neither_shown_nor_counted(capsys, folder, monkeypatch):
    from unmask.models import resolve

    predictor = load(folder, end_of_text_id=9)  # the letter e
    monkeypatch.setattr(resolve, "resolve", lambda *_, **__: predictor)
    found, _ = run(capsys, "sample", "ending", "-n", "20", "--length", "12")
    out = unmask.sample(predictor, recipes.one_by_one(), n=20, length=12)
    assert found["tokens"] == out.rows()
    assert sum(9 in row[:-1] for row in found["tokens"]) > 3
    for row, text, nats, log_probs in zip(
        found["tokens"], found["texts"], found["nats_before_end"], out.log_probs.tolist(), strict=True
    ):
        end = row.index(9) + 1 if 9 in row else 12
        assert text == predictor.decode(row[:end])
        assert nats == pytest.approx(-sum(log_probs[:end]), abs=1e-4)


# -- measure, plan, certify --


def test_a_plan_carries_what_was_given_and_asks_for_it(capsys, folder, tmp_path):
    data, curve, plan = tmp_path / "x.fasta", tmp_path / "m.curve.json", tmp_path / "p.plan.json"
    rows = np.random.default_rng(0).integers(0, 13, (30, 8))
    letters = "abcdefghijklm"
    data.write_text("".join(f">{n}\n{''.join(letters[token] for token in row)}\n" for n, row in enumerate(rows)))
    _, said = run(
        capsys, "measure", folder, "--data", data, "--given", "0-1,6-7", "--orders", "uniform", "--out", curve
    )
    assert "30 texts read letter by letter" in said
    assert cli.main(["plan", str(curve), "--steps", "2", "--out", str(plan)]) == 0
    capsys.readouterr()
    assert unmask.Plan.load(plan).given == "positions 0,1,6,7"
    found, _ = run(capsys, "score", folder, "--plan", plan, "--data", data)
    same, _ = run(capsys, "score", folder, "--plan", plan, "--data", data, "--given", "0-1,6-7")
    assert found["log_prob"] == same["log_prob"]
    assert found["network_calls"] == [2] * 30
    assert "fills gaps of a text, with positions 0,1,6,7 given" in refused(
        capsys, "sample", folder, "--plan", plan, "--length", "4"
    )
    drawn, _ = run(capsys, "sample", folder, "--plan", plan, "--infill", "ab[MASK:4]cd")
    assert drawn["network_calls"] == [2]
    status = cli.main(
        ["certify", str(plan), str(folder), "--data", str(data), "--budget", "9", "--exclude", str(curve), "--json"]
    )
    assert status == 2  # every text of the file was measured: none is left, none was cut into windows of four
    assert "compare it with the same --given" in refused(
        capsys, "compare", folder, "--data", data, "--plan", plan, "--out", tmp_path / "c"
    )


def test_short_cut_and_unknown_texts_are_said_by_measure(capsys, folder, tmp_path):
    lines = tmp_path / "x.txt"
    lines.write_text("a b c\n" * 3 + "a b c d e\n" * 20 + "a b zzz d e\n" + "a b c d e f\n" * 40)
    arguments = ["--lines", "--length", "5", "--orders", "uniform", "--out", tmp_path / "m.curve.json"]
    _, said = run(capsys, "measure", folder, "--data", lines, *arguments)
    assert "3 of 64 texts are shorter than 5 tokens and left out" in said
    assert "40 of 64 texts are longer than 5 tokens and cut" in said
    assert "1 of 61 texts hold an unknown word and are left out" in said
    stored = unmask.Measurement.load(tmp_path / "m.curve.json")
    assert len(stored.texts) == 60
    assert len(stored.settings["read"]) == 4

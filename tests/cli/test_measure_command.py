"""`unmask measure`: from the command line to the file, in one process and in two, and every mistake in one line."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unmask.cli import main
from unmask.measuring.measurement import Measurement

CHAIN = "law:markov_chain:length=8,vocab_size=3"
ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    """Without a search for orders where none is asked for."""
    wants_orders = {"--orders", "--merge", "--resume-from"}.intersection(map(str, arguments))
    without = () if wants_orders else ("--orders", "uniform")
    status = main([str(argument) for argument in (*arguments, *without)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_law_is_measured_on_sequences_of_its_own(tmp_path, capsys):
    out = tmp_path / "m.curve.json"
    status, printed, _ = run(
        capsys, "measure", CHAIN, "--texts", 50, "--orders", "bit_reversal,strided:base=3", "--out", out
    )
    assert status == 0
    found = Measurement.load(out)
    assert (len(found.texts), found.length, list(found.orders)) == (50, 8, ["bit_reversal", "strided:base=3"])
    assert found.model["name"] == CHAIN
    for words in ("NELBO", "Total information", "TC", "DTC", "growth complexity", "1200", "upper", "bit_reversal"):
        assert words in printed


def test_json_is_one_object_with_every_number(tmp_path, capsys):
    status, printed, _ = run(
        capsys, "measure", CHAIN, "--texts", 40, "--orders", "uniform", "--out", tmp_path / "m.curve.json",
        "--show-steps", "2,4", "--json",
    )  # fmt: skip
    report = json.loads(printed)
    assert status == 0
    assert report["network_calls"] == 40 * 8
    assert [row["steps"] for row in report["bounds"]] == [2, 4]
    for row in report["bounds"]:
        assert row["li_cai_lower"] <= row["equal_sizes"] <= row["sharp_upper"] <= row["li_cai_upper"]
    assert len(report["calibration"]) == 8
    assert report["summary"]["texts"] == 40


def test_text_is_read_in_the_models_own_tokens(tmp_path, capsys):
    from unmask.laws import toy_grammar

    law = toy_grammar()
    text = tmp_path / "held_out.txt"
    text.write_text("\n".join(law.decode(row) for row in law.sample(12, 3)))
    out = tmp_path / "m.curve.json"
    status, _, _ = run(capsys, "measure", "law:toy", "--data", text, "--lines", "--counts", "0,4,16", "--out", out)
    assert status == 0
    assert Measurement.load(out).counts.tolist() == [0, 4, 16]
    tokens = tmp_path / "held_out.jsonl"
    tokens.write_text("\n".join(json.dumps(law.encode(line).tolist()) for line in text.read_text().splitlines()))
    status, _, _ = run(
        capsys, "measure", "law:toy", "--tokens", tokens, "--counts", "0,4,16", "--out", tmp_path / "n.curve.json"
    )
    assert Measurement.load(tmp_path / "n.curve.json").digest == Measurement.load(out).digest


def test_going_on_and_merging_give_what_one_run_gives(tmp_path, capsys):
    whole, half, rest, done = (tmp_path / f"{name}.curve.json" for name in ("whole", "half", "rest", "done"))
    rows = np.unique(np.random.default_rng(0).integers(3, size=(60, 8)), axis=0)[:40]
    np.save(tmp_path / "all.npy", rows)
    np.save(tmp_path / "half.npy", rows[:25])
    np.save(tmp_path / "rest.npy", rows[25:])
    assert run(capsys, "measure", CHAIN, "--tokens", tmp_path / "all.npy", "--out", whole)[0] == 0
    assert run(capsys, "measure", CHAIN, "--tokens", tmp_path / "half.npy", "--out", half)[0] == 0
    assert run(capsys, "measure", CHAIN, "--tokens", tmp_path / "rest.npy", "--out", rest)[0] == 0
    assert (
        run(capsys, "measure", CHAIN, "--tokens", tmp_path / "all.npy", "--resume-from", half, "--out", done, "--json")[
            0
        ]
        == 0
    )
    digest = Measurement.load(whole).digest
    assert Measurement.load(done).digest == digest
    assert run(capsys, "measure", "--merge", half, rest, "--out", done)[0] == 0
    assert Measurement.load(done).digest == digest


def test_prompts_infilling_and_blocks(tmp_path, capsys):
    out, given = tmp_path / "m.curve.json", tmp_path / "given.json"
    given.write_text("[0, 7]")
    for options, length, words in [
        (["--given", 3], 5, "the first 3"),
        (["--given", "0.25"], 6, "2 positions of each text"),
        (["--given", given], 6, "positions 0,7"),
        (["--block-length", 4], 4, "nothing"),
    ]:
        assert run(capsys, "measure", CHAIN, "--texts", 20, "--out", out, *options)[0] == 0
        found = Measurement.load(out)
        assert (found.length, found.settings["given"]) == (length, words)


def test_orders_are_searched_by_default_where_there_are_texts_enough(tmp_path, capsys):
    out = tmp_path / "m.curve.json"
    for texts, searched in ((60, 15), (20, 0)):
        status = main(["measure", CHAIN, "--texts", str(texts), "--search-calls", "2000", "--out", str(out)])
        printed = capsys.readouterr().out
        found = Measurement.load(out)
        assert status in (None, 0)
        assert len(found.settings["searched"]) == searched
        assert bool(found.orders) == bool(searched)
        assert ("only the uniform order was measured" in printed) == (not found.orders)


def test_auto_searches_on_texts_that_are_not_priced(tmp_path, capsys):
    out = tmp_path / "m.curve.json"
    arguments = ["measure", "law:markov_chain:length=8", "--texts", 60, "--orders", "auto", "--search-calls", 3000]
    assert run(capsys, *arguments, "--out", out)[0] == 0
    found = Measurement.load(out)
    assert found.orders
    assert len(found.settings["searched"]) == 15
    assert len(found.texts) == 45
    assert not set(found.texts) & set(found.settings["searched"])
    # going on keeps the orders, and does not price what they were searched on
    more = tmp_path / "more.curve.json"
    assert run(capsys, *arguments[:2], "--texts", 80, "--orders", "auto", "--resume-from", out, "--out", more)[0] == 0
    again = Measurement.load(more)
    assert list(again.orders) == list(found.orders)
    assert len(again.texts) == 65


@pytest.mark.slow
@pytest.mark.parametrize("orders", ["bit_reversal", "auto"])
def test_two_processes_measure_what_one_does(tmp_path, orders):
    arguments = [
        "measure",
        "law:markov_chain:length=10",
        "--texts",
        "40",
        "--orders",
        orders,
        "--search-calls",
        "3000",
    ]
    alone, together = tmp_path / "one.curve.json", tmp_path / "two.curve.json"
    assert main([*arguments, "--out", str(alone)]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                   "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, "-m", "unmask", *arguments, "--out", str(together), "--json"]
    processes = [
        subprocess.Popen(
            command, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[1][0] == b""
    one, two = Measurement.load(alone), Measurement.load(together)
    assert (one.texts, one.digest, one.settings) == (two.texts, two.digest, two.settings)
    if orders != "auto":
        assert json.loads(outputs[0][0])["network_calls"] == 40 * 10 * 2


MISTAKES = [
    (["law:markov_chain"], "--out"),
    (["law:nothing", "--out", "m.json"], "there is no law 'nothing'"),
    (["none/such/model", "--data", "x.txt", "--out", "m.json"], "cannot find model"),
    ([CHAIN, "--data", "none.txt", "--out", "m.json"], "cannot read none.txt|no tokenizer"),
    ([CHAIN, "--tokens", "none.npy", "--out", "m.json"], "cannot read none.npy"),
    ([CHAIN, "--tokens", "none.txt", "--out", "m.json"], "expected a .npy or .jsonl file"),
    ([CHAIN, "--out", "no/folder/m.json"], "there is no folder"),
    ([CHAIN, "--length", "9", "--out", "m.json"], "has length 8"),
    ([CHAIN, "--data", "x.txt", "--tokens", "x.npy", "--out", "m.json"], "--data and --tokens were given"),
    ([CHAIN, "--texts", "20", "--orders", "auto", "--out", "m.json"], "at least 24 texts"),
    ([CHAIN, "--orders", "sideways", "--out", "m.json"], "there is no reveal order 'sideways'"),
    ([CHAIN, "--canvases", "few", "--out", "m.json"], "--canvases is 'few'"),
    ([CHAIN, "--counts", "few", "--out", "m.json"], "--counts is 'few'"),
    ([CHAIN, "--counts", "99", "--out", "m.json"], "counts is 99"),
    ([CHAIN, "--show-steps", "9", "--out", "m.json"], "steps is 9"),
    ([CHAIN, "--show-steps", "a", "--out", "m.json"], "--show-steps is 'a'"),
    ([CHAIN, "--calls", "3", "--out", "m.json"], "only 0 texts can be measured"),
    ([CHAIN, "--given", "8", "--out", "m.json"], "given is 8"),
    ([CHAIN, "--given", "2.0", "--out", "m.json"], "share of 2.0"),
    ([CHAIN, "--given", "none.json", "--out", "m.json"], "cannot read none.json"),
    ([CHAIN, "--block-length", "3", "--out", "m.json"], "does not divide the 8 tokens"),
    ([CHAIN, "--resume-from", "none.curve.json", "--out", "m.json"], "cannot read none.curve.json"),
    ([CHAIN, CHAIN, "--out", "m.json"], "2 models were given"),
    (["--merge", "none.curve.json", "--out", "m.json"], "cannot read none.curve.json"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_line_and_exit_status_2(tmp_path, monkeypatch, capsys, arguments, words):
    import re

    monkeypatch.chdir(tmp_path)
    status, printed, error = run(capsys, "measure", *arguments)
    assert status == 2
    assert printed == ""
    assert error.count("\n") == 1
    assert re.search(words, error), error


def test_the_exact_curve_of_a_law_stands_beside_the_measured_one(tmp_path, capsys):
    from unmask.laws import catalogue

    options = ("measure", CHAIN, "--texts", 40, "--out", tmp_path / "m.curve.json")
    _, printed, _ = run(capsys, *options, "--json")
    report = json.loads(printed)
    curve = catalogue.from_name(CHAIN.removeprefix("law:")).curve().values
    assert list(report["exact_curve"].values()) == pytest.approx(curve)
    assert "exact" in run(capsys, *options)[1]
    assert "exact_curve" not in json.loads(run(capsys, *options, "--given", 2, "--json")[1])


def test_own_samples_take_the_place_of_text_and_are_said_to_be_so(tmp_path, capsys):
    import unmask
    from unmask.laws import catalogue

    out, on_text = tmp_path / "m.curve.json", tmp_path / "t.curve.json"
    status, printed, _ = run(capsys, "measure", CHAIN, "--own-samples", 30, "--out", out)
    assert status == 0
    assert "30 samples of its own" in printed
    found = Measurement.load(out)
    assert (len(found.texts), found.settings["own_samples"]) == (30, 30)
    assert any("own samples" in note for note in unmask.plan(out, steps=2).notes)
    # those of the same seed, drawn again
    drawn = unmask.sample(
        unmask.oracle(catalogue.from_name(CHAIN.removeprefix("law:"))), unmask.recipes.one_by_one(), 30, seed=0
    ).tokens
    np.save(tmp_path / "same.npy", drawn.numpy())
    assert run(capsys, "measure", CHAIN, "--tokens", tmp_path / "same.npy", "--out", on_text)[0] == 0
    assert len(set(Measurement.load(on_text).texts)) == 30
    status, _, error = run(capsys, "measure", "--merge", out, on_text, "--out", tmp_path / "both.json")
    assert (status, "own samples and one on text" in error) == (2, True)
    status, _, error = run(capsys, "measure", CHAIN, "--own-samples", 30, "--texts", 5, "--out", out)
    assert (status, "--own-samples and --texts were given" in error) == (2, True)

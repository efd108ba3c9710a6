"""Every command that writes dies at each of its file operations, and is run again: the end is that of an unbroken run.

The slow sweeps die everywhere; the fast ones at a few places. Where a run can be resumed it is resumed, else it is run
again. A second sweep has the system refuse each operation instead, as a full disk or a read-only folder does.
"""

import json
import re
import shutil
import sys

import pytest
import torch

from reliability import operations
from unmask import cli
from unmask.errors import InputError
from unmask.files import clear_stale, only_writer, write_text

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and reads /proc")

LAW = "law:markov_chain:length=8"
TRAIN = [
    *("train", "--data", "law:permutation:length=4", "--size", "nano", "--batch-size", 4),
    *("--optimizer-steps", 4, "--seed", 1),
    *("--evaluate-every", 2, "--held-out-rows", 8, "--samples", 0, "--log-every", 1),
]
COMPARE = [
    "compare",
    LAW,
    "--rules",
    "planned,confidence:4",
    "--steps",
    4,
    "--texts",
    16,
    "--samples",
    4,
    "--rounds",
    0,
]
TIMES = re.compile(rb'"(seconds|tokens_per_second|latency|throughput)": [0-9.e+-]+|"unmask.json": "[0-9a-f]{64}"')
"""What differs from run to run: times, and the digest of a card that states one."""


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Everything is imported before the first fork."""
    import accelerate  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Files that commands read: a measurement and a plan."""
    folder = tmp_path_factory.mktemp("inputs")
    curve, plan = folder / "m.curve.json", folder / "m.plan.json"
    assert cli.main(["measure", LAW, "--texts", "24", "--out", str(curve)]) == 0
    assert cli.main(["plan", str(curve), "--steps", "4", "--out", str(plan)]) == 0
    return {"CURVE": curve, "PLAN": plan}


COMMANDS = {
    "train": (TRAIN, "model", ["--resume"]),
    "measure": (["measure", LAW, "--texts", 24, "--batch-size", 8, "--orders", "bit_reversal"], "m.curve.json", []),
    "plan": (["plan", "CURVE", "--steps", 4], "m.plan.json", []),
    "sample": (["sample", LAW, "-n", 4, "--steps", 4], "texts.jsonl", []),
    "certify": (["certify", "PLAN", LAW, "--budget", 5, "--texts", 40], "m.certificate.json", []),
    "score": (["score", LAW, "--rule", "confidence:4", "--texts", 4], "score.json", []),
    "compare": (COMPARE, "comparison", ["--resume"]),
    "export": (["export", "PLAN", "--to", "sglang"], "engine", []),
    "verify": (["verify", "--laws", "permutation:length=8", "--length", 8], "verified", []),
}
FAST = {
    "train": 2,
    "measure": 3,
    "plan": 3,
    "sample": 2,
    "certify": 2,
    "score": 2,
    "compare": 3,
    "export": 3,
    "verify": 0,
}
"""Deaths in the fast suite."""


def told(command, inputs, out):
    arguments, name, again = COMMANDS[command]
    first = [inputs.get(word, word) for word in arguments] + ["--out", out / name]
    return first, [*first, *again]


def content(out):
    """Every file below a folder, what differs from run to run left out; pictures are not compared."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.suffix not in (".png", ".svg", ".html"):
            data = TIMES.sub(b"", path.read_bytes()).replace(str(out).encode(), b"OUT")
            found[str(path.relative_to(out))] = data
    return found


def unbroken(command, inputs, tmp_path):
    """(what an unbroken run leaves, how many operations it makes)"""
    out = tmp_path / "whole"
    out.mkdir()
    first, _ = told(command, inputs, out)
    assert operations.run(first, out, count=tmp_path / "count", err=tmp_path / "err") == 0, (
        tmp_path / "err"
    ).read_text()
    return content(out), int((tmp_path / "count").read_text())


def chosen(total, number):
    return (
        range(1, total + 1)
        if number is None
        else sorted({1 + (total - 1) * k // max(1, number - 1) for k in range(number)})
    )


def sweep(command, inputs, tmp_path, number):
    whole, total = unbroken(command, inputs, tmp_path)
    assert total >= 3
    for at in chosen(total, number):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        first, again = told(command, inputs, out)
        assert operations.run(first, out, at=at) == operations.DIED
        status = operations.run(again, out, err=tmp_path / "err")
        assert status == 0, (at, (tmp_path / "err").read_text())
        assert content(out).keys() == whole.keys(), at
        assert content(out) == whole, at


@pytest.mark.parametrize("command", [name for name in COMMANDS if FAST[name]])
def test_a_command_that_dies_and_runs_again_ends_as_if_it_had_not(command, inputs, tmp_path):
    sweep(command, inputs, tmp_path, FAST[command])


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_wherever_a_command_dies_it_ends_as_if_it_had_not(command, inputs, tmp_path):
    sweep(command, inputs, tmp_path, None)


def refusals(command, inputs, tmp_path, number):
    """Each operation refused once: one line, status 2, and what an earlier run left is there as it was, or newer."""
    whole, total = unbroken(command, inputs, tmp_path)
    for at in chosen(total, number):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        first, again = told(command, inputs, out)
        status = operations.run(first, out, at=at, refuse=operations.FULL, err=tmp_path / "err")
        said = (tmp_path / "err").read_text()
        lines = [line for line in said.splitlines() if line.startswith("unmask: ")]
        assert status in (0, 2), (at, said)  # 0: it was only to clear something away
        assert "Traceback" not in said, (at, said)
        assert len(lines) == (status == 2), (at, said)
        assert operations.run(again, out, err=tmp_path / "err") == 0, (at, (tmp_path / "err").read_text())
        assert content(out) == whole, at


@pytest.mark.parametrize("command", ["measure", "sample", "export"])
def test_a_full_disk_is_one_line_and_nothing_is_lost(command, inputs, tmp_path):
    refusals(command, inputs, tmp_path, 4)


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "verify"])
def test_a_disk_that_is_full_at_any_moment_is_one_line_and_nothing_is_lost(command, inputs, tmp_path):
    refusals(command, inputs, tmp_path, None)


@pytest.mark.parametrize("command", ["plan", "sample", "measure"])
def test_an_earlier_output_is_there_as_it_was_when_its_successor_dies(command, inputs, tmp_path):
    first, _ = told(command, inputs, tmp_path)
    target = first[-1]
    target.write_text("precious")
    total = unbroken(command, inputs, tmp_path)[1]
    for at in range(1, total + 1):
        operations.run(first, tmp_path, at=at)
        assert target.read_text() == "precious" or json.loads(
            target.read_text().splitlines()[0] if command == "sample" else target.read_text()
        )
    assert operations.run(first, tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_a_model_is_never_the_weights_of_one_step_with_the_card_of_another(inputs, tmp_path):
    """Between two files of a model that is published, loading it is refused by name; resuming makes it whole."""
    import unmask

    total = unbroken("train", inputs, tmp_path)[1]
    refused = 0
    for at in range(total * 2 // 3, total + 1):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        first, again = told("train", inputs, out)
        assert operations.run(first, out, at=at) == operations.DIED
        try:
            unmask.load(str(out / "model"), device="cpu")
        except InputError as error:
            said = str(error)
            refused += "no whole model" in said
            assert operations.run(again, out) == 0
            unmask.load(str(out / "model"), device="cpu")
    assert refused >= 1


def test_a_run_that_died_before_its_first_checkpoint_starts_anew_and_says_so(inputs, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    first, again = told("train", inputs, out)
    for at in (1, 3):  # a folder, the options
        assert operations.run(first, out, at=at) == operations.DIED
        assert operations.run(again, out, err=tmp_path / "err") == 0
        assert "starting at the beginning" in (tmp_path / "err").read_text() or at == 3
        shutil.rmtree(out / "model")


def test_two_processes_do_not_write_into_one_folder(inputs, tmp_path, capsys):
    out = tmp_path / "model"
    out.mkdir()
    with only_writer(out):
        assert cli.main([str(word) for word in [*TRAIN, "--out", out]]) == 2
    assert f"another process is writing into {out}" in capsys.readouterr().err
    folder = tmp_path / "comparison"
    folder.mkdir()
    with only_writer(folder):
        assert cli.main([str(word) for word in [*COMPARE, "--out", folder]]) == 2
    assert "another process is writing into" in capsys.readouterr().err
    assert list(out.iterdir()) == list(folder.iterdir()) == []


def test_what_a_dead_process_left_is_cleared_and_what_a_living_one_writes_is_not(tmp_path):
    import os
    import subprocess

    from unmask import files

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {number: f".a.json.{files._host()}-{number}-0123abcd.json" for number in (dead.pid, os.getppid())}
    for name in [*names.values(), ".a.json.elsewhere-1-0123abcd.json", ".b.json"]:
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.json", "whole")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.json", names[os.getppid()], ".a.json.elsewhere-1-0123abcd.json", ".b.json"}
    clear_stale(tmp_path / "absent" / "a.json")  # nothing there, nothing said


@pytest.mark.parametrize("command", ["verify", "export"])
def test_without_an_output_nothing_is_written_into_the_present_folder(command, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [str(inputs.get(word, word)) for word in COMMANDS[command][0]]
    assert cli.main(arguments) == (2 if command == "export" else 0)
    assert list(tmp_path.iterdir()) == []

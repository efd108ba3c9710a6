"""`unmask train` as it is typed. What a process's death and company do to it is in the slow tests at the end."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from transformers import AutoModelForMaskedLM

from unmask.cli import main

SMALL = [
    *("--tokenizer", "characters", "--length", "16", "--size", "nano", "--batch-size", "8"),
    *("--held-out-rows", "16", "--samples", "0", "--log-every", "1"),
]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "book.txt"
    lines = (f"line {index} is followed by line {index + 1}, not by line {index * 7 % 100}.\n" for index in range(300))
    path.write_text("".join(lines), encoding="utf-8")
    return path


def losses(out):
    entries = [json.loads(line) for line in (out / "training" / "log.jsonl").read_text().splitlines()]
    return {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}


def complaint(capsys, *arguments):
    """The one line a bad command prints, after checking that its exit status is 2."""
    assert main(["train", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_model_is_trained_and_described(text, tmp_path, capsys):
    out = tmp_path / "model"
    assert main(["train", "--data", str(text), "--out", str(out), "--optimizer-steps", "3", "--json", *SMALL]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card == json.loads((out / "unmask.json").read_text())
    assert card["step"] == 3
    assert AutoModelForMaskedLM.from_pretrained(out).config.vocab_size == card["mask_token_id"] + 1


def test_the_held_out_text_stays_with_the_model_and_is_what_it_is_measured_on(text, tmp_path, capsys):
    out = tmp_path / "model"
    assert main(["train", "--data", str(text), "--out", str(out), "--optimizer-steps", "1", "--json", *SMALL]) == 0
    card = json.loads(capsys.readouterr().out)
    kept = (out / "held_out.txt").read_text(encoding="utf-8")
    assert len(kept) == card["data_summary"]["held_out_characters"]
    assert (text.read_text(encoding="utf-8") + "\n").endswith(kept)
    curve = tmp_path / "model.curve.json"
    assert main(["measure", str(out), "--orders", "uniform", "--out", str(curve)]) == 0
    windows = card["data_summary"]["held_out_tokens"] // card["length"]
    assert len(json.loads(curve.read_text())["texts"]) == windows


def test_a_person_is_shown_the_parameters_and_the_curve(text, tmp_path, capsys):
    assert main(["train", "--data", str(text), "--out", str(tmp_path / "m"), "--optimizer-steps", "2", *SMALL]) == 0
    printed = capsys.readouterr()
    assert "held-out NELBO, bits/character" in printed.out
    assert "share revealed" in printed.out
    assert "parameters" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "absent.txt", "--optimizer-steps", "3"], "--data absent.txt does not exist"),
        (["--optimizer-steps", "3"], "--data is missing"),
        (["--data", "TEXT"], "either --optimizer-steps or --minutes"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--minutes", "1"], "either --optimizer-steps or --minutes"),
        (["--data", "TEXT", "--optimizer-steps", "0"], "--optimizer-steps is 0; it must be above 0"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--learning-rate", "nan"], "--learning-rate is nan"),
        (
            ["--data", "TEXT", "--optimizer-steps", "3", "--length", "100000"],
            "fewer than one window of --length 100000",
        ),
        (["--data", "TEXT", "--optimizer-steps", "3", "--length", "1"], "--length is 1"),
        (
            ["--data", "TEXT", "--optimizer-steps", "3", "--tokenizer", "bpe", "--vocab-size", "9999"],
            "the text supports only",
        ),
        (
            ["--data", "TEXT", "--optimizer-steps", "3", "--tokenizer", "/no/such"],
            "no tokenizer can be loaded from /no/such",
        ),
        (["--data", "TEXT", "--optimizer-steps", "3", "--size", "huge"], "--size is 'huge'"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--positions", "sine"], "--positions is 'sine'"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--optimizer", "sgd"], "--optimizer is 'sgd'"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--dtype", "float16"], "--dtype is 'float16'"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--held-out", "1"], "--held-out is 1.0"),
        (["--data", "TEXT", "--optimizer-steps", "3", "--accumulate", "3"], "--batch-size is 8; it must be a multiple"),
        (["--data", "law:nosuchlaw", "--optimizer-steps", "3"], "nosuchlaw"),
        (
            ["--data", "TEXT", "--optimizer-steps", "3", "--init-from", "/no/such"],
            "no tokenizer can be loaded from /no/such",
        ),
        (["--data", "law:toy", "--data", "TEXT", "--optimizer-steps", "3"], "a law is trained on alone"),
        (["--resume"], "holds no run to resume"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_two(text, tmp_path, capsys, arguments, message):
    said = [str(text) if argument == "TEXT" else argument for argument in arguments]
    small = [] if "--resume" in said else SMALL
    assert message in complaint(capsys, "--out", tmp_path / "model", *small, *said)
    assert not (tmp_path / "model").exists()


def test_a_folder_with_something_in_it_is_never_written_to_unasked(text, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("precious")
    arguments = ["--data", text, "--out", tmp_path, "--optimizer-steps", "2", *SMALL]
    assert "is not empty; go on with --resume, replace it with --force" in complaint(capsys, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert main(["train", *map(str, arguments), "--force"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_resumed_run_keeps_its_options(text, tmp_path, capsys):
    out = tmp_path / "model"
    assert main(["train", "--data", str(text), "--out", str(out), "--optimizer-steps", "2", *SMALL]) == 0
    capsys.readouterr()
    assert "--optimizer-steps is 5, but the run in" in complaint(
        capsys, "--out", out, "--resume", "--optimizer-steps", "5"
    )
    assert "--length is 8, but the run in" in complaint(capsys, "--out", out, "--resume", "--length", "8")
    assert main(["train", "--out", str(out), "--resume", "--data", str(text), "--optimizer-steps", "2"]) == 0


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is not None, reason="tensorboard is installed")
def test_tensorboard_without_its_package_is_refused_by_name(text, tmp_path, capsys):
    told = ["--data", text, "--out", tmp_path / "model", "--optimizer-steps", "2", "--tensorboard", *SMALL]
    assert "needs the package tensorboard" in complaint(capsys, *told)


def started(arguments, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


@pytest.mark.slow
def test_a_process_killed_at_any_moment_resumes_to_the_losses_of_an_unbroken_run(text, tmp_path):
    told = ["--data", text, "--optimizer-steps", 300, "--evaluate-every", 7, *SMALL]
    assert main(["train", "--out", str(tmp_path / "whole"), *map(str, told)]) == 0
    out = tmp_path / "killed"
    log, kills, lines = out / "training" / "log.jsonl", 0, 0
    for wait in (0.35, 0.2, 0.5):  # at whatever the process is doing then: a step, a look or a checkpoint
        again = ["--resume"] if kills else told
        process = started(["unmask", "train", "--out", out, *again])
        while process.poll() is None and not (log.exists() and len(log.read_bytes().splitlines()) > lines + 30):
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        lines = len(log.read_bytes().splitlines())
    assert kills >= 2
    assert main(["train", "--out", str(out), "--resume"]) == 0
    assert losses(out) == losses(tmp_path / "whole")
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_with_the_same_batch(text, tmp_path):
    told = ["--data", text, "--optimizer-steps", 8, "--evaluate-every", 4, *SMALL]
    assert main(["train", "--out", str(tmp_path / "one"), *map(str, told)]) == 0
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m", "unmask"]
    process = started([*launch, "train", "--out", tmp_path / "two", *told])
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one.keys() == two.keys()
    assert max(abs(one[step] - two[step]) for step in one) < 1e-5


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_one_line_and_the_last_good_checkpoint_stays(text, tmp_path):
    out = tmp_path / "model"
    told = ["--data", text, "--out", out, "--optimizer-steps", 4, "--evaluate-every", 2, *SMALL]
    assert main(["train", *map(str, told)]) == 0
    # No file may grow beyond 100 kB: the weights of the next checkpoint do not fit, as on a full disk.
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "from unmask.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    kept = sorted(path.name for path in (out / "training").glob("step-*"))
    (out / "training" / kept[-1] / "model.safetensors").unlink()  # so that there is a step to make again
    process = subprocess.run(
        [sys.executable, "-c", limited, "train", "--out", str(out), "--resume"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2, process.stderr
    assert "the checkpoint of step 4 cannot be written" in process.stderr.strip().splitlines()[-1]
    assert main(["train", "--out", str(out), "--resume"]) == 0

"""Every option of every command, given what nobody should give it: one line and status 2, or it works.

A working command line has up to three of its options, or its arguments, replaced by a value drawn from those that have
broken something before. The fast suite takes a few hundred command lines, the slow test more than five thousand.
"""

import contextlib
import io
import os
import random
import warnings

import pytest

from unmask import cli
from unmask.errors import InputError

LAW = "law:markov_chain:length=4"
WORKING = {
    "laws": [LAW],
    "rules": [],
    "inspect": [LAW],
    "plan": ["CURVE", "--steps", "2"],
    "export": ["PLAN", "--to", "sglang", "--out", "OUT"],
    "sample": [LAW, "-n", "2", "--steps", "2"],
    "score": [LAW, "--rule", "confidence:2", "--texts", "2"],
    "certify": ["PLAN", LAW, "--budget", "5", "--texts", "4"],
    "measure": [LAW, "--texts", "4", "--out", "OUT"],
    "tune": [LAW, "--rule", "threshold", "--budget", "0.1", "--texts", "8", "--points", "5"],
    "train": ["--out", "OUT", "--data", "absent.txt", "--optimizer-steps", "1"],
    "compare": ["law:nothing", "--out", "OUT"],
    "verify": ["--laws", "nothing"],
    "demo": ["--out", "FILE/x"],
}
"""Of the commands that compute for long, one that is refused: what is looked at is how. See `stopped`."""

NUMBERS = [
    "0",
    "-1",
    "1",
    "3",
    "9" * 20,
    "9" * 5000,
    "-" + "9" * 20,
    "1e400",
    "nan",
    "inf",
    "-inf",
    "1e-320",
    "0x10",
    "1.5",
    "",
    " ",
    "½",
    "１",
    "2147483648",
    "1_0",
]
WORDS = [
    "",
    " ",
    "x",
    "law:",
    "law:markov_chain:length=0",
    "law:markov_chain:length=" + "9" * 19,
    "none",
    "auto",
    "all",
    "threshold",
    "threshold:nan",
    "threshold:1e400",
    "klass:threshold",
    "uniform",
    "blocks:block_length=0",
    ":",
    "=",
    "a=b",
    ",",
    "x" * 5000,
    "\x1b[31mred",
    "\u202eabc",
    "[/red]",
    "$\\frac{$",
    "#",
    "Δ",
    "../..",
    "~",
    "/dev/null",
    "--seed",
    "-n",
    "-",
    "1,2,3",
    "1,x",
    "0.5",
    "cuda",
    "cuda:99",
    "meta",
    "mps",
    "cpu:7",
    "tpu",
    "a b",
    "'",
    '"',
    "toy/..",
    "a/b/c",
    "hub\x7f",
]
PATHS = [
    "",
    ".",
    "/",
    "OUT",
    "FILE",
    "FILE/x",
    "absent/x",
    "absent/y/z",
    "CURVE",
    "PLAN",
    "ZIP.npy",
    "EMPTY.npy",
    "x.npy",
    "x.jsonl",
    "x.png",
    "--out",
    "-n",
    "/dev/null",
    "/dev/zero/x",
    "y" * 300,
    "bad\udcff",
    "\x1b[31m",
    "a\nb",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with files of all kinds."""
    folder = tmp_path_factory.mktemp("fuzz")
    assert cli.main(["measure", LAW, "--texts", "8", "--out", str(folder / "m.curve.json")]) == 0
    assert cli.main(["plan", str(folder / "m.curve.json"), "--steps", "2", "--out", str(folder / "m.plan.json")]) == 0
    (folder / "file").write_text("text")
    (folder / "zip.npy").write_bytes(b"PK\x03\x04 no archive")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "work").mkdir()
    return folder


def options(name):
    """(its flags, its kind, whether it takes a value) of every option of a command."""
    return [one for one in cli.load(name).params if one.opts[0].startswith("-") and one.name != "help"]


def drawn(option, rng):
    chosen = {"N": NUMBERS, "X": NUMBERS, "P": NUMBERS, "FILE": PATHS, "FOLDER": PATHS, "PATH": PATHS}.get(
        option.metavar, WORDS + PATHS
    )
    return rng.choice(chosen if rng.random() < 0.85 else NUMBERS + WORDS + PATHS)


def command_line(name, rng):
    words = [name, *WORKING[name]]
    offered = options(name)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        act = rng.randrange(12)
        if act == 0 and len(words) > 1:
            words[rng.randrange(1, len(words))] = rng.choice(WORDS + PATHS)
        elif act == 1:
            words.insert(rng.randrange(1, len(words) + 1), rng.choice(WORDS + NUMBERS))
        elif act == 2 and len(words) > 1:
            del words[rng.randrange(1, len(words))]
        elif offered:
            option = rng.choice(offered)
            words += [rng.choice(option.opts)] + ([] if option.is_flag else [drawn(option, rng)])
    return words


def tree(folder):
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if not path.is_dir()}


def check(words, place, monkeypatch):
    names = {"OUT": place / "work" / "out", "FILE": place / "file", "FILE/x": place / "file" / "x",
             "CURVE": place / "m.curve.json", "PLAN": place / "m.plan.json", "ZIP.npy": place / "zip.npy",
             "EMPTY.npy": place / "empty.npy"}  # fmt: skip
    words = [str(names.get(word, word)) for word in words]
    monkeypatch.chdir(place / "work")
    before = tree(place)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        status = cli.main(words)
    said = err.getvalue()
    shown = [word[:60] for word in words]
    assert status in (0, 1, 2), (shown, said)
    if status == 2:
        lines = said.splitlines()
        assert len(lines) == 1, (shown, said)
        assert lines[0].startswith("unmask: "), (shown, said)
        assert lines[0].isprintable(), (shown, said)
        assert len(lines[0]) <= 650, (shown, said)
        assert tree(place) == before, (shown, set(tree(place)) ^ set(before))
    for path in (place / "work").iterdir():  # what worked is cleared away
        if path.is_dir():
            import shutil

            shutil.rmtree(path)
        else:
            path.unlink()


def lines(number, seed):
    rng = random.Random(seed)
    names = [name for name in WORKING if name in cli.COMMANDS]
    return [command_line(names[place % len(names)], rng) for place in range(number)]


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing is looked for on the hub: what is no folder here is nowhere."""
    import huggingface_hub

    def absent(*names, **options):
        raise OSError("there is no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", absent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    stopped(monkeypatch.setattr)


def stopped(set_attribute):
    """The three that take minutes by themselves stop where they begin to compute: their options are read by then."""
    import unmask.evaluation.compare.comparison
    import unmask.evaluation.demo.whole
    import unmask.evaluation.verify

    def stop(*given, **options):
        raise InputError("stopped before it computes")

    set_attribute(unmask.evaluation.demo.whole, "demo", stop)
    set_attribute(unmask.evaluation.verify, "verify", stop)
    set_attribute(unmask.evaluation.compare.comparison.Run, "run", stop)


@pytest.mark.parametrize("part", range(4))
def test_a_fuzzed_command_line_works_or_is_refused_in_one_line(part, place, monkeypatch):
    for words in lines(75, part):
        check(words, place, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_five_thousand_fuzzed_command_lines(part, place, monkeypatch):
    for words in lines(520, 100 + part):
        check(words, place, monkeypatch)


@pytest.mark.parametrize("name", [name for name in WORKING if name in cli.COMMANDS])
def test_every_option_of_a_command_is_among_those_that_are_drawn(name):
    assert name in WORKING
    assert all(one.opts for one in options(name))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", LAW, "--device", "cuda:99"], "device is 'cuda:99'; this computer has cpu"),
        (["sample", LAW, "--device", "tpu"], "device is 'tpu'; this computer has cpu"),
        (["sample", LAW, "--device", "meta"], "device is 'meta'; this computer has cpu"),
        (["sample", LAW, "--length", "9" * 20], "--length"),
        (["sample", LAW, "--length", "3000000000"], "--length is 3000000000; expected a number up to 2,147,483,647"),
        (["sample", LAW, "--temperature", "nan"], "--temperature is nan; expected a number"),
        (["sample", LAW, "--out", "FILE/x.txt"], "there is no folder"),
        (["sample", LAW, "--out", "absent/x.txt"], "there is no folder absent"),
        (["sample", LAW, "--trace", "absent/x.jsonl"], "there is no folder absent"),
        (["sample", LAW, "--out", "."], "--out . is a folder; give a file"),
        (
            ["sample", LAW, "-n", "1", "--out", "--seed"],
            "--out is '--seed', which looks like an option; write ./--seed",
        ),
        (["plan", "CURVE", "--steps", "2", "--plot", "absent/x.png"], "there is no folder absent"),
        (["verify", "--out", "FILE/x"], "lies below the file"),
        (["score", LAW, "--tokens", "ZIP.npy"], "as an array of tokens"),
        (["score", LAW, "--tokens", "EMPTY.npy"], "as an array of tokens"),
        (["sample", "law:" + "x" * 5000], "there is no law 'xxxxxx"),
    ],
)
def test_what_was_a_traceback_is_one_line(place, monkeypatch, capsys, words, message):
    names = {"FILE/x.txt": place / "file" / "x.txt", "FILE/x": place / "file" / "x", "CURVE": place / "m.curve.json",
             "ZIP.npy": place / "zip.npy", "EMPTY.npy": place / "empty.npy"}  # fmt: skip
    monkeypatch.chdir(place / "work")
    assert cli.main([str(names.get(word, word)) for word in words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert message in said.err
    assert len(said.err) < 500
    assert os.listdir(place / "work") == []

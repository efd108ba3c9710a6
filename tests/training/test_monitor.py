import json

import pytest

from unmask.training import monitor
from unmask.training.monitor import Monitor

FIGURES = {"loss": 1.5, "learning_rate": 0.1, "tokens_per_second": 1000.0}


def entries(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_every_figure_is_one_line_of_the_log(tmp_path, capsys):
    with Monitor(tmp_path, silent=False, bar=True) as shown:
        shown.step(10, 0.5, **FIGURES)
        shown.looked(10, {"nelbo_per_token": 1.25}, "held-out NELBO 1.25")
        shown.sampled(10, ["a b\nc"])
    assert entries(tmp_path) == [
        {"step": 10, **FIGURES},
        {"step": 10, "held_out": {"nelbo_per_token": 1.25}},
        {"step": 10, "samples": ["a b\nc"]},
    ]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == ["step 10: held-out NELBO 1.25", "    | a b c"]


def test_lines_after_a_step_and_half_written_ones_are_cut_from_the_log(tmp_path):
    shown = Monitor(tmp_path, silent=False, bar=False)
    for step in (10, 20, 30):
        shown.step(step, step / 40, **FIGURES)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 31, "lo')
    shown.cut_log(20)
    assert [entry["step"] for entry in entries(tmp_path)] == [10, 20]


def test_a_silent_monitor_writes_and_says_nothing(tmp_path, capsys):
    with Monitor(tmp_path, silent=True, bar=True) as shown:
        shown.step(10, 0.5, **FIGURES)
        shown.looked(10, {}, "held-out")
        shown.sampled(10, ["a"])
        shown.say("a line")
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == ""


class Board:
    def __init__(self):
        self.scalars, self.closed = [], False

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.closed = True


@pytest.mark.parametrize("silent", [False, True])
def test_numbers_go_to_tensorboard_from_the_first_process_alone(tmp_path, monkeypatch, silent):
    board = Board()
    monkeypatch.setattr(monitor, "_board", lambda folder: board)
    with Monitor(tmp_path, silent=silent, bar=False, tensorboard=True) as shown:
        shown.step(10, 0.5, **FIGURES)
        shown.looked(10, {"nelbo_per_token": 1.25, "bits_per_character": None, "cross_entropy": [1.0]}, "")
    wanted = [(name, value, 10) for name, value in FIGURES.items()] + [("nelbo_per_token", 1.25, 10)]
    assert board.scalars == ([] if silent else wanted)
    assert board.closed is not silent

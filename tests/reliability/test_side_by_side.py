"""Runs beside one another: threads that share a predictor, processes, and writers of one file."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import unmask
from reference import checkpoints
from unmask import files, recipes
from unmask.laws import MarkovChain

THREADS = 8


def predictors(folder):
    """A law, our own network, and one of transformers' own, which is hooked for every query."""
    checkpoints.native(folder, "Electra")
    law = MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], 12)
    return {"law": unmask.oracle(law), "ours": unmask.load("toy", device="cpu"),
            "transformers": unmask.load(str(folder), device="cpu")}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return predictors(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("kind", ["law", "ours", "transformers"])
def test_threads_that_share_a_predictor_get_what_each_gets_alone(shared, kind):
    predictor = shared[kind]
    length = predictor.length or 10

    def work(seed):
        rule = recipes.confidence(4) if seed % 2 else unmask.Schedule.uniform(length, 4)
        out = unmask.sample(predictor, rule, n=1 + seed % 3, seed=seed, length=length)
        return out.rows(), out.network_calls.tolist(), out.log_prob.tolist()

    alone = [work(seed) for seed in range(3 * THREADS)]
    barrier = threading.Barrier(THREADS)

    def together(seed):
        if seed < THREADS:
            barrier.wait()
        return work(seed)

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(together, range(3 * THREADS))) == alone


def test_a_row_is_the_same_in_every_batch_and_with_every_number_of_threads(shared):
    """Tokens are equal; the network's log-probabilities differ by rounding, of 1e-5 nats on one computer."""
    before = torch.get_num_threads()
    found = []
    try:
        for threads, batch in ((1, 1), (1, 5), (1, 16), (2, 16)):
            torch.set_num_threads(threads)
            found.append(unmask.sample(shared["ours"], recipes.confidence(6), n=16, seed=3, batch_size=batch))
    finally:
        torch.set_num_threads(before)
    for out in found[1:]:
        assert torch.equal(out.tokens, found[0].tokens)
        assert float((out.log_probs - found[0].log_probs).abs().max()) <= 1e-4


def test_a_row_is_the_same_in_every_process_and_whatever_the_order_of_sets():
    """Two processes with different hash seeds and numbers of threads."""
    said = []
    for seed, threads in (("1", "1"), ("2", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-m", "unmask", "sample", "toy", "-n", "4", "--steps", "4", "--seed", "3", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.append(json.loads(done.stdout))
    assert said[0]["tokens"] == said[1]["tokens"]
    assert said[0]["log_prob"] == pytest.approx(said[1]["log_prob"], abs=1e-4)


def test_of_two_writers_of_one_file_the_last_one_wins_whole(tmp_path):
    """Eight threads replace one file of 200 kB again and again; a reader never sees anything but one of theirs."""
    path, stop, wrong = tmp_path / "out.json", threading.Event(), []
    contents = [bytes([65 + number]) * 200_000 for number in range(THREADS)]
    files.write_bytes(path, contents[0])

    def read():
        while not stop.is_set():
            if path.read_bytes() not in contents:
                wrong.append("half")

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: files.write_bytes(path, contents[number % THREADS]), range(5 * THREADS)))
    stop.set()
    reader.join()
    assert not wrong
    files.write_bytes(path, contents[3])
    assert path.read_bytes() == contents[3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]

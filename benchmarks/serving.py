"""What serving costs: requests together against one after another, and against the same rows in one `sample` call.

    python benchmarks/serving.py [--model toy] [--requests 64] [--repeats 3]

A server in a process of its own is asked for the same texts (one rule, seeds of their own) with 1, 8 and 64 requests
under way, and the scheduler alone is given all rows at once and eight at a turn. CPU seconds of the process that has
the model, on one thread, so that other work on the machine matters less: the best of the repeats, and its ratio to
`sample` with all rows in one call. Texts are compared: every line should have the same ones.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import httpx
import torch

import unmask
from unmask import recipes
from unmask.models.words import decoded
from unmask.sampling.request import rows_of
from unmask.serving.scheduler import Scheduler


async def asked(address: str, ours: dict, seeds: list[int], together: int) -> list[str]:
    """The texts of as many requests as there are seeds, so many under way at a time."""
    gate, texts = asyncio.Semaphore(together), [""] * len(seeds)
    limits = httpx.Limits(max_connections=together)
    async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits) as client:

        async def one(number: int) -> None:
            body = {"model": "it", "seed": seeds[number], "unmask": ours}
            async with gate:
                answer = await client.post("/v1/completions", json=body)
            answer.raise_for_status()
            texts[number] = answer.json()["choices"][0]["text"]

        await asyncio.gather(*(one(number) for number in range(len(seeds))))
    return texts


def scheduled(model, sampler, seeds: torch.Tensor, at_a_turn: int) -> list[str]:
    """The texts of the scheduler alone, so many rows coming at a turn."""
    scheduler, (row,) = Scheduler(model), rows_of(model)
    waiting, jobs, last = seeds.tolist(), [], {}
    while waiting or scheduler.waiting or scheduler.running:
        jobs += [scheduler.add(row, sampler, seed) for seed in waiting[:at_a_turn]]
        del waiting[:at_a_turn]
        for job, step in scheduler.turn().news:
            last[job] = step
    return [decoded(model, last[job].canvas) for job in jobs]


def best(function: Callable[[], list[str]], repeats: int, clock: Callable[[], float]) -> tuple[float, list[str]]:
    """The fewest seconds, and what was found."""
    seconds = []
    for _ in range(repeats):
        begin = clock()
        texts = function()
        seconds.append(clock() - begin)
    return min(seconds), texts


def cpu_seconds(process: int) -> float:
    """What another process has computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(model: str) -> tuple[subprocess.Popen, str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "unmask", "serve", model, "--port", str(port), "--name", "it"])
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            httpx.get(f"{address}/ready").raise_for_status()
            return process, address
        except httpx.TransportError:
            time.sleep(0.1)


def compared(model, address: str, server: int, ours: dict, sampler, n: int, repeats: int) -> None:
    """One table: the texts of n seeds under one rule."""
    seeds = list(range(n))
    rows = torch.stack([unmask.sample(model, sampler, seed=seed).seeds[0] for seed in seeds])

    def whole() -> list[str]:
        return [decoded(model, row) for row in unmask.sample(model, sampler, n=n, seeds=rows).rows()]

    def served(together: int) -> list[str]:
        return asyncio.run(asked(address, ours, seeds, together))

    whole()  # warm
    reference, texts = best(whole, repeats, time.process_time)
    print(f"\n{ours}\n{'one sample call':34} {reference:8.3f} {1:6.2f}")
    theirs = partial(cpu_seconds, server)
    cases = [
        (f"scheduler, {at} rows a turn", partial(scheduled, model, sampler, rows, at), time.process_time)
        for at in (n, 8)
    ]
    cases += [(f"server, {together} requests together", partial(served, together), theirs) for together in (1, 8, 64)]
    for name, function, clock in cases:
        seconds, found = best(function, repeats, clock)
        same = sum(one == other for one, other in zip(found, texts, strict=True))
        print(f"{name:34} {seconds:8.3f} {seconds / reference:6.2f}   {same} of {n} texts the same")
    body = {"model": "it", "n": min(n, 64), "seed": 0, "unmask": ours}
    seconds, _ = best(lambda: [httpx.post(f"{address}/v1/completions", json=body, timeout=600).text], repeats, theirs)
    print(f"{f'server, one request of {min(n, 64)} texts':34} {seconds:8.3f} {seconds / reference:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="toy")
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, n = unmask.load(arguments.model), arguments.requests
    process, address = start(arguments.model)
    print(f"{arguments.model}: {n} texts of {model.length} tokens; seconds, and in units of one `sample` call")
    try:
        compared(
            model,
            address,
            process.pid,
            {"steps": 8},
            recipes.planned(unmask.Schedule.uniform(model.length, 8)),
            n,
            arguments.repeats,
        )
        compared(model, address, process.pid, {"rule": "threshold:0.9"}, recipes.threshold(0.9), n, arguments.repeats)
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    main()

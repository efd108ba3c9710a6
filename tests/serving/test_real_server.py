"""`unmask serve` as a process: OpenAI's own client, clients that go away, a full house, and SIGTERM."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import openai
import pytest

import unmask
from unmask import cli, recipes

FROM = Path(unmask.__file__).parent.parent


def start(*arguments):
    """A server on a free port: (process, its address)."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(FROM), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "unmask", "serve", *arguments, "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        assert process.poll() is None, process.stderr.read()
        try:
            if httpx.get(f"{address}/ready").status_code == 200:
                return process, address
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not begin")


@pytest.fixture(scope="module")
def server():
    process, address = start("toy")
    yield process, address
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def toy():
    return unmask.load("toy")


def metric(address, name):
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_openais_client_is_answered_whole_and_in_a_stream(server, toy):
    client = openai.OpenAI(base_url=f"{server[1]}/v1", api_key="none")
    assert [model.id for model in client.models.list()] == ["toy"]
    ours = {"unmask": {"rule": "threshold:0.9", "frames": True}}
    whole = client.completions.create(model="toy", prompt="anna", seed=5, n=2, logprobs=0, extra_body=ours)
    out = unmask.sample(toy, recipes.threshold(0.9), n=2, seed=5, prompt=toy.encode("anna"))
    assert [choice.text for choice in whole.choices] == [toy.decode(row[1:]) for row in out.rows()]
    assert whole.choices[0].logprobs.token_logprobs == pytest.approx(out.log_probs[0, 1:].tolist(), abs=1e-4)
    assert whole.model_extra["unmask"]["network_calls"] == int(out.network_calls.sum())
    texts, kinds = ["", ""], []
    stream = client.completions.create(model="toy", prompt="anna", seed=5, n=2, stream=True, extra_body=ours)
    for chunk in stream:
        kinds.append((chunk.model_extra or {}).get("type"))
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in whole.choices]
    assert kinds.count("diffusion_frame") == int(out.steps.sum())


def test_openais_client_names_the_field_that_is_wrong(server):
    client = openai.OpenAI(base_url=f"{server[1]}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="toy", prompt="anna", frequency_penalty=1)
    assert caught.value.param == "frequency_penalty"
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="gpt", prompt="anna")
    with pytest.raises(openai.BadRequestError, match="no chat template"):
        client.chat.completions.create(model="toy", messages=[{"role": "user", "content": "anna"}])


def test_a_client_that_goes_away_frees_its_rows(server):
    _, address = server
    body = {"model": "toy", "n": 64, "stream": True}
    before = metric(address, "unmask_network_calls_total")
    with httpx.stream("POST", f"{address}/v1/completions", json=body, timeout=60) as answer:
        next(answer.iter_lines())
    for _ in range(200):
        if metric(address, "unmask_running_rows") == 0:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("rows are still being filled")
    assert metric(address, "unmask_network_calls_total") - before <= 64 * 17


def test_at_sigterm_what_was_begun_is_finished_and_the_status_is_0(toy):
    process, address = start("toy", "--rows", "4")
    body = {"model": "toy", "n": 40, "seed": 3, "stream": True}
    with httpx.stream("POST", f"{address}/v1/completions", json=body, timeout=60) as answer:
        lines = answer.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert sum('"finish_reason": "stop"' in line for line in rest) == 40
    assert process.wait(30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{address}/health")


@pytest.mark.parametrize(
    "arguments",
    [["toy", "--plan", "missing.plan.json"], ["no-such-model"], ["toy", "--port", "0"], ["toy", "--rows", "0"]],
)
def test_what_cannot_be_served_is_one_line_and_status_2(arguments, capsys):
    assert cli.main(["serve", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


STREAMS = 300


async def one(client, number, found):
    """One of many clients: most read their text, one in five goes away, one in ten asks for nonsense."""
    body = {"model": "toy", "seed": number, "stream": True, "unmask": RULES[number % len(RULES)]}
    if number % 10 == 7:
        body = random.Random(number).choice([body | {"foo": 1}, body | {"prompt": [99]}, body | {"temperature": "x"}])
    text = ""
    while True:
        async with client.stream("POST", "/v1/completions", json=body) as answer:
            if answer.status_code == 429:
                await answer.aread()
                await asyncio.sleep(float(answer.headers["retry-after"]) * (1 + random.Random(number).random()))
                continue
            if answer.status_code != 200:
                found[number] = json.loads(await answer.aread())["error"]["param"]
                return
            async for line in answer.aiter_lines():
                if number % 5 == 2 and text == "":
                    found[number] = "gone"
                    return
                if line.startswith("data: {"):
                    chunk = json.loads(line.removeprefix("data: "))
                    assert "error" not in chunk, chunk
                    text += "".join(choice["text"] for choice in chunk["choices"])
        found[number] = text
        return


RULES = [
    {"steps": 5},
    {"rule": "threshold:0.9"},
    {"rule": "margin:4"},
    {"exact": True},
    {"rule": "left_to_right"},
    {"rule": "entropy_bound:0.2"},
]
SAMPLERS = [
    unmask.Schedule.uniform(17, 5),
    recipes.threshold(0.9),
    recipes.margin(4),
    recipes.exact(),
    recipes.left_to_right(),
    recipes.entropy_bound(0.2),
]


async def crowd(address, signalled=None):
    """All of them at once: what each was told."""
    found = {}
    limits = httpx.Limits(max_connections=STREAMS)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        tasks = [asyncio.create_task(one(client, number, found)) for number in range(STREAMS)]
        if signalled is not None:
            while len(found) < STREAMS // 10:
                await asyncio.sleep(0.01)
            signalled.send_signal(signal.SIGTERM)
        await asyncio.gather(*tasks, return_exceptions=signalled is not None)
    return found


def resident(process):
    """Mebibytes."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


@pytest.mark.slow
def test_of_300_clients_at_once_each_gets_its_own_seeds_text_and_memory_stays_flat(toy):
    process, address = start("toy", "--queue", "200")
    try:
        sizes = []
        for _ in range(3):
            found = asyncio.run(crowd(address))
            assert len(found) == STREAMS
            sizes.append(resident(process))
            for number, text in found.items():
                if number % 10 == 7:
                    assert text in ("foo", "prompt", "temperature")
                elif number % 5 == 2:
                    assert text == "gone"
                else:
                    sampler = SAMPLERS[number % len(SAMPLERS)]
                    assert text == toy.decode(unmask.sample(toy, sampler, seed=number).rows()[0]), number
        assert metric(address, "unmask_running_rows") == metric(address, "unmask_waiting_rows") == 0
        assert sizes[-1] < sizes[0] + 30, sizes
    finally:
        process.terminate()
    assert process.wait(60) == 0


@pytest.mark.slow
def test_at_sigterm_under_load_no_text_that_was_begun_is_lost(toy):
    process, address = start("toy", "--queue", "300")
    found = asyncio.run(crowd(address, signalled=process))
    assert process.wait(60) == 0
    assert "Traceback" not in process.stderr.read()
    whole = {n: text for n, text in found.items() if n % 10 != 7 and n % 5 != 2}
    assert len(whole) >= STREAMS // 20
    for number, text in whole.items():
        assert text == toy.decode(unmask.sample(toy, SAMPLERS[number % len(SAMPLERS)], seed=number).rows()[0])


@pytest.mark.slow
def test_the_openapi_description_holds(server, tmp_path):
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server[1]}/openapi.json", "--seed", "1"),
        *("--max-examples", "25", "--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *("--request-timeout", "60", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

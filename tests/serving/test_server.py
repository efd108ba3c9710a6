"""The HTTP server in process: what is answered, what is refused by name, and what is freed."""

import json
import time

import pytest
import torch
from starlette.testclient import TestClient

import unmask
from reference.tiny_network import TinyNetwork
from unmask import laws, recipes
from unmask.models.predictor import Wrapped
from unmask.serving.app import Settings, app
from unmask.serving.rows import Limits

TOY = unmask.oracle(laws.toy_grammar())
PLAN = unmask.plan(laws.toy_grammar().curve(), steps=6)


class Lettered(TinyNetwork):
    """A network of any length whose tokens are the letters a to j; j ends a text."""

    def __init__(self, **options):
        super().__init__(end_of_text_id=9, **options)

    def encode(self, text):
        return ["abcdefghij".index(letter) for letter in text]

    def decode(self, tokens):
        return "".join("abcdefghij"[token] for token in tokens)

    def encode_chat(self, messages):
        return self.encode("".join(message["content"] for message in messages))


@pytest.fixture(scope="module")
def toy():
    with TestClient(app(TOY, Settings("toy"), {"six": PLAN})) as client:
        yield client


@pytest.fixture(scope="module")
def letters():
    with TestClient(app(Lettered(), Settings("letters", limits=Limits(40, 8)))) as client:
        yield client


def post(client, path="completions", status=200, **body):
    answer = client.post(f"/v1/{path}", json={"model": client.app.state.server.settings.name} | body)
    assert answer.status_code == status, answer.text
    return answer.json()


def events(client, path="completions", **body):
    body = {"model": client.app.state.server.settings.name, "stream": True} | body
    with client.stream("POST", f"/v1/{path}", json=body) as answer:
        assert answer.status_code == 200, answer.read()
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def eventually(holds):
    """Wait for the model's thread; what it does is not seen at once."""
    for _ in range(500):
        if holds():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("ours", "sampler"),
    [
        ({}, recipes.one_by_one()),
        ({"steps": 5}, unmask.Schedule.uniform(15, 5)),
        ({"rule": "threshold:0.9"}, recipes.threshold(0.9)),
        ({"rule": "margin", "steps": 4, "block_length": 5}, recipes.margin(4).in_blocks(5)),
        ({"exact": True}, recipes.exact()),
    ],
)
def test_the_texts_are_those_of_sample_with_the_same_seed(toy, ours, sampler):
    prompt = TOY.law.words.index("anna"), TOY.law.words.index("has")
    out = unmask.sample(TOY, sampler, n=3, seed=7, prompt=list(prompt))
    answer = post(toy, prompt="anna has", n=3, seed=7, unmask=ours)
    assert [choice["text"] for choice in answer["choices"]] == [TOY.law.decode(row[2:]) for row in out.rows()]
    assert [choice["unmask"]["seed"] for choice in answer["choices"]] == out.seeds.tolist()
    assert [choice["unmask"]["network_calls"] for choice in answer["choices"]] == out.network_calls.tolist()
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 45, "total_tokens": 47}


@pytest.mark.parametrize(
    ("asked", "promise", "price"),
    [
        ({}, "planned", PLAN.parallel_price.value),
        ({"unmask": {"plan": "six"}}, "planned", PLAN.parallel_price.value),
        ({"unmask": {"budget": 1.0}}, "planned", PLAN.parallel_price.value),
        ({"unmask": {"exact": True}}, "exact", 0.0),
        ({"unmask": {"rule": "one_by_one"}}, "exact", 0.0),
        ({"unmask": {"rule": "entropy_bound:0.1"}}, "replayed", None),
        ({"unmask": {"plan": "six"}, "temperature": 0.7}, "replayed", None),
        ({"unmask": {"rule": "one_by_one"}, "top_p": 0.5}, "replayed", None),
        ({"unmask": {"plan": "six"}, "temperature": 0}, "measured only", None),
        ({"unmask": {"rule": "llada:steps=4,block_length=17"}}, "measured only", None),
    ],
)
def test_the_answer_says_which_part_of_the_promise_holds(toy, asked, promise, price):
    (choice,) = post(toy, seed=1, **asked)["choices"]
    facts = choice["unmask"]
    assert facts["promise"] == promise
    said = facts["price_per_token"]
    assert (said and said["parallel_price"]["value"]) == (price if price is None else pytest.approx(price))
    assert facts["tokens_per_call"] == pytest.approx(17 / facts["network_calls"])


def test_a_planned_texts_price_is_the_sum_of_its_steps_prices(toy):
    frames = [event for event in events(toy, unmask={"plan": "six", "frames": True}) if "type" in event]
    assert [frame["price"] for frame in frames] == pytest.approx(PLAN.step_prices)
    assert {frame["total"] for frame in frames} == {6}
    assert sum(PLAN.step_prices) == pytest.approx(PLAN.parallel_price.value)


def test_a_stream_of_plain_deltas_is_the_text_and_frames_only_come_when_asked_for(toy):
    body = {"seed": 3, "prompt": "ben", "unmask": {"rule": "threshold:0.8"}}
    whole = post(toy, **body)["choices"][0]
    chunks = events(toy, **body, stream_options={"include_usage": True})
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks if chunk["choices"]) == whole["text"]
    assert not any("type" in chunk for chunk in chunks)
    assert chunks[-1]["usage"]["completion_tokens"] == 16
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-2]["unmask"] == whole["unmask"]


def test_frames_are_empty_deltas_that_say_what_each_step_did(toy):
    body = {"seed": 3, "unmask": {"rule": "margin:4", "frames": True}}
    frames = [event for event in events(toy, **body) if event.get("type") == "diffusion_frame"]
    steps = [*unmask.stream(TOY, recipes.margin(4), seed=3, entropies=True)]
    assert [frame["text"] for frame in frames] == [step.text for step in steps]
    assert [frame["step"] for frame in frames] == [0, 1, 2, 3]
    assert [frame["network_calls"] for frame in frames] == [1, 2, 3, 4]
    step = steps[0]
    revealed = zip(step.revealed, step.tokens, step.log_probs, step.entropies, strict=True)
    assert frames[0]["revealed"] == [pytest.approx(list(one)) for one in revealed]
    nothing = [{"index": 0, "text": "", "logprobs": None, "finish_reason": None}]
    assert all(frame["choices"] == nothing for frame in frames)


def test_what_takes_tokens_back_is_committed_at_its_end(toy):
    body = {"seed": 2, "unmask": {"rule": "remdm:steps=12"}}
    chunks = events(toy, **body)
    texts = [chunk["choices"][0]["text"] for chunk in chunks]
    assert [text for text in texts if text] == [post(toy, **body)["choices"][0]["text"]]


def test_suffix_is_infilling(toy):
    (choice,) = post(toy, prompt="anna has 3 red plums , emil has", suffix="more : in all 12 red plums .")["choices"]
    assert choice["text"] == "9"


def test_chat_goes_through_the_models_template_and_streams_deltas(letters):
    body = {"messages": [{"role": "user", "content": "abc"}], "seed": 1, "max_tokens": 6}
    whole = post(letters, "chat/completions", **body, logprobs=True)
    out = unmask.sample(Lettered(), recipes.one_by_one(), prompt=[0, 1, 2], new_tokens=6, seed=1)
    text = Lettered().decode(out.rows()[0][3:]).partition("j")[0]
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": text, "refusal": None}
    logged = whole["choices"][0]["logprobs"]["content"]
    assert [one["logprob"] for one in logged] == pytest.approx(out.log_probs[0, 3 : 3 + len(text)].tolist())
    chunks = events(letters, "chat/completions", **body)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == text


def test_stop_ends_a_text_before_it_and_is_never_half_sent(letters):
    for seed in range(6):
        body = {"prompt": "a", "seed": seed, "max_tokens": 20, "unmask": {"rule": "left_to_right"}}
        free = post(letters, **body)["choices"][0]["text"]
        stop = free[len(free) // 2 :][:2]
        if not stop:
            continue
        (choice,) = post(letters, **body, stop=[stop, "zz"])["choices"]
        assert choice["text"] == free[: free.index(stop)]
        assert choice["finish_reason"] == "stop"
        assert choice["unmask"]["network_calls"] <= 20
        chunks = events(letters, **body, stop=stop)
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == choice["text"]


def test_a_text_ends_at_its_end_or_at_its_length(letters):
    found = {}
    for seed in range(30):
        (choice,) = post(letters, prompt="b", seed=seed, max_tokens=5)["choices"]
        found.setdefault(choice["finish_reason"], choice["text"])
        assert "j" not in choice["text"]
        assert (choice["finish_reason"] == "length") == (len(choice["text"]) == 5)
    assert set(found) == {"stop", "length"}


def test_where_texts_have_one_length_max_tokens_cuts_them(toy):
    whole, cut = post(toy, seed=5), post(toy, seed=5, max_tokens=4)
    assert cut["choices"][0]["text"] == " ".join(whole["choices"][0]["text"].split()[:4])
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] == 4


def test_logprobs_are_those_the_tokens_were_drawn_with(toy):
    answer = post(toy, prompt="anna", seed=4, logprobs=0, unmask={"steps": 4})
    prompt = [TOY.law.words.index("anna")]
    out = unmask.sample(TOY, unmask.Schedule.uniform(16, 4), seed=4, prompt=prompt)
    logged = answer["choices"][0]["logprobs"]
    assert logged["token_logprobs"] == pytest.approx(out.log_probs[0, 1:].tolist())
    assert answer["choices"][0]["unmask"]["nats"] == pytest.approx(-sum(logged["token_logprobs"]), rel=1e-5)


def test_several_prompts_are_answered_in_order(toy):
    answer = post(toy, prompt=["anna", "ben has"], n=2, seed=1)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert [len(choice["text"].split()) for choice in answer["choices"]] == [16, 16, 15, 15]
    assert post(toy, prompt=[1, 2, 3], seed=1)["usage"]["prompt_tokens"] == 3


def test_scores_are_those_of_score(toy):
    text = TOY.law.decode(TOY.law.sample(1, seed=0)[0])
    (found,) = post(toy, "score", input=text, unmask={"rule": "one_by_one:order=left_to_right"})["data"]
    assert found["log_prob"] == pytest.approx(float(TOY.law.log_prob(TOY.law.sample(1, seed=0))[0]), rel=1e-4)
    assert found["promise"] == "exact"
    assert post(toy, "score", input="anna " * 17)["data"][0]["log_prob"] is None


def test_choices_have_the_laws_own_conditional_probabilities(toy):
    prompt, suffix = "anna has 3 red plums , emil has 9 more : in all", "red plums ."
    found = post(toy, "choice", prompt=prompt, suffix=suffix, choices=["12", "13"])["data"]
    assert [one["probability"] for one in found] == pytest.approx([1.0, 0.0])
    names = post(toy, "choice", choices=["anna", "ben", "anna has"])["data"]
    assert [one["log_prob"] for one in names[:2]] == pytest.approx([torch.tensor(0.2).log().item()] * 2, rel=1e-4)
    assert names[2]["log_prob"] == pytest.approx(torch.tensor(0.2 * 9 / 16).log().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"foo": 1}, "foo", "foo is not a field"),
        ({"unmask": {"rul": "x"}}, "unmask.rul", "not a field"),
        ({"temperature": -1}, "temperature", "greater than or equal to 0; got -1"),
        ({"temperature": "warm"}, "temperature", "valid number"),
        ({"n": 1.5}, "n", "valid integer"),
        ({"n": 65}, "n", "less than or equal to 64"),
        ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"top_p": 0}, "top_p", "greater than 0"),
        ({"stop": ""}, "stop", "stop is empty"),
        ({"stop": ["a"] * 5}, "stop", "at most 4"),
        ({"logprobs": 3}, "logprobs", "0"),
        ({"best_of": 2}, "best_of", "not supported"),
        ({"echo": True}, "echo", "not supported"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "not supported"),
        ({"logit_bias": {"1": 2}}, "logit_bias", "not supported"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "without stream"),
        ({"prompt": "zork"}, "prompt", "zork"),
        ({"prompt": [99]}, "prompt", "token 99"),
        ({"prompt": "anna " * 17}, "prompt", "17 tokens are given"),
        ({"prompt": "anna", "suffix": ".", "max_tokens": 3}, "max_tokens", "the gap before suffix has 15"),
        ({"unmask": {"plan": "../../etc/passwd"}}, "unmask.plan", "there is six"),
        ({"unmask": {"rule": "mine.py:rule"}}, "unmask.rule", "expected a name"),
        ({"unmask": {"rule": "/tmp/x"}}, "unmask.rule", "expected a name"),
        ({"unmask": {"rule": "thresold"}}, "unmask", "did you mean"),
        ({"unmask": {"order": "sideways"}}, "unmask", "sideways"),
        ({"unmask": {"order": "margin", "steps": 3}}, "unmask.order", "reads the model"),
        ({"unmask": {"steps": 18}}, "unmask.steps", "17 tokens are to be revealed"),
        ({"unmask": {"rule": "margin:3", "plan": "six"}}, "unmask", "give one of them"),
        ({"unmask": {"plan": "six", "steps": 3}}, "unmask.steps", "has its own"),
        ({"unmask": {"budget": 1e-9}}, "unmask.budget", "there is six"),
        ({"unmask": {"plan": "six"}, "prompt": "anna"}, "unmask.plan", "reveals 17 tokens, not the 16"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_by_name(toy, body, field, words):
    error = post(toy, status=400, **body)["error"]
    assert error["param"] == field
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


def test_fields_that_ask_for_nothing_are_taken(toy):
    post(toy, best_of=1, echo=False, presence_penalty=0, logit_bias={}, user="me", top_p=1, stop=None, n=None)


def test_what_is_no_request_is_told_so(toy, letters):
    for text, words in (("{", "not JSON"), ("[1]", "not a JSON object"), ('{"n": NaN}', "NaN"), ("[" * 9999, "JSON")):
        answer = toy.post("/v1/completions", content=text)
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
    assert post(toy, status=404, model="gpt")["error"]["code"] == "model_not_found"
    assert (
        "no chat template"
        in post(toy, "chat/completions", 400, messages=[{"role": "user", "content": "a"}])["error"]["message"]
    )
    assert toy.get("/v1/nothing").json()["error"]["type"] == "not_found_error"
    assert toy.get("/v1/completions").status_code == 405
    error = post(letters, status=400, prompt="a" * 30, max_tokens=11)["error"]
    assert error["message"] == "30 tokens are given and 11 asked for; the longest text is 40"


def test_requests_that_are_too_long_are_not_read_to_their_end():
    with TestClient(app(TOY, Settings("toy", body_bytes=1000))) as client:
        assert post(client, status=413, prompt="anna " * 300)["error"]["code"] == "too_large"


def test_the_key_is_asked_for_everywhere_but_at_health(toy):
    with TestClient(app(TOY, Settings("toy", api_key="sesame"))) as client:
        for headers in ({}, {"authorization": "Bearer sesam"}, {"authorization": "sesame"}):
            for path in ("/v1/models", "/metrics"):
                assert client.get(path, headers=headers).status_code == 401
            assert client.post("/v1/completions", json={"model": "toy"}, headers=headers).status_code == 401
        assert client.get("/v1/models", headers={"authorization": "Bearer sesame"}).status_code == 200
        assert client.get("/health").status_code == client.get("/ready").status_code == 200


class Slow(Wrapped):
    """A network that takes its time."""

    def log_probs(self, tokens, known, wanted):
        time.sleep(0.02)
        return self.predictor.log_probs(tokens, known, wanted)


def test_a_full_queue_is_429_and_says_when_to_come_again():
    with TestClient(app(Slow(TOY), Settings("toy", most_rows=2, queue_rows=1))) as client:
        with client.stream("POST", "/v1/completions", json={"model": "toy", "n": 3, "stream": True}) as first:
            answer = client.post("/v1/completions", json={"model": "toy"})
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1"
            assert first.read().endswith(b"[DONE]\n\n")
        assert client.post("/v1/completions", json={"model": "toy"}).status_code == 200
        assert "more than can wait" in post(client, status=400, n=4)["error"]["message"]


def test_a_request_that_takes_too_long_ends_and_frees_its_row():
    with TestClient(app(Slow(TOY), Settings("toy", seconds=0.1))) as client:
        engine = client.app.state.server.engine
        assert post(client, status=504)["error"]["code"] == "timeout"
        with client.stream("POST", "/v1/completions", json={"model": "toy", "stream": True}) as answer:
            assert b'"code": "timeout"' in answer.read()
        assert eventually(lambda: engine.scheduler.running == 0)
        assert engine.taken == 0


class Failing(Wrapped):
    """A network that cannot be run on texts that begin with token 0."""

    def log_probs(self, tokens, known, wanted):
        if bool((known[:, 0] & (tokens[:, 0] == 0)).any()):
            raise RuntimeError("secret detail")
        return self.predictor.log_probs(tokens, known, wanted)


def test_a_failure_of_the_model_is_500_and_tells_no_detail():
    with TestClient(app(Failing(TOY), Settings("toy"))) as client:
        error = post(client, status=500, prompt=[0])["error"]
        assert error == {"message": "the model failed", "type": "server_error", "param": None, "code": None}
        assert events(client, prompt=[0])[-1]["error"]["message"] == "the model failed"
        post(client, prompt=[1])
        assert client.get("/ready").status_code == 200


def test_metrics_count_what_was_done():
    with TestClient(app(TOY, Settings("toy"), {"six": PLAN})) as client:
        post(client, n=4, seed=1)
        post(client, status=400, foo=1)
        text = client.get("/metrics").text
    series = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert series['unmask_requests_total{path="/v1/completions",status="200"}'] == "1.0"
    assert series['unmask_requests_total{path="/v1/completions",status="400"}'] == "1.0"
    assert series["unmask_tokens_total"] == "68.0"
    assert series["unmask_network_calls_total"] == "24.0"
    assert series["unmask_shared_forwards_total"] == series["unmask_rows_per_step_count"] == "6.0"
    assert series["unmask_rows_per_step_sum"] == "24.0"
    assert float(series["unmask_nats_promised_total"]) == pytest.approx(4 * 17 * PLAN.parallel_price.value)
    assert float(series["unmask_nats_paid_total"]) > 4 * 6
    assert series["unmask_running_rows"] == "0.0"


def test_the_model_says_its_plans(toy):
    (model,) = toy.get("/v1/models").json()["data"]
    assert model == toy.get("/v1/models/toy").json()
    assert model["unmask"]["plans"]["six"]["parallel_price"]["value"] == PLAN.parallel_price.value


def test_settings_out_of_range_are_refused():
    with pytest.raises(unmask.InputError, match="expected positive numbers"):
        app(TOY, Settings("toy", most_rows=0))

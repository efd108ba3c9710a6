"""OpenAI's answers: completions and chat completions, whole or in chunks, with what each text cost."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.sampling.randomness import row_seeds
from unmask.serving.choosing import Choosing
from unmask.serving.engine import Engine, Ticket
from unmask.serving.fields import Chat, Completion, Refused, Sampling
from unmask.serving.metrics import Metrics
from unmask.serving.rows import Gap, Limits, gap, without_folder
from unmask.serving.writing import Writer


class Serves(Protocol):
    """What an answer needs of the server."""

    predictor: Predictor
    choosing: Choosing
    metrics: Metrics

    @property
    def settings(self) -> Any: ...


class Answering:
    """One request and its rows: `n` of each prompt, in order."""

    kind, chunk_kind, prefix = "", "", ""

    def __init__(self, body: Sampling, gaps: list[Gap], server: Serves) -> None:
        self.body, self.server = body, server
        self.streams = bool(body.stream)
        if body.stream_options is not None and not self.streams:
            raise Refused("stream_options was given without stream", "stream_options")
        stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
        if "" in stops:
            raise Refused("stop is empty; give the strings before which a text ends", "stop")
        n = body.n or 1
        if n * len(gaps) > server.settings.most_rows + server.settings.queue_rows:
            raise Refused(f"{n * len(gaps)} texts are asked for at once; that is more than can wait here", "n")
        seed = secrets.randbits(62) if body.seed is None else body.seed
        self.writers: list[Writer] = []
        self.rows = []
        for one in gaps:
            chosen = server.choosing(body.unmask, len(one.row.tokens) - one.prompt_tokens, body.temperature, body.top_p)
            for _ in range(n):
                self.writers.append(Writer(one.row, chosen, server.predictor, one.most, stops))
        seeds = row_seeds(seed, len(self.writers)).tolist()
        copies = [one.row for one in gaps for _ in range(n)]
        self.rows = [
            (row, writer.chosen.sampler, row_seed)
            for row, writer, row_seed in zip(copies, self.writers, seeds, strict=True)
        ]
        self.prompt_tokens = sum(one.prompt_tokens for one in gaps)
        self.tickets: list[Ticket] = []
        self.head = {
            "id": f"{self.prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": server.settings.name,
        }

    def begin(self, engine: Engine) -> None:
        """Put the rows in."""
        self.tickets = engine.put_in(self.rows)

    def end(self, engine: Engine) -> None:
        """Give up what is not finished, and count what was done."""
        engine.give_up(self.tickets)
        for writer in self.writers:
            if writer.last is not None:
                facts = writer.facts()
                promised = writer.price * len(writer.places)
                self.server.metrics.finished(facts["tokens"], facts["network_calls"], max(facts["nats"], 0.0), promised)

    async def steps(self) -> AsyncIterator[tuple[int, Any, str]]:
        """(number of the choice, step, text it adds), as they come, until every choice has ended."""
        waiting = {asyncio.ensure_future(ticket.news.get()): number for number, ticket in enumerate(self.tickets)}
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: waiting[future]):
                    number, news = waiting.pop(future), future.result()
                    while True:
                        if isinstance(news, Exception):
                            raise news if isinstance(news, InputError) else Refused("the model failed", None, 500)
                        writer = self.writers[number]
                        added = writer.take(news)
                        yield number, news, added
                        if writer.finish_reason is not None:
                            break
                        if self.tickets[number].news.empty():
                            waiting[asyncio.ensure_future(self.tickets[number].news.get())] = number
                            break
                        news = self.tickets[number].news.get_nowait()
        finally:
            for future in waiting:
                future.cancel()

    async def finish(self) -> None:
        """All steps."""
        async for _ in self.steps():
            pass

    async def chunks(self) -> AsyncIterator[dict[str, Any]]:
        """The answer in pieces."""
        head = self.head | {"object": self.chunk_kind}
        usage = {"usage": None} if self._wants_usage else {}
        for number in range(len(self.writers)):
            if first := self.first(number):
                yield head | {"choices": [first]} | usage
        async for number, step, added in self.steps():
            writer = self.writers[number]
            if self.body.unmask.frames:
                yield head | {"choices": [self.piece(number, "", None)]} | usage | writer.frame(step)
            if added:
                yield head | {"choices": [self.piece(number, added, None)]} | usage
            if writer.finish_reason is not None:
                last = self.piece(number, "", writer.finish_reason)
                yield head | {"choices": [last], "unmask": writer.facts()} | usage
        if self._wants_usage:
            yield head | {"choices": [], "usage": self.usage()}

    @property
    def _wants_usage(self) -> bool:
        return self.body.stream_options is not None and self.body.stream_options.include_usage

    def first(self, number: int) -> dict[str, Any] | None:
        """The piece a choice begins with."""
        return None

    def piece(self, number: int, added: str, reason: str | None) -> dict[str, Any]:
        raise NotImplementedError

    def choice(self, number: int) -> dict[str, Any]:
        raise NotImplementedError

    def whole(self) -> dict[str, Any]:
        """The whole answer."""
        choices = [
            self.choice(number) | {"finish_reason": writer.finish_reason, "unmask": writer.facts()}
            for number, writer in enumerate(self.writers)
        ]
        facts = [writer.facts() for writer in self.writers]
        calls, tokens = sum(one["network_calls"] for one in facts), sum(one["tokens"] for one in facts)
        together = {
            "promise": facts[0]["promise"],
            "network_calls": calls,
            "tokens_per_call": tokens / max(calls, 1),
            "nats": sum(one["nats"] for one in facts),
            "price_per_token": facts[0]["price_per_token"],
        }
        return self.head | {"object": self.kind, "choices": choices, "usage": self.usage(), "unmask": together}

    def usage(self) -> dict[str, int]:
        written = sum(len(writer.tokens) for writer in self.writers)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }


class CompletionAnswer(Answering):
    """`/v1/completions`."""

    kind = chunk_kind = "text_completion"
    prefix = "cmpl"

    def __init__(self, body: Completion, server: Serves) -> None:
        self.wanted = body.logprobs is not None
        limits: Limits = server.settings.limits
        prompts: list[Any] = [body.prompt]
        if isinstance(body.prompt, list) and body.prompt and not isinstance(body.prompt[0], int):
            prompts = list(body.prompt)
        if len(prompts) > 64:
            raise Refused(f"{len(prompts)} prompts are given; at most 64 go together", "prompt")
        gaps = [gap(server.predictor, prompt, body.suffix, body.max_tokens, limits) for prompt in prompts]
        super().__init__(body, gaps, server)
        self._offsets = [0] * len(self.writers)

    def _log_probs(self, number: int) -> dict[str, Any] | None:
        if not self.wanted:
            return None
        new = self.writers[number].new_log_probs()
        offsets = []
        for _, text, _ in new:
            offsets.append(self._offsets[number])
            self._offsets[number] += len(text)
        return {
            "tokens": [text for _, text, _ in new],
            "token_logprobs": [value for _, _, value in new],
            "top_logprobs": None,
            "text_offset": offsets,
        }

    def piece(self, number: int, added: str, reason: str | None) -> dict[str, Any]:
        found = self._log_probs(number) if added or reason else None
        return {"index": number, "text": added, "logprobs": found, "finish_reason": reason}

    def choice(self, number: int) -> dict[str, Any]:
        return {"index": number, "text": self.writers[number].text, "logprobs": self._log_probs(number)}


class ChatAnswer(Answering):
    """`/v1/chat/completions`."""

    kind, chunk_kind, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"

    def __init__(self, body: Chat, server: Serves) -> None:
        self.wanted = bool(body.logprobs)
        if None not in (body.max_tokens, body.max_completion_tokens) and body.max_tokens != body.max_completion_tokens:
            raise Refused("max_tokens and max_completion_tokens differ; give one of them", "max_tokens")
        encode = getattr(server.predictor, "encode_chat", None)
        if encode is None:
            raise Refused("this model has no chat template; use /v1/completions", "messages")
        try:
            prompt = encode([{"role": message.role, "content": message.content} for message in body.messages])
        except InputError as error:
            raise Refused(without_folder(server.predictor, error), "messages") from None
        most = body.max_completion_tokens or body.max_tokens
        super().__init__(body, [gap(server.predictor, prompt, None, most, server.settings.limits)], server)

    def _log_probs(self, number: int) -> dict[str, Any] | None:
        if not self.wanted:
            return None
        new = self.writers[number].new_log_probs()
        content = [
            {"token": text, "logprob": value, "bytes": list(text.encode()), "top_logprobs": []}
            for _, text, value in new
        ]
        return {"content": content, "refusal": None}

    def first(self, number: int) -> dict[str, Any]:
        delta = {"role": "assistant", "content": ""}
        return {"index": number, "delta": delta, "logprobs": None, "finish_reason": None}

    def piece(self, number: int, added: str, reason: str | None) -> dict[str, Any]:
        delta = {"content": added} if added else {}
        found = self._log_probs(number) if added or reason else None
        return {"index": number, "delta": delta, "logprobs": found, "finish_reason": reason}

    def choice(self, number: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.writers[number].text, "refusal": None}
        return {"index": number, "message": message, "logprobs": self._log_probs(number)}

"""The HTTP server: routes, and what stands before all of them (key, size, time, counting).

OpenAI's completions and chat completions, with what a text cost and what was promised for it; scores and choices;
health, metrics and the OpenAPI description.
"""

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.planning.exact_plan import ExactPlan
from unmask.planning.plan import Plan
from unmask.serving.answers import Answering, ChatAnswer, CompletionAnswer
from unmask.serving.choosing import Choosing
from unmask.serving.engine import Engine
from unmask.serving.exact_numbers import chosen_among, scored
from unmask.serving.fields import Chat, ChoiceBody, Completion, Refused, ScoreBody, read
from unmask.serving.metrics import Metrics
from unmask.serving.openapi import description
from unmask.serving.rows import Limits


@dataclass(frozen=True)
class Settings:
    """How the server is run.

    Attributes:
        name: what the model is called in requests.
        api_key: asked of every request but health and readiness; None asks nobody.
        most_rows, queue_rows: rows that are filled at the same time, and that may wait beyond those.
        seconds: time a request may take. body_bytes: size it may have. gibibytes: memory for the laws of a step.
    """

    name: str
    api_key: str | None = None
    most_rows: int = 64
    queue_rows: int = 256
    seconds: float = 300.0
    body_bytes: int = 2**20
    gibibytes: float = 1.0
    limits: Limits = field(default_factory=Limits)


class Server:
    """Everything the routes share."""

    def __init__(self, predictor: Predictor, settings: Settings, plans: Mapping[str, Plan | ExactPlan]) -> None:
        self.predictor, self.settings = predictor, settings
        self.metrics = Metrics()
        self.engine = Engine(predictor, self.metrics, settings.most_rows, settings.queue_rows, settings.gibibytes)
        self.choosing = Choosing(predictor, plans)
        self.created = int(time.time())

    # -- what the model writes --

    async def completions(self, request: Request) -> Response:
        body = read(Completion, await self.body(request))
        self.check_model(body.model)
        return await self.answered(request, CompletionAnswer(body, self))

    async def chat(self, request: Request) -> Response:
        body = read(Chat, await self.body(request))
        self.check_model(body.model)
        return await self.answered(request, ChatAnswer(body, self))

    async def answered(self, request: Request, answer: Answering) -> Response:
        """The answer as a stream of events, or whole."""
        answer.begin(self.engine)
        if answer.streams:
            return StreamingResponse(
                self.events(answer), media_type="text/event-stream", headers={"cache-control": "no-store"}
            )
        try:
            async with asyncio.timeout(self.settings.seconds):
                await unless_gone(request, answer.finish())
        except TimeoutError:
            raise self.too_long() from None
        finally:
            answer.end(self.engine)
        return JSONResponse(answer.whole())

    async def events(self, answer: Answering) -> AsyncIterator[str]:
        """Server-sent events; whatever ends them, the rows are given back."""
        try:
            async with asyncio.timeout(self.settings.seconds):
                async for chunk in answer.chunks():
                    yield f"data: {json.dumps(chunk, allow_nan=False)}\n\n"
        except TimeoutError:
            yield f"data: {json.dumps(error_body(self.too_long()))}\n\n"
        except InputError as error:
            yield f"data: {json.dumps(error_body(error))}\n\n"
        finally:
            answer.end(self.engine)
        yield "data: [DONE]\n\n"

    def too_long(self) -> Refused:
        return Refused(f"not finished after {self.settings.seconds:g} seconds", None, 504, "timeout")

    # -- exact numbers --

    async def score(self, request: Request) -> Response:
        body = read(ScoreBody, await self.body(request))
        self.check_model(body.model)
        data = await self.called(request, lambda: scored(self.predictor, self.choosing, body, self.settings.limits))
        return JSONResponse({"object": "list", "model": self.settings.name, "data": data})

    async def choice(self, request: Request) -> Response:
        body = read(ChoiceBody, await self.body(request))
        self.check_model(body.model)
        data = await self.called(request, lambda: chosen_among(self.predictor, body, self.settings.limits))
        return JSONResponse({"object": "list", "model": self.settings.name, "data": data})

    async def called(self, request: Request, function: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(self.settings.seconds):
                found: list[dict[str, Any]] = await unless_gone(request, self.engine.call(function))
                return found
        except TimeoutError:
            raise self.too_long() from None

    # -- what it is and how it is --

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self.model()]})

    async def one_model(self, request: Request) -> Response:
        self.check_model(request.path_params["name"])
        return JSONResponse(self.model())

    def model(self) -> dict[str, Any]:
        """The entry of the list, with the server's plans and their prices."""
        plans: dict[str, dict[str, Any]] = {}
        for name, plan in self.choosing.plans.items():
            plans[name] = {"tokens": plan.length}
            if isinstance(plan, Plan):
                plans[name] |= {"steps": plan.steps, "parallel_price": plan.parallel_price.to_dict()}
        entry = {"id": self.settings.name, "object": "model", "created": self.created, "owned_by": "unmask"}
        return entry | {"unmask": {"length": self.predictor.length, "plans": plans}}

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        ready = self.engine.alive
        return JSONResponse({"status": "ready" if ready else "stopped"}, 200 if ready else 503)

    async def prometheus(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(description(self.settings.name, self.settings.api_key is not None))

    # -- what every request goes through --

    async def body(self, request: Request) -> Any:
        """The JSON of a request, read no further than it may be long."""
        most, read_so_far = self.settings.body_bytes, bytearray()
        async for part in request.stream():
            read_so_far += part
            if len(read_so_far) > most:
                raise Refused(f"the request is longer than {most} bytes", None, 413, "too_large")
        try:
            return json.loads(read_so_far, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refused(f"the body is not JSON: {error}") from None

    def check_model(self, name: str) -> None:
        if name != self.settings.name:
            raise Refused(f"model is {name!r}; this server has {self.settings.name!r}", "model", 404, "model_not_found")

    def guarded(self, route: Callable[[Request], Awaitable[Response]], free: bool = False) -> Any:
        """The route behind the key, its errors in OpenAI's form, its answers counted."""

        async def guard(request: Request) -> Response:
            path, response = request.scope["route"].path, Response(status_code=500)
            self.metrics.in_progress.inc()
            try:
                if not free:
                    self.check_key(request)
                response = await route(request)
            except Refused as error:
                headers = {"retry-after": "1"} if error.status == 429 else {}
                headers |= {"www-authenticate": "Bearer"} if error.status == 401 else {}
                response = JSONResponse(error_body(error), error.status, headers)
            except InputError as error:
                response = JSONResponse(error_body(error), 400)
            except Gone:
                response = Response(status_code=499)
            except Exception:
                response = JSONResponse(error_body(RuntimeError("the model failed")), 500)
                raise
            finally:
                self.metrics.in_progress.dec()
                self.metrics.requests.labels(path, str(response.status_code)).inc()
            return response

        return guard

    def check_key(self, request: Request) -> None:
        key = self.settings.api_key
        said = request.headers.get("authorization", "")
        if key is not None and not hmac.compare_digest(said.encode(), f"Bearer {key}".encode()):
            raise Refused("the API key is missing or wrong", None, 401, "invalid_api_key")


class Gone(Exception):
    """The client went away."""


async def unless_gone(request: Request, work: Any) -> Any:
    """What `work` comes to; Gone as soon as the client has left."""
    doing = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise Gone
    finally:
        doing.cancel()
        watching.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def error_body(error: Exception) -> dict[str, Any]:
    """An error as OpenAI's clients read it."""
    status = error.status if isinstance(error, Refused) else 400 if isinstance(error, InputError) else 500
    kinds = {401: "authentication_error", 429: "rate_limit_error", 404: "not_found_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    refused = error if isinstance(error, Refused) else None
    return {
        "error": {
            "message": str(error),
            "type": kind,
            "param": refused.field if refused else None,
            "code": refused.code if refused else None,
        }
    }


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(error_body(Refused(error.detail, None, error.status_code)), error.status_code, error.headers)


def app(predictor: Predictor, settings: Settings, plans: Mapping[str, Plan | ExactPlan] | None = None) -> Starlette:
    """The ASGI application that serves a model.

    Raises:
        InputError: a setting is out of range.
    """
    if settings.most_rows < 1 or settings.queue_rows < 0 or settings.seconds <= 0 or settings.body_bytes < 1:
        raise InputError(f"settings are {settings}; expected positive numbers")
    server = Server(predictor, settings, plans or {})

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        server.engine.start()
        yield
        await server.engine.stop()

    routes = [
        Route("/v1/completions", server.guarded(server.completions), methods=["POST"]),
        Route("/v1/chat/completions", server.guarded(server.chat), methods=["POST"]),
        Route("/v1/score", server.guarded(server.score), methods=["POST"]),
        Route("/v1/choice", server.guarded(server.choice), methods=["POST"]),
        Route("/v1/models", server.guarded(server.models)),
        Route("/v1/models/{name:path}", server.guarded(server.one_model)),
        Route("/metrics", server.guarded(server.prometheus)),
        Route("/openapi.json", server.guarded(server.openapi, free=True)),
        Route("/health", server.guarded(server.health, free=True)),
        Route("/ready", server.guarded(server.ready, free=True)),
    ]
    made = Starlette(routes=routes, lifespan=life, exception_handlers={HTTPException: _http_error})
    made.state.server = server
    return made

"""The OpenAPI description, made from the request models themselves."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from unmask.serving.fields import Chat, ChoiceBody, Completion, ScoreBody

_POSTS: dict[str, tuple[type[BaseModel], str]] = {
    "/v1/completions": (Completion, "Text after a prompt, or between prompt and suffix."),
    "/v1/chat/completions": (Chat, "The next turn of a conversation, by the model's chat template."),
    "/v1/score": (ScoreBody, "Exact nats of given texts under a rule."),
    "/v1/choice": (ChoiceBody, "Probabilities of given answers in a slot."),
}
_GETS = {
    "/v1/models": "The model, and the plans it can follow.",
    "/metrics": "Prometheus series.",
    "/health": "The process lives.",
    "/ready": "The model's thread lives.",
    "/openapi.json": "This description.",
}
_FREE = ("/health", "/ready", "/openapi.json")
_ERRORS = {
    "400": "A field is wrong, unknown or cannot be honoured; `param` names it.",
    "401": "The API key is missing or wrong.",
    "404": "There is no such model.",
    "413": "The request is too long.",
    "429": "The queue is full; Retry-After says when to come again.",
    "504": "Not finished in the time a request may take.",
}


def description(name: str, keyed: bool) -> dict[str, Any]:
    """OpenAPI 3.1 of this server."""
    template = "#/components/schemas/{model}"
    kinds = [(kind, "validation") for kind, _ in _POSTS.values()]
    _, schemas = models_json_schema(kinds, ref_template=template)  # type: ignore[arg-type]
    error: dict[str, Any] = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    }
    reference = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    errors = {status: {"description": text, "content": reference} for status, text in _ERRORS.items()}
    anything = {"application/json": {"schema": {"type": "object"}}}
    paths: dict[str, Any] = {}
    for path, (kind, text) in _POSTS.items():
        content = dict(anything)
        if kind in (Completion, Chat):
            content["text/event-stream"] = {"schema": {"type": "string"}}
        asked = {"application/json": {"schema": {"$ref": template.format(model=kind.__name__)}}}
        answers = {"200": {"description": "The answer.", "content": content}, **errors}
        paths[path] = {"post": {"summary": text, "requestBody": {"required": True, "content": asked}}}
        paths[path]["post"]["responses"] = answers
    for path, text in _GETS.items():
        kinds_of_text = {"text/plain": {"schema": {"type": "string"}}} if path == "/metrics" else anything
        responses: dict[str, Any] = {"200": {"description": "The answer.", "content": kinds_of_text}}
        if path not in _FREE:
            responses["401"] = errors["401"]
        paths[path] = {"get": {"summary": text, "responses": responses}}
    for path, entry in paths.items():
        if keyed and path not in _FREE:
            next(iter(entry.values()))["security"] = [{"key": []}]
    components: dict[str, Any] = {"schemas": schemas["$defs"] | {"Error": error}}
    if keyed:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    title = f"unmask: {name}"
    return {"openapi": "3.1.0", "info": {"title": title, "version": "1"}, "paths": paths, "components": components}

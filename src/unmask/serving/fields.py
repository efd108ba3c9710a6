"""What a request may say, field by field, as pydantic models: the OpenAI fields and, under `unmask`, our own.

A field is honoured, or refused by its name: those that are known but cannot be honoured are in `REFUSED` with the
values that change nothing, which are taken; any other is unknown. Nothing here names a file.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from unmask.errors import InputError

REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "best_of": ((None, 1), "texts are drawn, not chosen among"),
    "echo": ((None, False), "the prompt is not repeated"),
    "presence_penalty": ((None, 0), "a penalty would change the law whose price is promised"),
    "frequency_penalty": ((None, 0), "a penalty would change the law whose price is promised"),
    "logit_bias": ((None, {}), "a bias would change the law whose price is promised"),
    "top_logprobs": ((None, 0), "alternatives are not kept"),
    "response_format": ((None, {"type": "text"}), "only text is written"),
    "tools": ((None, []), "there are no tools"),
    "tool_choice": ((None, "none"), "there are no tools"),
    "functions": ((None, []), "there are no functions"),
    "function_call": ((None, "none"), "there are no functions"),
    "parallel_tool_calls": ((None, False, True), "there are no tools"),
    "store": ((None, False), "nothing is stored"),
    "modalities": ((None, ["text"]), "only text is written"),
    "reasoning_effort": ((None, "none"), "say how many steps instead: unmask.steps"),
    "service_tier": ((None, "auto", "default"), "there is one tier"),
}
"""Known fields that cannot be honoured: the values that ask for nothing, and why others are refused."""

TokenIds = list[Annotated[int, Field(ge=0, strict=True)]]
Name = Annotated[str, StringConstraints(max_length=200)]


class Body(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Ours(Body):
    """How the text is sampled. Without anything: the server's first plan where it fits, else one token at a time."""

    steps: int | None = Field(None, ge=1, le=100_000, strict=True, description="Steps of the rule, or equal sizes.")
    budget: float | None = Field(None, ge=0, description="Nats per token: the shortest plan within it.")
    rule: Name | None = Field(None, description="A decoding rule, such as entropy_bound:0.1.")
    plan: Name | None = Field(None, description="One of the server's plans, by its name.")
    order: Name | None = Field(None, description="A reveal order, such as uniform or bit_reversal.")
    exact: bool = Field(False, strict=True, description="Exact parallel sampling: drafts that are verified; price 0.")
    block_length: int | None = Field(None, ge=1, le=100_000, strict=True, description="Tokens of a block.")
    frames: bool = Field(False, strict=True, description="While streaming, send a diffusion_frame for every step.")


class StreamOptions(Body):
    include_usage: bool = Field(False, strict=True)


class Sampling(Body):
    """What completions and chat completions share."""

    model: Name
    temperature: float | None = Field(1.0, ge=0, le=10)
    top_p: float | None = Field(1.0, gt=0, le=1)
    n: int | None = Field(1, ge=1, le=64, strict=True)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, strict=True)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    stream: bool | None = Field(False, strict=True)
    stream_options: StreamOptions | None = None
    user: Name | None = Field(None, description="Taken and not used: it changes no text.")
    unmask: Ours = Field(default_factory=lambda: Ours.model_validate({}))


class Completion(Sampling):
    """`POST /v1/completions`."""

    prompt: str | TokenIds | list[str] | list[TokenIds] = ""
    suffix: str | None = Field(None, description="Text after the gap: infilling.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, strict=True)
    logprobs: Literal[0] | None = Field(None, description="0: log-probabilities of the drawn tokens.")


class Message(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str
    name: Name | None = None


class Chat(Sampling):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, strict=True)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000, strict=True)
    logprobs: bool | None = Field(None, strict=True)


class ScoreBody(Body):
    """`POST /v1/score`: exact nats of given texts under a rule."""

    model: Name
    input: str | Annotated[list[str], Field(min_length=1, max_length=64)]
    prompt: str = Field("", description="Text before each input: given, not scored.")
    seed: int = Field(0, ge=-(2**63), lt=2**63, strict=True)
    random_orders: int | None = Field(None, ge=1, le=64, strict=True)
    unmask: Ours = Field(default_factory=lambda: Ours.model_validate({}))


class ChoiceBody(Body):
    """`POST /v1/choice`: probabilities of given answers in a slot between prompt and suffix."""

    model: Name
    prompt: str = ""
    suffix: str = ""
    choices: Annotated[list[str], Field(min_length=1, max_length=64)]


Kind = TypeVar("Kind", bound=Body)


class Refused(InputError):
    """A request that is not taken: the field that is wrong, and the HTTP status."""

    def __init__(self, message: str, field: str | None = None, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.field, self.status, self.code = field, status, code


def read(kind: type[Kind], body: Any) -> Kind:
    """The body as such a request. Raises Refused, naming the field."""
    if not isinstance(body, dict):
        raise Refused("the body is not a JSON object")
    said = dict(body)
    if issubclass(kind, Sampling):
        for name, (harmless, why) in REFUSED.items():
            if name in said and said.pop(name) not in harmless:
                raise Refused(f"{name} is not supported: {why}", name)
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        of_one = [one for one in found if one["loc"][:1] == found[0]["loc"][:1]]
        first = next(
            (one for one in of_one if not one["type"].endswith("_type")), found[0]
        )  # of alternatives, the near
        place = ".".join(str(part) for part in first["loc"] if not _is_a_kind(part)) or "body"
        if first["type"] == "extra_forbidden":
            raise Refused(f"{place} is not a field of this request", place) from None
        if first["type"] == "missing":
            raise Refused(f"{place} is missing", place) from None
        shown = repr(first["input"])
        got = "" if len(shown) > 80 else f"; got {shown}"
        raise Refused(f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}{got}", place) from None


def _is_a_kind(part: object) -> bool:
    """Whether a part of pydantic's location names an alternative of a union, not a field."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "literal", "constrained-str"))

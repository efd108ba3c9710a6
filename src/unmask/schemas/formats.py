"""What each format holds that this package writes and reads back. The objects check how their parts fit together."""

import dataclasses
from typing import Any

from unmask.schemas.kinds import (
    Kind,
    Wrong,
    anything,
    either,
    exactly,
    mapping,
    maybe,
    number,
    numbers,
    record,
    row,
    text,
    truth,
    whole,
)

LONGEST = 2**22
"""Positions of the longest text that is read from a file."""

NATS = number(-1e12, 1e12)
COUNT = whole(0)
LENGTH = whole(1, LONGEST)
TOKEN = maybe(whole(0, 2**31))
WORDS = text()
MODEL = mapping(text(), 100)
ORDER = either(row(whole(0, LONGEST), 1, LONGEST), text(1000))
SIZES = row(LENGTH, 1, LONGEST)
ARRAY = anything  # its own reader compares shape, content and what the rest of the file says of them


_ESTIMATE = record(None, {"clusters": COUNT}, value=NATS, low=NATS, high=NATS, confidence=number(0, 1), count=COUNT)


def ESTIMATE(value: Any, place: str) -> None:
    """A number in nats and its interval."""
    _ESTIMATE(value, place)
    if value["low"] > value["high"]:
        raise Wrong(f"{place}.low is above {place}.high")


COUNTS = row(whole(0, LONGEST), 1, LONGEST)
ORDER_COSTS = record(order=ORDER, counts=COUNTS, costs=ARRAY, entropies=ARRAY, parallel=ARRAY, parallel_entropies=ARRAY)
CURVE = record(
    anything,
    length=LENGTH,
    vocab_size=COUNT,
    mask_token_id=TOKEN,
    model=MODEL,
    settings=record(anything, {"searched": row(text(200)), "block_length": maybe(LENGTH)}),
    texts=row(text(200)),
    documents=row(text(200)),
    uniform=ORDER_COSTS,
    paths=ARRAY,
    orders=mapping(ORDER_COSTS, 1000),
)
PLAN = record(
    anything,
    {
        "given": text(),
        "texts": row(text(200)),
        "model_error": maybe(ESTIMATE),
        "measured_length": maybe(LENGTH),
    },
    length=LENGTH,
    mask_token_id=TOKEN,
    order=ORDER,
    sizes=SIZES,
    alternatives=row(record(order=ORDER, sizes=SIZES), most=10_000),
    step_prices=row(NATS),
    parallel_price=ESTIMATE,
    order_effect=ESTIMATE,
    price=ESTIMATE,
    at_most=NATS,
    one_at_a_time=NATS,
    bounds=mapping(NATS, 1000),
    model=MODEL,
    curve_digest=text(200),
    valid_for=WORDS,
    notes=row(WORDS, most=1000),
)
_TABLE = row(numbers(-1e12, 1e12), 1, LONGEST)
_PROFILE = numbers(-1e12, 1e12)
DEPENDENCE = record(
    **dict.fromkeys(("revealed", "texts", "network_calls", "seed"), COUNT),
    **dict.fromkeys(("drops", "errors", "loss_drops", "loss_errors"), _TABLE),
    **dict.fromkeys(("distance_drops", "distance_errors", "distance_loss_drops", "distance_loss_errors"), _PROFILE),
    seen=row(numbers(0, 2**53), 1, LONGEST),
    entropies=_PROFILE,
    format=text(100),
)
VERIFICATION = text(20, ("block", "token"))
OVERLAPS = record(
    length=LENGTH,
    largest=LENGTH,
    verification=VERIFICATION,
    texts=row(text(200)),
    orders=mapping(record(order=ORDER, survival=ARRAY), 1000),
    model=MODEL,
    settings=mapping(anything, 1000),
    format=text(100),
)
EXACT_PLAN = record(
    length=LENGTH,
    order=ORDER,
    sizes=SIZES,
    verification=VERIFICATION,
    rounds=ESTIMATE,
    canvases=ESTIMATE,
    price_per_canvas=number(0, 1e12),
    model=MODEL,
    format=text(100),
)
DEPENDENCE_PROFILE = record(
    anything,
    {"pairs": row(row(numbers(0, 1)))},
    **dict.fromkeys(("texts", "network_calls", "seed"), COUNT),
    known=numbers(0, 1),
    by_distance=row(numbers(0, 1), 1),
    promises=row(exactly(NATS, NATS, NATS, NATS)),
    model=MODEL,
)
TUNED = record(
    anything,
    {"profile": DEPENDENCE_PROFILE},
    rule=text(100),
    value=number(-1e12, 1e12),
    price=ESTIMATE,
    network_calls=ESTIMATE,
    length=LENGTH,
    mask_token_id=TOKEN,
    model=MODEL,
    tried=row(exactly(NATS, NATS, NATS), most=100_000),
    block_length=maybe(LENGTH),
)
TEXT_MODEL = record(
    anything, {"data": either(text(), row(text(), most=10_000)), "length": maybe(LENGTH), "mask_token_id": TOKEN,
     "files": mapping(text(64), 100)},
)  # fmt: skip
RUN = record(
    anything,
    data_sha256=text(64),
    options=record(
        anything,
        {
            **dict.fromkeys(("tokenizer", "size", "optimizer", "dtype"), text(1000)),
            **dict.fromkeys(("positions", "init_from"), maybe(text(1000))),
            **dict.fromkeys(("vocab_size", "length", "batch_size", "accumulate", "log_every", "held_out_rows"), COUNT),
            **dict.fromkeys(("warmup", "samples", "seed"), COUNT),
            **dict.fromkeys(("optimizer_steps", "evaluate_every"), maybe(COUNT)),
            **dict.fromkeys(("learning_rate", "weight_decay", "clip", "held_out"), number()),
            "minutes": maybe(number(0)),
            "tensorboard": truth,
        },
        data=row(text(), 1, 10_000),
    ),
)
CHECKPOINT = record(
    anything,
    {
        "position": record(
            step=whole(0, 2**53), seconds=number(0), best=maybe(number()), next_look=number(0),
        ),
        "progress": number(0),
        "best": truth,
    },
    step=whole(0, 2**53),
    files=mapping(text(64), 1000),
)  # fmt: skip
COMPARISON = record(
    anything,
    {
        "model": MODEL, "texts": text(200), "given": COUNT, "seed": COUNT, "random_orders": COUNT, "samples": COUNT,
        "judge": WORDS, "mauve": truth, "batch": COUNT, "rounds": COUNT,
    },
)  # fmt: skip
TIMING = record(latency=number(0), throughput=number(0), batch=COUNT, rounds=COUNT)
AUTOREGRESSIVE = record(anything, latency=number(0), throughput=number(0), batch=COUNT, rounds=COUNT)
SHARES = row(number(-1e12, 1e12))
GRAMS = mapping(number(0, 1), 10)
QUALITY = record(
    **dict.fromkeys(("unigram_entropy", "sequence_entropy", "distinct_rows"), number(0)),
    **dict.fromkeys(("unigram_distance", "bigram_distance", "character_distance"), maybe(number(0))),
    **dict.fromkeys(("word_length", "known_words"), maybe(number(0))),
    distinct=GRAMS,
    repeated=GRAMS,
    rows=COUNT,
    tokens=COUNT,
)
TRIAL = record(
    anything,
    **dict.fromkeys(("key", "rule", "setting", "how", "why_no_prediction"), WORDS),
    **dict.fromkeys(("exact", "nats", "scored_calls", "tokens_per_call", "mauve"), maybe(NATS)),
    **dict.fromkeys(("step_prices", "step_sizes"), SHARES),
    **dict.fromkeys(("texts", "notes"), row(text(10_000_000))),
    **dict.fromkeys(("predicted", "scored"), maybe(ESTIMATE)),
    network_calls=maybe(
        record(mean=number(0), least=COUNT, most=COUNT, counts=row(exactly(COUNT, COUNT))),
    ),
    reveals=row(row(number(0, 1))),
    reveal_steps=COUNT,
    judge=maybe(mapping(number())),
    quality=maybe(QUALITY),
    valid=maybe(record(count=COUNT, total=whole(1))),
    timing=maybe(TIMING),
    error=maybe(text(100_000)),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind, and how many bytes such a file has at most."""

    kind: Kind
    bytes: int = 2**26


FORMATS: dict[str, Format] = {
    "unmask.curve/2": Format(CURVE, 2**32),
    "unmask.plan/2": Format(PLAN),
    "unmask.dependence/1": Format(DEPENDENCE, 2**30),
    "unmask.profile/1": Format(DEPENDENCE_PROFILE, 2**30),
    "unmask.overlaps/1": Format(OVERLAPS, 2**32),
    "unmask.exact_plan/1": Format(EXACT_PLAN),
    "unmask.tuned/1": Format(TUNED),
    "unmask.model/1": Format(TEXT_MODEL),
    "unmask.run/2": Format(RUN),
    "unmask.checkpoint/1": Format(CHECKPOINT),
    "unmask.compare/1": Format(COMPARISON),
    "unmask.timing/1": Format(AUTOREGRESSIVE),
    "unmask.trial/1": Format(TRIAL),
}
"""The formats that are read back. What is not listed is only held to the limits of `strict_json`."""

_VALUES = row(number(-500, 500), 0, LONGEST)  # below zero is refused by the curve itself, which says what it is
_OBJECT = record(anything, {"stderr": maybe(row(number(0, 500), 0, LONGEST))}, values=_VALUES)


def BARE_CURVE(value: Any, place: str) -> None:
    """A curve alone: numbers, or an object that holds them."""
    _OBJECT(value, place) if isinstance(value, dict) else _VALUES(value, place or "values")

"""Exact numbers about given texts: their nats under a rule, and the probabilities of given answers in a slot."""

from typing import Any

import torch

from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.models.words import decoded
from unmask.sampling.model_calls import suppress
from unmask.sampling.score import score
from unmask.serving.choosing import Choosing
from unmask.serving.fields import ChoiceBody, Refused, ScoreBody
from unmask.serving.rows import Limits, tokens_of


def scored(predictor: Predictor, choosing: Choosing, body: ScoreBody, limits: Limits) -> list[dict[str, Any]]:
    """Nats of each input under the rule it asks for, given the prompt."""
    given = tokens_of(predictor, body.prompt, "prompt") if body.prompt else []
    found = []
    for text in [body.input] if isinstance(body.input, str) else body.input:
        tokens = [*given, *tokens_of(predictor, text, "input")]
        masked = len(tokens) - len(given)
        if masked < 1:
            raise Refused("input is empty; there is nothing to score", "input")
        if len(tokens) > limits.tokens:
            raise Refused(f"input has {len(tokens)} tokens with its prompt; at most {limits.tokens} are taken", "input")
        chosen = choosing(body.unmask, masked, None, None)
        try:
            result = score(
                predictor, chosen.sampler, [tokens], prompt=len(given), seed=body.seed, random_orders=body.random_orders
            )
        except InputError as error:
            raise Refused(str(error), "input") from None
        log_prob, stderr = float(result.log_prob[0]), float(result.stderr[0])
        found.append(
            chosen.facts()
            | {
                "text": text,
                "tokens": masked,
                "log_prob": log_prob if log_prob > -float("inf") else None,
                "nats_per_token": -log_prob / masked if log_prob > -float("inf") else None,
                "stderr": stderr if stderr == stderr else None,
                "network_calls": float(result.network_calls[0]),
            }
        )
    return found


@torch.no_grad()
def chosen_among(predictor: Predictor, body: ChoiceBody, limits: Limits) -> list[dict[str, Any]]:
    """The probability of each answer between prompt and suffix, token by token from the left, and among the answers."""
    before = tokens_of(predictor, body.prompt, "prompt") if body.prompt else []
    after = tokens_of(predictor, body.suffix, "suffix") if body.suffix else []
    answers = [tokens_of(predictor, text, "choices") for text in body.choices]
    log_probs = []
    for number, answer in enumerate(answers):
        if not answer:
            raise Refused(f"choices.{number} is empty; every answer has a token at least", f"choices.{number}")
        text = [*before, *answer, *after]
        length = len(text) if predictor.length is None else predictor.length
        if len(text) > min(length, limits.tokens):
            longest = min(length, limits.tokens)
            raise Refused(f"choices.{number} makes a text of {len(text)} tokens; the longest is {longest}", "choices")
        log_probs.append(_log_prob(predictor, text, len(before), len(answer), length))
    among = torch.tensor(log_probs, dtype=torch.float64).softmax(0).tolist()
    if any(value != value for value in among):
        raise Refused("every answer is impossible where it stands", "choices")
    return [
        {
            "text": text,
            "tokens": len(answer),
            "log_prob": value if value > -float("inf") else None,
            "probability": share,
            "read_as": decoded(predictor, answer),
        }
        for text, answer, value, share in zip(body.choices, answers, log_probs, among, strict=True)
    ]


def _log_prob(predictor: Predictor, text: list[int], start: int, size: int, length: int) -> float:
    """Of `size` tokens from `start` on, one after another, in one query; what lies beyond the text stays masked."""
    outside = [token for token in text if not 0 <= token < predictor.vocab_size]
    if outside:
        raise Refused(f"token {outside[0]} is not in the vocabulary (0 … {predictor.vocab_size - 1})", "choices")
    device = torch.device(predictor.device)
    tokens = torch.zeros(size, length, dtype=torch.int64)
    tokens[:, : len(text)] = torch.tensor(text)
    columns, turns = torch.arange(length), torch.arange(size)[:, None]
    known = (columns < len(text)) & ((columns < start + turns) | (columns >= start + size))
    places = Positions(torch.arange(size, device=device), torch.arange(start, start + size, device=device))
    try:
        laws = predictor.log_probs(tokens.to(device), known.to(device), places).float()
    except InputError as error:
        raise Refused(str(error), "choices") from None
    forbidden = torch.tensor(sorted(set(predictor.forbidden_ids)), dtype=torch.int64, device=device)
    laws = suppress(laws, forbidden) if len(forbidden) else laws
    drawn = tokens[0, start : start + size].to(device)
    return float(laws.gather(1, drawn[:, None]).double().sum())

"""The self-test of `unmask inspect`: is a checkpoint run the way it was trained?

Each test asks the network something whose answer is known when its record is right, and says in a sentence what it saw.
A finding is passed, failed, or undecided (None) where the network is too uncertain to tell, as one with random weights.
"""

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.adapter import Pretrained
from unmask.models.capabilities import block_length_of, law_of, longest_of, network_of
from unmask.models.families import Query
from unmask.models.predictor import Positions, Predictor

DECISIVE = 0.5
"""Nats per token by which one alignment must beat the other to decide."""


class Finding(NamedTuple):
    """What one test saw."""

    test: str
    passed: bool | None
    value: float
    says: str


def self_test(predictor: Predictor, text: str | None = None) -> list[Finding]:
    """Run every test that applies.

    Args:
        predictor: a checkpoint's, or any other (laws get the tests that need no network).
        text: a text the model should know; None takes the example of its family.

    Raises:
        InputError: `text` cannot be encoded.
    """
    tokens = _tokens(predictor, text)
    findings = [_hidden_tokens_are_not_read(predictor, tokens), _rows_do_not_mix(predictor, tokens)]
    if isinstance(predictor, Pretrained):
        tests: tuple[Callable[[Pretrained, Tensor], Finding], ...] = (
            _alignment,
            _tokenizer_knows_its_words,
            _mask_is_not_predicted,
            _attention,
            _padding_does_not_matter,
            _padding_inside_the_network,
        )
        findings += [test(predictor, tokens) for test in tests]
    return findings


def facts(predictor: Predictor) -> dict[str, Any]:
    """What was detected, by name: plain values that print and go into JSON."""
    shown: dict[str, Any] = {"predictor": repr(predictor), "vocab_size": predictor.vocab_size}
    if isinstance(predictor, Pretrained):
        family, network = predictor.family, predictor.network
        inner: Any = getattr(network, "model", getattr(network, "network", network))
        weights = getattr(inner, "weights", inner).parameters()
        shown |= {
            "family": family.name,
            "network": type(inner).__name__,
            "parameters": sum({weight.data_ptr(): weight.numel() for weight in weights}.values()),
            "dtype": str(network.dtype).removeprefix("torch."),
            "head": "at wanted positions only" if network.wanted_only else "at every position",
            "attention": f"causal between blocks of {predictor.block_size}"
            if predictor.block_size
            else "bidirectional",
            "logits": "row i-1 predicts token i" if family.shift else "row i predicts token i",
            "before_text": list(predictor.before),
            "after_text": list(predictor.after),
            "noise_level": family.time_conditioned,
            "chat_template": family.chat,
            "pads_with_end_of_text": family.pads_with_end_of_text,
            "max_length": predictor.max_length,
            "tokenizer": predictor.text.exists,
            "notices": list(predictor.notices) + [family.note] * bool(family.note),
        }
    return shown | {
        "length": predictor.length,
        "mask_token_id": predictor.mask_token_id,
        "end_of_text_id": predictor.end_of_text_id,
        "forbidden_ids": list(predictor.forbidden_ids[:8]) + ["…"] * (len(predictor.forbidden_ids) > 8),
        "device": str(predictor.device),
    }


def _alignment(predictor: Pretrained, tokens: Tensor) -> Finding:
    """Mask one known token at a time; the row the record reads must predict it better than its neighbour does."""
    places = torch.arange(1, min(tokens.shape[1], predictor.block_size or 33), device=tokens.device)
    canvases = tokens.expand(len(places), -1)
    known = torch.ones_like(canvases, dtype=torch.bool)
    rows = torch.arange(len(places), device=tokens.device)
    known[rows, places] = False
    shift = predictor.family.shift
    scores = []
    for candidate in (shift, 1 - shift):
        read = copy.copy(predictor)
        read.family = dataclasses.replace(predictor.family, shift=candidate)
        laws = read.log_probs(canvases, known, Positions(rows, places))
        scores.append(float(laws.gather(1, tokens[0, places][:, None]).mean()))
    gain = scores[0] - scores[1]
    names = ("i", "i-1") if shift == 0 else ("i-1", "i")
    knows = max(scores) > DECISIVE - math.log(predictor.vocab_size)  # else neither row is better than guessing
    passed = gain > 0 if knows and abs(gain) > DECISIVE else None
    undecided = "undecided" if knows else "it does not know this text (pass one with --text): undecided"
    verdict = undecided if passed is None else "as recorded" if passed else f"pass shift={1 - shift}"
    says = f"row {names[0]} predicts token i at {scores[0]:.2f} nats, row {names[1]} at {scores[1]:.2f}: {verdict}"
    return Finding("alignment", passed, gain, says)


def _tokenizer_knows_its_words(predictor: Pretrained, tokens: Tensor) -> Finding:
    """Words of the vocabulary must come back as themselves, and the mask must be the one the tokenizer knows."""
    text = predictor.text
    if not text.exists:
        return Finding("tokenizer", None, 0.0, "there is none")
    fault, own = text.fault(), text.special_id("mask_token")
    if fault is not None:
        return Finding("tokenizer", False, 1.0, fault)
    if own is None:
        return Finding("tokenizer", None, 0.0, "it knows its own words and has no mask token: the mask is not proved")
    if own != predictor.mask_token_id:
        return Finding("tokenizer", None, 0.0, f"its mask is {own}, and {predictor.mask_token_id} is used")
    return Finding("tokenizer", True, 0.0, f"it knows its own words, and its mask is {own}, which is used")


def _mask_is_not_predicted(predictor: Pretrained, tokens: Tensor) -> Finding:
    """The mask token's own probability, before it is suppressed, with half of the text hidden."""
    known = torch.arange(tokens.shape[1], device=tokens.device)[None] % 2 == 0
    known = known | (torch.arange(tokens.shape[1], device=tokens.device) >= (predictor.block_size or tokens.shape[1]))
    framed = predictor.frame(tokens, known, Positions(*(~known).nonzero(as_tuple=True)))
    query = Query(framed.ids, framed.masked, None, predictor.block_size)
    laws = predictor.network.logits(query, framed.rows, framed.columns).float().softmax(-1)
    share = float(laws[:, predictor.mask_token_id].mean())
    wins = bool((laws.argmax(-1) == predictor.mask_token_id).any())
    says = f"the network gives the mask token probability {share:.2g}" + (", the largest of all" * wins)
    return Finding("mask token", None if wins else True, share, says + "; it is never drawn here")


def _attention(predictor: Pretrained, tokens: Tensor) -> Finding:
    """Change a later token: inside what a position may read its law must move, outside it must not."""
    size = predictor.block_size
    length = tokens.shape[1]
    other = (tokens + 1) % predictor.vocab_size
    inside = min(size or length, length) - 1
    moved = [_moves(predictor, tokens, other, inside)]
    if size is None:
        return Finding(
            "attention",
            moved[0] > 0,
            moved[0],
            f"a token at the end moves a law at the start by {moved[0]:.2g} nats: "
            + ("bidirectional, as recorded" if moved[0] > 0 else "it is not read, so attention is not bidirectional"),
        )
    if length <= size:
        return Finding("attention", None, moved[0], f"the text is no longer than a block of {size}: undecided")
    outside = _moves(predictor, tokens, other, length - 1)
    passed = moved[0] > 0 and outside < _tolerance(predictor)
    says = (
        f"a later token moves a law by {moved[0]:.2g} nats inside its block of {size}, by {outside:.2g} from the next"
    )
    return Finding("attention", passed, outside, says)


def _moves(predictor: Pretrained, tokens: Tensor, other: Tensor, changed: int) -> float:
    """By how much the law of token 1 moves, at most, when the token at column `changed` is another one."""
    ids = []
    for last in (tokens, other):
        canvas = tokens.clone()
        canvas[0, changed] = last[0, changed]
        canvas[0, 1] = predictor.mask_token_id
        ids.append(torch.tensor([*predictor.before, *canvas[0].tolist(), *predictor.after], device=tokens.device)[None])
    place = torch.tensor([len(predictor.before) + 1 - predictor.family.shift], device=tokens.device)
    laws = [
        predictor.network.logits(
            Query(row, row == predictor.mask_token_id, None, predictor.block_size), torch.zeros_like(place), place
        )
        for row in ids
    ]
    return float((laws[0].float().log_softmax(-1) - laws[1].float().log_softmax(-1)).abs().max())


def _padding_does_not_matter(predictor: Pretrained, tokens: Tensor) -> Finding:
    """A row with three columns of padding on its left, beside one without, must give what it gives alone."""
    row = tokens[:, : tokens.shape[1] - 3] if tokens.shape[1] > 6 else tokens
    known = _half(row, predictor.block_size)
    alone = predictor.log_probs(
        row, known, Positions(*(~known).nonzero(as_tuple=True)), padding=torch.zeros_like(known)
    )
    blank = torch.zeros_like(row[:, :3])
    padded = torch.cat([torch.cat([blank, row], 1), torch.cat([row, blank], 1)])
    padding = torch.zeros_like(padded, dtype=torch.bool)
    padding[0, :3], padding[1, -3:] = True, True
    filled = torch.ones_like(blank, dtype=torch.bool)
    both = torch.cat([torch.cat([filled, known], 1), torch.cat([known, filled], 1)])
    where = Positions(*(~both).nonzero(as_tuple=True))
    beside = predictor.log_probs(padded, both, where, padding=padding)
    difference = _difference(beside, torch.cat([alone, alone]))
    says = f"padding on the left or right changes a row's laws by {difference:.2g} nats"
    return Finding("padding", difference < _tolerance(predictor), difference, says)


def _padding_inside_the_network(predictor: Pretrained, tokens: Tensor) -> Finding:
    """What the bare network makes of padding on the left, hidden by an attention mask alone. For information."""
    ids = torch.tensor([*predictor.before, *tokens[0].tolist(), *predictor.after], device=tokens.device)[None]
    columns = torch.arange(ids.shape[1], device=ids.device)
    rows = torch.zeros_like(columns)
    padded = torch.cat([torch.full_like(ids[:, :3], predictor.filler), ids], 1)
    attend = torch.ones_like(padded, dtype=torch.bool)
    attend[:, :3] = False
    hidden = torch.zeros_like(padded, dtype=torch.bool)
    room = predictor.max_length is None or padded.shape[1] <= predictor.max_length + len(predictor.before) + len(
        predictor.after
    )
    if not room:
        return Finding("network's padding", None, 0.0, "the text leaves no room for padding: not tried")
    alone = predictor.network.logits(Query(ids, hidden[:, 3:], None, predictor.block_size), rows, columns)
    beside = predictor.network.logits(Query(padded, hidden, attend, predictor.block_size), rows, columns + 3)
    difference = _difference(beside.float().log_softmax(-1), alone.float().log_softmax(-1))
    says = f"left padding hidden by a mask alone would change laws by {difference:.2g} nats; rows are never run so"
    return Finding("network's padding", None, difference, says)


def _rows_do_not_mix(predictor: Predictor, tokens: Tensor) -> Finding:
    """A row's laws must not depend on the rows beside it."""
    known = _half(tokens, block_length_of(predictor))
    where = Positions(*(~known).nonzero(as_tuple=True))
    alone = predictor.log_probs(tokens, known, where)
    batch = torch.cat([tokens.flip(1), tokens, tokens])
    hidden = torch.cat([known, known, torch.ones_like(known)])
    if not isinstance(predictor, Pretrained):
        batch = tokens.expand(3, -1)  # a law may give the reversed row no probability
    beside = predictor.log_probs(batch, hidden, Positions(where.rows + 1, where.columns))
    difference = _difference(beside, alone)
    says = f"the rows beside it change a row's laws by {difference:.2g} nats"
    return Finding("batch", difference < _tolerance(predictor), difference, says)


def _hidden_tokens_are_not_read(predictor: Predictor, tokens: Tensor) -> Finding:
    """What stands at unknown positions must not matter."""
    known = _half(tokens, block_length_of(predictor))
    where = Positions(*(~known).nonzero(as_tuple=True))
    with_answers = predictor.log_probs(tokens, known, where)
    blank = predictor.log_probs(torch.where(known, tokens, 0), known, where)
    difference = _difference(with_answers, blank)
    says = f"the hidden tokens themselves change laws by {difference:.2g} nats"
    return Finding("hidden tokens", difference == 0, difference, says)


def _half(tokens: Tensor, block_size: int | None) -> Tensor:
    """Every second token hidden, within the first block where there are blocks; the first is known."""
    columns = torch.arange(tokens.shape[1], device=tokens.device)
    return ((columns % 2 == 0) | (columns >= (block_size or len(columns))))[None].expand(len(tokens), -1).clone()


def _tokens(predictor: Predictor, text: str | None) -> Tensor:
    """(1, length) tokens to test on: a text the model may know, else arbitrary ids, else a draw of the law."""
    law = law_of(predictor)
    if law is not None:
        return torch.as_tensor(law.sample(1, 0), dtype=torch.int64, device=predictor.device)
    ids: list[int] = []
    if isinstance(predictor, Pretrained) and (text is not None or predictor.text.exists):
        try:
            ids = predictor.encode(predictor.family.example if text is None else text)
        except InputError:
            if text is not None:
                raise
    ids = [token for token in ids if token not in predictor.forbidden_ids]
    if len(ids) < 4:
        usable = [token for token in range(min(predictor.vocab_size, 4096)) if token not in predictor.forbidden_ids]
        ids = (ids + usable * 12)[:12]
    length = predictor.length or min(len(ids), 64, longest_of(predictor) or 64)
    return torch.tensor([(ids * (length // len(ids) + 1))[:length]], dtype=torch.int64, device=predictor.device)


def _difference(first: Tensor, second: Tensor) -> float:
    """The largest difference of two arrays of log-probabilities; impossible tokens must be the same."""
    gap = (first - second).abs()
    gap = gap.masked_fill((first == -torch.inf) & (second == -torch.inf), 0.0)
    return float(gap.max()) if gap.numel() else 0.0


def _tolerance(predictor: Predictor) -> float:
    network = network_of(predictor)
    return 1e-3 if network is None or network.dtype in (torch.float32, torch.float64) else 0.25

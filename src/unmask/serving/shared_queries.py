"""Queries of many canvases, answered by one forward pass: rows of one length together, or all where rows may be padded.

A predictor is a pure function of the canvas, so what a row is answered does not depend on who asks beside it; up to the
rounding of the network's own arithmetic, which no batch can change by more than its last digits.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from unmask.models.capabilities import row_calls_of, takes_padding
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.queries import Answer, Query


def groups(queries: Sequence[Query], predictor: Predictor) -> list[list[int]]:
    """Numbers of the queries that are asked together."""
    padded = takes_padding(predictor)
    by_length: dict[int, list[int]] = {}
    for number, query in enumerate(queries):
        by_length.setdefault(0 if padded else query.tokens.shape[1], []).append(number)
    return list(by_length.values())


def ask_together(queries: Sequence[Query], predictor: Predictor) -> list[Answer]:
    """The answer to each query, by one call of the predictor."""
    tokens, known, padding = _stacked(queries)
    rows_before = [0]
    for query in queries:
        rows_before.append(rows_before[-1] + len(query.tokens))
    starts = zip(queries, rows_before, strict=False)
    rows = torch.cat([query.wanted.rows + start for query, start in starts])
    wanted = Positions(rows, torch.cat([query.wanted.columns for query in queries]))
    asked = (tokens, known, wanted) if padding is None else (tokens, known, wanted, padding)
    laws = predictor.log_probs(*asked)
    spent = row_calls_of(predictor)
    spent = torch.full((len(tokens),), predictor.calls_per_query) if spent is None else spent
    sizes = [len(query.wanted.rows) for query in queries]
    heights = [len(query.tokens) for query in queries]
    return [Answer(*pair) for pair in zip(torch.split(laws, sizes), torch.split(spent, heights), strict=True)]


def _stacked(queries: Sequence[Query]) -> tuple[Tensor, Tensor, Tensor | None]:
    """All canvases as one, and what of it is padding."""
    length = max(query.tokens.shape[1] for query in queries)
    missing = [length - query.tokens.shape[1] for query in queries]
    tokens = torch.cat([pad(query.tokens, (0, more)) for query, more in zip(queries, missing, strict=True)])
    known = torch.cat([pad(query.known, (0, more)) for query, more in zip(queries, missing, strict=True)])
    if not any(missing):
        return tokens, known, None
    lengths = [query.tokens.shape[1] for query in queries for _ in query.tokens]
    columns = torch.arange(length, device=tokens.device)
    return tokens, known, columns >= torch.tensor(lengths, device=tokens.device)[:, None]

"""Measure how long drafts stand: what exact parallel sampling will cost in rounds and canvases, before it is run.

In a reveal order, let `p_a(x_j)` be the conditional at rank j when a tokens are revealed. A token that is drafted when
a are revealed comes from `p_{a-1}` and is verified with the conditional that its own turn brings, `p_j`. The overlap

    S(a, j) = sum_v min(p_{a-1}(x_j = v), p_j(x_j = v))

is the probability that it stands by itself; the mean over held-out texts is a total-variation sibling of the table
g(a, .). Every text costs one canvas for each revealed count, as one row of a measurement in that order does.

Runs of tokens are more than one overlap. Verified token by token, i tokens stand with the product of their overlaps;
verified as a block, with the mean of `verification.survival` over tokens drawn from the `p_j` (`DRAWS` of them).
"""

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.measuring.losses import PAIRS_AT_ONCE, FloatArray
from unmask.measuring.measure import Orders, named_orders
from unmask.measuring.model_identity import describe_model
from unmask.measuring.overlap_table import Overlaps
from unmask.measuring.texts import check_texts, identify, known_positions
from unmask.models.predictor import Positions, Predictor
from unmask.sampling.draws import categorical
from unmask.sampling.model_calls import suppress
from unmask.sampling.randomness import TOKEN_CHUNK, TOKEN_WITHIN, uniforms
from unmask.sampling.verification import BLOCK, RULES, TOKEN, survival
from unmask.theory.reveal_orders import Order, Uniform

DRAWS = 16
"""Tokens drawn from each conditional to see how far blocks of them stand."""


@torch.no_grad()
def measure_overlaps(
    predictor: Predictor,
    tokens: npt.ArrayLike | Tensor,
    orders: Orders = ("bit_reversal", "uniform"),
    *,
    largest: int = 32,
    verification: str = BLOCK,
    given: npt.ArrayLike | int = 0,
    seed: int = 0,
    batch_size: int = 16,
    source: str = "",
    progress: Callable[[int, int], object] | None = None,
) -> Overlaps:
    """How long drafts stand on held-out texts.

    Args:
        predictor: from `unmask.load` or `unmask.oracle`.
        tokens: (N, length) whole texts.
        orders: names or orders of `unmask.orders` that do not read the model.
        largest: the longest draft that shall be judged.
        verification: "block" or "token", as for `unmask.recipes.exact`.
        given: as for `unmask.measure`: leading tokens, or booleans, True where a token is given.
        seed: of random orders and draws; those of a text depend on the seed and its tokens alone.
        batch_size: texts that go through the network together.
        source: as for `unmask.measure`.
        progress: called with texts done and texts in all.

    Returns:
        Overlaps: for `unmask.planning.exact_plan.plan_exact`. It costs L network calls a text and order.

    Raises:
        InputError: on texts that do not fit the model, or a `largest` or `verification` that cannot be.
    """
    if verification not in RULES:
        raise InputError(f"verification is {verification!r}; expected {' or '.join(RULES)}")
    if largest < 1:
        raise InputError(f"largest is {largest}; expected a draft of at least 1 token")
    texts = check_texts(predictor, tokens)
    known, words = known_positions(given, texts)
    length = int((~known[0]).sum())
    if length < 2:
        raise InputError("one token is left to reveal; a draft needs two")
    largest = min(largest, length - 1)
    orders = (orders,) if isinstance(orders, str) else orders
    chosen = named_orders("uniform", orders)
    if not chosen or any(one == "uniform" or isinstance(one, Uniform) for one in orders):
        chosen = {**chosen, "uniform": Uniform()}
    digests = identify(texts, source)
    found = {}
    for number, (name, one) in enumerate(chosen.items()):
        parts = []
        for start in range(0, len(texts), batch_size):
            rows = slice(start, start + batch_size)
            columns = _columns(one, known[rows], digests[rows], seed)
            seeds = _seeds(digests[rows], seed)
            parts.append(_survival(predictor, texts[rows], known[rows], columns, seeds, largest, verification))
            if progress is not None:
                progress(number * len(texts) + min(start + batch_size, len(texts)), len(chosen) * len(texts))
        found[name] = (one, np.concatenate(parts))
    settings = {"seed": seed, "given": words}
    return Overlaps(length, largest, verification, digests, found, describe_model(predictor), settings)


def _columns(one: Order, known: npt.NDArray[np.bool_], digests: tuple[str, ...], seed: int) -> npt.NDArray[np.int64]:
    """(N, L) the positions of each text in its reveal order, without the given ones."""
    rows = []
    for row, digest in enumerate(digests):
        places = np.flatnonzero(~known[row])
        rows.append(places[one.draw(len(places), np.random.default_rng([seed, 0, int(digest, 16)]))])
    return np.array(rows)


def _survival(
    predictor: Predictor,
    texts: npt.NDArray[np.int64],
    known: npt.NDArray[np.bool_],
    columns: npt.NDArray[np.int64],
    seeds: Tensor,
    largest: int,
    verification: str,
) -> FloatArray:
    """(N, L, K) survival of drafts, from one pass over the revealed counts 0 .. L - 1."""
    count, length = columns.shape
    at_once = max(1, PAIRS_AT_ONCE // (largest * (largest + 1) * predictor.vocab_size))
    if count > at_once:
        halves = [slice(0, count // 2), slice(count // 2, count)]
        parts = [
            _survival(predictor, texts[part], known[part], columns[part], seeds[part], largest, verification)
            for part in halves
        ]
        return np.concatenate(parts)
    draws = 1 if verification == TOKEN else DRAWS
    ratios = np.full((count, length, largest, draws), np.inf)
    before: deque[Tensor] = deque(maxlen=largest)  # conditionals at counts a - 1, the next K ranks of each
    for rank in range(length):
        laws = _laws(predictor, texts, known, columns, rank, largest + 1)  # (N, K + 1, V), fewer at the end
        now = laws[:, 0]
        drawn = None if verification == TOKEN else _draw(now, draws, seeds, rank)
        for back, earlier in enumerate(reversed(before)):  # drafted when rank - back tokens were revealed
            q = earlier[:, back + 1]
            if drawn is None:
                stands = torch.minimum(now.exp(), q.exp()).sum(-1, keepdim=True)  # (N, 1)
                ratio = -stands.clamp(max=1).log()
            else:
                ratio = now.gather(1, drawn) - q.gather(1, drawn)
            ratios[:, rank - back, back] = ratio.double().cpu().numpy()
        before.append(laws)
    found = np.array(survival(torch.from_numpy(ratios).movedim(3, 2), verification).mean(2).numpy())
    inside = np.arange(1, largest + 1) <= length - np.arange(length)[:, None]
    inside[0] = False
    return np.asarray(np.where(inside, found, 0.0), dtype=np.float32).astype(np.float64)


def _laws(
    predictor: Predictor,
    texts: npt.NDArray[np.int64],
    known: npt.NDArray[np.bool_],
    columns: npt.NDArray[np.int64],
    revealed: int,
    width: int,
) -> Tensor:
    """(N, W, V) conditionals of the next ranks when the first `revealed` are shown, forbidden ids left out."""
    device, vocab_size = predictor.device, predictor.vocab_size
    shown = known.copy()
    np.put_along_axis(shown, columns[:, :revealed], True, axis=1)
    wanted = torch.from_numpy(columns[:, revealed : revealed + width])
    rows = torch.arange(len(texts))[:, None].expand_as(wanted)
    where = Positions(rows.reshape(-1).to(device), wanted.reshape(-1).to(device))
    laws = predictor.log_probs(torch.from_numpy(texts).to(device), torch.from_numpy(shown).to(device), where).float()
    if tuple(laws.shape) != (wanted.numel(), vocab_size):
        raise InputError(f"the predictor returned shape {tuple(laws.shape)}; expected {(wanted.numel(), vocab_size)}")
    forbidden = torch.tensor(sorted(set(predictor.forbidden_ids)), dtype=torch.int64, device=device)
    laws = suppress(laws, forbidden) if len(forbidden) else laws.log_softmax(-1)
    if bool(laws.isnan().any()):
        raise InputError("the predictor returned NaN; nothing is measured from it")
    return laws.view(len(texts), -1, vocab_size)


def _draw(laws: Tensor, draws: int, seeds: Tensor, rank: int) -> Tensor:
    """(N, D) tokens of (N, V) conditionals; those of a text depend on its seed alone."""
    seeds = seeds.to(laws.device)
    numbers = torch.arange(draws, device=laws.device)
    first = uniforms(seeds[:, None], rank, numbers, TOKEN_CHUNK)
    second = uniforms(seeds[:, None], rank, numbers, TOKEN_WITHIN)
    return torch.stack([categorical(laws, first[:, draw], second[:, draw]) for draw in range(draws)], 1)


def _seeds(digests: tuple[str, ...], seed: int) -> Tensor:
    """(N,) seeds of the draws of each text."""
    numbers = [np.random.default_rng([seed, 1, int(digest, 16)]).integers(2**62) for digest in digests]
    return torch.tensor([int(number) for number in numbers])

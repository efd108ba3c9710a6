"""Verification of drafted tokens: which of them stand, and what is put where the first is refused.

A draft is a run of tokens, each drawn from its own law `q_i`; the network has since said the law `p_i` that each should
have been drawn from, given the tokens before it. Both rules below leave tokens whose law is exactly that of `p`, one
token after another, whatever `q` was:

- `TOKEN` (Leviathan et al., arXiv 2211.17192): token i stands with probability `min(1, p_i / q_i)`; the first that is
  refused is drawn anew from the positive part of `p_i - q_i`.
- `BLOCK` (Sun et al., arXiv 2403.10444): the same with the ratios multiplied up, `w_i = min(1, w_{i-1} p_i / q_i)`; the
  longest run that passes stands, and what follows it is drawn from the positive part of `w_i p_{i+1} - q_{i+1}`. As
  many tokens stand as any rule allows, never fewer than with `TOKEN`.

Given the text that came out, i tokens or more of a draft stood with probability `survival(log(p/q))[i - 1]`: that is
what forecasts and replays read. Knows laws and tokens, nothing of canvases, orders or networks.
"""

import torch
from torch import Tensor

TOKEN, BLOCK = "token", "block"
RULES = (TOKEN, BLOCK)


def survival(log_ratios: Tensor, rule: str) -> Tensor:
    """Probability that at least 1, 2, … drafted tokens stood, given the tokens that came out.

    Args:
        log_ratios: (…, K) `log p_i(x_i) - log q_i(x_i)` of those tokens, nats.
        rule: one of `RULES`.

    Returns:
        (…, K) probabilities, never rising along the last axis.
    """
    if rule == BLOCK:
        return torch.exp(-log_ratios.cumsum(-1).clamp(min=0).cummax(-1).values)
    return torch.exp(-log_ratios.clamp(min=0).cumsum(-1))


def weights(log_ratios: Tensor) -> Tensor:
    """(A, K + 1) the weights `w_0 = 1, w_1, …` of `BLOCK`, from (A, K) `log p - log q` of the drafted tokens."""
    found = [torch.zeros_like(log_ratios[:, 0])]
    for place in range(log_ratios.shape[1]):
        found.append((found[-1] + log_ratios[:, place]).clamp(max=0))
    return torch.stack(found, 1).exp()


def passes(log_ratios: Tensor, excess: Tensor, sizes: Tensor, rule: str) -> Tensor:
    """(A, K) the probability that each test of a draft is passed; what `standing` makes of them depends on the rule.

    Args:
        log_ratios: (A, K) `log p - log q` of the drafted tokens.
        excess: (A, K) total of the positive part of `w_i p_{i+1} - q_{i+1}`, i from 0; read under `BLOCK` only.
        sizes: (A,) tokens drafted in each row; behind them no test is passed.
        rule: one of `RULES`.
    """
    places = torch.arange(1, log_ratios.shape[1] + 1, device=log_ratios.device)
    if rule == TOKEN:
        return torch.where(places <= sizes[:, None], log_ratios.clamp(max=0).exp(), 0.0)
    weight = weights(log_ratios)[:, 1:]
    total = torch.cat([excess[:, 1:], torch.zeros_like(excess[:, :1])], 1)
    inner = torch.where(total + 1 - weight > 0, total / (total + 1 - weight), 1.0)
    found = torch.where(places == sizes[:, None], weight, inner)
    return torch.where(places <= sizes[:, None], found, 0.0)


def standing(passed: Tensor, rule: str) -> Tensor:
    """(A,) how many leading tokens stand, from (A, K) which tests were passed: under `TOKEN` up to the first that was
    not, under `BLOCK` up to the last that was.
    """
    if rule == TOKEN:
        return passed.long().cumprod(1).sum(1)
    places = torch.arange(1, passed.shape[1] + 1, device=passed.device)
    return torch.where(passed, places, 0).amax(1)


def residual(p: Tensor, q: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """The positive part of `weight p - q`, not normalised; `p` itself where rounding left nothing of it.

    Args:
        p, q: (N, V) log-probabilities, normalised; q is -inf throughout where nothing was drafted.
        weight: a number, or (N, 1).
    """
    rest = (weight * p.exp() - q.exp()).clamp(min=0)
    return torch.where(rest.sum(-1, keepdim=True) > 0, rest, p.exp())

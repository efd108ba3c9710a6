"""Forward–backward over a chain of states with missing observations, for a batch of canvases at once.

Messages are scaled to sum to 1 at every step, so nothing under- or overflows however long the chain. A message that is
exactly zero means that what is known is impossible; it stays zero, and the weights it gives are all zero.

Knows states and messages only; what a state is and how it is observed is said by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from unmask.theory.curve import FloatArray

Step = Callable[[FloatArray], FloatArray]
Observe = Callable[[int, FloatArray], FloatArray]


def posterior_weights(
    first: FloatArray, forward: Step, backward: Step, observe: Observe, steps: int
) -> Iterator[tuple[int, FloatArray]]:
    """Yield `(t, weights)`, t = steps-1..0, weights (n, S) proportional to the law of state t given all observations.

    Args:
        first: law of the first state, one row for each canvas, shape (n, S).
        forward: takes a message (n, S) from state t to state t+1 (multiplies by the transitions).
        backward: takes a message (n, S) from state t+1 to state t (multiplies by their transpose).
        observe: `observe(t, message)` multiplies in the likelihood of what is known at step t.
        steps: how many states there are.
    """
    messages = [_scaled(observe(0, first))]
    for t in range(1, steps):
        messages.append(_scaled(observe(t, forward(messages[-1]))))
    ahead = np.ones_like(first)
    for t in reversed(range(steps)):
        yield t, messages.pop() * ahead
        if t:
            ahead = _scaled(backward(observe(t, ahead)))


def evidence(first: FloatArray, forward: Step, observe: Observe, steps: int) -> FloatArray:
    """Log-probability (n,) of everything observed, nats; -inf where impossible."""
    message = observe(0, first)
    total = np.zeros(len(first))
    for t in range(steps):
        if t:
            message = observe(t, forward(_scaled(message)))
        with np.errstate(divide="ignore"):
            total += np.log(message.sum(axis=1))
    return total


def _scaled(message: FloatArray) -> FloatArray:
    totals = message.sum(axis=1, keepdims=True)
    return np.asarray(message / np.where(totals > 0, totals, 1.0))

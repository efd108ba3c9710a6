"""Revisions: what is taken back or rewritten after a step's tokens are revealed.

A revision is asked twice in a step. `wants(step)` says which positions it needs predicted in the same network call
besides the open ones; a known position may be wanted, and a network then says what it would write there. After the
reveal it is called and changes the canvas through `release` and `rewrite`, which leave given positions alone. Tokens
revealed in this very step (`step.picked`) are not judged by the prediction they were drawn from.

Whatever takes tokens back has no likelihood by replay: such samplers are measured only.
"""

from torch import Tensor

from unmask.sampling.step import Begun


def revealed(step: Begun) -> Tensor:
    """(R, L) bool: tokens of live rows that were revealed, not given."""
    canvas = step.canvas
    return canvas.known & ~canvas.frozen & canvas.live.to(canvas.device)[:, None]

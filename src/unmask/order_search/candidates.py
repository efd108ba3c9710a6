"""Reveal orders worth measuring on any model: the families, and hybrids of them.

Orders here do not look at the model; those that do are learnt in `learning`.
"""

import numpy as np

from unmask.theory.reveal_orders import (
    Bisection,
    BitReversal,
    Blocks,
    Given,
    GoldenRatio,
    LeftToRight,
    Order,
    RecursiveBitReversal,
    Strided,
    Uniform,
)


def candidates(length: int) -> dict[str, Order]:
    """Orders by name for texts of `length` tokens."""
    families: list[Order] = [
        LeftToRight(),
        BitReversal(),
        BitReversal(shift=False),
        RecursiveBitReversal(),
        GoldenRatio(),
        Bisection(),
        Strided(),
    ]
    for parts in (2, 4, 8):
        if length // parts >= 4:
            families += [Blocks(BitReversal(), length // parts), Blocks(Uniform(), length // parts)]
    found = {order.name: order for order in families}
    found |= {
        f"interleaved_{width}": interleaved(length, width) for width in (2, 3, 4, 6, 8, 16) if 2 * width <= length
    }
    return found


def interleaved(length: int, width: int) -> Given:
    """Spaced first, left to right inside: every width-th token, then the ones to their right, and so on.

    Tokens of equal place in their stretch of `width` are spaced out by bit reversal, so that they may be split.
    """
    places = np.arange(length)
    stretches = -(-length // width)
    spaced = np.argsort(BitReversal(shift=False).draw(stretches))
    return Given(np.lexsort((spaced[places // width], places % width)).tolist())

"""Where a sampled text ends: behind its first end-of-text token, which a canvas goes on after."""

from torch import Tensor


def shown_length(tokens: Tensor, drawn: Tensor, end_of_text: int | None) -> int:
    """How many positions of a row are its text: all, or those up to and including the first drawn end of text.

    Args:
        tokens: (L,) int64. drawn: (L,) bool, False where a token was given; behind one that was given nothing ends.
        end_of_text: the id that ends a text, or None.

    Example:
        >>> import torch
        >>> shown_length(torch.tensor([5, 2, 7, 2]), torch.tensor([False, True, True, True]), 2)
        2
        >>> shown_length(torch.tensor([5, 2, 7]), torch.tensor([True, True, False]), 2)  # text was given behind it
        3
    """
    length = len(tokens)
    if end_of_text is None:
        return length
    given = (~drawn).nonzero()
    behind = int(given.max()) + 1 if len(given) else 0
    ends = ((tokens == end_of_text) & drawn)[behind:].nonzero()
    return behind + int(ends[0]) + 1 if len(ends) else length

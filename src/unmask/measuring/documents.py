"""Which texts are of one document: what intervals are over, and what halves are made of.

Windows that were cut from one document are alike, so that an interval over windows is too narrow for new documents.
Where documents are not known, every text is a document of its own.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def document_names(documents: npt.ArrayLike | None, source: str, texts: Sequence[str]) -> tuple[str, ...]:
    """A name for the document of each text, the same in every measurement of the same file.

    Args:
        documents: (N,) number of the document of each text, -1 where it is not known; None: of no text.
        source: what the numbers are of, such as the digest of a file.
        texts: (N,) digests; a text whose document is not known goes by its own.
    """
    if documents is None:
        return tuple(texts)
    content = hashlib.sha256(source.encode()).hexdigest()[:12]
    return tuple(
        text if number < 0 else f"{content}-{number}"
        for number, text in zip(np.asarray(documents).tolist(), texts, strict=True)
    )


def halves(documents: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(N,) whether a text is in the first half: whole documents, by their names alone, as even as these allow."""
    sizes = Counter(documents)
    first: set[str] = set()
    counts = [0, 0]
    for name in sorted(sizes):
        side = int(counts[1] < counts[0])
        counts[side] += sizes[name]
        if side == 0:
            first.add(name)
    return np.array([name in first for name in documents])

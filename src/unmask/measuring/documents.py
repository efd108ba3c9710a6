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
    """(N,) whether a text is in the first half: whole documents, by their names alone, as even as these allow.

    The largest documents come first, each to the half with fewer texts; both halves get two documents at least, where
    there are four.
    """
    sizes = Counter(documents)
    sides: dict[str, int] = {}
    texts, counts = [0, 0], [0, 0]
    for place, name in enumerate(sorted(sizes, key=lambda name: (-sizes[name], name))):
        side = int(texts[1] < texts[0])
        left = len(sizes) - place
        if counts[1 - side] < 2 and left <= 2 - counts[1 - side]:
            side = 1 - side
        sides[name] = side
        texts[side] += sizes[name]
        counts[side] += 1
    return np.array([sides[name] == 0 for name in documents])

"""Which model was measured: its name, and a digest that tells it from others of that name."""

import hashlib
import re
from pathlib import Path

import numpy as np

from unmask.laws.base import Law
from unmask.models.capabilities import digest_of, folder_of, law_of, name_of
from unmask.models.predictor import Predictor

_ENDS = 1 << 16  # bytes read from both ends of a file of weights


def describe_model(predictor: Predictor) -> dict[str, str]:
    """Name and digest of a predictor, as kept in measurements and plans; digest "" when nothing tells."""
    own, law, folder = digest_of(predictor), law_of(predictor), folder_of(predictor)
    if own:
        digest = str(own)
    elif law is not None:
        digest = _of_law(law)
    else:
        digest = _of_folder(folder) if folder is not None else ""
    # Objects without a repr of their own show where they lie in memory, which says nothing about them.
    name = re.sub(r" (?:object )?at 0x[0-9a-f]+", "", str(name_of(predictor) or repr(predictor)))
    return {"name": name, "digest": digest}


def _of_law(law: Law) -> str:
    """A few of its sequences and their probabilities: laws that differ have other ones."""
    drawn = law.sample(32, 0)
    known = np.round(law.log_prob(drawn), 6) + 0.0
    return hashlib.sha256(np.asarray(drawn, dtype="<i8").tobytes() + known.astype("<f8").tobytes()).hexdigest()[:16]


def _of_folder(folder: Path) -> str:
    """The sizes and both ends of its files of weights: reading tens of gigabytes would take longer than measuring."""
    content = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        content.update(f"{file.name} {size}".encode())
        with file.open("rb") as weights:
            content.update(weights.read(_ENDS))
            weights.seek(max(0, size - _ENDS))
            content.update(weights.read(_ENDS))
    return content.hexdigest()[:16]

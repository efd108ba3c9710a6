"""Only these letters: a predictor that draws from a part of its vocabulary, such as the twenty amino acids.

Every conditional is the network's own, given that the token is one of the alphabet: p(v) / sum of p over the alphabet.
Prices and likelihoods are then exact for that restricted law, which is another law than the network's.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.capabilities import encoder_of, law_of, unknown_id_of
from unmask.models.predictor import Positions, Predictor, Wrapped

NAMED = {"protein": "ACDEFGHIKLMNPQRSTVWY", "dna": "ACGT", "rna": "ACGU"}
RECORD = "record"


class Restricted(Wrapped[Predictor]):
    """A predictor whose tokens outside `allowed` have probability zero.

    Attributes:
        alphabet: the letters, as a person wrote them.
        forbidden_ids: every other id.
    """

    suppresses_forbidden = True

    def __init__(self, predictor: Predictor, allowed: Sequence[int], alphabet: str = ""):
        super().__init__(predictor)
        self.alphabet = alphabet
        left = sorted(set(range(predictor.vocab_size)) - set(allowed))
        self.forbidden_ids = tuple(left)
        self._outside = torch.tensor(left, dtype=torch.int64)

    def __repr__(self) -> str:
        return f"Restricted({self.predictor!r}, {self.alphabet!r})"

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        """The network's log-probabilities, normalised over the alphabet."""
        whole = self.predictor.log_probs(tokens, known, wanted)
        return whole.index_fill(1, self._outside.to(whole.device), -torch.inf).log_softmax(-1)


def restricted(predictor: Predictor, alphabet: str) -> Restricted:
    """`predictor`, drawing letters of `alphabet` only.

    Args:
        alphabet: letters in a row (ACGT); tokens apart from each other ("C N O Cl Br"); "protein", "dna" or "rna"; or
            "record", what the model's family record says.

    Raises:
        InputError: a letter is no token of the model, or fewer than two are given.

    Example:
        >>> import unmask
        >>> model = restricted(unmask.load("manual"), "e t a o")
        >>> model.vocab_size - len(model.forbidden_ids)
        4
    """
    encode, unknown = encoder_of(predictor), unknown_id_of(predictor)
    if encode is None or law_of(predictor) is not None:
        raise InputError("alphabet was given, and the model has no tokenizer to read it with")
    letters = alphabet
    if alphabet == RECORD:
        family = getattr(predictor, "family", None)
        letters = getattr(family, "alphabet", "")
        if not letters:
            raise InputError("alphabet is 'record', and the record of this model has none; give letters, such as ACGT")
    letters = NAMED.get(letters, letters)
    words = re.split(r"[\s,]+", letters.strip()) if re.search(r"[\s,]", letters.strip()) else list(letters.strip())
    allowed = []
    for word in dict.fromkeys(words):
        ids = [int(token) for token in encode(word)]
        if len(ids) != 1 or ids[0] == unknown or ids[0] in predictor.forbidden_ids:
            raise InputError(f"alphabet has {word!r}, which is no token of the model that may be drawn")
        allowed.append(ids[0])
    if len(set(allowed)) < 2:
        raise InputError(f"alphabet is {alphabet!r}; expected at least two letters")
    return Restricted(predictor, allowed, " ".join(words) if max(map(len, words)) > 1 else "".join(words))

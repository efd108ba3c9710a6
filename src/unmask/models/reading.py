"""Text to tokens, counting what a tokenizer does not know or loses on the way, so that no command is silent about it.

Three things go wrong with text that is not a model's own: words become the token for unknown words, letters vanish
(a byte-level tokenizer without merges deletes what its vocabulary lacks), and case is another alphabet. A `Reader`
encodes and keeps count. Where a vocabulary is of single letters (most protein and DNA models), a sequence written
without blanks is read letter by letter. Knows tokenizers only as `encode` and `decode`.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from unmask.errors import InputError
from unmask.models.capabilities import decoder_of, encoder_of, law_of, unknown_id_of

MOST_UNKNOWN = 0.02
"""Share of unknown tokens, or of lost letters, above which reading is refused unless it is allowed."""
_LETTERS_OF = 512
"""A larger vocabulary is not one of single letters."""


class Reader:
    """Encodes texts for one predictor and counts what was lost.

    Attributes:
        tokens, unknown: how many tokens were made, and how many of them stand for unknown words.
        letters, lost: how many letters were read (blanks do not count), and how many are in no token.
        apart, raised: texts that were read letter by letter, and those whose small letters were read as capitals.

    Example:
        >>> import unmask
        >>> reader = Reader(unmask.load("manual"))
        >>> len(reader.encode("The price of a plan.")) > 0, reader.sentences()
        (True, ())
    """

    def __init__(self, predictor: Any):
        encode = encoder_of(predictor)
        if encode is None:
            raise InputError("the model has no tokenizer; give token ids")
        self._encode, self._decode = encode, decoder_of(predictor)
        self.unknown_id = unknown_id_of(predictor)
        self._is_law = law_of(predictor) is not None  # a law's words are its own: what it does not know, it refuses
        self._predictor = predictor
        self._letters_only: bool | None = None
        self._folds = False
        self.tokens = self.unknown = self.letters = self.lost = self.apart = self.raised = 0
        self._first_unknown = self._first_lost = self._example = ""

    def encode(self, text: str, sequence: bool = False) -> list[int]:
        """Token ids of a text. A `sequence` (of a FASTA file) may have its small letters read as capitals."""
        ids = self.ids(text)
        unknown, lost = self._loss(text, ids)
        if unknown or lost:
            for kind, other in self._other_spellings(text, sequence):
                found = self.ids(other)
                if not any(self._loss(other, found)):
                    ids, unknown, lost = found, 0, {}
                    self.apart += kind in ("apart", "both")
                    self.raised += kind in ("raised", "both")
                    break
        self._count(text, ids, unknown, lost)
        return ids

    def ids(self, text: str) -> list[int]:
        """Token ids, not counted."""
        return [int(token) for token in self._encode(text)]

    def sentences(self) -> tuple[str, ...]:
        """What was lost, for a person; nothing where nothing was."""
        said = []
        if self.unknown:
            first = f", first {self._first_unknown!r}" if self._first_unknown else ""
            said.append(
                f"{self.unknown} of {self.tokens} tokens {'is' if self.unknown == 1 else 'are'} unknown to the "
                f"tokenizer{first}"
            )
        if self.lost:
            said.append(
                f"{self.lost} of {self.letters} letters {'is' if self.lost == 1 else 'are'} in no token: the tokenizer "
                f"drops them, first {self._first_lost!r}"
            )
        if self.raised:
            said.append(f"small letters were read as capitals in {_texts(self.raised)}")
        if self.apart:
            said.append(f"the tokenizer knows single letters: {_texts(self.apart)} read letter by letter")
        return tuple(said)

    def check(self, allow_unknown: bool = False, otherwise: str = "`allow_unknown` goes on all the same") -> None:
        """Raise InputError when more than a few per cent were unknown or lost, unless that is allowed.

        Args:
            otherwise: what a person may do who wants to go on.
        """
        unknown = self.unknown / max(self.tokens, 1)
        lost = self.lost / max(self.letters, 1)
        if allow_unknown or max(unknown, lost) <= MOST_UNKNOWN:
            return
        hint = self._hint()
        raise InputError(
            f"{'; '.join(self.sentences()[: bool(self.unknown) + bool(self.lost)])} ({max(unknown, lost):.0%}): "
            f"{hint}{otherwise}"
        )

    def _hint(self) -> str:
        """What would be known instead, tried on the first text in which something was not."""
        text = self._example
        capitals = [text.upper(), *(other for _, other in self._other_spellings(text, sequence=True))]
        if text != text.upper() and not all(any(self._loss(one, self.ids(one))) for one in capitals):
            return "it knows capital letters only; "
        fault = getattr(getattr(self._predictor, "text", None), "fault", None)
        if fault is not None and (said := fault()):
            return f"{said}; "
        return "was the text written for this model? "

    def _count(self, text: str, ids: Sequence[int], unknown: int, lost: dict[str, int]) -> None:
        self.tokens += len(ids)
        self.unknown += unknown
        self.letters += sum(not letter.isspace() for letter in text)
        self.lost += sum(lost.values())
        if unknown and not self._first_unknown:
            self._first_unknown = self._first_word(text)
        if lost and not self._first_lost:
            written = text.casefold() if self._folds else text
            same = (letter for letter in written if lost.keys() & set(_plain(letter)))
            self._first_lost = next(same, next(iter(lost)))
        if (unknown or lost) and not self._example:
            self._example = text

    def _loss(self, text: str, ids: Sequence[int]) -> tuple[int, dict[str, int]]:
        """Unknown tokens; or, where all are known, letters that decoding does not give back and how many of each.

        Case, accents and blanks aside, which a tokenizer may change on purpose.
        """
        unknown = 0 if self.unknown_id is None else sum(token == self.unknown_id for token in ids)
        if unknown or self._decode is None or self._is_law or not text:
            return unknown, {}
        back = str(self._decode(list(ids)))
        self._folds = back == back.casefold() != ""  # it writes small letters, or knows no other
        text = text.casefold() if self._folds else text
        return 0, dict(Counter(_plain(text)) - Counter(_plain(back)))

    def _other_spellings(self, text: str, sequence: bool) -> list[tuple[str, str]]:
        word = text.strip()
        is_word = len(word) > 1 and not any(letter.isspace() for letter in word)
        apart = is_word and self._knows_letters_only()
        found = [("apart", " ".join(word))] if apart else []
        if sequence and text != text.upper():
            found.append(("raised", text.upper()))
            found += [("both", " ".join(word.upper()))] if apart else []
        return found

    def _knows_letters_only(self) -> bool:
        """Whether every token that may stand in a text is a single letter."""
        if self._letters_only is None:
            size, special = self._predictor.vocab_size, set(self._predictor.forbidden_ids)
            words = [] if size > _LETTERS_OF or self._decode is None else sorted(set(range(size)) - special)
            self._letters_only = bool(words) and all(len(str(self._decode([one])).strip()) <= 1 for one in words)  # type: ignore[misc]
        return self._letters_only

    def _first_word(self, text: str) -> str:
        """The first word, or letter of a long one, that is unknown by itself."""
        for word in text.split()[:10_000]:
            if self.unknown_id in self.ids(word):
                letters = [letter for letter in word if self.unknown_id in self.ids(letter)] if len(word) > 20 else []
                return letters[0] if letters else word[:20] + "…" * (len(word) > 20)
        return ""


def _plain(text: str) -> str:
    """A text without accents, blanks and the forms of one letter, which tokenizers may change on purpose."""
    whole = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in whole if not letter.isspace() and not unicodedata.combining(letter))


def _texts(count: int) -> str:
    return f"{count} text{'' if count == 1 else 's'}"

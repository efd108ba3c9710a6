"""Text to tokens and back, for whatever a predictor is: by its tokenizer, by the words of its law, or as token ids."""

from collections.abc import Sequence

from unmask.errors import InputError
from unmask.models.capabilities import decoder_of, encoder_of, law_of
from unmask.models.reading import Reader

HOLE = "░"
"""What stands for a masked position in a text."""


def has_tokenizer(predictor: object) -> bool:
    """Whether text becomes tokens by a tokenizer, or by the letters of a chain that was fitted on text."""
    law = law_of(predictor)
    return encoder_of(predictor) is not None and (law is None or bool(getattr(law, "symbols", None)))


def encoded(predictor: object, text: str) -> list[int]:
    """The tokens of a prompt: by the model's tokenizer, by the words of a law, or as they are for laws of numbers.

    Raises:
        InputError: a law does not know a word, or a tokenizer more than a few per cent of the text.
    """
    if has_tokenizer(predictor):
        reader = Reader(predictor)
        ids = reader.encode(text)
        reader.check(otherwise="give its token ids, from `encode`, to go on all the same")
        return ids
    words: Sequence[str] | None = getattr(law_of(predictor), "words", None)
    if words is not None:
        unknown = [word for word in text.split() if word not in words]
        if unknown:
            raise InputError(f"the prompt has the word {unknown[0]!r}; known are {' '.join(words)}")
        return [words.index(word) for word in text.split()]
    try:
        return [int(token) for token in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"the prompt is {text!r}; this law has no words: give token ids, such as '0 3 1'") from None


def decoded(predictor: object, tokens: Sequence[int]) -> str:
    """A text a person reads: words where the model or the law has them, token ids otherwise."""
    decode = decoder_of(predictor)
    if decode is not None:
        try:
            return str(decode(list(tokens)))
        except (InputError, TypeError):  # a chain that was not fitted on text has no letters
            pass
    return " ".join(str(token) for token in tokens)


def decoded_canvas(predictor: object, tokens: Sequence[int]) -> str:
    """A canvas as text, its masked positions (token -1) as holes."""
    parts: list[str] = []
    run: list[int] = []
    for token in [*tokens, -1]:
        if token >= 0:
            run.append(token)
            continue
        parts += [decoded(predictor, run)] if run else []
        parts.append(HOLE)
        run = []
    parts.pop()  # the hole that closed the last run
    return separator(predictor, max(tokens, default=-1)).join(parts)


def separator(predictor: object, token: int) -> str:
    """What stands between two tokens' texts, tried with one token: a space where tokens are words, else nothing."""
    if token < 0:
        return ""
    alone, twice = decoded(predictor, [token]), decoded(predictor, [token, token])
    return " " if twice == f"{alone} {alone}" else ""

"""From what `data` says to windows of tokens: the text and its tokenizer, or a law and its words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from unmask.errors import InputError
from unmask.laws.base import Law, TokenArray
from unmask.training import corpus, tokenizer
from unmask.training.options import TrainingOptions
from unmask.training.text_windows import FixedWindows, LawWindows, TextWindows, Windows

LAW = "law:"


@dataclass(frozen=True)
class Data:
    """What a network is trained on and judged by."""

    tokenizer: PreTrainedTokenizerBase
    train: Windows
    held_out: Windows
    characters_per_token: float | None
    """Of the held-out text; None for a law."""
    law: Law | None
    """The law, when its curve is known exactly; None for text."""
    held_out_text: str | None
    """What is held out, kept with the model to measure it on; None for a law, which can be drawn from afresh."""
    digest: str
    """SHA-256 of what the run is trained on, to refuse a resume on something else."""
    summary: dict[str, Any]
    """What there is, for people."""

    @property
    def length(self) -> int:
        """L, tokens of a window."""
        return self.train.length

    @property
    def exact_nelbo(self) -> float | None:
        """The entropy of the law per token, nats: no network can be below it. None for text."""
        return None if self.law is None else self.law.curve().entropy / self.law.length


def prepare(options: TrainingOptions, made: PreTrainedTokenizerBase | None = None) -> Data:
    """The data of a run; `made` is the tokenizer it made before, when the run is resumed or another process made it."""
    if any(source.startswith(LAW) for source in options.data):
        if len(options.data) > 1:
            raise InputError(f"data is {' '.join(options.data)}; a law is trained on alone")
        return _of_law(options.data[0].removeprefix(LAW), options, made)
    return _of_text(options, made)


def _of_law(name: str, options: TrainingOptions, made: PreTrainedTokenizerBase | None) -> Data:
    from unmask.laws import catalogue

    law: Law = catalogue.from_name(name)
    vocabulary = getattr(law, "words", None) or [str(token) for token in range(law.vocab_size)]
    return Data(
        tokenizer=made or tokenizer.words(list(vocabulary)),
        train=LawWindows(law, seed=options.seed),
        held_out=LawWindows(law, count=options.held_out_rows, seed=options.seed + 1),
        characters_per_token=None,
        law=law if law.curve().stderr is None else None,
        held_out_text=None,
        digest=hashlib.sha256(f"{LAW}{name}".encode()).hexdigest(),
        summary={"law": repr(law), "tokens_in_vocabulary": law.vocab_size + 1},
    )


def _of_text(options: TrainingOptions, made: PreTrainedTokenizerBase | None) -> Data:
    documents = corpus.read(options.data)
    parts = corpus.split(documents, options.held_out, options.seed)
    maker = made or _tokenizer(options, [document.text for document in parts.train])
    train = _tokens(maker, parts.train)
    held_out = _tokens(maker, parts.held_out)
    held_out_text = corpus.as_text(parts.held_out)
    if len(held_out) < options.length:
        raise InputError(
            f"the held-out text has {len(held_out)} tokens, fewer than one window of `length` {options.length}; "
            "give more text, a larger `held_out` or a smaller `length`"
        )
    return Data(
        tokenizer=maker,
        train=TextWindows(train, options.length, options.seed),
        held_out=FixedWindows(held_out, options.length),
        characters_per_token=len(held_out_text) / len(held_out),
        law=None,
        held_out_text=held_out_text,
        digest=corpus.digest(documents),
        summary={
            "documents": len(parts.train),
            "characters": sum(len(document.text) for document in parts.train),
            "tokens": len(train),
            "held_out_documents": len(parts.held_out),
            "held_out_characters": len(held_out_text),
            "held_out_tokens": len(held_out),
            "held_out_characters_dropped_as_repetitions": parts.dropped,
            "tokens_in_vocabulary": len(maker),
        },
    )


def _tokenizer(options: TrainingOptions, texts: list[str]) -> PreTrainedTokenizerBase:
    if options.init_from is not None:
        return tokenizer.existing(options.init_from)
    makers = {
        "characters": lambda: tokenizer.characters(texts),
        "bpe": lambda: tokenizer.byte_pairs(texts, options.vocab_size),
        "words": lambda: tokenizer.words_of(texts, options.vocab_size),
    }
    return makers[options.tokenizer]() if options.tokenizer in makers else tokenizer.existing(options.tokenizer)


def _tokens(maker: PreTrainedTokenizerBase, documents: list[corpus.Document]) -> TokenArray:
    """All documents in one row, each as it stands in their text."""
    rows = [tokenizer.encode(maker, corpus.as_text([document])) for document in documents]
    return np.array([token for row in rows for token in row], dtype=np.int64)

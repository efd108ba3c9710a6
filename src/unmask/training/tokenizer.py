"""Tokenizers made on the spot (characters, byte-level BPE, whole words) or taken from a folder, all with a mask token.

All are `tokenizers` objects inside transformers' `PreTrainedTokenizerFast`, so that a trained folder is an ordinary
Hugging Face folder. Nothing is added around a text: no start, end or padding token exists in what we make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from unmask.errors import InputError
from unmask.models.checkpoint_folder import first_line, folder_of

MASK = "[MASK]"
UNKNOWN = "[UNK]"

BYTES = 256


def characters(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """One token a character that occurs in `texts`, `[UNK]` for any other one."""
    alphabet = sorted(set().union(*map(set, texts)))
    tokenizer = _word_level([*alphabet, UNKNOWN])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return _with_mask(tokenizer, unknown=UNKNOWN)


def byte_pairs(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE with `vocab_size` tokens, the mask token included; every text can be written in it.

    Raises InputError when the text has too few repeated pairs for so many tokens.
    """
    if vocab_size <= BYTES + 1:
        raise InputError(f"vocab_size is {vocab_size}; byte-level BPE needs more than 257 (256 bytes and the mask)")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size - 1,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
            min_frequency=2,
        ),
    )
    made = tokenizer.get_vocab_size() + 1
    if made < vocab_size:
        raise InputError(
            f"vocab_size is {vocab_size}, but the text supports only {made} tokens; "
            f"choose at most {made}, or give more text"
        )
    return _with_mask(tokenizer)


def words(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """One token a word, in the order given, words separated by spaces; no unknown words: encoding one is refused."""
    if len(set(vocabulary)) != len(vocabulary):
        raise InputError("the words of a vocabulary must differ; some are given twice")
    tokenizer = _word_level(list(vocabulary))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _with_mask(tokenizer)


def words_of(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """The most frequent words of `texts` (split at spaces), `[UNK]` for the others, `vocab_size` tokens in all."""
    counts = Counter(word for text in texts for word in text.split())
    if len(counts) + 2 < vocab_size:
        raise InputError(
            f"vocab_size is {vocab_size}, but the text has only {len(counts)} words; choose at most {len(counts) + 2}"
        )
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: vocab_size - 2]
    tokenizer = _word_level([*frequent, UNKNOWN])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _with_mask(tokenizer, unknown=UNKNOWN)


def existing(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder or hub id; it must have a mask token."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder_of(path), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of as many kinds as there are tokenizers
        raise InputError(f"no tokenizer can be loaded from {path}: {first_line(error)}") from error
    if tokenizer.mask_token_id is None:
        raise InputError(f"the tokenizer of {path} has no mask token; choose one of a masked language model")
    return tokenizer


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of `text` and nothing around them."""
    # verbose=False: a long text is what we mean to cut into windows, not a mistake to warn about.
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _word_level(vocabulary: list[str]) -> Tokenizer:
    ids = {word: index for index, word in enumerate(vocabulary)}
    # Without an unknown token the tokenizer raises at a word it does not know, which is what we want then.
    unknown = {"unk_token": UNKNOWN} if UNKNOWN in ids else {}
    return Tokenizer(models.WordLevel(ids, **unknown))


def _with_mask(tokenizer: Tokenizer, unknown: str | None = None) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=unknown,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids"],
    )
    wrapped.add_special_tokens({"mask_token": MASK})
    return wrapped

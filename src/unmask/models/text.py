"""The tokenizer of a checkpoint folder: text to ids and back, and the special tokens it puts around a text.

A `tokenizer.json` is read with the `tokenizers` library (milliseconds); other kinds go through transformers. Text that
a person wrote stays text: a "[MASK]" in it is spelled out, never turned into the mask token.
"""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from unmask.errors import InputError
from unmask.models.checkpoint_folder import first_line

_USUAL = {"mask_token": ("[MASK]", "<mask>", "<|mask|>", "<|MASK|>"), "unk_token": ("[UNK]", "<unk>")}
"""How special tokens are spelled where no file says it."""

_OPEN, _CLOSE = "\ue0a0", "\ue0a1"
"""Private letters around the number of a message, while a chat template is filled in."""


class Text:
    """The tokenizer of one checkpoint folder, loaded when it is first needed."""

    def __init__(self, folder: Path, trust_remote_code: bool = False):
        self.folder = folder
        self.trust_remote_code = trust_remote_code

    def encode(self, text: str) -> list[int]:
        """Ids of `text` alone, special tokens neither added nor recognised."""
        if self._fast is not None:
            try:
                ids = list(self._fast.encode(text, add_special_tokens=False).ids)
            except Exception as error:  # the library raises bare Exception: a word outside a closed vocabulary
                raise InputError(f"{text!r} cannot be written in the tokens of {self.folder} ({error})") from error
        else:
            # Tokenizers in pure Python, such as ESM's, can cut text only where they recognise tokens.
            found = self._slow.encode(text, add_special_tokens=False, split_special_tokens=self._slow.is_fast)
            ids = [int(token) for token in found]
        return ids if self._special.isdisjoint(ids) else [self._unknown if id in self._special else id for id in ids]

    def decode(self, ids: Sequence[int], keep_special: bool = False) -> str:
        """The text of `ids`, without special tokens unless they are to be kept."""
        ids = [int(token) for token in ids]
        return str((self._fast or self._slow).decode(ids, skip_special_tokens=not keep_special))

    def chat(self, messages: Sequence[dict[str, str]], template: str | None = None) -> list[int]:
        """Ids of a conversation, through the tokenizer's own chat template or else `template`."""
        own = getattr(self._slow, "chat_template", None)
        if not (own or template):
            raise InputError(f"{self.folder} has no chat template; encode the text as it is")
        given = {} if own else {"chat_template": template}
        plain = [dict(message) for message in messages]
        spelled = [str(word) for word in self._slow.get_added_vocab()] + list(self._slow.all_special_tokens)
        marked = any(word in message.get("content", "") for message in plain for word in spelled)
        if marked:  # what a person wrote stays text, also where it spells a mark of the template
            for number, message in enumerate(plain):
                message["content"] = f"{_OPEN}{number}{_CLOSE}"
        try:
            text = self._slow.apply_chat_template(plain, add_generation_prompt=True, tokenize=False, **given)
        except Exception as error:  # templates are programs, and raise what they like
            raise InputError(
                f"the chat template of {self.folder} refuses these messages: {first_line(error)}"
            ) from error
        if not marked:
            return [int(token) for token in self._slow.encode(text, add_special_tokens=False)]
        ids: list[int] = []
        for place, piece in enumerate(re.split(f"{_OPEN}(\\d+){_CLOSE}", text)):
            if place % 2:
                ids += self.encode(messages[int(piece)]["content"])
            elif piece:
                ids += [int(token) for token in self._slow.encode(piece, add_special_tokens=False)]
        return ids

    def special_id(self, name: str) -> int | None:
        """The id of a special token by its role, such as "mask_token" or "bos_token"; None when there is none."""
        spelling = self._spellings.get(name)
        if self._fast is not None:
            found = self._fast.token_to_id(spelling) if spelling else None
            usual = (self._fast.token_to_id(guess) for guess in _USUAL.get(name, ()))
            return found if found is not None else next((guess for guess in usual if guess is not None), None)
        if not self.exists:
            return None
        value = getattr(self._slow, f"{name}_id", None)
        return None if value is None else int(value)

    @cached_property
    def around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What the tokenizer puts before and after a text, such as ([CLS],) and ([SEP],)."""
        if not self.exists:
            return (), ()
        if self._fast is not None:
            plain = self._any_word()
            if plain is None:
                return (), ()
            framed = self._fast.post_process(plain, add_special_tokens=True).ids
            bare = plain.ids
        else:
            bare = list(self._slow.encode("a", add_special_tokens=False))
            framed = list(self._slow.encode("a", add_special_tokens=True))
        extra = len(framed) - len(bare)
        before = (
            next((n for n in range(extra + 1) if framed[n : n + len(bare)] == bare), 0) if bare else (extra + 1) // 2
        )
        return tuple(framed[:before]), tuple(framed[before + len(bare) :])

    @cached_property
    def size(self) -> int | None:
        """How many ids the tokenizer has, added tokens included; rows of the head beyond it are padding."""
        if not self.exists:
            return None
        words = self._fast.get_vocab(True) if self._fast is not None else self._slow.get_vocab()
        return max(int(token) for token in words.values()) + 1

    @cached_property
    def spelled(self) -> frozenset[int] | None:
        """The ids that the tokenizer has a token for; None without a tokenizer."""
        if not self.exists:
            return None
        words = self._fast.get_vocab(True) if self._fast is not None else self._slow.get_vocab()
        return frozenset(int(token) for token in words.values())

    @property
    def special(self) -> frozenset[int]:
        """Ids of special tokens, the one for unknown words among them."""
        if not self.exists:
            return frozenset()
        unknown = self.special_id("unk_token")
        return self._special if unknown is None else self._special | {unknown}

    def fault(self) -> str | None:
        """What is wrong with the tokenizer by itself, in a sentence: it lost its vocabulary, or loses its own words."""
        if not self.exists:
            return None
        file = self.folder / "vocab.txt"
        if self._fast is None and file.is_file():
            lines = sum(1 for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
            if lines > 2 * (self.size or 0):
                return (
                    f"transformers makes a tokenizer of {self.size} tokens where vocab.txt has {lines}: "
                    'say in tokenizer_config.json which class reads it, such as {"tokenizer_class": "BertTokenizer"}'
                )
        lost, tried = self._lost_words()
        if len(lost) > tried / 2:
            return (
                f"the tokenizer does not know {len(lost)} of {tried} of its own words, first {lost[0]!r}: "
                'does it lower-case? ("do_lower_case": false in tokenizer_config.json)'
            )
        return None

    def _lost_words(self, most: int = 64) -> tuple[list[str], int]:
        """Words of the vocabulary that are unknown or nothing when they are encoded, and how many were tried."""
        unknown, lost, tried = self.special_id("unk_token"), [], 0
        for token in sorted((self.spelled or frozenset()) - self.special):
            word = self.decode([token]).strip()
            if not word.isalnum():  # pieces of words, bytes and marks need not stand alone
                continue
            tried += 1
            try:
                ids = self.encode(word)
            except InputError:
                ids = []
            lost += [word] * (not ids or unknown in ids)
            if tried == most:
                break
        return lost, tried

    def _any_word(self) -> Any:
        """The encoding of some text: a letter, or where the alphabet is closed the first token that can be written."""
        for word in ("a", *self._fast.get_vocab(False)):
            try:
                found = self._fast.encode(word, add_special_tokens=False)
            except Exception:  # the library raises bare Exception: a letter outside a closed alphabet
                continue
            if found.ids and self._special.isdisjoint(found.ids):
                return found
        return None

    @property
    def exists(self) -> bool:
        names = (
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.txt",
            "vocab.json",
            "tokenizer.model",
            "spiece.model",
        )
        return any((self.folder / name).is_file() for name in names)

    @cached_property
    def _special(self) -> frozenset[int]:
        """Ids that no text is made of, although a tokenizer of whole words finds them in one that spells them out."""
        if self._fast is not None:
            ids = {number for number, token in self._fast.get_added_tokens_decoder().items() if token.special}
        else:
            ids = {int(number) for number in self._slow.all_special_ids}
        return frozenset(ids - {self.special_id("unk_token")})

    @property
    def _unknown(self) -> int:
        unknown = self.special_id("unk_token")
        if unknown is None:
            raise InputError(
                f"the text spells out a special token of {self.folder}, which has no token for unknown words"
            )
        return unknown

    @cached_property
    def _fast(self) -> Any:
        """The `tokenizers` object, or None when the folder has no tokenizer.json."""
        file = self.folder / "tokenizer.json"
        if not file.is_file():
            return None
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare Exception
            raise InputError(f"{file} is not a tokenizer file ({first_line(error)})") from error
        tokenizer.encode_special_tokens = True  # a person's "[MASK]" is six characters, not the mask
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _slow(self) -> Any:
        """The transformers tokenizer."""
        if not self.exists:
            raise InputError(f"{self.folder} has no tokenizer; pass token ids, or put a tokenizer.json there")
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(
                self.folder, trust_remote_code=self.trust_remote_code, local_files_only=True
            )
        except Exception as error:
            raise InputError(f"cannot load the tokenizer of {self.folder}: {first_line(error)}") from error

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Special tokens by role, as the folder's small JSON files spell them."""
        found: dict[str, str] = {}
        for name in ("special_tokens_map.json", "tokenizer_config.json"):
            try:
                stored = json.loads((self.folder / name).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                continue
            if not isinstance(stored, dict):
                continue
            for role, token in stored.items():
                spelling = token.get("content") if isinstance(token, dict) else token
                if role.endswith("_token") and isinstance(spelling, str):
                    found[role] = spelling
        return found

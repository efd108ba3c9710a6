"""What `sample` is asked to fill in: a prompt (text, ids, a file, a conversation), or texts with gaps."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.cli import sampler as options
from unmask.cli.common import say_notes
from unmask.errors import InputError


@dataclass(frozen=True)
class Asked:
    """A prompt, or fillings of texts with gaps; both empty where nothing is given."""

    prompt: tuple[int, ...] = ()
    fillings: tuple[Any, ...] = ()
    tries_lengths: bool = False

    def infill(self, n: int) -> tuple[list[list[int]], list[list[bool]]]:
        """Rows of tokens and of what is given, each filling n times."""
        rows = [one for one in self.fillings for _ in range(n)]
        return [one.tokens for one in rows], [one.known for one in rows]

    @property
    def masked(self) -> int | None:
        """Tokens in the gaps of every filling; None where they differ."""
        counts = {one.known.count(False) for one in self.fillings}
        return counts.pop() if len(counts) == 1 else None


def requested(
    predictor: Any, prompt: str | None, prompt_tokens: str | None, prompt_file: Path | None, chat: bool,
    infill: str | None, infill_file: Path | None, given: str | None, allow_unknown: bool, seed: int,
) -> Asked:  # fmt: skip
    """What the options say. InputError where they contradict each other."""
    from unmask.files import read_text

    sources = {
        "--prompt": prompt, "--prompt-tokens": prompt_tokens, "--prompt-file": prompt_file, "--infill": infill,
        "--infill-file": infill_file,
    }  # fmt: skip
    named = [name for name, value in sources.items() if value is not None]
    if len(named) > 1:
        raise InputError(f"{named[0]} and {named[1]} were both given; give one of them")
    if infill is not None or infill_file is not None:
        if chat:
            raise InputError("--chat was given with --infill; a conversation has a prompt")
        return _filled(predictor, infill, infill_file, given, allow_unknown, seed)
    if given is not None:
        raise InputError("--given was given without --infill: a prompt is what is given")
    if prompt_tokens is not None:
        if chat:
            raise InputError("--chat was given with --prompt-tokens; a conversation is text")
        return Asked(tuple(_ids(prompt_tokens)))
    text = read_text(prompt_file) if prompt_file is not None else prompt
    if chat:
        if text is None:
            raise InputError("--chat was given without --prompt or --prompt-file")
        return Asked(tuple(_conversation(predictor, text)))
    return Asked(() if text is None else tuple(options.encoded(predictor, text, allow_unknown)))


def _filled(
    predictor: Any, infill: str | None, file: Path | None, given: str | None, allow_unknown: bool, seed: int
) -> Asked:
    """Fillings of texts with gaps; of whole texts, all but the given positions is a gap."""
    from unmask.files import read_text
    from unmask.measuring import fasta
    from unmask.measuring.inputs import read_given_rows
    from unmask.models.capabilities import encoder_of
    from unmask.models.infilling import Filling, fillings, has_marks
    from unmask.models.reading import Reader

    if encoder_of(predictor) is None:
        raise InputError("--infill is text, and the model has no tokenizer; in Python, infill=(tokens, known)")
    texts = [("", infill or "")]
    if file is not None:
        whole = read_text(file)
        records = fasta.records(file, whole) if fasta.is_fasta(file, whole) or whole.lstrip().startswith(">") else None
        lines = [("", line) for line in whole.splitlines() if line.strip()]
        texts = lines if records is None else [(one.name, one.sequence) for one in records]
    reader, found = Reader(predictor), []
    for name, text in texts:
        if has_marks(text):
            if given is not None:
                raise InputError("--given was given, and the text has marks; say once what is to be filled")
            found.append(fillings(reader, text, name))
            continue
        if given is None:
            raise InputError(
                "--infill has no gap; mark one with [MASK], five tokens with [MASK:5], three to eight with [MASK:3-8], "
                "or say with --given what is kept, such as 0-24,33-49"
            )
        ids = reader.encode(text, sequence=file is not None)
        known = read_given_rows(given, [ids], seed)[0].tolist()
        found.append([Filling(ids, known, (known.count(False),), name)])
    reader.check(allow_unknown)
    say_notes(reader.sentences())
    return Asked((), tuple(one for choices in found for one in choices), any(len(choices) > 1 for choices in found))


def _ids(said: str) -> list[int]:
    try:
        return [int(token) for token in said.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--prompt-tokens is {said!r}; expected token ids such as 3,0,7") from None


def _conversation(predictor: Any, text: str) -> list[int]:
    """The tokens of a conversation: messages as JSON, or one user's turn."""
    encode = getattr(predictor, "encode_chat", None)
    if encode is None:
        raise InputError("--chat was given, and the model has no chat template")
    messages: Any = text
    if text.lstrip().startswith("["):
        try:
            messages = json.loads(text)
        except ValueError:
            messages = text  # a person may begin a turn with a bracket
    return [int(token) for token in encode(messages)]

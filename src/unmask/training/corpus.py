"""Text to train on: documents from files, folders and data sets, and an honest split into training and held-out text.

Whole documents are held out, and held-out paragraphs that repeat training text are dropped, so that the held-out figure
is about text the model has not seen. Knows nothing about tokens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.training import manual

TEXT_SUFFIXES = (".txt", ".md", ".rst", ".text")
DATASET_SUFFIXES = (".parquet", ".arrow", ".jsonl", ".json", ".csv")

BUILT_IN: dict[str, Callable[[], list[tuple[str, str]]]] = {"python-manual": manual.documents}

# A held-out paragraph is a repetition when most of its runs of this many words also stand in the training text.
RUN_OF_WORDS = 8
REPEATED_SHARE = 0.5


@dataclass(frozen=True)
class Document:
    """A text that is kept whole: either all of it is trained on, or all of it is held out."""

    name: str
    text: str


@dataclass(frozen=True)
class Split:
    """Training and held-out documents that share no document and no repeated paragraph."""

    train: list[Document]
    held_out: list[Document]
    dropped: int
    """Characters of held-out text that were dropped because they repeat training text."""


def read(sources: Sequence[str]) -> list[Document]:
    """Every document of `sources`: text files, folders, data-set folders, or the name of a built-in corpus.

    Raises InputError when a source is missing, is no text, or holds none.
    """
    if not sources:
        raise InputError(f"data is missing; give text files, folders, or one of {', '.join(BUILT_IN)}")
    documents = [document for source in sources for document in _read_one(source)]
    if not any(document.text.strip() for document in documents):
        raise InputError(f"data {' '.join(sources)} holds no text; give files with something in them")
    return documents


def split(documents: list[Document], fraction: float, seed: int = 0) -> Split:
    """Hold out whole documents with about `fraction` of all characters; of one single document, its end.

    Paragraphs of the held-out text whose runs of eight words mostly occur in the training text are dropped from it.
    """
    if not 0 < fraction < 1:
        raise InputError(f"held_out is {fraction}; it must be a share between 0 and 1, such as 0.05")
    if len(documents) == 1:
        (only,) = documents
        cut = len(only.text) - max(1, round(fraction * len(only.text)))
        train, held_out = [Document(only.name, only.text[:cut])], [Document(f"{only.name} (end)", only.text[cut:])]
    else:
        train, held_out = _hold_out_whole(documents, fraction, seed)
    kept, dropped = _without_repetitions(held_out, train)
    return Split(train, kept, dropped)


def as_text(documents: Iterable[Document]) -> str:
    """The documents as one text, a line end after each: what is cut into windows, and what is kept of held-out text."""
    return "".join(document.text + "\n" for document in documents)


def digest(documents: Iterable[Document]) -> str:
    """A SHA-256 of names and texts, to say whether a run is resumed on the text it was started on."""
    total = hashlib.sha256()
    for document in documents:
        total.update(document.name.encode() + b"\0" + document.text.encode() + b"\0")
    return total.hexdigest()


def _read_one(source: str) -> list[Document]:
    if source in BUILT_IN:
        return [Document(name, text) for name, text in BUILT_IN[source]()]
    path = Path(source)
    if not path.exists():
        raise InputError(f"data {source} does not exist; give a text file, a folder, or one of {', '.join(BUILT_IN)}")
    if path.is_file():
        return [Document(path.name, _text_of(path))] if path.suffix not in DATASET_SUFFIXES else _dataset(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    texts = [file for file in files if file.suffix.lower() in TEXT_SUFFIXES]
    if texts:
        return [Document(str(file.relative_to(path)), _text_of(file)) for file in texts]
    if any(file.suffix in DATASET_SUFFIXES for file in files):
        return _dataset(path)
    raise InputError(f"data {source} has no text in it; expected files ending in {', '.join(TEXT_SUFFIXES)}")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"data {path} is not UTF-8 text (byte {error.start} cannot be read)") from error
    except OSError as error:
        raise InputError(f"data {path} cannot be read: {error.strerror}") from error


def _dataset(path: Path) -> list[Document]:
    """The `text` column of a local data set, every row a document; needs the `datasets` package."""
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"data {path} is a data set, which the package `datasets` reads; install it, or give text files"
        ) from error
    datasets.disable_progress_bars()
    try:
        if path.is_dir() and ((path / "state.json").exists() or (path / "dataset_dict.json").exists()):
            loaded: Any = datasets.load_from_disk(str(path))
        elif path.is_dir():
            loaded = datasets.load_dataset(str(path))
        else:
            kind = {".jsonl": "json"}.get(path.suffix, path.suffix[1:])
            loaded = datasets.load_dataset(kind, data_files=str(path))
    except Exception as error:  # of as many kinds as there are formats
        said = str(error).partition("\n")[0][:120] or type(error).__name__
        raise InputError(f"--data {path} cannot be read as a data set: {said}") from error
    table = loaded["train"] if isinstance(loaded, dict) and "train" in loaded else loaded
    columns = getattr(table, "column_names", None)
    if not isinstance(columns, list) or "text" not in columns:
        raise InputError(f"data {path} has the columns {columns}; expected one named 'text' in a split named 'train'")
    return [Document(f"{path.name}#{row}", text) for row, text in enumerate(table["text"])]


def _hold_out_whole(documents: list[Document], fraction: float, seed: int) -> tuple[list[Document], list[Document]]:
    wanted = fraction * sum(len(document.text) for document in documents)
    held_out: set[int] = set()
    taken = 0
    for index in np.random.default_rng(seed).permutation(len(documents)):
        size = len(documents[index].text)
        # A document much larger than what is still wanted would turn a small share into a large one.
        if taken + size <= 1.5 * wanted:
            held_out.add(int(index))
            taken += size
        if taken >= wanted:
            break
    if taken == 0:
        held_out = {min(range(len(documents)), key=lambda index: len(documents[index].text))}
    chosen = [document for index, document in enumerate(documents) if index in held_out]
    return [document for index, document in enumerate(documents) if index not in held_out], chosen


def _without_repetitions(held_out: list[Document], train: list[Document]) -> tuple[list[Document], int]:
    seen: set[str] = set()
    for document in train:
        for paragraph in _paragraphs(document.text):
            seen.update(_runs(paragraph))
    kept: list[Document] = []
    dropped = 0
    for document in held_out:
        paragraphs = []
        for paragraph in _paragraphs(document.text):
            runs = _runs(paragraph)
            repeated = sum(run in seen for run in runs)
            if runs and repeated > REPEATED_SHARE * len(runs):
                dropped += len(paragraph)
            else:
                paragraphs.append(paragraph)
        if paragraphs:
            kept.append(Document(document.name, "".join(paragraphs)))
    return kept, dropped


def _paragraphs(text: str) -> list[str]:
    """The text cut after every line end, nothing lost."""
    return text.splitlines(keepends=True)


def _runs(paragraph: str) -> list[str]:
    """Every run of eight consecutive words; of a shorter paragraph, the paragraph itself."""
    words = re.findall(r"\w+", paragraph.lower())
    if not words:
        return []
    return [" ".join(words[start : start + RUN_OF_WORDS]) for start in range(max(1, len(words) - RUN_OF_WORDS + 1))]

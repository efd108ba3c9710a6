"""FASTA: named sequences of letters, read and written. A header begins with ">", its sequence follows on any lines."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from unmask.errors import InputError

SUFFIXES = (".fasta", ".fa", ".faa", ".fna", ".fas")
WIDTH = 60
"""Letters of a line that is written."""
_LETTERS = re.compile(r"[A-Za-z*.\-]+")


class Record(NamedTuple):
    """A sequence and its name, the header without its ">"."""

    name: str
    sequence: str


def is_fasta(path: Path, text: str) -> bool:
    """Whether a text is FASTA: by its name, or because a header and a line of nothing but letters begin it."""
    if path.suffix.lower() in SUFFIXES:
        return True
    first, _, rest = text[:10_000].lstrip().partition("\n")
    second = rest.lstrip().partition("\n")[0].strip()
    return first.startswith(">") and len(first.strip()) > 1 and bool(_LETTERS.fullmatch(second))


def records(path: Path, text: str) -> list[Record]:
    """The sequences of a FASTA text.

    Raises:
        InputError: it begins without a header, or a header has no sequence.
    """
    found: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(";"):
            continue
        if line.startswith(">"):
            found.append((line[1:].strip(), number, []))
        elif not found:
            raise InputError(f"{path}, line {number}: a FASTA file begins with a header, such as >name")
        else:
            found[-1][2].append("".join(line.split()))
    if not found:
        raise InputError(f"{path} holds no sequence")
    empty = next(((name, number) for name, number, lines in found if not lines), None)
    if empty is not None:
        raise InputError(f"{path}, line {empty[1]}: the header >{empty[0]} has no sequence")
    return [Record(name, "".join(lines)) for name, _, lines in found]


def written(records: Iterable[tuple[str, str]]) -> str:
    """Names and sequences as FASTA, blanks taken out of the sequences."""
    lines: list[str] = []
    for name, sequence in records:
        whole = "".join(sequence.split())
        lines += [f">{name}", *(whole[start : start + WIDTH] for start in range(0, len(whole), WIDTH))]
    return "\n".join(lines) + "\n"

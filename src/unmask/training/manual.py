"""The built-in corpus `python-manual`: English technical prose that is on every machine with Python.

It is made of the help topics (`pydoc_data.topics`) and of the docstrings and comments of the standard library, whose
files are read and never imported. Paragraphs are unwrapped to one line each; code, tables and doctests are left out.
The text depends on the version of Python, so a model card states that version.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sysconfig
import tokenize
import unicodedata
from collections.abc import Iterator
from pathlib import Path

# Tests, vendored packages, generated tables and demonstration programs: not prose about Python.
LEFT_OUT = {
    *("test", "tests", "idle_test", "idlelib", "lib2to3", "site-packages", "dist-packages", "ensurepip"),
    *("encodings", "turtledemo", "pydoc_data", "_pyrepl", "__pycache__"),
}


def documents() -> list[tuple[str, str]]:
    """(name, text) of every topic and of every module with prose in its docstrings or comments, in a fixed order."""
    from pydoc_data.topics import topics

    found = [(f"topic {name}", _prose(text)) for name, text in sorted(topics.items())]
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        inside = path.relative_to(library)
        if not LEFT_OUT.intersection(inside.parts):
            written = (*_docstrings(path), *_comments(path))
            found.append((f"module {inside.as_posix()}", "".join(_prose(text) for text in written)))
    return [(name, text) for name, text in found if text]


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text:
                yield inspect.cleandoc(text)


def _comments(path: Path) -> Iterator[str]:
    """The comments of a module; lines that hold nothing but a comment and follow each other are one text."""
    try:
        found = list(tokenize.tokenize(io.BytesIO(path.read_bytes()).readline))
    except (SyntaxError, tokenize.TokenError):  # TokenError is a plain Exception in Python 3.11
        return
    lines: list[str] = []
    last = -1
    for token in found:
        if token.type != tokenize.COMMENT:
            continue
        number = token.start[0]
        if lines and not (number == last + 1 and token.line.lstrip().startswith("#")):
            yield "\n".join(lines)
            lines = []
        lines.append(token.string.lstrip("#").strip())
        last = number
    if lines:
        yield "\n".join(lines)


def _prose(text: str) -> str:
    """The paragraphs of `text` that are sentences, one a line, plain punctuation."""
    lines = []
    for paragraph in re.split(r"\n\s*\n", _plain(text)):
        line = " ".join(paragraph.split())
        letters = sum(character.isalpha() or character == " " for character in line)
        is_sentence = len(line.split()) >= 6 and line[0].isalnum() and line[-1] in ".:!?"
        if is_sentence and letters >= 0.88 * len(line) and ">>>" not in line:
            lines.append(line + "\n")
    return "".join(lines)


def _plain(text: str) -> str:
    """Typographic quotes and dashes as on a keyboard, markup stars dropped, everything else outside ASCII left out."""
    text = re.sub(r"\*\*?(?=\S)([^*\n]+?)(?<=\S)\*\*?", r"\1", text.replace("``", '"'))
    text = text.translate(str.maketrans("“”‘’–—…", "\"\"''--."))
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()

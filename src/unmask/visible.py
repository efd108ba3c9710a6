"""Text of unknown origin, made safe to show: tokens, names and values may hold anything.

One function for each medium. A terminal obeys control characters, and a bidirectional mark turns the rest of a line
around; Markdown has marks of its own; matplotlib reads what stands between dollars as a formula. HTML is escaped by the
templates, and rich's marks by `rich.text.Text`.
"""

import re
import unicodedata

LONGEST_VALUE, LONGEST_LINE = 80, 600
"""Characters of one quoted value, and of a message."""


def visible(text: str, keep: str = "") -> str:
    """`text` with every control character and bidirectional mark written out: `\\x1b`, `\\u202e`.

    >>> visible("a\\x1b[31mb")
    'a\\\\x1b[31mb'

    Args:
        keep: characters that stay as they are, such as a line end.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or not _acts(one) else _written(one) for one in text)


def in_markdown(text: str) -> str:
    """`text` for a Markdown document or a cell of its table: shown as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~!])", r"\\\1", visible(text))


def in_figure(text: str) -> str:
    """`text` for matplotlib: no part of it is read as a formula."""
    return visible(text, keep="\n").replace("$", r"\$")


def shortened(message: str) -> str:
    """A message whose quoted values show only how they begin: what was typed is not printed back by the page."""
    cut = re.sub(rf"'([^']{{{LONGEST_VALUE}}})[^']*'", r"'\1…'", message)
    return cut if len(cut) <= LONGEST_LINE else f"{cut[:LONGEST_LINE]}…"


def _acts(one: str) -> bool:
    """Whether a character does something to a line instead of standing in it."""
    return unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\u200c\u200d\u00ad"


def _written(one: str) -> str:
    number = ord(one)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"

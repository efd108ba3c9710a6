"""What the documentation is made of besides its pages: the README and its like, the commands' own help, and formulas.

All of it is made when the documentation is built, so nothing is said twice and the pages need no script and no network.
"""

import contextlib
import html
import inspect
import io
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

from unmask import cli, recipes

# What arithmatex writes: a span with \(..\) in a line, a div with \[..\] for a formula on its own.
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the files and the help a page asks for (called by mkdocs)."""
    markdown = re.sub(r"<!-- file: (.+?) -->", lambda found: _file(found[1]), markdown)
    markdown = markdown.replace("<!-- table of rules -->", rules())
    return markdown.replace("<!-- help of every command -->", "\n".join(map(_help, cli.COMMANDS)))


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page by MathML (called by mkdocs)."""
    return FORMULA.sub(_mathml, content)


def rules() -> str:
    """A table of every recipe, from its docstring (what it does, its paper) and its signature (knobs, defaults)."""
    rows = ["| rule | what it does | knobs and defaults |", "|---|---|---|"]
    for name in sorted(set(recipes.__all__) - {"as_sampler"}):
        make = getattr(recipes, name)
        says = (inspect.getdoc(make) or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        knobs = ", ".join(
            f"`{knob.name}`" if knob.default is knob.empty else f"`{knob.name}={knob.default!r}`"
            for knob in inspect.signature(make).parameters.values()
        )
        rows.append(f"| `{name}` | {says} | {knobs} |")
    return "\n".join(rows)


def _file(name: str) -> str:
    text = (Path(__file__).parent.parent / name).read_text(encoding="utf-8").replace("](docs/", "](")
    return re.sub(r"\]\((CONTRIBUTING|CHANGELOG)\.md", lambda found: f"]({found[1].lower()}.md", text)


def _help(command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        cli.main([command, "--help"])
    return f"## {command}\n\n```text\n{printed.getvalue()}```\n"


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return f'<{found[1]} class="arithmatex">{convert(html.unescape(found[2]).strip(), display=display)}</{found[1]}>'

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

import unmask
from unmask import cli
from unmask.cli.rules import facts_of
from unmask.sampling.rules.catalogue import CATALOGUE

REFERENCE = Path(__file__).parent / "reference"
CLAIMS = {
    "planned": "planned, exact without reading the model",
    "replay": "exact by replay",
    "measured": "measured only",
    "inherited": "that of the other rule",
}
OF_ANOTHER = {
    "planned": {"reads": "nothing", "likelihood": "planned", "predictable": True},
    "spaced": {"reads": "as the other rule", "likelihood": "inherited", "predictable": False},
}

# What arithmatex writes: a span with \(..\) in a line, a div with \[..\] for a formula on its own.
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the files and the help a page asks for (called by mkdocs)."""
    markdown = re.sub(r"<!-- file: (.+?) -->", lambda found: _file(found[1]), markdown)
    markdown = re.sub(r"<!-- public name: (\w+) -->", lambda found: public_name(found[1]), markdown)
    markdown = markdown.replace("<!-- table of rules -->", rules())
    return markdown.replace("<!-- help of every command -->", "\n".join(map(_help, cli.COMMANDS)))


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page by MathML (called by mkdocs)."""
    return FORMULA.sub(_mathml, content)


def rules() -> str:
    """A table of every rule, from its record: the one that `unmask rules` prints."""
    rows = [
        "| rule | what it does | knobs and defaults | reads | likelihood | paper |",
        "|---|---|---|---|---|---|",
    ]
    for name, rule in CATALOGUE.items():
        # A rule that is made of a plan or of another rule has no name on the command line and claims what those claim.
        facts = facts_of(name) if rule.named else {"does": rule.does, "paper": rule.paper} | OF_ANOTHER[name]
        knobs = ", ".join(
            f"`{knob.name}`" if knob.default is knob.empty else f"`{knob.name}={knob.default!r}`"
            for knob in inspect.signature(rule.recipe).parameters.values()
        )
        claim = "planned, price known beforehand" if facts["predictable"] else CLAIMS[facts["likelihood"]]
        cells = [f"`{name}`", facts["does"], knobs, facts["reads"], claim, facts["paper"]]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def public_name(name: str) -> str:
    """A public name: how it is called, what it is for, an example, and a link to all of its documentation."""
    thing = getattr(unmask, name)
    if name == "__version__":
        return "### unmask.\\_\\_version\\_\\_\n\nThe version, such as `0.1.0`.\n"
    text = inspect.getdoc(thing) or ""
    summary = text.partition("\n\n")[0].replace("\n", " ")
    example = inspect.cleandoc(text.partition("Examples:\n")[2].partition("\n\n")[0])
    home = unmask._HOMES[name].replace(":", ".")
    page = REFERENCE / f"{home.split('.')[1]}.md"
    place = page.name if home.count(".") == 1 else f"{page.name}#{home}"  # a whole room is its page
    title = f"[unmask.{name}]({place})" if page.exists() else f"unmask.{name}"
    signature = "" if inspect.ismodule(thing) else f"```python\nunmask.{name}{_signature(thing)}\n```\n\n"
    return f"### {title} {{ #{name} }}\n\n{summary}\n\n{signature}```pycon\n{example}\n```\n"


def _signature(thing: Any) -> str:
    try:
        parameters = inspect.signature(thing).parameters.values()
    except ValueError:  # an exception's
        return "(message)"
    plain = [one.replace(annotation=one.empty) for one in parameters]
    return str(inspect.Signature(plain))


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

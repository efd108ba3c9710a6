"""`unmask rules`: what `--rule NAME` can stand for, and what may be claimed for each."""

from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, print_json


def rules(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which rules; settings as in klass:0.7, your own as in FILE.py:NAME.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the decoding rules, and what may be claimed for each. The knob comes first: entropy_bound:0.1.

    Reads: what the choice of positions looks at. Model: the probabilities; draw: tokens drawn in the same step, which
    is a hidden temperature. Likelihood: planned, its price is known beforehand or at least without reading the model;
    replay, exact for any text; measured, only what was sampled can be looked at.
    """
    from unmask.sampling import rule_names

    rows = [facts_of(name) for name in names or rule_names.RULES]
    if as_json:
        print_json({"rules": rows})
        return
    keys = ("rule", "knob", "reads", "likelihood", "paper", "does")
    shown = [dict(zip(keys, keys, strict=True)), *({**row, "paper": _short(row)} for row in rows)]
    widths = [max(len(row[key]) for row in shown) for key in keys[:-1]]
    for row in shown:  # plain lines: a name is never broken, and grep finds it
        cells = [row[key].ljust(width) for key, width in zip(keys, widths, strict=False)]
        typer.echo("  ".join([*cells, row["does"]]))


def facts_of(name: str) -> dict[str, Any]:
    """What a rule reads, what may be claimed for it, its paper, and whether a price is known beforehand."""
    from unmask.sampling import rule_names

    key, setting = rule_names.split(name)
    rule = rule_names.find(key)
    sampler = rule_names.from_name(f"{key}:{setting or rule.example}")
    return {
        "rule": name,
        "does": rule.does,
        "knob": rule.knob,
        "reads": "draw" if sampler.reads_draw else "model" if sampler.reads_model else "nothing",
        "likelihood": sampler.scorable.kind.split()[0],
        "predictable": sampler.predictable,
        "paper": rule.paper,
    }


def _short(row: dict[str, Any]) -> str:
    """The number of a paper alone: a table has no room for titles."""
    return str(row["paper"]).rpartition("arXiv ")[2]

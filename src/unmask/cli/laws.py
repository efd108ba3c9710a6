"""`unmask laws`: what `law:NAME` can stand for on the command line, and what is known of each."""

from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, print_json, print_table


def laws(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which laws; parameters as in permutation:length=8.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the distributions whose every answer is known. Each stands wherever a model stands, as law:NAME.

    L tokens of V values; entropy and information (the sum over tokens of I(X_i; all others), the paper's measure of
    dependence) in nats. A curve is exact where the law has a formula, else measured on 400 drawn sequences.
    """
    from unmask.laws import catalogue

    rows = [_facts(name, catalogue.from_name(name.removeprefix("law:"))) for name in names or catalogue.names()]
    if as_json:
        print_json({"laws": rows})
    else:
        print_table("Laws", ["law", "L", "V", "entropy", "information", "curve"], [list(row.values()) for row in rows])


def _facts(name: str, law: Any) -> dict[str, Any]:
    curve = law.curve()
    return {
        "law": name,
        "length": law.length,
        "vocab_size": law.vocab_size,
        "entropy": curve.entropy,
        "total_information": curve.total_information,
        "curve": "exact" if curve.stderr is None else "measured",
    }

"""`unmask laws`: what `law:NAME` can stand for on the command line, and what is known of each."""

from typing import Annotated, Any

import typer

from unmask.cli.common import AsJson, print_json, print_table


def laws(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Which laws, with their figures; parameters as in permutation:length=8."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the distributions whose every answer is known. Each stands wherever a model stands, as law:NAME.

    Without names: every law, its parameters with their defaults, and what it is. With names also the figures of each:
    L tokens of V values; entropy and information (the sum over tokens of I(X_i; all others), the paper's measure of
    dependence) in nats. A curve is exact where the law has a formula, else measured on 400 drawn sequences.
    """
    from unmask.laws import catalogue

    asked = [name.removeprefix("law:") for name in names or ()]
    rows = [_described(name) for name in asked or catalogue.names()]
    if asked:
        rows = [row | _facts(catalogue.from_name(row["law"])) for row in rows]
    if as_json:
        print_json({"laws": rows})
        return
    shown = [[row["law"], _said(row["parameters"]), row["description"]] for row in rows]
    print_table("Laws", ["law", "parameters", "what it is"], shown)
    if asked:
        columns = ["length", "vocab_size", "entropy", "total_information", "curve"]
        facts = [[row["law"], *(row[column] for column in columns)] for row in rows]
        print_table("Figures", ["law", "L", "V", "entropy", "information", "curve"], facts)


def _described(name: str) -> dict[str, Any]:
    from unmask import spec
    from unmask.laws import catalogue

    parameters = [
        {"name": key, "type": spec.kind_in_words(one.annotation), "default": one.default}
        for key, one in catalogue.signature(name).items()
    ]
    return {"law": name, "description": catalogue.description(name), "parameters": parameters}


def _said(parameters: list[dict[str, Any]]) -> str:
    """`length=16, stay=0.9 (a number)`: whole numbers are not said to be whole."""
    kinds = {"a whole number": "", "a number": " (number)"}
    return "\n".join(f"{one['name']}={one['default']}{kinds.get(one['type'], ' (text)')}" for one in parameters) or "–"


def _facts(law: Any) -> dict[str, Any]:
    curve = law.curve()
    return {
        "length": law.length,
        "vocab_size": law.vocab_size,
        "entropy": curve.entropy,
        "total_information": curve.total_information,
        "curve": "exact" if curve.stderr is None else "measured",
    }

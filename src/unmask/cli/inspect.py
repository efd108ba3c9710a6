"""`unmask inspect MODEL`: what was detected about a model, and whether it is run the way it was trained."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.cli.common import (
    AllowUnknown,
    Alphabet,
    AsJson,
    Data,
    Device,
    Dtype,
    Family,
    Length,
    Lines,
    MaskTokenId,
    MaxLength,
    Model,
    Revision,
    Shift,
    Texts,
    TrustRemoteCode,
    alphabet_note,
    load_options,
    print_json,
    print_table,
    say_notes,
)
from unmask.errors import CheckFailed

if TYPE_CHECKING:
    from unmask.measuring.usability import Usability


def inspect(
    model: Model,
    text: Annotated[str | None, typer.Option(help="A text the model should know well, for the self-test.")] = None,
    data: Data = None,
    lines: Lines = False,
    length: Length = None,
    texts: Texts = 100,
    allow_unknown: AllowUnknown = False,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    alphabet: Alphabet = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model is and test that it is run as it was trained. Exit status 1 when a test fails.

    With --data it is measured, and said in words whether it can be sampled from with nearly everything masked.

    The tests: does masking one known token and reading row i beat reading row i-1? Is the mask token ever predicted?
    Does attention reach as far as recorded? Do padding, the other rows or the hidden tokens themselves change a row?
    """
    from unmask.models.resolve import resolve
    from unmask.models.selftest import facts, self_test

    said = load_options(
        mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision, max_length=max_length,
        alphabet=alphabet,
    )  # fmt: skip
    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code, **said)
    detected = facts(predictor)
    findings = self_test(predictor, text)
    judged = None if data is None else _judged(predictor, model, data, lines, length, texts, allow_unknown)
    if as_json:
        report = {"model": model, "detected": detected, "self_test": [finding._asdict() for finding in findings]}
        print_json(report if judged is None else report | {"usability": judged.to_dict()})
    else:
        print_table(model, ["", "detected"], [[name, _shown(value)] for name, value in detected.items()])
        words = {True: "passed", False: "FAILED", None: "–"}
        print_table("Self-test", ["test", "result", ""], [[f.test, words[f.passed], f.says] for f in findings])
        for sentence in () if judged is None else judged.sentences:
            typer.echo(sentence)
    failed = [finding.test for finding in findings if finding.passed is False]
    if failed:
        raise CheckFailed(f"{model} failed its self-test: {', '.join(failed)}")


def _judged(
    predictor: Any, model: str, data: str, lines: bool, length: int | None, texts: int | None, allow_unknown: bool
) -> "Usability":
    """The model's curve at nine counts, judged against guessing."""
    from unmask.measuring.inputs import read_inputs
    from unmask.measuring.measure import measure
    from unmask.measuring.usability import usability

    found = read_inputs(predictor, model, data, lines=lines, length=length, texts=texts, allow_unknown=allow_unknown)
    say_notes(alphabet_note(predictor) + found.said)
    rows = found.rows
    block = getattr(predictor, "block_size", None)
    curve = measure(predictor, rows, counts=min(9, block or rows.shape[1]), block_length=block)
    choices = predictor.vocab_size - len(predictor.forbidden_ids)
    return usability(curve.counts, curve.losses.mean(axis=0), curve.entropies.mean(axis=0), choices, rows)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(str(part) for part in value) or "none"
    return "none" if value is None else str(value)

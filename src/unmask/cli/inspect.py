"""`unmask inspect MODEL`: what was detected about a model, and whether it is run the way it was trained."""

from typing import Annotated

import typer

from unmask.cli.common import (
    AsJson,
    Device,
    Dtype,
    Family,
    MaskTokenId,
    MaxLength,
    Model,
    Revision,
    Shift,
    TrustRemoteCode,
    load_options,
    print_json,
    print_table,
)
from unmask.errors import CheckFailed


def inspect(
    model: Model,
    text: Annotated[str | None, typer.Option(help="A text the model should know well, for the self-test.")] = None,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
    mask_token_id: MaskTokenId = None,
    dtype: Dtype = None,
    shift: Shift = None,
    family: Family = None,
    revision: Revision = None,
    max_length: MaxLength = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model is and test that it is run as it was trained. Exit status 1 when a test fails.

    The tests: does masking one known token and reading row i beat reading row i-1? Is the mask token ever predicted?
    Does attention reach as far as recorded? Do padding, the other rows or the hidden tokens themselves change a row?
    """
    from unmask.models.resolve import resolve
    from unmask.models.selftest import facts, self_test

    said = load_options(
        mask_token_id=mask_token_id, dtype=dtype, shift=shift, family=family, revision=revision, max_length=max_length
    )
    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code, **said)
    detected = facts(predictor)
    findings = self_test(predictor, text)
    if as_json:
        print_json({"model": model, "detected": detected, "self_test": [finding._asdict() for finding in findings]})
    else:
        print_table(model, ["", "detected"], [[name, _shown(value)] for name, value in detected.items()])
        words = {True: "passed", False: "FAILED", None: "–"}
        print_table("Self-test", ["test", "result", ""], [[f.test, words[f.passed], f.says] for f in findings])
    failed = [finding.test for finding in findings if finding.passed is False]
    if failed:
        raise CheckFailed(f"{model} failed its self-test: {', '.join(failed)}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(str(part) for part in value) or "none"
    return "none" if value is None else str(value)

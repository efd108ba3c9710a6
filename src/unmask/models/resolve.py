"""What a person types for a model, as a predictor: `law:NAME`, a folder, a shipped model's name or a hub id."""

from typing import Any

from unmask.errors import InputError
from unmask.models.predictor import Predictor


def resolve(
    name: str,
    device: str | None = None,
    trust_remote_code: bool = False,
    alphabet: str | None = None,
    **overrides: Any,
) -> Predictor:
    """The predictor `name` stands for.

    Args:
        name: "law:markov", "law:permutation:length=8", a model folder, "toy", or a hub id.
        device: where to run a network; laws are small and follow it too.
        alphabet: the only letters that may be drawn, as `unmask.models.alphabet.restricted` takes them.
        trust_remote_code, **overrides: as for `unmask.load`; laws have none.

    Raises:
        InputError: there is no such law or model.
    """
    predictor = _resolved(name, device, trust_remote_code, overrides)
    if alphabet is None:
        return predictor
    from unmask.models.alphabet import restricted

    return restricted(predictor, alphabet)


def _resolved(name: str, device: str | None, trust_remote_code: bool, overrides: dict[str, Any]) -> Predictor:
    if name.startswith("law:"):
        from unmask.laws import catalogue
        from unmask.models.oracle import oracle

        if overrides:
            said = next(iter(overrides)).replace("_", "-")
            raise InputError(f"--{said} was given, but {name} is a law and not a checkpoint")
        law = catalogue.from_name(name.removeprefix("law:"))
        return oracle(law) if device is None else oracle(law, device=device)
    from unmask.models.pretrained import load

    return load(name, device=device, trust_remote_code=trust_remote_code, **overrides)

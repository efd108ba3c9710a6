"""The device a person named, or the first GPU, or the CPU."""

import torch

from unmask.errors import InputError
from unmask.schemas.strict_json import shown


def device_of(name: str | torch.device | None) -> torch.device:
    """The device of that name, which must be here; None takes the first CUDA device, else the CPU.

    Raises InputError when there is no such kind of device, or none of it in this computer.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        usable = device.type != "meta" and torch.zeros(1, device=device).numel() == 1
    except (RuntimeError, AssertionError, ValueError, TypeError, NotImplementedError, ImportError):
        usable = False
    if not usable:
        here = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        here += ["mps"] if torch.backends.mps.is_available() else []
        raise InputError(f"device is {shown(str(name))}; this computer has {', '.join(here)}")
    return device
